"""`client.events`: the gap-free feed, and how far you have read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from fenqi.api.intent import fresh_key
from fenqi.api.pages import Page, checked_limit
from fenqi.api.reading import RAW, known, load
from fenqi.api.resources import Event
from fenqi.api.transport import Transport
from fenqi.errors import InvalidArgument, NotFenqi
from fenqi.wire import LATEST, EventMarkSchema

_MARK = EventMarkSchema()


@dataclass(frozen=True, slots=True)
class EventMark:
    """How far a named reader of the feed has got."""

    reader: str
    sequence: int
    acknowledged_at: datetime
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a mark's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_MARK, raw)), raw=raw)


class Events:
    """The gap-free feed of everything that happened; what a webhook missed is here."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, after: str | int | None = None, reader: str | None = None, limit: int | None = None
    ) -> Page[Event]:
        """Return events, oldest first, after a cursor: the `cursor` of the last event handled, None for all.

        With `reader` instead, the feed goes on where that reader acknowledged last.
        Iterating goes on to the newest event and then ends; keep the last event's cursor for the next time.
        """
        query = {"after": _cursor(after, "after"), "reader": reader, "limit": checked_limit(limit)}
        return Page(self._transport, "/v1/events", query, Event.from_dict, cursor_name="after")

    def newest_cursor(self) -> str:
        """Return the cursor behind the newest event: `list(after=it)` gives what happens from now on."""
        page = Page(self._transport, "/v1/events", {"after": LATEST}, Event.from_dict, cursor_name="after")
        if page.next_cursor is None:
            raise NotFenqi("The feed gave no cursor.", hint="Check the server's version.")
        return page.next_cursor

    def acknowledge(
        self, cursor: str | int, *, reader: str = "default", idempotency_key: str | None = None
    ) -> EventMark:
        """Say that a reader has dealt with everything up to an event; its mark never goes back."""
        body = {"reader": reader, "cursor": _cursor(cursor, "cursor")}
        key = idempotency_key or fresh_key()
        return EventMark.from_dict(
            self._transport.call("POST", "/v1/events/ack", body=body, idempotency_key=key).body
        )


def _cursor(cursor: str | int | None, field: str) -> str | None:
    if isinstance(cursor, bool) or not (cursor is None or isinstance(cursor, str | int)):
        raise InvalidArgument("Expected an event's cursor.", field=field)
    return None if cursor is None else str(cursor)
