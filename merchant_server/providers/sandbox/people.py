"""The sandbox's identity check, bureau and SMS gateway. The first two answer from magic.py, keeping nothing."""

import hashlib
from typing import Any

from flask import Blueprint, Response, request

from merchant_server.providers.sandbox.database import SandboxDatabase
from merchant_server.providers.sandbox.door import (
    Refused,
    json_answer,
    json_body,
    problem,
    reference_of,
    text_of,
)
from merchant_server.providers.sandbox.magic import PHONES, bureau_report, person
from merchant_server.providers.sandbox.settings import SandboxSettings

_MESSAGES_MAX = 100


def people_routes(database: SandboxDatabase, settings: SandboxSettings) -> Blueprint:
    """Return the routes under /identity/v1, /bureau/v1 and /sms/v1."""
    routes = Blueprint("people", __name__)

    @routes.post("/identity/v1/checks")
    def check() -> Response:
        body = json_body(dict.fromkeys(("reference", "name", "id_number", "phone"), str))
        reference = reference_of(body)
        text_of(body, "name")
        text_of(body, "phone", 20)
        kind = person(text_of(body, "id_number", 32)).identity
        result = "mismatch" if kind == "mismatch" else "match"
        return _answered(kind, {"reference": _theirs("idc", reference), "result": result}, settings)

    @routes.post("/bureau/v1/reports")
    def report() -> Response:
        body = json_body({"reference": str, "id_number": str})
        reference, id_number = reference_of(body), text_of(body, "id_number", 32)
        found = {"reference": _theirs("bur", reference), **bureau_report(id_number)}
        return _answered(person(id_number).bureau, found, settings)

    @routes.post("/sms/v1/messages")
    def send() -> Response:
        body = json_body(dict.fromkeys(("reference", "phone", "text"), str))
        return _accept(body, database, settings)

    @routes.get("/sms/v1/messages")
    def inbox() -> Response:
        after = request.args.get("after", "0")
        if not after.isascii() or not after.isdigit() or len(after) > 15:
            raise Refused(422, "cursor_invalid", "use the id of the last message that you have", "after")
        with database.transaction() as tx:
            rows = tx.all(
                "SELECT id, reference, phone, text, sent_at FROM messages"
                " WHERE id > :after AND (:phone = '' OR phone = :phone) ORDER BY id LIMIT :limit",
                after=int(after),
                phone=request.args.get("phone", ""),
                limit=_MESSAGES_MAX,
            )
        return json_answer(200, {"messages": rows})

    return routes


def _accept(body: dict[str, Any], database: SandboxDatabase, settings: SandboxSettings) -> Response:
    reference, phone, text = reference_of(body), text_of(body, "phone", 20), text_of(body, "text", 1000)
    if not phone.startswith("+") or not phone[1:].isascii() or not phone[1:].isdigit():
        raise Refused(422, "phone_invalid", "use E.164: + and digits", "phone")
    kind = PHONES.get(phone, "")
    if kind == "refused":
        raise Refused(422, "phone_unreachable", "this number takes no messages", "phone")
    if kind != "down":
        fingerprint = database.keyed_hash("message", body)
        with database.transaction() as tx:
            tx.run(
                "INSERT INTO messages (reference, fingerprint, phone, text, sent_at)"
                " VALUES (:reference, :fingerprint, :phone, :text, :sent_at) ON CONFLICT DO NOTHING",
                reference=reference,
                fingerprint=fingerprint,
                phone=phone,
                text=text,
                sent_at=settings.clock.now().isoformat(),
            )
            row = tx.one("SELECT fingerprint FROM messages WHERE reference = :reference", reference=reference)
        if row is None or row["fingerprint"] != fingerprint:
            raise Refused(409, "reference_conflict", "this reference was used with another body", "reference")
    return _answered(kind, {"reference": reference, "status": "accepted"}, settings, status=202)


def _answered(kind: str, body: dict[str, Any], settings: SandboxSettings, *, status: int = 200) -> Response:
    """Answer well, or as badly as the magic value asks for."""
    if kind == "down":
        return problem(503, "down", "this magic value means: the service is down")
    if kind == "garbage":
        return Response(
            '{"result": "perhaps", "score": NaN, "score"', status=200, content_type="application/json"
        )
    if kind == "slow":
        settings.clock.sleep(settings.slow_answer_seconds)
    return json_answer(status, body)


def _theirs(prefix: str, reference: str) -> str:
    return f"{prefix}_{hashlib.sha256(reference.encode()).hexdigest()[:24]}"
