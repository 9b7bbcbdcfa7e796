"""Keys that were good a moment ago: a busy key is looked up twice a second instead of at every request.

So a revoked or expired key ends within half a second in every process of the installation. Nothing here outlives the
process, and secrets are kept as hashes only.
"""

from datetime import datetime, timedelta

from flask import current_app

from merchant_server.domain.merchant import Caller, key_hash
from merchant_server.services.deps import Deps
from merchant_server.services.operation.api_keys import authenticate

EXTENSION = "fenqi_known_keys"
KEPT_SECONDS = 0.5
KEYS_MAX = 1_000


class KnownKeys:
    """Who held which key, and when that was looked up; with `seconds` 0 every request asks the database."""

    def __init__(self, seconds: float = KEPT_SECONDS) -> None:
        self._kept_for = timedelta(seconds=seconds)
        self._found: dict[str, tuple[Caller, datetime]] = {}

    def caller(self, deps: Deps, secret: str) -> Caller:
        """Return who holds a key. Raises as `authenticate` does; a refusal is never remembered."""
        now, hashed = deps.clock.now(), key_hash(secret)
        found = self._found.get(hashed)
        if found is not None and timedelta() <= now - found[1] < self._kept_for:
            return found[0]
        caller = authenticate(deps, secret)
        if self._kept_for:
            if len(self._found) >= KEYS_MAX:
                self._found = {}
            self._found[hashed] = caller, now
        return caller


def known_keys() -> KnownKeys:
    """Return what the running application remembers."""
    found: KnownKeys = current_app.extensions[EXTENSION]
    return found
