"""Answers and refusals of the fake server, and its pages. Opens no socket."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TITLES = {
    400: "Bad request", 401: "Not authenticated", 404: "Not found", 405: "Method not allowed",
    409: "Conflict", 422: "Not accepted", 429: "Too many requests", 500: "Server error", 503: "Unavailable",
}  # fmt: skip
_PHONE = re.compile(r"\+?[0-9][0-9 -]{6,18}[0-9]")


@dataclass(frozen=True)
class Answer:
    """Status, headers and body bytes."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that is answered by a problem."""

    def __init__(self, status: int, code: str, detail: str, at: str | None = None) -> None:
        self.status, self.code, self.detail, self.at = status, code, detail, at
        super().__init__(detail)


def json_bytes(body: Mapping[str, Any]) -> bytes:
    """Return a body as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def page(rows: list[dict[str, Any]], limit: int, cursor: str | None) -> dict[str, Any]:
    """Return the page of a list after a cursor."""
    start = int(cursor) if cursor and cursor.isdecimal() else 0
    more = start + limit < len(rows)
    return {
        "object": "list",
        "data": rows[start : start + limit],
        "has_more": more,
        "next_cursor": str(start + limit) if more else None,
    }


def checked_phone(text: str) -> str:
    """Return a mobile number, or refuse it as phone_invalid; the server looks at its country, too."""
    if not _PHONE.fullmatch(text):
        raise Refused(422, "phone_invalid", "Expected a mobile number.", "phone")
    return text
