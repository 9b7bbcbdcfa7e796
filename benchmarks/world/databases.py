"""Copies of the filled database, as SQLite files and as databases of a private PostgreSQL."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from merchant_server.storage.opening import open_engine
from merchant_server.storage.sqlite_connection import driver
from tests.databases import postgres_cluster, postgres_database

if TYPE_CHECKING:
    import psycopg

ROWS_AT_ONCE = 1000


class PostgresMissing(Exception):
    """No PostgreSQL could be started here; the message says why."""


def copy_of(base: Path, name: str) -> Path:
    """Return a copy of a closed SQLite database beside it."""
    copy = base.with_name(f"{name}.sqlite")
    for suffix in ("-wal", "-shm"):  # of an earlier copy under this name
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(base, copy)
    return copy


def count(database: Path, sql: str) -> int:
    """Return the one number that a query of a database in use gives."""
    source = driver.connect(str(database))
    try:
        return int(source.execute(sql).fetchone()[0])
    finally:
        source.close()


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yield a server's URL: the one named in FENQI_TEST_PG_URL, else a private one. Raises PostgresMissing."""
    given = os.environ.get("FENQI_TEST_PG_URL")
    if given:
        yield given
        return
    cluster = postgres_cluster()
    try:
        url = cluster.__enter__()
    except pytest.fail.Exception as failure:
        raise PostgresMissing(str(failure)) from failure
    try:
        yield url
    finally:
        cluster.__exit__(None, None, None)


@contextmanager
def filled_postgres(server_url: str, base: Path) -> Iterator[str]:
    """Yield the name of a template database that holds the same rows as a SQLite file; takes a superuser."""
    import psycopg

    with postgres_database(server_url) as url:
        engine = open_engine(url)
        engine.migrate()
        engine.close()
        source = driver.connect(str(base))
        with psycopg.connect(url) as target:
            tables = _tables(source)
            # Rows that migrations made come again with the copy; the guards of fixed tables are for the product.
            target.execute("SET session_replication_role = replica")
            target.execute(f"TRUNCATE {', '.join(tables)}")
            for table in tables:
                _copy(source, target, table)
            _go_on_numbering(target)
            target.commit()
            target.autocommit = True
            # Those that are empty stay without statistics, which would have them read from end to end as they fill.
            full = [each for each in tables if target.execute(f"SELECT 1 FROM {each} LIMIT 1").fetchone()]
            target.execute(f"VACUUM ANALYZE {', '.join(full)}")
        source.close()
        yield urlsplit(url).path.removeprefix("/")


def _tables(source: "driver.Connection") -> list[str]:
    found = source.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
    return [name for (name,) in found if not name.startswith("sqlite_") and "migration" not in name]


def _copy(source: "driver.Connection", target: "object", table: str) -> None:
    rows = source.execute(f"SELECT * FROM {table}")
    columns = ", ".join(column[0] for column in rows.description)
    with target.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:  # type: ignore[attr-defined]
        while some := rows.fetchmany(ROWS_AT_ONCE):
            for row in some:
                copy.write_row(row)


def _go_on_numbering(target: "psycopg.Connection[Any]") -> None:
    """Let numbers that the database gives out begin after those that were copied."""
    numbered = target.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND is_identity = 'YES'"
    ).fetchall()
    for table, column in numbered:
        target.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), COALESCE(MAX({column}), 0) + 1, false)"
            f" FROM {table}"
        )
