"""The same SQL by the bare drivers: one connection, one transaction, one durable commit each."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.world.recording import Transaction
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


class BareSqlite:
    """A file, for the floor's views: statements one after another, a transaction with its own durable commit."""

    threads = 1  # its writers never meet in the busy handler, which starves some of them
    begin = "BEGIN IMMEDIATE"

    def __init__(self, url: str) -> None:
        self._raw = open_sqlite(Path(url.removeprefix("sqlite:///")))

    def rows(self, sql: str, params: Any = ()) -> list[Any]:
        """Run a statement and return its rows."""
        found: list[Any] = self._raw.execute(sql, params).fetchall()
        return found

    def many(self, sql: str, rows: Any) -> None:
        """Run a statement for many rows."""
        self._raw.executemany(sql, rows)


class BarePostgres:
    """A PostgreSQL database, for the floor's views: a round trip a statement."""

    threads = 4  # what suited it best when it was measured
    begin = "BEGIN"

    def __init__(self, url: str) -> None:
        self._raw = open_postgres(url)
        self._raw.autocommit = True

    def rows(self, sql: str, params: Any = None) -> list[Any]:
        """Run a statement and return its rows."""
        cursor = self._raw.execute(_in_psycopgs_style(sql), params)
        return cursor.fetchall() if cursor.description is not None else []

    def many(self, sql: str, rows: Any) -> None:
        """Run a statement for many rows."""
        with self._raw.cursor() as cursor:
            cursor.executemany(_in_psycopgs_style(sql), rows)


Bare = BareSqlite | BarePostgres


def kind_of(url: str) -> type[Bare]:
    """Return what opens a database for the floor's views."""
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
