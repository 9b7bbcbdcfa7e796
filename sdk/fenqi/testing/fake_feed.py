"""The fake server's event feed: cursors and how far each reader has got. Opens no socket."""

from typing import Any

from fenqi.testing.clock import ManualClock
from fenqi.testing.fake_answers import Refused
from fenqi.testing.fake_sales import FakeSales
from fenqi.wire import LATEST, AckSchema, EventMarkSchema, EventQuerySchema, strict_json


class FakeFeed:
    """Events of a FakeSales, read as /v1/events reads them. Handlers return status and JSON."""

    def __init__(self, sales: FakeSales, clock: ManualClock) -> None:
        self._sales, self._clock = sales, clock
        self._marks: dict[str | None, int] = {}

    def list_events(self, query: dict[str, str], _: bytes) -> tuple[int, dict[str, Any]]:
        wanted = EventQuerySchema().load(query)
        after = self._marks.get(wanted["reader"], 0)
        if wanted["after"] == LATEST:
            wanted["after"] = self._sales.events[-1]["id"] if self._sales.events else "0"
        if wanted["after"] is not None:
            after = self._sequence(wanted["after"], "after")
        rows = self._sales.events[after : after + wanted["limit"]]
        return 200, {
            "object": "list",
            "data": rows,
            "has_more": after + len(rows) < len(self._sales.events),
            "next_cursor": rows[-1]["id"] if rows else wanted["after"],
        }

    def acknowledge(self, _: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        wanted = AckSchema().load(strict_json(body))
        reader, sequence = wanted["reader"], self._sequence(wanted["cursor"], "cursor")
        self._marks[reader] = max(sequence, self._marks.get(reader, 0))
        mark = {"reader": reader, "sequence": self._marks[reader], "acknowledged_at": self._clock.now()}
        return 200, EventMarkSchema().dump(mark)

    def _sequence(self, cursor: str, field: str) -> int:
        known = {event["id"]: event["sequence"] for event in self._sales.events}
        sequence = int(cursor) if cursor.isdecimal() else known.get(cursor, -1)
        if not 0 <= sequence <= len(self._sales.events):
            raise Refused(422, "cursor_unknown", "This cursor is not of your feed.", field)
        return int(sequence)
