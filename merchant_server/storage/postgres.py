"""PostgreSQL behind the engine port: a small bounded pool, and time limits on every statement and lock.

Keeps no session state between transactions when the URL says `pgbouncer=true`; no table is known here.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg

from merchant_server.storage.engine import (
    NO_PARAMS,
    WAIT_SECONDS,
    Connection,
    Result,
    Row,
    StorageError,
    StorageUnavailable,
    ThreadMark,
    UnsafeStorage,
)
from merchant_server.storage.migrations import migrate_postgres
from merchant_server.storage.postgres_connection import PostgresConnection, connect, one_by_one
from merchant_server.storage.postgres_errors import typed
from merchant_server.storage.postgres_session import Session
from merchant_server.storage.turns import ThreadTurns, watch_forks

POOL_SIZE = 5
_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
_SET_LIMITS = "".join(f"; SET LOCAL {name} = '{value}'" for name, value in _LIMITS.items())
_BEGIN_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_BEGIN_SERIALIZABLE = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
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
        self._idle: list[Session] = []
        self._current: set[Session] = set()
        self._mark = ThreadMark()

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self._inherited += self._idle  # kept unclosed: closing them would end the parent's sessions
        self._start()

    def _connect(self) -> Session:
        """Connect to the first host that answers a question and takes writes; the only one may be a standby.

        The question matters: a pooler lets everybody in, also while the server behind it is dead.
        """
        for host in self._hosts[:-1]:
            try:
                session, found = self._ask(host)
            except StorageUnavailable:
                continue
            if not session.is_standby:
                return self._safe(session, found)
            session.close()
        return self._safe(*self._ask(self._hosts[-1]))

    def _ask(self, host: str) -> tuple[Session, Row]:
        session = None
        try:
            session = connect(host, prepare=not self._pgbouncer)
            found = session.ask(_SAFETY, NO_PARAMS).rows[0]
            session.is_standby = bool(found["standby"])
            return session, found
        except (psycopg.Error, StorageError) as error:
            if session is not None:
                session.close()
            why = error if isinstance(error, StorageError) else typed(error)
            raise StorageUnavailable(f"cannot open a PostgreSQL connection: {why}") from error

    @staticmethod
    def _safe(session: Session, found: Row) -> Session:
        wrong = [
            f"{name}={found.get(name)}" for name in ("fsync", "full_page_writes") if found.get(name) != "on"
        ]
        if found.get("synchronous_commit") == "off":
            wrong.append("synchronous_commit=off")
        if found.get("server_encoding") != "UTF8":
            wrong.append(f"server_encoding={found.get('server_encoding')}")
        if wrong:
            session.close()
            raise UnsafeStorage(f"PostgreSQL has {', '.join(wrong)}: turn durability on, use a UTF8 database")
        return session

    def _checkout(self, begin: str) -> Session:
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
                known = self._kept()
                fresh, session = known is None, known or self._connect()
                self._current.add(session)
                try:
                    session.command(begin.encode())
                    return session
                except StorageError as failure:
                    self._current.discard(session)
                    session.close()
                    if fresh and session.is_standby:
                        raise StorageUnavailable(
                            "PostgreSQL cannot serve now: this server is a standby, which only reads"
                        ) from failure
                    if fresh:
                        raise
        except BaseException:
            self._places.give()
            raise

    def _kept(self) -> Session | None:
        with suppress(IndexError):  # another thread may be faster
            return self._idle.pop()
        return None

    def _checkin(self, session: Session) -> None:
        with suppress(StorageError):
            session.recover()
        if session.met_new_schema:
            # Every connection would refuse each of its prepared statements once: new ones take their place.
            self._current.clear()
            while (older := self._kept()) is not None:
                older.close()
        if self._closed or not session.is_usable or session not in self._current:
            self._current.discard(session)
            session.close()
        else:
            self._idle.append(session)
        self._places.give()

    @contextmanager
    def transaction(self, *, serializable: bool = False) -> Iterator[Connection]:
        """Open a read-write transaction; it is durable once the block has been left."""
        self._mark.require_outside("transaction")
        session = self._checkout(_BEGIN_SERIALIZABLE if serializable else _BEGIN_WRITE)
        connection = PostgresConnection(session)
        self._mark.inside = True
        try:
            yield connection
            connection.require_committable()
            connection.commit()
        finally:
            connection.ended = True
            self._mark.inside = False
            self._checkin(session)

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction; it is durable on return."""
        with self.transaction() as connection:
            return work(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read-only block on one snapshot; it waits for no writer."""
        self._mark.require_outside("reading")
        session = self._checkout(_BEGIN_READ)
        # A read-only block holds no rows, and PostgreSQL refuses to lock in one.
        connection = PostgresConnection(session, row_lock="")
        try:
            yield connection
        finally:
            connection.ended = True
            self._checkin(session)

    def migrate(self, folder: Path | None = None) -> list[str]:
        """Apply pending migrations and return their names in order."""
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
        while (session := self._kept()) is not None:
            session.close()
