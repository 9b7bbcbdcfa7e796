"""What routes share: how they answer a read, and what they say of themselves in OpenAPI besides their schemas."""

from typing import Any

from apispec import APISpec
from fenqi.wire import VERSIONS
from flask import Response

from merchant_server.services.operation.idempotency import json_bytes
from merchant_server.web.api.examples import EXAMPLES
from merchant_server.web.problems import BodyRefused

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


METHODS = {"get", "post", "patch", "delete"}
HEADERS = {
    "X-Request-Id": "The request's id: yours when you sent one, else ours; also in problems, events and logs.",
    "Fenqi-Version": "The version that this answer is in.",
    "RateLimit": "What is left of the key's limit (IETF httpapi draft).",
    "RateLimit-Policy": "The key's limit (IETF httpapi draft).",
}


def describe(spec: APISpec) -> None:
    """Add to the description what no schema knows: examples, the version header, and headers of answers."""
    for name, example in EXAMPLES.items():
        spec.components.schemas[name]["examples"] = [example]
    spec.components.parameter(
        "FenqiVersion",
        "header",
        {
            "name": "Fenqi-Version",
            "required": False,
            "schema": {"type": "string", "enum": list(VERSIONS)},
            "description": "The version to answer in; your key's own when left out.",
        },
    )
    for name, says in HEADERS.items():
        spec.components.header(name, {"description": says, "schema": {"type": "string"}})
    for path in spec.to_dict()["paths"].values():
        for method in set(path) & METHODS:
            operation = path[method]
            operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/FenqiVersion"})
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}


def window(items: list[dict[str, Any]], query: dict[str, Any]) -> Response:
    """Answer the page of a short list that a query asks for. Raises BodyRefused for a cursor that is not in it."""
    start = 0
    if query["cursor"] is not None:
        places = [number for number, item in enumerate(items) if item["id"] == query["cursor"]]
        if not places:
            raise BodyRefused(
                400,
                "cursor_unknown",
                "this cursor is not of this list",
                "cursor",
                "use next_cursor of the page before, with the same filters",
            )
        start = places[0] + 1
    return page(items[start:], query["limit"])


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
