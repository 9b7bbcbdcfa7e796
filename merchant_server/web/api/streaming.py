"""Live checkouts by server-sent events. Each stream holds a thread, so their number is capped; polling always works."""

import threading
from collections.abc import Iterator

from flask import Response

from merchant_server.domain.errors import Unavailable
from merchant_server.domain.merchant import Caller
from merchant_server.services.deps import Deps
from merchant_server.services.operation.idempotency import json_bytes
from merchant_server.services.resources import checkout_resource
from merchant_server.services.sale.checkouts import find_checkout

STREAMS_MAX = 32
LOOK_SECONDS = 0.25
LOOKS_MAX = 240
LOOKS_PER_KEEP_ALIVE = 40
_places = threading.BoundedSemaphore(STREAMS_MAX)


def checkout_stream(deps: Deps, who: Caller, checkout_id: str) -> Response:
    """Return the stream of one checkout. Raises NotFound, or Unavailable when all places are taken."""
    with deps.storage.reading() as uow:
        find_checkout(uow, who, checkout_id)
    if not _places.acquire(blocking=False):
        raise Unavailable(
            "too many live streams are open",
            code="streams_exhausted",
            hint="poll instead",
            retry_after_seconds=2,
        )
    place = _Place()
    response = Response(_follow(deps, who, checkout_id, place), content_type="text/event-stream")
    response.call_on_close(place.leave)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


class _Place:
    """One of the streams that may be open, given back once."""

    def __init__(self) -> None:
        self._taken = threading.Lock()

    def leave(self) -> None:
        if self._taken.acquire(blocking=False):
            _places.release()


def _follow(deps: Deps, who: Caller, checkout_id: str, place: _Place) -> Iterator[bytes]:
    seen = 0
    try:
        for look in range(LOOKS_MAX):
            with deps.storage.reading() as uow:
                checkout = find_checkout(uow, who, checkout_id)
            if checkout.version != seen:
                seen = checkout.version
                resource = checkout_resource(checkout, deps.public_url)
                yield b"event: checkout\nid: %d\ndata: %s\n\n" % (seen, json_bytes(resource))
                if resource["till"]["final"]:
                    return
            elif look % LOOKS_PER_KEEP_ALIVE == 0:
                yield b": keep-alive\n\n"
            deps.clock.sleep(LOOK_SECONDS)
    finally:
        place.leave()
