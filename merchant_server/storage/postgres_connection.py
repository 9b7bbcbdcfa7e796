"""PostgreSQL statements: parameters in psycopg's style, typed errors, and one block's view of a connection.

Decides nothing about when a transaction begins or ends: that is `postgres.py`.
"""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg.types.numeric import Int8Dumper

from merchant_server.storage.engine import (
    NO_PARAMS,
    Block,
    Conflict,
    Counted,
    LockNotGranted,
    Params,
    Retry,
    Row,
    RuleBroken,
    StorageError,
    StorageUnavailable,
    checked,
    checked_by,
)

DRIVER_ERRORS = (psycopg.Error, UnicodeError)
# Resources, operator, system, connection, login, no such database, internal, read-only.
_UNAVAILABLE_STATES = ("53", "57", "58", "08", "28", "3D", "XX", "25006")
_LOCK_STATE = "55P03"
_RETRY_STATES = ("40001", "40P01")
_TOKENS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|::|:(?P<name>[A-Za-z_]\w*)|%",
    re.DOTALL,
)


CONNECT_SECONDS = 5
_LOST_PEER_MILLISECONDS = 30_000
PREPARED_STATEMENTS = 500


def connect(url: str, *, prepare: bool) -> psycopg.Connection[Row]:
    """Open a connection on which every statement outside a transaction commits by itself."""
    raw = psycopg.connect(
        url,
        autocommit=True,
        row_factory=dict_row,
        prepare_threshold=5 if prepare else None,
        connect_timeout=CONNECT_SECONDS,
        tcp_user_timeout=_LOST_PEER_MILLISECONDS,
        application_name="fenqi",
    )
    # The services ask some hundreds of different questions; the driver's own 100 would push each other out.
    raw.prepared_max = PREPARED_STATEMENTS
    # One type for every integer: a statement is prepared once, and small values do not overflow a short type.
    raw.adapters.register_dumper(int, Int8Dumper)
    return raw


def one_by_one(url: str) -> list[str]:
    """Return one connection string for each host of a URL, in its order. Raises StorageError."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise StorageError(f"the database URL cannot be read: {typed(error)}") from error
    hosts, ports = str(given.get("host") or "").split(","), str(given.get("port") or "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise StorageError("the database URL has another number of ports than of hosts")
    given.pop("target_session_attrs" if len(hosts) > 1 else "", None)
    return [
        make_conninfo("", **given | {"host": host or None, "port": port or None})
        for host, port in zip(hosts, ports, strict=True)
    ]


@lru_cache(maxsize=2048)
def to_psycopg(sql: str) -> str:
    """Return `sql` with `:name` parameters in psycopg's style; texts, quoted names and casts stay."""

    def token(match: re.Match[str]) -> str:
        name = match.group("name")
        return f"%({name})s" if name else match.group().replace("%", "%%")

    return _TOKENS.sub(token, sql)


def typed(error: Exception, *, committing: bool = False) -> StorageError:
    """Return the storage error that says what a driver error means to the caller."""
    if not isinstance(error, psycopg.Error):
        return StorageError(f"a text parameter is not valid Unicode: {error}")
    state = error.sqlstate or ""
    text = " ".join((error.diag.message_primary or str(error)).split())
    constraint = error.diag.constraint_name or ""
    if state == "23505":
        return Conflict(f"already taken: {constraint}", constraint=constraint)
    if state.startswith("23") or state == "P0001":
        return RuleBroken(text, constraint=constraint)
    if state in _RETRY_STATES:
        return Retry(f"another transaction was first: {text}")
    if state == _LOCK_STATE:
        return LockNotGranted(f"PostgreSQL cannot serve now: {text}")
    lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not state
    if lost or state.startswith(_UNAVAILABLE_STATES):
        return StorageUnavailable(f"PostgreSQL cannot serve now: {text}", maybe_committed=committing)
    return StorageError(f"PostgreSQL refused a statement: {text}")


@dataclass(frozen=True, slots=True)
class _Write:
    """A statement that is to be run, once or for many rows, and who is told how many rows it changed."""

    sql: str
    params: Params = field(default_factory=dict)
    then: Counted | None = None
    rows: Sequence[Params] | None = None

    def on(self, cursor: psycopg.Cursor[Row]) -> psycopg.Cursor[Row]:
        if self.rows is None:
            return cursor.execute(self.sql, self.params)
        cursor.executemany(self.sql, self.rows)
        return cursor


class PostgresConnection(Block):
    """One block's view of a psycopg connection."""

    claim_suffix = "FOR UPDATE SKIP LOCKED"

    def __init__(self, raw: psycopg.Connection[Row], *, row_lock: str = "FOR UPDATE") -> None:
        super().__init__()
        self._raw = raw
        # One for all questions: each is read to its end before the next, and a new one costs a quarter of a question.
        self._cursor = raw.cursor()
        self.row_lock = row_lock
        self._waiting: list[_Write] = []

    def _run(self, sql: str, params: Params) -> psycopg.Cursor[Row]:
        self.require_usable()
        self._waiting.append(_Write(to_psycopg(sql), checked(params)))
        return self._send()

    def _send(self) -> psycopg.Cursor[Row]:
        """Run what waits, in one round trip; return the cursor of the last statement."""
        writes, self._waiting = self._waiting, []
        try:
            if len(writes) == 1:
                cursors = [writes[0].on(self._cursor)]
            else:
                with self._raw.pipeline():
                    cursors = [write.on(self._raw.cursor()) for write in writes]
        except DRIVER_ERRORS as error:
            raise self.fail(typed(error)) from error
        for write, cursor in zip(writes, cursors, strict=True):
            if write.then is not None:
                checked_by(self, write.then, cursor.rowcount)
        return cursors[-1]

    def commit(self) -> None:
        """Run what waits and commit, in one round trip unless something has to be looked at in between."""
        if any(write.then is not None for write in self._waiting):
            self._send()
        writes, self._waiting = self._waiting, []
        try:
            with self._raw.pipeline() if writes else nullcontext():
                for write in writes:
                    write.on(self._raw.cursor())
                done = self._raw.execute(b"COMMIT", prepare=False)
        except DRIVER_ERRORS as error:
            raise self.fail(typed(error, committing=True)) from error
        if done.statusmessage != "COMMIT":
            raise StorageError(f"PostgreSQL answered COMMIT with {done.statusmessage}: nothing was committed")

    def write(self, sql: str, params: Params = NO_PARAMS, then: Counted | None = None) -> None:
        """Keep one statement until there is a question or the end: they share a round trip."""
        self.require_usable()
        self._waiting.append(_Write(to_psycopg(sql), checked(params), then))

    def write_all(self, sql: str, rows: Sequence[Params]) -> None:
        """Keep one statement for each of many rows."""
        self.require_usable()
        if rows:
            self._waiting.append(_Write(to_psycopg(sql), rows=[checked(row) for row in rows]))

    def allow_seconds(self, seconds: int) -> None:
        """Let each further statement of this block run that long; 0 means no limit."""
        self.execute(f"SET LOCAL statement_timeout = '{int(seconds)}s'")

    def hold(self, name: str) -> None:
        """Hold a name until the block is left; safe behind a pooler, since it ends with the transaction."""
        self._run("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))", {"name": name})

    def execute(self, sql: str, params: Params = NO_PARAMS) -> int:
        """Run one statement and return the number of rows it changed."""
        return max(self._run(sql, params).rowcount, 0)

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        """Run one statement for each of many rows, sent in one pipeline."""
        self.write_all(sql, rows)
        if self._waiting:
            self._send()

    def run_script(self, sql: str) -> None:
        """Run many statements without parameters, for migrations only."""
        self.require_usable()
        try:
            self._raw.execute(sql.encode(), prepare=False)
        except DRIVER_ERRORS as error:
            raise self.fail(typed(error)) from error

    def one(self, sql: str, params: Params = NO_PARAMS) -> Row | None:
        """Return the first row, or None when there is none."""
        return self._run(sql, params).fetchone()

    def all(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        """Return every row."""
        return self._run(sql, params).fetchall()
