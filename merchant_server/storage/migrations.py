"""Schema migrations: numbered SQL files, applied in order, each in one transaction together with its record.

SQLite records them through sqlite-utils, so its command line shows them too; PostgreSQL keeps such a table.
A file is plain SQL for both databases. Lines between `-- only: sqlite` or `-- only: postgresql` and `-- end`
are for one. `BLOB` is BYTEA on PostgreSQL and `BIGINT` is INTEGER on SQLite; `) STRICT;` and
`) WITHOUT ROWID;` hold on SQLite alone.

A file expands: it adds what code of the release before can live without, so that both run on one database.
What takes something away stands in a file whose name ends in `_contract`, one release later.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from merchant_server.storage.engine import (
    Connection,
    Engine,
    LockNotGranted,
    Result,
    Row,
    SchemaMismatch,
    StorageError,
)

if TYPE_CHECKING:
    from sqlite_utils import Database
    from sqlite_utils.migrations import _MigrationFunction


SCHEMA_FOLDER = Path(__file__).parent / "schema"
_SET = "fenqi"
_TABLE = "_sqlite_migrations"  # the name sqlite-utils gives it
_LOCK_KEY = 0x66656E7169  # "fenqi": one migrator at a time on a PostgreSQL database
# A table lock that is not granted soon is given up, because everybody else queues behind the one who waits for it.
_LOCK_SECONDS = 3
_LOCK_TRIES = 10
_PAUSE_SECONDS = 1.0
_CONTRACT = "_contract"
_FILE_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_TEXT_OR_WORD = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\b(?:BLOB|BIGINT)\b", re.DOTALL | re.I)
_TABLE_OPTIONS = re.compile(r"\)\s*(?:STRICT|WITHOUT ROWID)(?:\s*,\s*(?:STRICT|WITHOUT ROWID))?\s*;", re.I)
_WORDS = {"sqlite": {"BIGINT": "INTEGER"}, "postgresql": {"BLOB": "BYTEA"}}
_POSTGRES_TABLE = f"""CREATE TABLE IF NOT EXISTS {_TABLE} (
    migration_set TEXT NOT NULL, name TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT now()::text,
    PRIMARY KEY (migration_set, name))"""


@dataclass(frozen=True)
class Migration:
    """One file of the schema folder."""

    name: str
    text: str

    @property
    def contracts(self) -> bool:
        """Say whether code of the release before cannot run any more once this is applied."""
        return _contracts(self.name)


def _contracts(name: str) -> bool:
    return name.endswith(_CONTRACT)


def read_folder(folder: Path | None = None) -> tuple[Migration, ...]:
    """Return the migrations of `folder`, or the package's; raise `StorageError` on a bad name."""
    files = sorted((folder or SCHEMA_FOLDER).glob("*.sql"))
    for file in files:
        if not _FILE_NAME.fullmatch(file.name):
            raise StorageError(f"migration {file.name!r}: name it NNNN_lower_case_words.sql")
    numbers = [file.name[:4] for file in files]
    if len(set(numbers)) != len(numbers):
        raise StorageError(f"two migrations share a number: {', '.join(file.name for file in files)}")
    return tuple(Migration(file.stem, file.read_text("utf-8")) for file in files)


def for_dialect(text: str, dialect: str) -> str:
    """Return the SQL of one migration as `dialect` must run it; raise `StorageError` on a misplaced fence."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = line.strip()
        if mark.startswith("-- only:"):
            if fence or mark.removeprefix("-- only:").strip() not in _WORDS:
                raise StorageError(f"misplaced {mark!r}: end the fence before it; name sqlite or postgresql")
            fence = mark.removeprefix("-- only:").strip()
        elif mark == "-- end" and fence:
            fence = ""
        elif not fence or fence == dialect:
            kept.append(line)
    if fence:
        raise StorageError(f"a fence '-- only: {fence}' has no '-- end'")
    sql = "\n".join(kept) + "\n"
    if dialect == "postgresql":
        sql = _TABLE_OPTIONS.sub(");", sql)
    words = _WORDS[dialect]
    return _TEXT_OR_WORD.sub(lambda match: words.get(match.group().upper(), match.group()), sql)


def split_statements(sql: str) -> list[str]:
    """Return the statements of SQLite `sql`; a trigger is one. Raises `StorageError` on one without end."""
    statements: list[str] = []
    pending = ""
    *parts, rest = sql.split(";")
    for part in parts:
        pending += part + ";"
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    pending += rest
    if re.sub(r"--[^\n]*|/\*.*?\*/|\s", "", pending, flags=re.DOTALL):
        raise StorageError(f"a statement has no ';' at its end: {pending.strip()[:80]!r}")
    return statements


def migrate_sqlite(engine: Engine, folder: Path | None) -> list[str]:
    """Apply what is pending, one durable transaction a migration; two processes may do so at once."""
    known = read_folder(folder)
    done: list[str] = []
    while name := _apply_next_sqlite(engine, known):
        done.append(name)
    return done


def _apply_next_sqlite(engine: Engine, known: Sequence[Migration]) -> str | None:
    # It loads pandas where that is installed; a process that does not migrate need not carry either.
    import sqlite_utils
    from sqlite_utils.migrations import Migrations

    with engine.transaction() as connection:
        raw = connection.raw  # type: ignore[attr-defined]
        database = sqlite_utils.Database(raw, recursive_triggers=False, execute_plugins=False)
        # Alone, sqlite-utils would open a deferred transaction; inside ours it takes a savepoint.
        migrations = Migrations(_SET)
        for migration in known:
            migrations(name=migration.name)(_step(connection, migration))
        _require_known([row.name for row in migrations.applied(database)], known)
        pending = [migration.name for migration in migrations.pending(database)]
        if not pending:
            return None
        migrations.apply(database, stop_before=pending[1:])
        return pending[0]


def _step(connection: Connection, migration: Migration) -> "_MigrationFunction":
    def step(_database: "Database", /) -> None:
        for statement in split_statements(for_dialect(migration.text, "sqlite")):
            connection.execute(statement)

    return step


def migrate_postgres(engine: Engine, folder: Path | None) -> list[str]:
    """Apply what is pending, one durable transaction a migration, under an advisory lock.

    Raises LockNotGranted when a table was in use for too long; nothing of that migration is left behind.
    """
    known = read_folder(folder)
    done: list[str] = []
    while name := patiently(lambda: _apply_next_postgres(engine, known)):
        done.append(name)
    return done


def patiently(step: Callable[[], Result]) -> Result:
    """Take a step that wants a table to itself, again and again while somebody uses it. Raises LockNotGranted."""
    for _ in range(_LOCK_TRIES - 1):
        try:
            return step()
        except LockNotGranted:
            time.sleep(_PAUSE_SECONDS)
    return step()


def wait_briefly(connection: Connection) -> None:
    """Let the locks of this PostgreSQL transaction be given up soon: who waits for a table holds up all behind it."""
    connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")


def _apply_next_postgres(engine: Engine, known: Sequence[Migration]) -> str | None:
    with engine.transaction() as connection:
        connection.execute("SET LOCAL lock_timeout = '60s'")
        connection.execute("SET LOCAL statement_timeout = '0'")
        connection.execute("SELECT pg_advisory_xact_lock(:key)", {"key": _LOCK_KEY})
        wait_briefly(connection)
        connection.execute(_POSTGRES_TABLE)
        applied = [str(row["name"]) for row in _recorded(connection)]
        _require_known(applied, known)
        pending = [migration for migration in known if migration.name not in applied]
        if not pending:
            return None
        connection.run_script(for_dialect(pending[0].text, "postgresql"))  # type: ignore[attr-defined]
        connection.execute(
            f"INSERT INTO {_TABLE} (migration_set, name) VALUES (:set, :name)",
            {"set": _SET, "name": pending[0].name},
        )
        return pending[0].name


def _recorded(connection: Connection) -> list[Row]:
    return connection.all(
        f"SELECT name, applied_at FROM {_TABLE} WHERE migration_set = :set ORDER BY name",
        {"set": _SET},
    )


def _require_known(applied: Sequence[str], known: Sequence[Migration]) -> None:
    """Refuse a database of another history, and one that a newer release has contracted; additions are no harm."""
    names = [migration.name for migration in known]
    newest = max(names, default="")
    strange = sorted(
        name for name in set(applied) - set(names) if name < newest or not names or _contracts(name)
    )
    if strange:
        code = newest or "none"
        raise SchemaMismatch(
            f"the database is at {max(applied)}, this code at {code} lacks {', '.join(strange)}: "
            "run the newer release",
            database=max(applied),
            code=code,
        )


def check_schema(engine: Engine, folder: Path | None = None) -> None:
    """Raise `SchemaMismatch` unless this code can run on the database's schema.

    It must have every migration of this code. It may have newer ones of the next release as long as they only
    expand, so that servers of both releases run side by side while they are exchanged.
    """
    known = read_folder(folder)
    newest = known[-1].name if known else ""
    applied = applied_names(engine)
    _require_known(applied, known)
    missing = [migration.name for migration in known if migration.name not in applied]
    if missing:
        database = max(applied, default="none")
        raise SchemaMismatch(
            f"the database is at {database}, this code at {newest}: run `fenqi-server migrate`",
            database=database,
            code=newest,
        )


def applied_names(engine: Engine) -> list[str]:
    """Return the names of the migrations that a database has, in order; none when it was never migrated."""
    with engine.reading() as connection:
        if engine.dialect == "sqlite":
            there = connection.one(
                "SELECT 1 AS found FROM sqlite_master WHERE name = :table", {"table": _TABLE}
            )
        else:
            there = connection.one(
                "SELECT 1 AS found WHERE to_regclass(:table) IS NOT NULL", {"table": _TABLE}
            )
        return [str(row["name"]) for row in _recorded(connection)] if there else []
