"""What shares one durable commit on SQLite: the transactions of a batch, and work that a waiting thread brought along.

That one thread does the work of those that wait behind it is flat combining (Hendler, Incze, Shavit, Tzafrir,
SPAA 2010): a turn that is handed from thread to thread costs more than most transactions.
"""

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any

from merchant_server.storage.engine import Connection, StorageError, StorageUnavailable
from merchant_server.storage.sqlite_connection import SqliteConnection
from merchant_server.storage.turns import Ticket


class Batch:
    """The transactions that share one COMMIT; all are acknowledged by it or none is."""

    def __init__(self, memory: dict[str, Any]) -> None:
        self.members = 0
        self.memory = memory
        self.opened_at = time.monotonic()
        self.durable = False
        self.error: StorageError | None = None
        self._settled: threading.Event | None = None  # made when the first member starts to wait
        self._taken_over: list[Ticket] = []

    def outlive_this_thread(self) -> None:
        """Prepare for members that wait while another thread goes on with the batch."""
        if self._settled is None:
            self._settled = threading.Event()

    def take_over(self, ticket: Ticket) -> "Errand":
        """Return the errand of a thread, which goes on waiting until the batch is settled."""
        self._taken_over.append(ticket)
        errand: Errand = ticket.errand
        errand.taken_over_by = self
        return errand

    def undo_member(self, raw: Any) -> None:
        """Take back what the latest transaction wrote, and what was read since it began."""
        raw.execute("ROLLBACK TO member")
        self.memory.clear()

    def settle(self) -> None:
        """Wake every member; `durable` and `error` say how it ended."""
        if not self.durable:
            self.memory.clear()
        if self._settled is not None:
            self._settled.set()
        for ticket in self._taken_over:
            ticket.wake()

    def wait(self, *, kept: bool) -> None:
        """Return once the batch is durable; raise its failure, which is the caller's own if it was alone."""
        if self._settled is not None:
            self._settled.wait()
        if self.durable:
            return
        error = self.error or StorageUnavailable("the commit was interrupted", maybe_committed=True)
        if kept and self.members == 1:
            raise error
        maybe = isinstance(error, StorageUnavailable) and error.maybe_committed
        raise StorageUnavailable(f"the shared commit failed: {error}", maybe_committed=maybe) from error


class Errand:
    """A whole transaction that the thread which has the turn can run for the one that waits for it."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self._work = work
        self._context = contextvars.copy_context()  # so that it is told in the words of its own request
        self._result: Any = None
        self._refusal: Exception | None = None
        self.taken_over_by: Batch | None = None

    @property
    def kept(self) -> bool:
        """Whether what it wrote is to be kept."""
        return self._refusal is None

    def do(self, connection: SqliteConnection) -> bool:
        """Do the work; say whether what it wrote is to be kept."""
        try:
            self._result = self._context.run(self._work, connection)
            connection.require_committable()
        except Exception as refusal:  # noqa: BLE001 - it belongs to the thread that waits
            self._refusal = refusal
        connection.end()
        return self.kept

    def outcome(self) -> Any:
        """Return what the work returned, or raise what it raised."""
        if self._refusal is not None:
            raise self._refusal
        return self._result
