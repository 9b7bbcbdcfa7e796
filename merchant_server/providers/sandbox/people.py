"""The sandbox's identity check, bureau and SMS gateway. The first two answer from magic.py, keeping nothing."""

import hashlib
from typing import Any

from flask import Blueprint, Response, request

from merchant_server.providers.sandbox.database import SandboxDatabase, Transaction
from merchant_server.providers.sandbox.door import (
    Refused,
    answered,
    json_answer,
    json_body,
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
        return answered(kind, {"reference": _theirs("idc", reference), "result": result}, settings)

    @routes.post("/bureau/v1/reports")
    def report() -> Response:
        body = json_body({"reference": str, "id_number": str})
        reference, id_number = reference_of(body), text_of(body, "id_number", 32)
        found = {"reference": _theirs("bur", reference), **bureau_report(id_number)}
        return answered(person(id_number).bureau, found, settings)

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
    if kind not in ("down", "lost"):
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
            if kind == "delivered_twice":
                _deliver_again(tx, reference)
            row = tx.one("SELECT fingerprint FROM messages WHERE reference = :reference", reference=reference)
        if row is None or row["fingerprint"] != fingerprint:
            raise Refused(409, "reference_conflict", "this reference was used with another body", "reference")
    # The gateway says that it took a lost message on, as real ones do; one that fell over had sent it before.
    how = {"lost": "ok", "accepted_then_down": "down"}.get(kind, kind)
    return answered(how, {"reference": reference, "status": "accepted"}, settings, status=202)


def _deliver_again(tx: Transaction, reference: str) -> None:
    tx.run(
        "INSERT INTO messages (reference, fingerprint, phone, text, sent_at)"
        " SELECT reference || '_again', fingerprint, phone, text, sent_at FROM messages"
        " WHERE reference = :reference ON CONFLICT DO NOTHING",
        reference=reference,
    )


def _theirs(prefix: str, reference: str) -> str:
    return f"{prefix}_{hashlib.sha256(reference.encode()).hexdigest()[:24]}"
