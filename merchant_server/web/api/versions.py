"""Versions of /v1, named by a date: what a caller of an older one gets instead of the newest.

Every view speaks the newest version. A change that could break a reader gets a date here and a function that turns
the newest answer back; a caller of an older version gets all later changes undone, newest first. A change that only
adds a field, a route or a word needs no version: clients pass over what they do not know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fenqi.wire import VERSIONS

from merchant_server.web.problems import BodyRefused

HEADER = "Fenqi-Version"
NEWEST = VERSIONS[-1]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an answer. `endpoint` is the view it is about, `undo` makes the older answer of the newer."""

    version: str
    endpoint: str
    says: str
    undo: Callable[[dict[str, Any]], dict[str, Any]]


def _numbered_cursor(page: dict[str, Any]) -> dict[str, Any]:
    """Give the feed's cursor as the last event's number, as it was before cursors named their event."""
    last = page["data"][-1] if page["data"] else None
    return page if last is None else {**page, "next_cursor": str(last["sequence"])}


CHANGES = (
    Change(
        "2026-11-22",
        "events.listing",
        "`next_cursor` of `GET /v1/events` is the id of the last event, so that another merchant's cursor is refused;"
        " before, it was the event's `sequence`. Both are taken as `after`.",
        _numbered_cursor,
    ),
)


def chosen(header: str | None, of_key: str) -> str:
    """Return the version that a request is answered in. Raises BodyRefused for one that does not exist."""
    version = of_key or NEWEST if header is None else header.strip()
    if version not in VERSIONS:
        raise BodyRefused(
            400,
            "version_unknown",
            f"there is no such version; there are {', '.join(VERSIONS)}",
            HEADER,
            f"send {HEADER}: {NEWEST}, or leave it out for the version of your key",
        )
    return version


def changes_after(version: str, endpoint: str) -> list[Change]:
    """Return what an answer of a view must have undone for a version, newest first."""
    return [each for each in reversed(CHANGES) if each.endpoint == endpoint and each.version > version]
