"""What stands before every sandbox route: the API key, strict JSON bodies, problem+json for every refusal."""

import hashlib
import hmac
import json
import re
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from merchant_server.providers.http import NotStrictJson, closed_object, parse_json
from merchant_server.providers.sandbox.database import OperationalError, Transaction
from merchant_server.providers.sandbox.settings import SandboxSettings

BODY_BYTES_MAX = 65_536
# Below this are pages for people: each address is a secret of its own, so that no key is asked for.
PAGES = "/bank/pay/"
AMOUNT_MINOR_MAX = 10**12
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{4,64}")
_CURRENCY = re.compile(r"[A-Z]{3}")


class Refused(Exception):
    """The sandbox says no. Attributes: status, code, detail (no personal data), field."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        self.status, self.code, self.detail, self.field = status, code, detail, field
        super().__init__(detail)


def json_answer(status: int, body: dict[str, Any]) -> Response:
    """Return a JSON response with sorted keys, so that equal answers are equal bytes."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    return Response(text, status=status, content_type="application/json")


def problem(status: int, code: str, detail: str, field: str | None = None) -> Response:
    """Return an RFC 9457 problem document."""
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    if field is not None:
        body["field"] = field
    response = json_answer(status, body)
    response.content_type = "application/problem+json"
    return response


def json_body(fields: dict[str, type]) -> dict[str, Any]:
    """Return the request's JSON object with exactly these fields. Raises Refused (415, 422)."""
    if request.mimetype != "application/json":
        raise Refused(415, "content_type_unsupported", "send application/json")
    try:
        return closed_object(parse_json(request.get_data()), fields)
    except NotStrictJson as error:
        raise Refused(422, "body_invalid", error.reason) from None


def reference_of(body: dict[str, Any], field: str = "reference") -> str:
    """Return a reference: 4 to 64 letters, digits, `_` or `-`. Raises Refused (422)."""
    text = body[field]
    if not isinstance(text, str) or not _REFERENCE.fullmatch(text):
        raise Refused(422, "reference_invalid", "use 4 to 64 letters, digits, _ or -", field)
    return text


def text_of(body: dict[str, Any], field: str, longest: int = 80) -> str:
    """Return a non-empty text of at most `longest` characters. Raises Refused (422)."""
    text = body[field]
    if not isinstance(text, str) or not text.strip() or len(text) > longest:
        raise Refused(422, "text_invalid", f"use 1 to {longest} characters", field)
    return text


def amount_of(body: dict[str, Any], field: str) -> tuple[int, str]:
    """Return (minor units, currency) of a positive amount. Raises Refused (422)."""
    try:
        found = closed_object(body[field], {"minor": int, "currency": str})
    except NotStrictJson as error:
        raise Refused(422, "amount_invalid", error.reason, field) from None
    if not 0 < found["minor"] <= AMOUNT_MINOR_MAX or not _CURRENCY.fullmatch(found["currency"]):
        detail = f"use 1 to {AMOUNT_MINOR_MAX} minor units and a three-letter currency"
        raise Refused(422, "amount_invalid", detail, field)
    return found["minor"], found["currency"]


def answered_badly(tx: Transaction, answer: str, about: str) -> str:
    """Return how a request is answered this time: badly the first time for `about`, and ok ever after."""
    if answer == "ok":
        return "ok"
    first = tx.run("INSERT INTO bad_answers VALUES (:about) ON CONFLICT DO NOTHING", about=about)
    return answer.removesuffix("_once") if first else "ok"


def answered(kind: str, body: dict[str, Any], settings: SandboxSettings, *, status: int = 200) -> Response:
    """Answer well, or as badly as the magic value asks for."""
    if kind in ("down", "lost"):
        return problem(503, "down", "this magic value means: the service is down")
    if kind == "garbage":
        return Response(
            '{"result": "perhaps", "score": NaN, "score"', status=200, content_type="application/json"
        )
    if kind == "slow":
        settings.clock.sleep(settings.slow_answer_seconds)
    return json_answer(status, body)


def install(app: Flask, api_key: str) -> None:
    """Put key check, size limit and problem documents in front of every route of `app`."""
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    expected = hashlib.sha256(f"Bearer {api_key}".encode()).digest()

    @app.before_request
    def check_key() -> None:
        if request.path == "/healthz" or request.path.startswith(PAGES):
            return
        given = hashlib.sha256(request.headers.get("authorization", "").encode("utf-8")).digest()
        if not hmac.compare_digest(given, expected):
            raise Refused(401, "api_key_wrong", "send Authorization: Bearer and the sandbox's API key")

    @app.errorhandler(Refused)
    def refuse(error: Refused) -> Response:
        response = problem(error.status, error.code, error.detail, error.field)
        if error.status == 401:
            response.headers["www-authenticate"] = "Bearer"
        return response

    @app.errorhandler(OperationalError)
    def busy(_: Exception) -> Response:
        response = problem(503, "storage_unavailable", "the sandbox's database is busy or full; try again")
        response.headers["retry-after"] = "1"
        return response

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        response = problem(status, error.name.lower().replace(" ", "_"), error.name)
        for name, value in error.get_headers():
            # A 405 must keep its Allow header (RFC 9110 section 15.5.6).
            if name.lower() == "allow":
                response.headers[name] = value
        return response
