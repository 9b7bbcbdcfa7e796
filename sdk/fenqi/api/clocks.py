"""`client.test_clocks`: time to turn in test mode. What falls due on the way is done by the server, day by day."""

import secrets
from datetime import datetime
from typing import Any

from fenqi.api.intent import path_id
from fenqi.api.pages import Page, checked_limit
from fenqi.api.resources import TestClock
from fenqi.api.transport import Transport
from fenqi.durations import parse_duration
from fenqi.errors import InvalidArgument, RequestTimeout
from fenqi.wire import utc_text

_PATH = "/v1/test_clocks"
CURRENT = "current"
POLL_SECONDS = 0.5


class TestClocks:
    """The test clocks that this key may turn: the merchant's one, whose id may be left out."""

    __test__ = False

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> Page[TestClock]:
        """Return the clocks."""
        return Page(self._transport, _PATH, {"limit": checked_limit(limit)}, TestClock.from_dict)

    def retrieve(self, clock_id: str = CURRENT) -> TestClock:
        """Return a clock as it stands now. Raises NotFoundError."""
        path = f"{_PATH}/{path_id(clock_id, 'clock_id')}"
        return TestClock.from_dict(self._transport.call("GET", path).body)

    def advance(
        self,
        by: str | None = None,
        *,
        to: datetime | None = None,
        clock_id: str = CURRENT,
        idempotency_key: str | None = None,
    ) -> TestClock:
        """Let a clock go forwards by a duration ("1 month", "P1M") or to a moment; every call means it anew.

        The clock is `advancing` until everything that fell due on the way was done; `wait` waits for that.
        Raises InvalidArgument, ConflictError while it is on its way already.
        """
        if (by is None) == (to is None):
            raise InvalidArgument("Give either a duration or to=.", field="by")
        body: dict[str, Any]
        if by is not None:
            parse_duration(by)
            body = {"by": by}
        else:
            assert to is not None
            if to.utcoffset() is None:
                raise InvalidArgument("Expected an aware datetime.", field="to")
            body = {"to": utc_text(to)}
        path = f"{_PATH}/{path_id(clock_id, 'clock_id')}/advance"
        key = idempotency_key or "fenqi-" + secrets.token_hex(24)
        return TestClock.from_dict(self._transport.call("POST", path, body=body, idempotency_key=key).body)

    def wait(self, clock_id: str = CURRENT, *, timeout_seconds: float = 120.0) -> TestClock:
        """Return the clock once it is ready. Raises RequestTimeout when that takes longer than `timeout_seconds`."""
        started = self._transport.clock.now()
        while True:
            found = self.retrieve(clock_id)
            if found.status != "advancing":
                return found
            if (self._transport.clock.now() - started).total_seconds() >= timeout_seconds:
                raise RequestTimeout(
                    f"The test clock was not ready within {timeout_seconds:g} s.",
                    hint="Is the worker running? It does what falls due on the way.",
                )
            self._transport.clock.sleep(POLL_SECONDS)
