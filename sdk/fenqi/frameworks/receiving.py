"""One webhook request, whatever the framework: verify the raw bytes, run the handler once, say what to answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fenqi import webhooks
from fenqi.api.resources import Event
from fenqi.errors import SignatureVerificationError
from fenqi.inbox import Inbox, InboxUnavailable

# With an inbox a handler gets its connection, too: what it writes there commits with the inbox's own row.
Handler = Callable[..., object]
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Received:
    """What to answer: 204 taken (or a duplicate), 400 not believed, 503 come again. `text` says why."""

    status: int
    text: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with the status."""
        found = {"Content-Type": "text/plain; charset=utf-8"} if self.text else {}
        return found | ({"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status == 503 else {})


def receive(
    body: bytes,
    headers: Any,
    *,
    secret: str | Sequence[str],
    handler: Handler,
    inbox: Inbox | None = None,
    drop_stale: bool = True,
) -> Received:
    """Take one request in. `secret`: one, or several while rotating.

    Without an inbox `handler(event)` runs at every delivery of an event; with one `handler(event, connection)` runs
    once. What the handler raises goes through, so that the framework answers 500 and fenqi delivers again.
    """
    try:
        event: Event = webhooks.verify(body, headers, secret)
    except SignatureVerificationError as error:
        return Received(400, f"{error.reason}: {error.message}")
    if inbox is None:
        handler(event)
        return Received(204)
    try:
        inbox.handle(event, handler, drop_stale=drop_stale)
    except InboxUnavailable as error:
        return Received(503, error.message)
    return Received(204)
