"""Read-only connections to a SQLite file: opened when somebody reads, kept for the next, never waiting for a writer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from merchant_server.storage.engine import StorageUnavailable
from merchant_server.storage.sqlite_connection import DRIVER_ERRORS, Memory, SqliteConnection, connect

IDLE_READERS = 16


class Readers:
    """The readers of one file in one process."""

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self._path, self._wait_seconds = path, wait_seconds
        self._idle: list[tuple[Any, Memory]] = []
        self._inherited: list[Any] = []
        self._closed = False

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        # Kept unclosed: closing them here would drop locks and files that the parent still uses.
        self._inherited += self._idle
        self._idle = []

    @contextmanager
    def reading(self) -> Iterator[SqliteConnection]:
        """Open a block on one snapshot."""
        raw, memory = self._take()
        try:
            raw.execute("BEGIN")
            connection = SqliteConnection(raw, memory.of(raw))
            try:
                yield connection
            finally:
                connection.ended = True
        finally:
            self._give(raw, memory)

    def _take(self) -> tuple[Any, Memory]:
        if self._closed:
            raise StorageUnavailable(f"the database {self._path.name} was closed")
        try:
            return self._idle.pop()
        except IndexError:
            return connect(self._path, self._wait_seconds, read_only=True), Memory()

    def _give(self, raw: Any, memory: Memory) -> None:
        try:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            spare = len(self._idle) < IDLE_READERS and not self._closed
        except DRIVER_ERRORS:
            spare = False
        if spare:
            self._idle.append((raw, memory))
        else:
            raw.close()

    def close(self) -> None:
        """Close those that nobody uses; the others are closed by whoever is done with them."""
        self._closed = True
        while self._idle:
            self._idle.pop()[0].close()
