"""How often a key, and an address without a good key, may ask: token buckets in the memory of this process.

With several server processes each counts for itself, so a caller may get up to that many times the limit; what must
hold exactly (codes, money) is counted in the database instead.
"""

import math
import threading
from dataclasses import dataclass
from datetime import datetime

from flask import current_app, request

from merchant_server.domain.errors import RateLimited
from merchant_server.web.context import deps

EXTENSION = "fenqi_limits"
BURST_SECONDS = 2
BUCKETS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """A bucket's size and how fast it fills. A size of 0 limits nothing."""

    name: str
    size: int
    per_second: float

    @property
    def window_seconds(self) -> int:
        """Return in how many seconds an empty bucket is full again."""
        return math.ceil(self.size / self.per_second)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left for a caller under a policy, and after how many seconds all of it is there again."""

    policy: Policy
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """Return RateLimit and RateLimit-Policy (IETF httpapi draft), and the older three that clients know."""
        name = self.policy.name
        return {
            "RateLimit-Policy": f'"{name}";q={self.policy.size};w={self.policy.window_seconds}',
            "RateLimit": f'"{name}";r={self.remaining};t={self.reset_seconds}',
            "RateLimit-Limit": str(self.policy.size),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


class Buckets:
    """One bucket a subject under one policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, datetime]] = {}

    def take(self, subject: str, now: datetime) -> Standing | None:
        """Take one from a subject's bucket; return what is left. None where nothing is limited.

        Raises RateLimited, with the seconds to wait, when the bucket has less than one.
        """
        if not self.policy.size:
            return None
        with self._lock:
            level = self._level(subject, now)
            if level < 1:
                raise RateLimited(
                    "too many requests",
                    hint="wait as long as Retry-After says; the SDK does so by itself",
                    retry_after_seconds=max(1, math.ceil((1 - level) / self.policy.per_second)),
                    standing=self._standing(level),
                )
            self._levels[subject] = (level - 1, now)
            if len(self._levels) > BUCKETS_MAX:
                self._forget(now)
            return self._standing(level - 1)

    def _level(self, subject: str, now: datetime) -> float:
        level, at = self._levels.get(subject, (float(self.policy.size), now))
        passed = max(0.0, (now - at).total_seconds())
        return min(float(self.policy.size), level + passed * self.policy.per_second)

    def _standing(self, level: float) -> Standing:
        missing = self.policy.size - level
        return Standing(self.policy, max(0, int(level)), math.ceil(missing / self.policy.per_second))

    def _forget(self, now: datetime) -> None:
        """Drop full buckets, which a new one equals; when all are in use, the older half."""
        kept = {
            name: each for name, each in self._levels.items() if self._level(name, now) < self.policy.size
        }
        if len(kept) > BUCKETS_MAX // 2:
            newest = sorted(kept.items(), key=lambda item: item[1][1])[-BUCKETS_MAX // 2 :]
            kept = dict(newest)
        self._levels = kept


class Limits:
    """The limits of an application: requests of a key a second, refused keys from one address a minute; 0 is none."""

    def __init__(self, per_second: int = 0, refused_per_minute: int = 0) -> None:
        self.keys = Buckets(Policy("key", per_second * BURST_SECONDS, float(per_second)))
        self.refused = Buckets(Policy("address", refused_per_minute, refused_per_minute / 60))


def limits() -> Limits:
    """Return the limits of the running application."""
    found: Limits = current_app.extensions[EXTENSION]
    return found


def count_refused_key() -> None:
    """Count a wrong key against the address that showed it. Raises RateLimited when there were too many.

    A good key is never turned away for its address: behind a proxy that is not named in the settings, all share one.
    """
    limits().refused.take(request.remote_addr or "unknown", deps().clock.now())
