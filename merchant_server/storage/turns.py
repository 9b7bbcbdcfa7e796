"""Turns at a scarce thing, in order of arrival: among threads of a process, and among processes.

Holds no data and no SQL. Writers queue here instead of meeting in SQLite's sleeping busy handler.
"""

import os
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from typing import Any, Protocol

try:
    import fcntl
except ImportError:  # no flock on this system: SQLite's own lock and busy timeout remain
    fcntl = None  # type: ignore[assignment]


class Ticket:
    """A thread's place in the queue. `errand` is what it wants its turn for, if another thread can do it."""

    __slots__ = ("_gate", "errand", "granted")

    def __init__(self, errand: Any = None) -> None:
        self._gate = threading.Lock()
        self._gate.acquire()
        self.errand = errand
        self.granted = False

    def wait(self, timeout_seconds: float) -> bool:
        """Wait to be woken; return False when that did not happen in time."""
        return self._gate.acquire(timeout=timeout_seconds)

    def wake(self) -> None:
        """Let the waiting thread go on."""
        self._gate.release()


class ThreadTurns:
    """Hands `places` turns from thread to thread, first come first served."""

    def __init__(self, places: int = 1) -> None:
        self._mutex = threading.Lock()
        self._queue: deque[Ticket] = deque()
        self._free = places

    def take_free(self) -> bool:
        """Take a turn that nobody uses; return False when there is none."""
        with self._mutex:
            if not self._free:
                return False
            self._free -= 1
            return True

    def take(self, timeout_seconds: float, errand: Any = None) -> bool:
        """Wait for a turn, or until a thread that had one has done the errand; return False when neither came in time.

        An errand that was begun in time is waited for to its end.
        """
        with self._mutex:
            if self._free:
                self._free -= 1
                return True
            ticket = Ticket(errand)
            self._queue.append(ticket)
        if ticket.wait(timeout_seconds):
            return True
        with self._mutex:
            if not ticket.granted:
                self._queue.remove(ticket)
                return False
        # Granted in the instant the wait ran out.
        return ticket.wait(-1)

    def take_over(self) -> Ticket | None:
        """Take the errand of the thread that has waited longest off its hands; None when it brought none.

        Whoever takes it over must wake the ticket once the errand is done.
        """
        with self._mutex:
            if not self._queue or self._queue[0].errand is None:
                return None
            ticket = self._queue.popleft()
            ticket.granted = True
            return ticket

    def give(self) -> None:
        """Hand the turn to the thread that has waited longest, or lay it down."""
        with self._mutex:
            if not self._queue:
                self._free += 1
                return
            ticket = self._queue.popleft()
            ticket.granted = True
        ticket.wake()

    @property
    def waiting(self) -> int:
        """How many threads wait now."""
        return len(self._queue)


class _Attempt:
    """A blocking flock in a thread of its own, because flock has no time-out."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._mutex = threading.Lock()
        self._ended = threading.Event()
        self._abandoned = False
        self._error: OSError | None = None
        threading.Thread(target=self._block, name="fenqi-file-turn", daemon=True).start()

    def _block(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with self._mutex:
            if self._abandoned:
                os.close(self._file)
            self._ended.set()

    def wait(self, timeout_seconds: float) -> bool:
        """Return True with the lock held, or False after giving the descriptor up to the thread."""
        self._ended.wait(timeout_seconds)
        with self._mutex:
            if not self._ended.is_set():
                self._abandoned = True
                return False
        if self._error is not None:
            raise self._error
        return True


class _FileLock:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self, timeout_seconds: float) -> bool:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            pass
        if timeout_seconds > 0 and _Attempt(self._file).wait(timeout_seconds):
            return True
        if timeout_seconds > 0:
            self._file = None
        return False

    def release(self) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class FileTurns:
    """Hands one turn from process to process through two lock files beside `path`; a killed holder frees it.

    Two files make it fair: the next in line holds the queue file until the writer file is free, so a process
    that has just given its turn back cannot take it again before the one that was waiting. One thread at a
    time may use an instance.
    """

    def __init__(self, path: Path) -> None:
        self._queue = _FileLock(path.with_name(path.name + "-queue"))
        self._writer = _FileLock(path.with_name(path.name + "-writer"))

    def take(self, timeout_seconds: float) -> bool:
        """Wait for the turn; return False when it did not come in time. Raises OSError where locks fail."""
        if fcntl is None:
            return True
        deadline = time.monotonic() + timeout_seconds
        if not self._queue.acquire(timeout_seconds):
            return False
        try:
            return self._writer.acquire(deadline - time.monotonic())
        finally:
            self._queue.release()

    def give(self) -> None:
        """Free the turn for another process."""
        if fcntl is not None:
            self._writer.release()

    def close(self) -> None:
        """Close the lock files, which frees a held turn; in a forked child the parent keeps its own."""
        self._queue.close()
        self._writer.close()


class _Forkable(Protocol):
    def after_fork(self) -> None: ...


_forkable: weakref.WeakSet[_Forkable] = weakref.WeakSet()


def watch_forks(owner: _Forkable) -> None:
    """Call `owner.after_fork()` in each forked child, which must not touch its parent's connections."""
    _forkable.add(owner)


def _after_fork_in_child() -> None:
    for owner in list(_forkable):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
