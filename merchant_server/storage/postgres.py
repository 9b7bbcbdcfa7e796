"""PostgreSQL behind the engine port: a small bounded pool, and time limits on every statement and lock.

Keeps no session state between transactions when the URL says `pgbouncer=true`; no table is known here.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg

from merchant_server.storage.engine import (
    WAIT_SECONDS,
    Connection,
    Row,
    StorageError,
    StorageUnavailable,
    ThreadMark,
    UnsafeStorage,
)
from merchant_server.storage.postgres_connection import PostgresConnection, connect, one_by_one, typed
from merchant_server.storage.turns import ThreadTurns, watch_forks

POOL_SIZE = 10
_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
_SET_LIMITS = "".join(f"; SET LOCAL {name} = '{value}'" for name, value in _LIMITS.items())
_BEGIN_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_BEGIN_SERIALIZABLE = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
_STANDBY_STATE = "0A000"  # BEGIN … READ WRITE is "not supported" there
_BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SAFETY = """SELECT current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('server_encoding') AS server_encoding,
    CAST(pg_is_in_recovery() AS INT) AS standby"""


class PostgresEngine:
    """A PostgreSQL database. `wait_seconds` bounds the wait for a connection of the pool."""

    dialect = "postgresql"

    def __init__(self, url: str, *, wait_seconds: float = WAIT_SECONDS) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._pgbouncer = options.pop("pgbouncer", "false").lower() in ("true", "1", "yes")
        size = options.pop("pool_size", str(POOL_SIZE))
        if not size.isdecimal() or not 1 <= int(size) <= 1000:
            raise StorageError(f"pool_size={size} in the database URL: use a whole number from 1 to 1000")
        if not self._pgbouncer:
            limits = " ".join(f"-c {name}={value}" for name, value in _LIMITS.items())
            options["options"] = f"{limits} {options.get('options', '')}".strip()
        self._hosts = one_by_one(urlunsplit(parts._replace(query=urlencode(options, quote_via=quote))))
        self._size = int(size)
        self.wait_seconds = wait_seconds
        self._closed = False
        self._inherited: list[Any] = []
        self._start()
        watch_forks(self)
        with self.reading():
            pass

    def _start(self) -> None:
        self._places = ThreadTurns(self._size)
        self._idle: list[psycopg.Connection[Row]] = []
        self._mark = ThreadMark()

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self._inherited += self._idle  # kept unclosed: closing them would end the parent's sessions
        self._start()

    def _connect(self) -> psycopg.Connection[Row]:
        """Connect to the first host that answers a question and takes writes; the only one may be a standby.

        The question matters: a pooler lets everybody in, also while the server behind it is dead.
        """
        for host in self._hosts[:-1]:
            try:
                raw, found = self._ask(host)
            except StorageUnavailable:
                continue
            if not found.get("standby"):
                return self._safe(raw, found)
            raw.close()
        return self._safe(*self._ask(self._hosts[-1]))

    def _ask(self, host: str) -> tuple[psycopg.Connection[Row], Row]:
        raw = None
        try:
            raw = connect(host, prepare=not self._pgbouncer)
            return raw, raw.execute(_SAFETY).fetchone() or {}
        except psycopg.Error as error:
            if raw is not None:
                raw.close()
            raise StorageUnavailable(f"cannot open a PostgreSQL connection: {typed(error)}") from error

    @staticmethod
    def _safe(raw: psycopg.Connection[Row], found: Row) -> psycopg.Connection[Row]:
        wrong = [
            f"{name}={found.get(name)}" for name in ("fsync", "full_page_writes") if found.get(name) != "on"
        ]
        if found.get("synchronous_commit") == "off":
            wrong.append("synchronous_commit=off")
        if found.get("server_encoding") != "UTF8":
            wrong.append(f"server_encoding={found.get('server_encoding')}")
        if wrong:
            raw.close()
            raise UnsafeStorage(f"PostgreSQL has {', '.join(wrong)}: turn durability on, use a UTF8 database")
        return raw

    def _checkout(self, begin: str) -> psycopg.Connection[Row]:
        """Return a connection with `begin` done, which is also the health check of one that was idle."""
        if self._closed:
            raise StorageUnavailable("the PostgreSQL engine was closed")
        if not self._places.take(self.wait_seconds):
            waited = f"{self.wait_seconds:g} s"
            raise StorageUnavailable(f"all {self._size} connections were busy for {waited}: try again later")
        if self._pgbouncer:
            begin += _SET_LIMITS
        try:
            while True:
                fresh = not self._idle
                raw = self._connect() if fresh else self._idle.pop()
                try:
                    raw.execute(begin.encode(), prepare=False)
                    return raw
                except psycopg.Error as error:
                    with suppress(psycopg.Error):
                        raw.close()
                    if fresh:
                        raise _no_begin(error) from error
        except BaseException:
            self._places.give()
            raise

    def _checkin(self, raw: psycopg.Connection[Row]) -> None:
        idle = psycopg.pq.TransactionStatus.IDLE
        with suppress(psycopg.Error):
            if not raw.closed:
                # The driver's own: after a refused round trip it forgets what it only thinks it has prepared.
                raw.rollback()
        if raw.closed or self._closed or raw.info.transaction_status != idle:
            with suppress(psycopg.Error):
                raw.close()
        else:
            self._idle.append(raw)
        self._places.give()

    @contextmanager
    def transaction(self, *, serializable: bool = False) -> Iterator[Connection]:
        """Open a read-write transaction; it is durable once the block has been left."""
        self._mark.require_outside("transaction")
        raw = self._checkout(_BEGIN_SERIALIZABLE if serializable else _BEGIN_WRITE)
        connection = PostgresConnection(raw)
        self._mark.enter()
        try:
            yield connection
            connection.require_committable()
            connection.commit()
        finally:
            connection.ended = True
            self._mark.leave()
            self._checkin(raw)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read-only block on one snapshot; it waits for no writer."""
        self._mark.require_outside("reading")
        raw = self._checkout(_BEGIN_READ)
        # A read-only block holds no rows, and PostgreSQL refuses to lock in one.
        connection = PostgresConnection(raw, row_lock="")
        try:
            yield connection
            # Nothing was changed; after a rollback the driver would prepare every statement again.
            with suppress(psycopg.Error):
                raw.execute(b"COMMIT", prepare=False)
        finally:
            connection.ended = True
            self._checkin(raw)

    def migrate(self, folder: Path | None = None) -> list[str]:
        """Apply pending migrations and return their names in order."""
        from merchant_server.storage.migrations import migrate_postgres

        return migrate_postgres(self, folder)

    def close(self) -> None:
        """Wait for running blocks, then close every connection."""
        if self._closed:
            return
        self._closed = True
        deadline = time.monotonic() + self.wait_seconds
        for _ in range(self._size):
            if not self._places.take(max(deadline - time.monotonic(), 0)):
                break
        while self._idle:
            with suppress(psycopg.Error):
                self._idle.pop().close()


def _no_begin(error: psycopg.Error) -> StorageError:
    if error.sqlstate == _STANDBY_STATE:
        return StorageUnavailable("PostgreSQL cannot serve now: this server is a standby, which only reads")
    return typed(error)
