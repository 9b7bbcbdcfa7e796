"""What routes share: how they answer a read, and what they say of themselves in OpenAPI besides their schemas."""

from typing import Any

from flask import Response

from merchant_server.services.operation.idempotency import json_bytes

IDEMPOTENT: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "description": "Your own text for this one intent; the same when you retry.",
        }
    ]
}


def page(items: list[dict[str, Any]], limit: int) -> Response:
    """Answer a list of at most `limit` items; one more than that means that more follow."""
    shown = items[:limit]
    more = len(items) > limit
    return listed(shown, shown[-1]["id"] if more else None)


def listed(
    items: list[dict[str, Any]], next_cursor: str | None = None, *, has_more: bool | None = None
) -> Response:
    """Answer a list resource; more follow when there is a cursor, unless said otherwise."""
    more = next_cursor is not None if has_more is None else has_more
    return answer({"object": "list", "data": items, "has_more": more, "next_cursor": next_cursor})


def answer(resource: dict[str, Any]) -> Response:
    """Return a resource as it is: resources are JSON-ready, and a test holds them against their schemas."""
    return Response(json_bytes(resource), content_type="application/json")
