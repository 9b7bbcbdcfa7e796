"""Reading what clients send: strict JSON through the schemas of fenqi.wire, and idempotency keys."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from fenqi.errors import JsonRefused
from fenqi.wire import first_error, strict_json
from flask import Request, Response
from flask.globals import app_ctx, request_ctx
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from merchant_server.domain.merchant import Caller
from merchant_server.ports import UnitOfWork
from merchant_server.services.operation.idempotency import Once, Reply, run_once
from merchant_server.web.context import deps
from merchant_server.web.problems import BodyRefused

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
KEY_LENGTH_MAX = 255
BODY_BYTES_MAX = 256 * 1024


class StrictParser(FlaskParser):
    """webargs that reads bodies with strict_json and leaves unknown fields to the schema."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Return the parsed body; an empty one stands for {}."""
        return read_json()

    def handle_error(
        self,
        error: ValidationError,
        req: Request,
        schema: Schema,
        *,
        error_status_code: int | None,
        error_headers: Any,
    ) -> Any:
        """Raise the first error as a refusal with its field."""
        messages = error.messages
        inner = (
            next(iter(messages.values())) if isinstance(messages, dict) and len(messages) == 1 else messages
        )
        found = first_error(inner if isinstance(inner, dict) else messages)
        if found.code == "field_unknown" and isinstance(messages, dict) and "query" in messages:
            allowed = ", ".join(schema.fields) or "none"
            raise BodyRefused(
                400,
                "filter_unknown",
                f"there is no such filter here; there are: {allowed}",
                found.field,
                "check the spelling, or leave it out",
            ) from error
        status = 400 if found.code == "body_malformed" else 422
        raise BodyRefused(status, found.code, found.detail, found.field, "see /v1/openapi.json") from error


class ApiBlueprint(Blueprint):
    """A blueprint whose arguments are read strictly."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: type[Schema] | Schema, **named: Any) -> Any:
        """Decorate a view that takes what `schema` loads; one instance serves all: making one is dear."""
        return super().arguments(schema if isinstance(schema, Schema) else schema(), **named)


def read_json() -> Any:
    """Return this request's JSON body, read once. Raises BodyRefused with the position of what is wrong."""
    asked, kept = request_ctx.request, app_ctx.g
    if "body" not in kept:
        raw = asked.get_data(cache=True)
        if raw and asked.mimetype != "application/json":
            raise BodyRefused(
                415,
                "unsupported_media_type",
                "the body is not JSON",
                hint="send Content-Type: application/json",
            )
        try:
            kept.body = strict_json(raw) if raw else {}
        except JsonRefused as refused:
            raise BodyRefused(
                400, "body_malformed", str(refused), hint="send UTF-8 JSON without floats"
            ) from refused
    return kept.body


def idempotency_key() -> str:
    """Return the request's key, quoted (RFC draft: a structured string) or bare. Raises BodyRefused."""
    text = request_ctx.request.environ.get("HTTP_IDEMPOTENCY_KEY", "").strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not text:
        raise BodyRefused(
            400,
            "idempotency_key_missing",
            "every POST needs an Idempotency-Key",
            hint="send a random text of your own, the same one when you retry",
        )
    if len(text) > KEY_LENGTH_MAX or not text.isascii() or not text.isprintable() or " " in text:
        raise BodyRefused(
            400, "idempotency_key_invalid", "an Idempotency-Key is 1 to 255 visible ASCII characters"
        )
    return text


def answer_once(
    caller: Caller,
    status: int,
    action: Callable[[UnitOfWork], dict[str, Any] | None],
    *,
    moves_money: bool = False,
) -> Response:
    """Answer a POST through its key: run once, replay for 30 days, and for ever where it `moves_money`."""
    asked, canonical = request_ctx.request, _CANONICAL.encode(read_json())
    words = "\n".join((asked.method, asked.path, caller.merchant_id, caller.mode, canonical))
    fingerprint = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
    once = Once(idempotency_key(), fingerprint, moves_money)
    return _response(run_once(deps(), caller, once, status, action))


def _response(reply: Reply) -> Response:
    response = Response(reply.body, reply.status, content_type="application/json")
    if reply.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
