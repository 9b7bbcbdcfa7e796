"""What the bank will tell of deductions and transfers: outbox rows of callbacks, right and wrong. Sends nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from merchant_server.providers.sandbox.magic_accounts import MagicAccount, Telling

# What stands in a callback that does not agree with its deduction.
_WRONG: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "": lambda body: body,
    "body": lambda body: body,
    "amount": lambda body: body | {"amount": body["amount"] | {"minor": body["amount"]["minor"] + 1}},
    "currency": lambda body: (
        body | {"amount": body["amount"] | {"currency": _other(body["amount"]["currency"])}}
    ),
    "mandate_reference": lambda body: body | {"mandate_reference": "mnd_somebody_else"},
    "reference": lambda body: body | {"reference": "ded_nobody_asked_for"},
    "gateway_account": lambda body: body | {"gateway_account": "another_gateway"},
    "mode": lambda body: body | {"mode": "live"},
    "kind": lambda body: body | {"kind": "deduction.paused", "status": "paused"},
}


@dataclass(frozen=True, slots=True)
class Delays:
    """When callbacks leave, in seconds after the deduction was decided."""

    soon_seconds: float
    late_seconds: float
    reversal_seconds: float

    def of(self, telling: Telling) -> float:
        """Return the delay of one callback; a reversal comes after the success."""
        if telling.delay == "late":
            return self.late_seconds
        return self.soon_seconds + (self.reversal_seconds if telling.delay == "reversal" else 0)


def reverses_after_seconds(account: MagicAccount, delays: Delays) -> float | None:
    """Return how long after its decision a success is taken back, or None when it never is."""
    told = [delays.of(each) for each in account.tells if each.status == "reversed"]
    return min(told, default=None)


def callback_rows(
    gateway_account: str,
    event_key: Callable[[list[str]], str],
    deduction: dict[str, Any],
    account: MagicAccount,
    now: datetime,
    delays: Delays,
) -> list[dict[str, Any]]:
    """Return the callbacks of one deduction in the order they leave; their bodies are fixed here, for all tries."""
    rows = []
    for telling in account.tells:
        if telling.delay == "never":
            continue
        status = deduction["outcome"] if telling.status == "outcome" else telling.status
        code = {"outcome": deduction["code"], "reversed": "reversed", "failed": "bank_busy"}[telling.status]
        due_at = now + timedelta(seconds=delays.of(telling))
        marks = [deduction["reference"], status, *([telling.event] if telling.event else [])]
        body = _body(gateway_account, deduction, status, code, due_at if status == "reversed" else now)
        row = {
            "event_id": f"bev_{event_key(marks)[:24]}",
            "kind": body["kind"],
            "reference": deduction["reference"],
            "body": _text(_WRONG[telling.wrong](body), telling.wrong),
            "due_at_ms": int(due_at.timestamp() * 1000),
            "state": "pending",
            "signature": telling.signature,
            "age_seconds": telling.age_seconds,
        }
        rows += [row | {"copy": copy} for copy in range(telling.copies)]
    return sorted(rows, key=lambda row: row["due_at_ms"])


def transfer_callback(
    gateway_account: str,
    event_key: Callable[[list[str]], str],
    noun: str,
    row: dict[str, Any],
    due_at: datetime,
) -> dict[str, Any]:
    """Return the callback that tells what became of money sent or drawn; `noun` is payout, return or drawing."""
    status = "failed" if row["outcome"] == "failed" else "succeeded"
    told = {"mandate_reference": "", **row}
    body = _body(gateway_account, told, status, row["code"], due_at) | {"kind": f"{noun}.{status}"}
    return {
        "event_id": f"bev_{event_key([row['reference'], status])[:24]}",
        "kind": body["kind"],
        "reference": row["reference"],
        "body": _text(body, ""),
        "due_at_ms": int(due_at.timestamp() * 1000),
        "state": "pending",
        "signature": "genuine",
        "age_seconds": 0,
        "copy": 0,
    }


def _body(
    gateway_account: str, deduction: dict[str, Any], status: str, code: str, occurred_at: datetime
) -> dict[str, Any]:
    return {
        "gateway_account": gateway_account,
        "mode": "test",
        "kind": f"deduction.{status}",
        "reference": deduction["reference"],
        "mandate_reference": deduction["mandate_reference"],
        "status": status,
        "code": code,
        "amount": {"minor": deduction["amount_minor"], "currency": deduction["currency"]},
        "occurred_at": occurred_at.isoformat(),
    }


def _text(body: dict[str, Any], wrong: str) -> str:
    if wrong == "body":
        return '{"kind": "deduction.succeeded", "amount": NaN, '
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _other(currency: str) -> str:
    return "USD" if currency != "USD" else "CNY"
