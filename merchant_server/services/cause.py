"""Which request caused what happens now, so that its id is found again in events and logs. Decides nothing."""

from contextvars import ContextVar

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def request_id() -> str | None:
    """Return the id of the request that is being answered, None in a worker."""
    return _request_id.get()


def begin(request_id: str | None) -> None:
    """Say which request is being answered from now on in this thread; None ends it."""
    _request_id.set(request_id)
