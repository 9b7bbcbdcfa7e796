"""The same SQL by the bare drivers: one connection, one transaction, one durable commit each."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.world.recording import Transaction
from merchant_server.settings import Settings
from merchant_server.storage.engine import Connection
from merchant_server.storage.opening import open_engine
from merchant_server.storage.sqlite_connection import driver

# As durable and as roomy as the product's own connections.
SETTINGS = (
    "journal_mode=wal",
    "synchronous=2",
    "foreign_keys=1",
    "wal_autocheckpoint=8000",
    "busy_timeout=30000",
)


def open_sqlite(path: Path) -> Any:
    """Return a driver connection with the product's durability."""
    raw = driver.connect(str(path), isolation_level=None, check_same_thread=False, cached_statements=512)
    for setting in SETTINGS:
        raw.execute(f"PRAGMA {setting}").fetchall()
    return raw


Statements = Sequence[tuple[str, Any, bool]]  # text, values, and whether for many rows


class BareSqlite:
    """A file, for the floor's views: statements one after another, a transaction with its own durable commit."""

    threads = "1"  # its writers never meet in the busy handler, which starves some of them

    def __init__(self, url: str) -> None:
        self._raw = open_sqlite(Path(url.removeprefix("sqlite:///")))

    def read(self, statements: Statements) -> None:
        """Ask questions and fetch their rows."""
        for sql, params, _ in statements:
            self._raw.execute(sql, params).fetchall()

    def commit(self, statements: Statements) -> None:
        """Run one transaction."""
        self._raw.execute("BEGIN IMMEDIATE")
        for sql, params, many in statements:
            if many:
                self._raw.executemany(sql, params)
            else:
                self._raw.execute(sql, params).fetchall()
        self._raw.execute("COMMIT")


class BarePostgres:
    """A PostgreSQL database, for the floor's views: a round trip a statement."""

    threads = "4"  # what suited it best when it was measured

    def __init__(self, url: str) -> None:
        self._raw = open_postgres(url)
        self._raw.autocommit = True

    def read(self, statements: Statements) -> None:
        """Ask questions and fetch their rows."""
        for sql, params, many in statements:
            if many:
                with self._raw.cursor() as cursor:
                    cursor.executemany(_in_psycopgs_style(sql), params)
                continue
            asked = self._raw.execute(_in_psycopgs_style(sql), params)
            if asked.description is not None:
                asked.fetchall()

    def commit(self, statements: Statements) -> None:
        """Run one transaction."""
        self._raw.execute("BEGIN")
        self.read(statements)
        self._raw.execute("COMMIT")


class OwnEngine:
    """The product's engine under the floor's views: as fast as we could be if all above the storage cost nothing."""

    threads = Settings.from_env().threads

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)

    def read(self, statements: Statements) -> None:
        """Ask questions and fetch their rows."""
        with self._engine.reading() as connection:
            for sql, params, _ in statements:
                connection.all(sql, params)

    def commit(self, statements: Statements) -> None:
        """Run one transaction."""
        self._engine.run(lambda connection: _run(connection, statements))


def _run(connection: Connection, statements: Statements) -> None:
    for sql, params, many in statements:
        if many:
            connection.write_all(sql, params)
        elif sql.startswith("SELECT"):
            connection.all(sql, params)
        else:
            connection.write(sql, params)


Storage = BareSqlite | BarePostgres | OwnEngine
_engine = cache(open_engine)


def kind_of(url: str, *, own_engine: bool) -> type[Storage]:
    """Return what opens a database for the floor's views."""
    if own_engine:
        return OwnEngine
    return BareSqlite if url.startswith("sqlite:") else BarePostgres


@cache
def _in_psycopgs_style(sql: str) -> str:
    """Return a recorded statement with `:name` parameters as %(name)s; none of them has a colon or a % elsewhere."""
    assert "%" not in sql, sql
    return re.sub(r"(?<!:):([A-Za-z_]\w*)", r"%(\1)s", sql)


def run_sqlite(raw: Any, transaction: Transaction) -> None:
    """Run one transaction statement by statement and commit it."""
    raw.execute("BEGIN IMMEDIATE")
    for sql, params, many, _ in transaction:
        if many:
            raw.executemany(sql, params)
        else:
            raw.execute(sql, params).fetchall()
    raw.execute("COMMIT")


def open_postgres(url: str) -> Any:
    """Return a psycopg connection that prepares each statement once, whatever the size of its integers."""
    import psycopg
    from psycopg.types.numeric import Int8Dumper

    raw = psycopg.connect(url)
    raw.adapters.register_dumper(int, Int8Dumper)
    return raw


def for_postgres(transactions: Sequence[Transaction]) -> list[Transaction]:
    """Return the transactions with parameters in psycopg's style."""
    return [
        [each._replace(sql=_in_psycopgs_style(each.sql)) for each in transaction]
        for transaction in transactions
    ]


def run_postgres(raw: Any, transaction: Transaction) -> None:
    """Run one transaction statement by statement and commit it."""
    with raw.cursor() as cursor:
        for sql, params, many, _ in transaction:
            if many:
                cursor.executemany(sql, params)
            else:
                cursor.execute(sql, params)
                if cursor.description is not None:
                    cursor.fetchall()
    raw.commit()
