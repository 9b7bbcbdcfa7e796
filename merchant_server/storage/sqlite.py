"""SQLite behind the engine port: a fair writer that batches waiting transactions into one durable commit.

What shares a commit is in `sqlite_batch.py`, readers in `sqlite_readers.py`, the write-ahead log in `sqlite_log.py`,
settings and errors in `sqlite_connection.py`; no table is known here.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from merchant_server.storage.engine import WAIT_SECONDS, Connection, Result, StorageUnavailable, ThreadMark
from merchant_server.storage.migrations import migrate_sqlite
from merchant_server.storage.sqlite_batch import Batch, Errand
from merchant_server.storage.sqlite_connection import (
    DRIVER_ERRORS,
    Memory,
    SqliteConnection,
    as_storage_error,
    commit,
    connect,
    prepare_file,
    typed,
)
from merchant_server.storage.sqlite_log import WriteAheadLog
from merchant_server.storage.sqlite_readers import Readers
from merchant_server.storage.turns import FileTurns, ThreadTurns, watch_forks

BATCH_TRANSACTIONS = 64
BATCH_SECONDS = 0.010


class _Turn:
    """The use of one turn for one transaction, which opens a batch or joins the open one.

    The turn is taken on entering unless there is a deadline, which says that it was. A generator would cost more.
    """

    __slots__ = ("_batch", "_connection", "_deadline", "_engine")

    def __init__(self, engine: "SqliteEngine", deadline: float | None = None) -> None:
        self._engine, self._deadline = engine, deadline

    def __enter__(self) -> SqliteConnection:
        engine = self._engine
        deadline = engine._take_turn() if self._deadline is None else self._deadline
        self._connection, self._batch = engine._enter(deadline)
        engine._mark.inside = True
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        engine, connection = self._engine, self._connection
        try:
            engine._leave(connection, self._batch, keep=error is None and connection.failure is None)
            if error is None:
                connection.require_committable()
        finally:
            engine._mark.inside = False


class SqliteEngine:
    """A SQLite file.

    `wait_seconds` bounds the wait for a turn to write; a batch takes in no more transactions once it has
    `batch_transactions` or is `batch_seconds` old.
    """

    dialect = "sqlite"

    def __init__(
        self,
        path: Path,
        *,
        wait_seconds: float = WAIT_SECONDS,
        batch_transactions: int = BATCH_TRANSACTIONS,
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        self.path, self.wait_seconds = path, wait_seconds
        self.batch_transactions, self.batch_seconds = batch_transactions, batch_seconds
        self._closed = False
        self._writer: Any = None
        self._inherited: list[Any] = []
        prepare_file(path)
        self._readers = Readers(path, wait_seconds)
        self._start()
        self._take_process_turn(wait_seconds)
        try:
            self._writer = connect(path, wait_seconds, read_only=False)
        finally:
            self._processes.give()
        watch_forks(self)

    def _start(self) -> None:
        self._turns = ThreadTurns()
        self._processes = FileTurns(self.path)
        self._mark = ThreadMark()
        self._batch: Batch | None = None
        self._commits = 0
        self._writer, self._memory = None, Memory()
        self._log = WriteAheadLog(self.path)

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        # Kept unclosed: closing them here would drop locks and files that the parent still uses.
        self._inherited.append(self._writer)
        self._readers.after_fork()
        self._processes.close()
        self._start()

    def transaction(self, *, serializable: bool = False) -> AbstractContextManager[Connection]:
        """Open a write transaction, durable once the block has been left. It is always serial."""
        return _Turn(self)

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a write transaction, durable on return; a thread that has the turn may run it for this one.

        So threads that wait at once need not be woken one after another.
        """
        self._mark.require_outside("run")
        deadline = time.monotonic() + self.wait_seconds
        if not self._turns.take_free():
            errand = Errand(work)
            if not self._turns.take(self.wait_seconds, errand):
                raise self._no_turn()
            if errand.taken_over_by is not None:
                errand.taken_over_by.wait(kept=errand.kept)
                result: Result = errand.outcome()
                return result
        with _Turn(self, deadline) as connection:
            return work(connection)

    def _take_turn(self) -> float:
        """Take a turn; return until when this transaction may wait for other processes too."""
        self._mark.require_outside("transaction")
        deadline = time.monotonic() + self.wait_seconds
        if not self._turns.take(self.wait_seconds):
            raise self._no_turn()
        return deadline

    def _enter(self, deadline: float) -> tuple[SqliteConnection, Batch]:
        batch = self._batch
        try:
            if batch is None:
                batch = self._open_batch(deadline)
            else:
                self._writer.execute("SAVEPOINT member")
        except BaseException as error:
            if batch is None:
                self._turns.give()
            else:
                self._end(batch, error)
            if isinstance(error, DRIVER_ERRORS):
                raise typed(error) from error
            raise
        return SqliteConnection(self._writer, batch.memory), batch

    def _open_batch(self, deadline: float) -> Batch:
        if self._closed:
            raise StorageUnavailable(f"the database {self.path.name} was closed")
        self._take_process_turn(max(deadline - time.monotonic(), 0))
        try:
            if self._writer is None:
                self._writer, self._memory = connect(self.path, self.wait_seconds, read_only=False), Memory()
            if self._writer.in_transaction:  # left behind by an interrupted commit
                self._writer.execute("ROLLBACK")
            self._writer.execute("BEGIN IMMEDIATE")
            self._batch = Batch(self._memory.of(self._writer))
        except BaseException:
            self._processes.give()
            raise
        return self._batch

    def _take_process_turn(self, timeout_seconds: float) -> None:
        try:
            taken = self._processes.take(timeout_seconds)
        except OSError as error:
            raise StorageUnavailable(f"cannot lock beside {self.path.name}: {error.strerror}") from error
        if not taken:
            raise self._no_turn()

    def _leave(self, connection: SqliteConnection, batch: Batch, *, keep: bool) -> None:
        """End this transaction, then hand the open batch on or commit it, and wait until it is durable.

        A transaction that raised waits too when others are before it in the batch: what it saw, and so what
        its caller will say, may rest on their rows.
        """
        connection.end()
        first = batch.members == 0
        try:
            if not self._writer.in_transaction:
                raise StorageUnavailable("SQLite gave up the open transaction") from connection.failure
            if keep:
                if not first:
                    self._writer.execute("RELEASE member")
                batch.members += 1
            elif first:
                self._end(batch, None, keep=False)
                return
            else:
                batch.undo_member(self._writer)
                self._writer.execute("RELEASE member")
            self._do_in_passing(batch)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the waiting members must be told
            self._end(batch, error)
            if keep or not first:
                batch.wait(kept=keep)
            return
        if self._takes_more(batch):
            batch.outlive_this_thread()
            self._turns.give()
        else:
            self._end(batch, None)
        batch.wait(kept=keep)

    def _takes_more(self, batch: Batch) -> bool:
        return (
            self._turns.waiting > 0
            and batch.members < self.batch_transactions
            and time.monotonic() - batch.opened_at < self.batch_seconds
        )

    def _do_in_passing(self, batch: Batch) -> None:
        """Run what the threads next in line brought along, each as a member that stands or falls by itself."""
        while self._takes_more(batch) and (ticket := self._turns.take_over()) is not None:
            errand = batch.take_over(ticket)
            self._writer.execute("SAVEPOINT member")
            connection = SqliteConnection(self._writer, batch.memory)
            kept = errand.do(connection)
            if not self._writer.in_transaction:
                raise StorageUnavailable("SQLite gave up the open transaction") from connection.failure
            if not kept:
                batch.undo_member(self._writer)
            self._writer.execute("RELEASE member")
            batch.members += kept

    def _end(self, batch: Batch, failure: BaseException | None, *, keep: bool = True) -> None:
        """Commit the batch, or roll it back after `failure`; tell every member and free both turns."""
        try:
            if failure is None and keep:
                failure = commit(self._writer)
                self._commits += failure is None
            if self._writer.in_transaction:
                batch.memory.clear()
                self._writer.execute("ROLLBACK")
            batch.error = as_storage_error(failure)
            batch.durable = failure is None
        except DRIVER_ERRORS as error:
            batch.error = as_storage_error(failure or error)
            self._writer = None  # it cannot roll back, so it is given up; the next batch opens another
        finally:
            self._batch = None
            batch.settle()
            if batch.durable:
                self._log.tend(self._writer)
            self._processes.give()
            self._turns.give()

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn to write."""
        return self._turns.waiting

    @property
    def commits(self) -> int:
        """How many durable commits this process has made; fewer than transactions when they shared."""
        return self._commits

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a read-only block on one snapshot; it waits for nobody."""
        self._mark.require_outside("reading")
        return self._readers.reading()

    def _no_turn(self) -> StorageUnavailable:
        within = f"{self.path.name} within {self.wait_seconds:g} s"
        return StorageUnavailable(f"no turn to write to {within}: try again later")

    def migrate(self, folder: Path | None = None) -> list[str]:
        """Apply pending migrations and return their names in order."""
        return migrate_sqlite(self, folder)

    def close(self) -> None:
        """Wait for the writer's turn, then close every connection."""
        if self._closed:
            return
        taken = self._turns.take(self.wait_seconds)
        self._closed = True
        self._log.close()
        self._readers.close()
        if taken and self._writer is not None:
            self._writer.close()
            self._writer = None
        self._processes.close()
        if taken:
            self._turns.give()
