"""Refusals over HTTP: one table from error class to status, one body (RFC 9457) for all but pages."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, json
from werkzeug.exceptions import HTTPException

from merchant_server.domain.errors import (
    DomainError,
    Erased,
    Expired,
    Forbidden,
    NotFound,
    RateLimited,
    RuleRefused,
    TransitionConflict,
    TransitionNotAllowed,
    Unauthenticated,
    Unavailable,
)
from merchant_server.web.context import request_id

log = logging.getLogger(__name__)
TYPE_BASE = "https://fenqi.dev/errors/"
STATUS: dict[type[DomainError], int] = {
    NotFound: 404,
    TransitionNotAllowed: 409,
    TransitionConflict: 409,
    RuleRefused: 422,
    Expired: 410,
    Erased: 410,
    Forbidden: 403,
    Unauthenticated: 401,
    RateLimited: 429,
    Unavailable: 503,
}
HTTP_CODES = {
    400: ("body_malformed", "check the syntax of what you sent"),
    404: ("not_found", "check the path; GET /v1/openapi.json lists every route"),
    405: ("method_not_allowed", "the Allow header lists what this path takes"),
    413: ("body_too_large", "send at most 256 kB"),
    415: ("unsupported_media_type", "send Content-Type: application/json"),
}


class BodyRefused(Exception):
    """What was sent cannot be read or does not fit its schema. Attributes: status, code, detail, field."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None, hint: str = "") -> None:
        self.status, self.code, self.detail, self.field, self.hint = status, code, detail, field, hint
        super().__init__(detail)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    hint: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return one refusal as application/problem+json."""
    body = {
        "type": TYPE_BASE + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "field": field,
        "hint": hint,
        "request_id": request_id(),
    }
    response = Response(json.dumps(body), status, content_type="application/problem+json")
    response.headers.update(headers or {})
    return response


def from_domain(error: DomainError) -> Response:
    """Return a domain refusal; a status follows from the class, never from the place."""
    status = next((STATUS[each] for each in type(error).__mro__ if each in STATUS), 422)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="fenqi"'
    if status in (429, 503):
        headers["Retry-After"] = str(error.facts.get("retry_after_seconds", 5))
    return problem(status, error.code, error.message, field=error.field, hint=error.hint, headers=headers)


def from_http(error: HTTPException) -> Response:
    """Return a routing or parsing refusal of the framework, with its own headers (Allow on 405)."""
    status = error.code or 500
    if error.response is not None or status < 400:
        # A redirect of the router keeps its Location.
        return error.get_response()  # type: ignore[return-value]
    code, hint = HTTP_CODES.get(status, ("request_refused", "look at the status"))
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return problem(status, code, error.description or code, hint=hint, headers=kept)


def from_body(error: BodyRefused) -> Response:
    """Return a refusal of what was sent."""
    return problem(error.status, error.code, error.detail, field=error.field, hint=error.hint)


def from_bug(error: Exception) -> Response:
    """Return a mistake of ours without its details; the log has them under the request id."""
    log.error("unexpected error in request %s", request_id(), exc_info=error)
    return problem(
        500, "internal", "something went wrong on our side", hint="try again; tell us the request_id"
    )


def register(app: Flask) -> None:
    """Answer every refusal that no page handles itself as a problem."""
    handlers: dict[type[Exception], Any] = {
        DomainError: from_domain,
        BodyRefused: from_body,
        HTTPException: from_http,
        Exception: from_bug,
    }
    for kind, handler in handlers.items():
        app.register_error_handler(kind, handler)
