"""The machine's own clock and randomness behind their ports."""

import os
import secrets
import threading
import time
from datetime import UTC, datetime

from fenqi.ids import RANDOM_BYTES, new_id


class SystemClock:
    """Wall time in UTC."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def _unguessable(size: int) -> int:
    return int.from_bytes(os.urandom(size), "big")


class SystemIds:
    """Ids that sort by time, also within one millisecond of one process, so that indexes grow at their end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._random = 0

    def new(self, prefix: str) -> str:
        """Return a new id, greater than every earlier one of this process."""
        with self._lock:
            now_ms = time.time_ns() // 1_000_000
            if now_ms > self._last_ms:
                self._last_ms = now_ms
                # The top bit stays clear, so that counting up within a millisecond cannot overflow.
                self._random = _unguessable(RANDOM_BYTES) >> 1
            else:
                self._random += 1 + _unguessable(4)
            return new_id(prefix, self._last_ms, self._random.to_bytes(RANDOM_BYTES, "big"))

    def token(self, bytes_of_entropy: int = 16) -> str:
        """Return an unguessable URL-safe text."""
        return secrets.token_urlsafe(bytes_of_entropy)

    def digits(self, count: int) -> str:
        """Return an unguessable string of decimal digits."""
        return str(secrets.randbelow(10**count)).zfill(count)
