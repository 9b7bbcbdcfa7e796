"""A circuit breaker for each outside source: after failures in a row it answers "unknown" at once, and says so.

Its state is this process's own; `fenqi_source_circuit_state` shows it to Prometheus.
"""

import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from prometheus_client import Gauge

from merchant_server.domain.decision import Bureau, Identity
from merchant_server.ports import BureauProvider, IdentityProvider, ProviderUnavailable

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 15.0
Answer = TypeVar("Answer")


class CircuitState(StrEnum):
    """closed: asked as usual. open: not asked. half_open: one question is on its way to try."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


_STATE = Gauge(
    "fenqi_source_circuit_state",
    "0 closed, 1 half open, 2 open, for each outside source; the highest of a server's processes",
    ["source"],
    multiprocess_mode="livemax",
)


class CircuitBreaker:
    """Counts failures in a row of one source. Safe to share between threads; `seconds` is a monotonic clock."""

    def __init__(
        self,
        source: str,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        open_seconds: float = OPEN_SECONDS,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source = source
        self._most, self._open_seconds, self._seconds = failures_to_open, open_seconds, seconds
        self._lock = threading.Lock()
        self._failures, self._opened_at, self._trying = 0, 0.0, False
        self._show()

    @property
    def state(self) -> CircuitState:
        """Where the breaker stands now."""
        if self._failures < self._most:
            return CircuitState.CLOSED
        over = self._seconds() - self._opened_at >= self._open_seconds
        return CircuitState.HALF_OPEN if self._trying or over else CircuitState.OPEN

    def call(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, unless the circuit is open. Raises ProviderUnavailable, its own or the source's."""
        with self._lock:
            if self.state == CircuitState.OPEN or self._trying:
                raise ProviderUnavailable(self.source, "its circuit is open after failures in a row")
            self._trying = self.state == CircuitState.HALF_OPEN
        try:
            answer = ask()
        except ProviderUnavailable:
            self._note(failed=True)
            raise
        except BaseException:
            self._note(failed=False)
            raise
        self._note(failed=False)
        return answer

    def _note(self, *, failed: bool) -> None:
        with self._lock:
            self._trying = False
            self._failures = self._failures + 1 if failed else 0
            if failed and self._failures >= self._most:
                self._opened_at = self._seconds()
            self._show()

    def _show(self) -> None:
        _STATE.labels(self.source).set(list(CircuitState).index(self.state))


class Breakers:
    """The breakers of one process, to be shown."""

    def __init__(self, *breakers: CircuitBreaker) -> None:
        self._breakers = breakers

    def states(self) -> dict[str, str]:
        """Return each source's circuit as it stands now."""
        return {each.source: each.state.value for each in self._breakers}


class GuardedIdentity:
    """An identity provider behind a breaker."""

    def __init__(self, provider: IdentityProvider, breaker: CircuitBreaker) -> None:
        self._provider, self.breaker = provider, breaker

    def check(self, *, reference: str, name: str, id_number: str, phone: str) -> Identity:
        """Ask the provider. Raises what it raises, and ProviderUnavailable while the circuit is open."""
        return self.breaker.call(
            lambda: self._provider.check(reference=reference, name=name, id_number=id_number, phone=phone)
        )


class GuardedBureau:
    """A bureau behind a breaker."""

    def __init__(self, provider: BureauProvider, breaker: CircuitBreaker) -> None:
        self._provider, self.breaker = provider, breaker

    def report(self, *, reference: str, id_number: str) -> Bureau:
        """Ask the bureau. Raises what it raises, and ProviderUnavailable while the circuit is open."""
        return self.breaker.call(lambda: self._provider.report(reference=reference, id_number=id_number))
