"""Server-sent events, read line by line (HTML Living Standard §9.2.6). Opens and reopens no connection."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MESSAGE_LENGTH_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One dispatched message: its name ("message" when unnamed), last id and data."""

    name: str
    id: str
    data: str


class StreamTooLong(Exception):
    """A message without end; the reader gives up rather than fill the memory."""


def server_sent_events(lines: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """Yield messages from the lines of an event stream; comments and unfinished messages are dropped."""
    name, last_id, length = "", "", 0
    data: list[str] = []
    for raw in lines:
        line = raw.decode("utf-8", "replace")
        if not line:
            if data:
                yield ServerSentEvent(name or "message", last_id, "\n".join(data))
            name, data, length = "", [], 0
            continue
        length += len(line)
        if length > MESSAGE_LENGTH_MAX:
            raise StreamTooLong
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last_id = value
