"""The port between SQL and a database: one contract that SQLite and PostgreSQL both keep.

Repositories write portable SQL with `:name` parameters against `Connection`. Nothing here knows a table, a
business rule or a clock; what differs between the databases is in `sqlite*`, `postgres*` and `migrations`.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

Row = dict[str, Any]
Params = Mapping[str, Any]
Result = TypeVar("Result")
Counted = Callable[[int], None]
Rows = Callable[[], list["Row"]]

NO_PARAMS: Params = {}
WAIT_SECONDS = 30.0


class StorageError(Exception):
    """The database refused or failed; every error of this package is one."""


class Conflict(StorageError):
    """A unique key is taken. `constraint` is the index (PostgreSQL) or "table.column, …" (SQLite)."""

    def __init__(self, message: str, constraint: str = "") -> None:
        super().__init__(message)
        self.constraint = constraint


class RuleBroken(StorageError):
    """A check, foreign key, not-null rule or trigger refused the row; `constraint` is its name if known."""

    def __init__(self, message: str, constraint: str = "") -> None:
        super().__init__(message)
        self.constraint = constraint


class Retry(StorageError):
    """Another transaction won a race or a deadlock: run the whole transaction again (see `run`)."""


class StorageUnavailable(StorageError):
    """The database cannot serve now (locked too long, disk full, server down): answer 503.

    `maybe_committed` is True when the failure came during COMMIT, so only a later read can tell the outcome.
    """

    def __init__(self, message: str, *, maybe_committed: bool = False) -> None:
        super().__init__(message)
        self.maybe_committed = maybe_committed


class LockNotGranted(StorageUnavailable):
    """Somebody else kept a row or a table for longer than the lock time-out; nothing was changed."""


class UnsafeStorage(StorageError):
    """The database runs with settings under which an acknowledged commit could be lost."""


class SchemaMismatch(StorageError):
    """The schema is older or newer than this code; `database` and `code` are the newest migration of each."""

    def __init__(self, message: str, *, database: str, code: str) -> None:
        super().__init__(message)
        self.database = database
        self.code = code


class TransactionMisuse(StorageError):
    """The caller nested blocks, used a connection outside its block, or went on after a failed statement."""


class Connection(Protocol):
    """SQL inside one block. Values are str, int, bytes or None; rows are dicts by column name.

    After a statement has failed the block can only be left: nothing in it will be committed.
    """

    @property
    def memory(self) -> dict[str, Any]:
        """Rows that seldom change, as this transaction has read them; who changes one forgets it here.

        On SQLite later ones go on with it for as long as nobody else has changed the database. A block that does not
        say that it `remembers` may have changed anything: nothing is remembered after it.
        """

    remembers: bool

    @property
    def foreseen(self) -> "dict[str, dict[tuple[str, ...], Rows]]":
        """Questions of this block that were asked ahead and not needed yet, by their SQL and parameters."""

    @property
    def claim_suffix(self) -> str:
        """Ends a SELECT that claims due rows: "FOR UPDATE SKIP LOCKED" on PostgreSQL, empty on SQLite."""

    @property
    def row_lock(self) -> str:
        """Ends a SELECT that must hold its rows: "FOR UPDATE" on PostgreSQL, empty on SQLite."""

    def require_usable(self) -> None:
        """Raise `TransactionMisuse` when the block has ended or one of its statements has failed."""

    def allow_seconds(self, seconds: int) -> None:
        """Let each further statement of this block run longer than usual, where there is a limit; 0 means no limit."""

    def hold(self, name: str) -> None:
        """Hold a name that has no row until the block is left; another block that wants it waits."""

    def execute(self, sql: str, params: Params = NO_PARAMS) -> int:
        """Run one statement and return the number of rows it changed."""

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        """Run one statement for each of many rows, as few round trips as the database allows."""

    def write(self, sql: str, params: Params = NO_PARAMS, then: Counted | None = None) -> None:
        """Run a statement whose rows nobody reads, at the latest with the next other one or the commit, in order.

        So writes need no round trip each. `then` is told the number of rows it changed and may raise, which ends the
        block as a failed statement does; either shows where the statement is run.
        """

    def write_all(self, sql: str, rows: Sequence[Params]) -> None:
        """Run one statement for each of many rows, when `write` would."""

    def later(self, sql: str, params: Params = NO_PARAMS) -> "Rows":
        """Ask a question ahead of its need, and return what gives its rows when they are needed, once.

        It is asked behind what came before it, at the latest when its rows are needed; where the database is far
        away, it travels with the others that wait. One that is not needed may never be asked.
        """

    def one(self, sql: str, params: Params = NO_PARAMS) -> Row | None:
        """Return the first row, or None when there is none."""

    def all(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        """Return every row."""


class Block:
    """What both databases' connections share: no work outside the block, none after a failed statement."""

    def __init__(self, memory: dict[str, Any] | None = None) -> None:
        self.memory: dict[str, Any] = {} if memory is None else memory
        self.remembers = False
        self.foreseen: dict[str, dict[tuple[str, ...], Rows]] = {}
        self.ended = False
        self.failure: StorageError | None = None

    def end(self) -> None:
        """Be of no use any more."""
        self.ended = True
        if not self.remembers:
            self.memory.clear()

    def require_usable(self) -> None:
        """Raise `TransactionMisuse` when the block has ended or one of its statements has failed."""
        if self.ended:
            raise TransactionMisuse(
                "this connection was used outside its block: open a transaction() or reading()"
            )
        if self.failure is not None:
            raise TransactionMisuse(
                f"a statement of this block failed before ({self.failure}): leave the block"
            )

    def require_committable(self) -> None:
        """Raise `TransactionMisuse` when a failed statement was swallowed inside the block."""
        if self.failure is not None:
            raise TransactionMisuse(
                f"nothing was committed: a statement failed ({self.failure})"
            ) from self.failure

    def fail(self, failure: StorageError) -> StorageError:
        """Mark the block as failed and return `failure` for raising."""
        self.failure = failure
        return failure


class ThreadMark(threading.local):
    """Knows which threads are inside a transaction, so that a nested block is refused instead of hanging."""

    inside = False

    def require_outside(self, block: str) -> None:
        """Raise `TransactionMisuse` when this thread is inside a transaction."""
        if self.inside:
            raise TransactionMisuse(
                f"{block}() inside a transaction() of the same thread: pass its connection down"
            )


class Engine(Protocol):
    """One database, shared by all threads of a process."""

    @property
    def dialect(self) -> str:
        """Which database this is: "sqlite" or "postgresql"."""

    def transaction(self, *, serializable: bool = False) -> AbstractContextManager[Connection]:
        """Open a read-write transaction: durable once the block has been left, rolled back when it raises.

        READ COMMITTED on PostgreSQL unless `serializable`; always serial on SQLite. Raises
        `TransactionMisuse` inside another transaction of the same thread, `StorageUnavailable` when no turn
        came in time.
        """

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction of its own and return what it returned, once that is durable.

        It raises what `work` raises, and nothing is kept then. Another thread may run it, in the caller's context
        variables, so that many that wait can share what one of them does.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a read-only block on one snapshot, fixed by its first statement; it waits for no writer."""

    def migrate(self, folder: Path | None = None) -> list[str]:
        """Apply pending migrations and return their names in order."""

    def close(self) -> None:
        """Close every connection; the engine is of no use afterwards."""


def run_until_won(engine: Engine, work: Callable[[Connection], Result], tries: int = 5) -> Result:
    """Run `work` in a transaction, and run the whole of it again when another transaction won a race.

    `work` must have no effect outside the database. Raises `Retry` when every try lost.
    """
    for attempt in range(1, tries + 1):
        try:
            return engine.run(work)
        except Retry:
            if attempt == tries:
                raise
            time.sleep((1 + secrets.randbelow(100)) / 10_000 * 2**attempt)
    raise StorageError(f"run_until_won() needs at least one try, got tries={tries}")


def checked(params: Params) -> Params:
    """Return `params` with enum texts made plain; raise `StorageError` on what one database cannot store."""
    for name, value in params.items():
        kind = type(value)
        if kind is str:
            if "\x00" in value:
                raise StorageError(f"parameter {name!r} holds a NUL character, which PostgreSQL cannot store")
        elif kind is not int and value is not None and kind is not bytes:
            return _plain(params)
    return params


def checked_by(block: Block, then: Counted, changed: int) -> None:
    """Tell `then` how many rows a statement changed; what it raises ends the block."""
    try:
        then(changed)
    except Exception as refused:
        block.fail(StorageError(f"what was written was refused: {refused}"))
        raise


def _plain(params: Params) -> Params:
    plain: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, str):
            plain[name] = str.__str__(value)
        elif value is None or (isinstance(value, int) and not isinstance(value, bool)):
            plain[name] = value if value is None else int(value)
        elif isinstance(value, bytes):
            plain[name] = bytes(value)
        else:
            raise StorageError(
                f"parameter {name!r} is a {type(value).__name__}: pass str, int, bytes or None"
            )
    return checked(plain)
