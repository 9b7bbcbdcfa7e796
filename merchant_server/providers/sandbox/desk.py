"""What a desk looks at and turns: the bank's ledger, magic values, keys, fault dials, one more replay."""

import base64
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Blueprint, Response, request

from merchant_server.providers.bank_callbacks import public_key_id
from merchant_server.providers.http import NotStrictJson, parse_json
from merchant_server.providers.sandbox.controls import change_controls, read_controls
from merchant_server.providers.sandbox.database import SandboxDatabase, Transaction
from merchant_server.providers.sandbox.door import Refused, json_answer
from merchant_server.providers.sandbox.magic import ACCOUNTS, AMOUNTS, PAYOUT_ACCOUNTS, PEOPLE, PHONES
from merchant_server.providers.sandbox.settings import SandboxSettings

_ROWS_MAX = 200


def published_routes(database: SandboxDatabase, key: Ed25519PublicKey) -> Blueprint:
    """Return /healthz, the magic values, and the public key that callbacks are signed with."""
    routes = Blueprint("published", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        with database.transaction() as tx:
            tx.one("SELECT 1 AS one")
        return json_answer(200, {"status": "ok"})

    @routes.get("/magic/v1/values")
    def magic() -> Response:
        told = ("behaviour", "meaning", "meaning_zh")
        accounts = [{name: getattr(one, name) for name in ("last_four", "group", *told)} for one in ACCOUNTS]
        payouts = [{name: getattr(one, name) for name in ("account", *told)} for one in PAYOUT_ACCOUNTS]
        amounts = [{"minor": minor, "like_account": account} for minor, account in AMOUNTS.items()]
        found = {"people": [asdict(one) for one in PEOPLE], "accounts": accounts, "phones": PHONES}
        return json_answer(200, found | {"amounts": amounts, "payout_accounts": payouts})

    @routes.get("/bank/v1/keys")
    def keys() -> Response:
        public = base64.b64encode(key.public_bytes_raw()).decode()
        row = {"key_id": public_key_id(key), "algorithm": "Ed25519", "public_key": public}
        return json_answer(200, {"keys": [row]})

    return routes


def desk_routes(database: SandboxDatabase, settings: SandboxSettings, wake: Callable[[], None]) -> Blueprint:
    """Return ledger, controls and replay under /bank/v1; `wake` is called when a callback may be due."""
    routes = Blueprint("desk", __name__)

    @routes.get("/bank/v1/ledger")
    def ledger() -> Response:
        text = request.args.get("limit", "50")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= _ROWS_MAX:
            raise Refused(422, "limit_invalid", f"use 1 to {_ROWS_MAX}", "limit")
        now_ms = int(settings.clock.now().timestamp() * 1000)
        with database.transaction() as tx:
            return json_answer(200, _ledger(tx, int(text), now_ms))

    @routes.get("/bank/v1/controls")
    def controls() -> Response:
        with database.transaction() as tx:
            return json_answer(200, read_controls(tx, settings).to_dict())

    @routes.post("/bank/v1/controls")
    def change() -> Response:
        try:
            wanted = parse_json(request.get_data())
        except NotStrictJson as error:
            raise Refused(422, "body_invalid", error.reason) from None
        if not isinstance(wanted, dict):
            raise Refused(422, "body_invalid", "not a JSON object")
        with database.transaction() as tx:
            answer = change_controls(tx, settings, wanted).to_dict()
        wake()
        return json_answer(200, answer)

    @routes.post("/bank/v1/callbacks/<event_id>/resend")
    def resend(event_id: str) -> Response:
        now_ms = int(settings.clock.now().timestamp() * 1000)
        with database.transaction() as tx:
            found = tx.run(
                "UPDATE callbacks SET state = 'pending', attempts = 0, due_at_ms = :now_ms"
                " WHERE event_id = :event_id AND copy = 0",
                now_ms=now_ms,
                event_id=event_id,
            )
        if not found:
            raise Refused(404, "callback_unknown", "the bank has no callback with this event id")
        wake()
        return json_answer(202, {"event_id": event_id, "state": "pending"})

    return routes


def _ledger(tx: Transaction, limit: int, now_ms: int) -> dict[str, Any]:
    """Return the newest deductions and callbacks, the callbacks with every attempt."""
    deductions = tx.all("SELECT * FROM deductions ORDER BY rowid DESC LIMIT :limit", limit=limit)
    callbacks = tx.all("SELECT * FROM callbacks ORDER BY id DESC LIMIT :limit", limit=limit)
    rows = []
    for callback in callbacks:
        attempts = tx.all(
            "SELECT attempted_at, forged, status, reason FROM attempts WHERE callback_id = :id ORDER BY id",
            id=callback["id"],
        )
        names = ("event_id", "copy", "kind", "reference", "state", "due_at_ms")
        told = [{**attempt, "forged": bool(attempt["forged"])} for attempt in attempts]
        rows.append({**{name: callback[name] for name in names}, "attempts": told})
    return {"deductions": [_deduction(row, now_ms) for row in deductions], "callbacks": rows}


def _deduction(row: dict[str, Any], now_ms: int) -> dict[str, Any]:
    status = row["outcome"] if row["settles_at_ms"] <= now_ms else "pending"
    if row["reverses_at_ms"] is not None and row["reverses_at_ms"] <= now_ms:
        status = "reversed"
    return {
        "reference": row["reference"],
        "mandate_reference": row["mandate_reference"],
        "amount": {"minor": row["amount_minor"], "currency": row["currency"]},
        "status": status,
        "code": "" if status == "pending" else row["code"],
        "created_at": row["created_at"],
    }
