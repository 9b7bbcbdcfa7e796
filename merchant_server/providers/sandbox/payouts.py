"""The sandbox bank's payouts, the money it draws, and its daily settlement file: what moved, with counts and sums."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from flask import Blueprint, Response

from merchant_server.domain.reconciliation import COMES_IN
from merchant_server.providers.sandbox.controls import read_controls
from merchant_server.providers.sandbox.database import SandboxDatabase, Transaction
from merchant_server.providers.sandbox.door import (
    Refused,
    amount_of,
    answered,
    answered_badly,
    json_answer,
    json_body,
    reference_of,
    text_of,
)
from merchant_server.providers.sandbox.magic_accounts import PAYOUT_ACCOUNTS
from merchant_server.providers.sandbox.settings import SandboxSettings
from merchant_server.providers.sandbox.tellings import transfer_callback

# When money was told as moved to whoever asked, or else to whom the bank called back.
_BOOKED_MS = (
    "MIN(COALESCE(CAST(1000 * unixepoch(booked_at) AS INTEGER), settles_at_ms),"
    " COALESCE(settles_at_ms, CAST(1000 * unixepoch(booked_at) AS INTEGER)))"
)
_BY_ACCOUNT = {each.account: each for each in PAYOUT_ACCOUNTS}


def payout_routes(
    database: SandboxDatabase, settings: SandboxSettings, wake: Callable[[], None] = lambda: None
) -> Blueprint:
    """Return the routes under /bank/v1/payouts, /bank/v1/drawings and /bank/v1/settlement-files.

    `wake` is called when a callback may have become due.
    """
    routes = Blueprint("payouts", __name__, url_prefix="/bank/v1")

    @routes.post("/payouts")
    def pay_out() -> Response:
        body = json_body({"reference": str, "account": str, "amount": dict})
        row, how = _taken_on(database, settings, body, "payout")
        wake()
        return answered(how, _shown(row, "pending", ""), settings)

    @routes.post("/drawings")
    def draw() -> Response:
        body = json_body({"reference": str, "account": str, "amount": dict})
        row, how = _taken_on(database, settings, body, "drawing")
        wake()
        if how != "ok":
            return answered(how, _shown(row, "pending", ""), settings)
        return json_answer(200, _told(database, settings, body["reference"], "drawing"))

    @routes.get("/payouts/<reference>")
    def payout(reference: str) -> Response:
        return json_answer(200, _told(database, settings, reference, "payout"))

    @routes.get("/settlement-files/<day>")
    def settlement_file(day: str) -> Response:
        try:
            covers_on = date.fromisoformat(day)
        except ValueError:
            raise Refused(422, "date_invalid", "use a date such as 2026-11-21", "day") from None
        now_ms = int(settings.clock.now().timestamp() * 1000)
        with database.transaction() as tx:
            lines = list(_file(tx, settings.gateway_account, covers_on, now_ms))
        return Response("".join(f"{line}\n" for line in lines), content_type="text/csv; charset=utf-8")

    return routes


def _told(database: SandboxDatabase, settings: SandboxSettings, reference: str, kind: str) -> dict[str, Any]:
    """Return what became of a payout or a drawing; being asked often enough, it is settled."""
    now = settings.clock.now()
    with database.transaction() as tx:
        row = tx.one(
            "SELECT * FROM payouts WHERE reference = :reference AND kind = :kind",
            reference=reference,
            kind=kind,
        )
        if row is None:
            raise Refused(404, f"{kind}_unknown", f"the bank took on no {kind} with this reference")
        settled = row["settles_at_ms"] is not None and row["settles_at_ms"] <= now.timestamp() * 1000
        if row["polls_left"] > 0 and not settled:
            tx.run(
                "UPDATE payouts SET polls_left = polls_left - 1 WHERE reference = :reference",
                reference=reference,
            )
            return _shown(row, "pending", "")
        if row["booked_at"] is None and row["outcome"] == "paid":
            tx.run(
                "UPDATE payouts SET booked_at = :now WHERE reference = :ref",
                now=now.isoformat(),
                ref=reference,
            )
    return _shown(row, row["outcome"], row["code"])


def _taken_on(
    database: SandboxDatabase, settings: SandboxSettings, body: dict[str, Any], kind: str
) -> tuple[dict[str, Any], str]:
    reference, account = reference_of(body), text_of(body, "account", 64)
    amount_minor, currency = amount_of(body, "amount")
    fingerprint = database.keyed_hash("payout", body)
    with database.transaction() as tx:
        known = tx.one("SELECT * FROM payouts WHERE reference = :reference", reference=reference)
        if known is not None:
            if known["fingerprint"] != fingerprint:
                raise Refused(
                    409, "reference_conflict", "this reference was used with another body", "reference"
                )
            return known, "ok"
        magic = _BY_ACCOUNT.get(account)
        if magic is None:
            raise Refused(422, "account_unknown", "the bank has no such account", "account")
        how = answered_badly(tx, magic.answer, reference)
        status, code = magic.outcome
        now, controls = settings.clock.now(), read_controls(tx, settings)
        wait_seconds = controls.late_seconds if magic.polls else controls.callback_delay_seconds
        due_at = now + timedelta(seconds=wait_seconds)
        row = {
            "reference": reference,
            "fingerprint": fingerprint,
            "account": account,
            "amount_minor": amount_minor,
            "currency": currency,
            "outcome": status,
            "code": code,
            "polls_left": magic.polls,
            "created_at": now.isoformat(),
            "booked_at": None,
            "kind": kind,
            "settles_at_ms": int(due_at.timestamp() * 1000),
        }
        if how != "down":
            tx.insert("payouts", row)
            key = partial(database.keyed_hash, "event")
            tx.insert("callbacks", transfer_callback(settings.gateway_account, key, kind, row, due_at))
    return row, how


def _shown(row: dict[str, Any], status: str, code: str) -> dict[str, Any]:
    amount = {"minor": row["amount_minor"], "currency": row["currency"]}
    return {"reference": row["reference"], "status": status, "code": code, "amount": amount}


def _file(tx: Transaction, gateway_account: str, covers_on: date, now_ms: int) -> Iterator[str]:
    """Yield the lines of one day's file; what is not booked yet stands in a later one."""
    first = datetime(covers_on.year, covers_on.month, covers_on.day, tzinfo=UTC)
    first_ms = int(first.timestamp() * 1000)
    last_ms = min(first_ms + 86_400_000, now_ms + 1)
    yield f"H,1,{gateway_account},{covers_on.isoformat()}"
    count, came_in, went_out = 0, 0, 0
    rows = tx.all(
        "SELECT 'deduction' AS kind, reference, amount_minor, currency, settles_at_ms AS at_ms"  # noqa: S608 - ours
        " FROM deductions"
        " WHERE outcome = 'succeeded' AND settles_at_ms >= :first AND settles_at_ms < :last"
        " UNION ALL SELECT 'reversal', reference, amount_minor, currency, reverses_at_ms FROM deductions"
        " WHERE outcome = 'succeeded' AND reverses_at_ms >= :first AND reverses_at_ms < :last"
        " UNION ALL SELECT 'return', reference, amount_minor, currency, settles_at_ms FROM returns"
        " WHERE outcome = 'succeeded' AND settles_at_ms >= :first AND settles_at_ms < :last"
        " UNION ALL SELECT 'payment', reference, amount_minor, currency, paid_at_ms FROM payments"
        " WHERE paid_at_ms >= :first AND paid_at_ms < :last"
        f" UNION ALL SELECT kind, reference, amount_minor, currency, {_BOOKED_MS} FROM payouts"
        f" WHERE outcome = 'paid' AND {_BOOKED_MS} >= :first AND {_BOOKED_MS} < :last ORDER BY 5, 2, 1",
        first=first_ms,
        last=last_ms,
    )
    for row in rows:
        count += 1
        came_in += row["amount_minor"] if row["kind"] in COMES_IN else 0
        went_out += row["amount_minor"] if row["kind"] not in COMES_IN else 0
        booked = datetime.fromtimestamp(row["at_ms"] / 1000, UTC).isoformat()
        yield f"D,{row['kind']},{row['reference']},{row['amount_minor']},{row['currency']},{booked}"
    yield f"T,{count},{came_in},{went_out}"
