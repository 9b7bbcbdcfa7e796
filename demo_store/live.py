"""Live states: one watcher a checkout, shared by every open page, and server-sent events made from it.

A stream holds a thread, so their number is capped; a page that gets none polls instead.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fenqi import Checkout, Client, FenqiError, RequestTimeout
from flask import Response, stream_with_context

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
TICKS_PER_STREAM = 240
TICKS_PER_KEEP_ALIVE = 10
RETRY_SECONDS = 3.0
# How long a watcher may go on after the last looker has left.
WATCH_SECONDS = 30


class LiveCheckouts:
    """Follows checkouts at fenqi while somebody looks, and wakes the lookers."""

    def __init__(self, client: Client, max_streams: int) -> None:
        self._client = client
        self._changed = threading.Condition()
        self._slots = threading.BoundedSemaphore(max_streams)
        self._lookers: dict[str, int] = {}
        self._watched: set[str] = set()
        self._latest: dict[str, Checkout] = {}
        self._closing = False

    def wake(self) -> None:
        """Tell every open stream to look again; called when an event was taken in."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Let all streams end soon, for a graceful stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def latest(self, checkout_id: str) -> Checkout | None:
        """Return the newest checkout that the watcher has seen, if one is watching."""
        with self._changed:
            return self._latest.get(checkout_id)

    def try_open(self) -> bool:
        """Take one of the stream places; False when all are taken."""
        return not self._closing and self._slots.acquire(blocking=False)

    def events(self, checkout_id: str, look: Callable[[], dict[str, Any]]) -> Iterator[str]:
        """Yield server-sent events: what `look` returns, at once and whenever it differs; ends when it is final.

        An empty `checkout_id` watches nothing at fenqi. The caller holds a place from `try_open`.
        """
        yield "retry: 2000\n\n"
        with self._looking(checkout_id):
            shown: dict[str, Any] | None = None
            for tick in range(TICKS_PER_STREAM):
                seen = look()
                if shown is None or _facts(seen) != _facts(shown):
                    shown = seen
                    yield f"event: state\ndata: {json.dumps(seen, ensure_ascii=False)}\n\n"
                elif tick % TICKS_PER_KEEP_ALIVE == 0:
                    yield ": keep-alive\n\n"
                if seen["final"] or self._closing:
                    return
                with self._changed:
                    self._changed.wait(TICK_SECONDS)

    def give_back(self) -> None:
        """Free a place got from `try_open`; once for each."""
        self._slots.release()

    @contextmanager
    def _looking(self, checkout_id: str) -> Iterator[None]:
        if not checkout_id:
            yield
            return
        with self._changed:
            self._lookers[checkout_id] = self._lookers.get(checkout_id, 0) + 1
            if checkout_id not in self._watched:
                self._watched.add(checkout_id)
                threading.Thread(target=self._watch, args=(checkout_id,), name="watch", daemon=True).start()
        try:
            yield
        finally:
            with self._changed:
                self._lookers[checkout_id] -= 1
                if not self._lookers[checkout_id]:
                    del self._lookers[checkout_id]
                    self._latest.pop(checkout_id, None)

    def _still_wanted(self, checkout_id: str) -> bool:
        """Decide, and sign off, under one lock: a looker that comes later starts a new watcher."""
        with self._changed:
            latest = self._latest.get(checkout_id)
            ended = latest is not None and latest.till.final
            if self._closing or ended or checkout_id not in self._lookers:
                self._watched.discard(checkout_id)
                return False
            return True

    def _watch(self, checkout_id: str) -> None:
        while self._still_wanted(checkout_id):
            try:
                for checkout in self._client.checkouts.watch(checkout_id, timeout_seconds=WATCH_SECONDS):
                    with self._changed:
                        if checkout_id in self._lookers:
                            self._latest[checkout_id] = checkout
                        self._changed.notify_all()
                    if not self._still_wanted(checkout_id):
                        return
            except RequestTimeout:
                continue
            except FenqiError as error:
                log.warning("watching %s: %s", checkout_id, error)
            with self._changed:
                self._changed.wait(RETRY_SECONDS)


def _facts(seen: dict[str, Any]) -> dict[str, Any]:
    """Leave out what changes by itself, such as the seconds left."""
    return {name: value for name, value in seen.items() if name != "remaining_seconds"}


def stream_response(live: LiveCheckouts, checkout_id: str, look: Callable[[], dict[str, Any]]) -> Response:
    """Return the stream, or 503 with Retry-After when all places are taken (the page then polls)."""
    if not live.try_open():
        return Response(status=503, headers={"Retry-After": "30"})
    body = stream_with_context(live.events(checkout_id, look))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = Response(body, mimetype="text/event-stream", headers=headers)
    response.call_on_close(live.give_back)
    return response
