"""The write-ahead log of a SQLite file: moved into the database beside the writers, and cut once it outgrew its limit.

A commit that moves thousands of pages by itself holds every other writer up until they are written and flushed.
"""

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

from merchant_server.storage.engine import StorageError
from merchant_server.storage.sqlite_connection import (
    DRIVER_ERRORS,
    LOG_LIMIT_PAGES,
    LOG_PAGES,
    MOVES_BESIDE_WRITERS,
    PAGE_BYTES,
    connect,
)

COMMITS_BETWEEN_LOOKS, COMMITS_BETWEEN_CUTS = 16, 256
PASSES = 2  # the second moves what was written during the first, and so little is left for the writer
CUT_WAIT_MILLISECONDS = 100
CONNECT_SECONDS = 10.0

# Never closed: closing any descriptor of a file drops the locks that SQLite has on it (fcntl(2)).
_flushed: dict[tuple[int, int], int] = {}


class WriteAheadLog:
    """One file's log, as the engine that writes to it looks after it."""

    def __init__(self, path: Path, pages: int = LOG_PAGES, limit_pages: int = LOG_LIMIT_PAGES) -> None:
        self._path, self._pages, self._limit_pages = path, pages, limit_pages
        self._commits = self._next_cut = 0
        self._length = 0  # when it was last moved
        self._mover: threading.Thread | None = None

    def tend(self, raw: Any) -> None:
        """Look after the log, for a writer that has just committed and has its turn still."""
        self._commits += 1
        if self._commits % COMMITS_BETWEEN_LOOKS:
            return
        with contextlib.suppress(OSError, RuntimeError, *DRIVER_ERRORS):  # RuntimeError: no thread to be had
            if self._mover is not None and not self._mover.is_alive():
                self._mover = None
                # Nobody writes now, so that the rest is moved too, and the next writer begins the log anew.
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            length, moved = self._look(raw)
            if length > self._limit_pages:
                self._cut(raw)
            elif self._mover is None and length - max(moved, self._tried(length)) >= self._pages:
                self._length = length
                self._mover = threading.Thread(target=self._move, name="fenqi-log", daemon=True)
                self._mover.start()

    def close(self) -> None:
        """Wait until nothing is being moved."""
        if self._mover is not None:
            self._mover.join()

    def _look(self, raw: Any) -> tuple[int, int]:
        """Return how many pages the log has, and how many of them are in the database too."""
        if not MOVES_BESIDE_WRITERS:
            length = self._path.with_name(self._path.name + "-wal").stat().st_size // PAGE_BYTES
            return length, length
        _, length, moved = raw.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
        return length, moved

    def _tried(self, length: int) -> int:
        """Return up to where it was moved as far as readers let it; they may hold on to the rest for long."""
        return self._length if self._length <= length else 0

    def _cut(self, raw: Any) -> None:
        """Empty a log that outgrew its limit; a reader that pins it puts this off."""
        if self._commits < self._next_cut:
            return
        self.close()
        wait = raw.execute("PRAGMA busy_timeout").fetchone()[0]
        raw.execute(f"PRAGMA busy_timeout={CUT_WAIT_MILLISECONDS}")
        try:
            pinned = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._next_cut = self._commits + (COMMITS_BETWEEN_CUTS if pinned else 0)
        finally:
            raw.execute(f"PRAGMA busy_timeout={wait}")

    def _move(self) -> None:
        """Move the log into the database while others write, and flush what SQLite flushes only at the very end."""
        with contextlib.suppress(StorageError, OSError, *DRIVER_ERRORS):
            raw = connect(self._path, CONNECT_SECONDS, read_only=False)
            try:
                for _ in range(PASSES):
                    raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                    os.fsync(_descriptor(self._path))
            finally:
                raw.close()


def _descriptor(path: Path) -> int:
    status = path.stat()
    file = status.st_dev, status.st_ino
    if file not in _flushed:
        _flushed[file] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return _flushed[file]
