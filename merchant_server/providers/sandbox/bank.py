"""The sandbox bank: accounts, mandates, deductions. It decides each deduction at once and tells by callback.

Rules only: its routes are bank_routes.py, sending the callbacks is callbacks.py. Amounts are minor units, instants UTC.
"""

from datetime import datetime, timedelta
from typing import Any

from merchant_server.ports import Clock
from merchant_server.providers.sandbox.controls import read_controls
from merchant_server.providers.sandbox.database import SandboxDatabase, Transaction
from merchant_server.providers.sandbox.door import (
    Refused,
    amount_of,
    answered_badly,
    reference_of,
    text_of,
)
from merchant_server.providers.sandbox.magic import MagicAccount, account_of, accounts_of, person
from merchant_server.providers.sandbox.settings import SandboxSettings
from merchant_server.providers.sandbox.tellings import (
    Delays,
    callback_rows,
    reverses_after_seconds,
    transfer_callback,
)


def milliseconds(instant: datetime) -> int:
    """Return an instant as whole milliseconds since 1970."""
    return int(instant.timestamp() * 1000)


class SandboxBank:
    """The bank's rules over its database."""

    def __init__(self, database: SandboxDatabase, settings: SandboxSettings) -> None:
        self._database, self.settings = database, settings
        self._clock: Clock = settings.clock

    def accounts(self, body: dict[str, Any]) -> dict[str, Any]:
        """List the holder's accounts; the same holder gets the same tokens."""
        text_of(body, "name")
        text_of(body, "phone", 20)
        if person(text_of(body, "id_number", 32)).bank == "down":
            raise Refused(503, "down", "this magic value means: the bank is down")
        holder_key = self._holder_key(body)
        rows = []
        with self._database.transaction() as tx:
            for account in accounts_of(body["id_number"]):
                token = "ba_" + self._database.keyed_hash("account", [holder_key, account.last_four])[:32]
                tx.run(
                    "INSERT INTO accounts VALUES (:token, :holder_key, :behaviour, :label)"
                    " ON CONFLICT DO NOTHING",
                    token=token,
                    holder_key=holder_key,
                    behaviour=account.behaviour,
                    label=account.label,
                )
                rows.append({"token": token, "label": account.label})
        return {"accounts": rows}

    def sign(self, body: dict[str, Any]) -> dict[str, Any]:
        """Sign a mandate, or return the one that this reference already has."""
        reference, token = reference_of(body), text_of(body, "account_token")
        text_of(body, "name")
        cap_minor, currency = amount_of(body, "cap")
        fingerprint = self._database.keyed_hash("mandate", body)
        with self._database.transaction() as tx:
            known = tx.one("SELECT * FROM mandates WHERE reference = :reference", reference=reference)
            if known is not None:
                return _mandate(_same(known, fingerprint))
            account = tx.one("SELECT * FROM accounts WHERE token = :token", token=token)
            if account is None or account["holder_key"] != self._holder_key(body):
                detail = "this person has no account with that token"
                raise Refused(422, "account_unknown", detail, "account_token")
            refusal = {"refuses": "holder_refused", "frozen": "account_frozen"}.get(
                person(body["id_number"]).bank, ""
            )
            row = {
                "reference": reference,
                "fingerprint": fingerprint,
                "account_token": token,
                "cap_minor": cap_minor,
                "currency": currency,
                "status": "refused" if refusal else "active",
                "code": refusal,
                "created_at": self._clock.now().isoformat(),
            }
            tx.insert("mandates", row)
        return _mandate(row)

    def mandate(self, reference: str) -> dict[str, Any]:
        """Return one mandate."""
        with self._database.transaction() as tx:
            return _mandate(_found_mandate(tx, reference))

    def cancel(self, reference: str) -> dict[str, Any]:
        """Cancel a mandate; cancelling twice is harmless, and a refused one stays refused."""
        with self._database.transaction() as tx:
            tx.run(
                "UPDATE mandates SET status = 'cancelled' WHERE reference = :reference AND status = 'active'",
                reference=reference,
            )
            return _mandate(_found_mandate(tx, reference))

    def deduct(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Take on one deduction, with the callbacks that will tell its outcome, in one commit.

        Return the answer, and how it is given: ok, or as badly as the magic account asks for.
        """
        reference, mandate_reference = reference_of(body), reference_of(body, "mandate_reference")
        amount_minor, currency = amount_of(body, "amount")
        fingerprint = self._database.keyed_hash("deduction", body)
        with self._database.transaction() as tx:
            known = tx.one("SELECT * FROM deductions WHERE reference = :reference", reference=reference)
            if known is not None:
                return _deduction(_same(known, fingerprint), "pending", ""), "ok"
            mandate = _chargeable_mandate(tx, mandate_reference, amount_minor, currency)
            account = account_of(mandate["behaviour"], amount_minor)
            refusing = account.answer == "refused_once"
            how = answered_badly(tx, account.answer, mandate_reference if refusing else reference)
            if how not in ("down", "refused"):
                row = self._decided(tx, mandate, account, body, fingerprint, amount_minor)
        if how == "refused":
            raise Refused(422, "bank_busy", "this magic value means: the first request is refused")
        return (_deduction(row, "pending", "") if how != "down" else {}), how

    def deduction(self, reference: str) -> dict[str, Any]:
        """Return what became of a deduction; asking settles one that is still pending."""
        now_ms = milliseconds(self._clock.now())
        with self._database.transaction() as tx:
            row = tx.one("SELECT * FROM deductions WHERE reference = :reference", reference=reference)
            if row is None:
                raise Refused(404, "deduction_unknown", "the bank took on no deduction with this reference")
            if row["settles_at_ms"] > now_ms:
                tx.run(
                    "UPDATE deductions SET settles_at_ms = :now_ms WHERE reference = :reference",
                    now_ms=now_ms,
                    reference=reference,
                )
        reversed_by_now = row["reverses_at_ms"] is not None and row["reverses_at_ms"] <= now_ms
        return _deduction(row, row["outcome"], "reversed" if reversed_by_now else row["code"])

    def give_back(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send money to where a mandate, whatever became of it, or a payment took it; not every account takes it."""
        reference, came_by = reference_of(body), reference_of(body, "came_by")
        amount_minor, currency = amount_of(body, "amount")
        fingerprint = self._database.keyed_hash("return", body)
        with self._database.transaction() as tx:
            known = tx.one("SELECT * FROM returns WHERE reference = :reference", reference=reference)
            if known is None:
                mandate_reference, account = _came_by(tx, came_by, currency)
                now, controls = self._clock.now(), read_controls(tx, self.settings)
                late = timedelta(seconds=controls.late_seconds if account.returns_late else 0)
                known = {
                    "reference": reference,
                    "fingerprint": fingerprint,
                    "mandate_reference": mandate_reference,
                    "amount_minor": amount_minor,
                    "currency": currency,
                    "outcome": account.returns[0],
                    "code": account.returns[1],
                    "created_at": now.isoformat(),
                    "settles_at_ms": milliseconds(now + late),
                }
                tx.insert("returns", known)
                due_at = now + late + timedelta(seconds=controls.callback_delay_seconds)
                gateway = self.settings.gateway_account
                tx.insert("callbacks", transfer_callback(gateway, self._event_key, "return", known, due_at))
            row = _same(known, fingerprint)
        if row["settles_at_ms"] > milliseconds(self._clock.now()):
            return _deduction(row, "pending", "")
        return _deduction(row, row["outcome"], row["code"])

    def _holder_key(self, body: dict[str, Any]) -> str:
        return self._database.keyed_hash("holder", text_of(body, "id_number", 32).upper())

    def _decided(
        self,
        tx: Transaction,
        mandate: dict[str, Any],
        account: MagicAccount,
        body: dict[str, Any],
        fingerprint: str,
        amount_minor: int,
    ) -> dict[str, Any]:
        now, controls = self._clock.now(), read_controls(tx, self.settings)
        delays = Delays(
            controls.callback_delay_seconds, controls.late_seconds, controls.reversal_delay_seconds
        )
        before = tx.all(
            "SELECT count(*) AS n FROM deductions WHERE mandate_reference = :mandate",
            mandate=mandate["reference"],
        )
        status, code = account.outcome(before[0]["n"])
        reverses_after = reverses_after_seconds(account, delays)
        row = {
            "reference": body["reference"],
            "fingerprint": fingerprint,
            "mandate_reference": mandate["reference"],
            "amount_minor": amount_minor,
            "currency": mandate["currency"],
            "outcome": status,
            "code": code,
            "created_at": now.isoformat(),
            "settles_at_ms": milliseconds(now + timedelta(seconds=delays.soon_seconds)),
            "reverses_at_ms": None
            if reverses_after is None
            else milliseconds(now + timedelta(seconds=reverses_after)),
        }
        tx.insert("deductions", row)
        gateway = self.settings.gateway_account
        for callback in callback_rows(gateway, self._event_key, row, account, now, delays):
            tx.insert("callbacks", callback)
        return row

    def _event_key(self, marks: list[str]) -> str:
        return self._database.keyed_hash("event", marks)


def _same(row: dict[str, Any], fingerprint: str) -> dict[str, Any]:
    if row["fingerprint"] != fingerprint:
        raise Refused(409, "reference_conflict", "this reference was used with another body", "reference")
    return row


def _found_mandate(tx: Transaction, reference: str) -> dict[str, Any]:
    row = tx.one(
        "SELECT m.*, a.behaviour FROM mandates m JOIN accounts a ON a.token = m.account_token"
        " WHERE m.reference = :reference",
        reference=reference,
    )
    if row is None:
        raise Refused(404, "mandate_unknown", "the bank has no mandate with this reference")
    return row


def _came_by(tx: Transaction, reference: str, currency: str) -> tuple[str, MagicAccount]:
    """Return the mandate ("" for a payment) and the account of the money; who paid at the page has a plain one."""
    payment = tx.one(
        "SELECT currency FROM payments WHERE reference = :reference AND paid_at_ms IS NOT NULL",
        reference=reference,
    )
    if payment is None:
        mandate = _named_mandate(tx, reference, currency, "came_by")
        return reference, account_of(mandate["behaviour"], 0)
    if payment["currency"] != currency:
        raise Refused(422, "currency_mismatch", f"the payment was in {payment['currency']}", "amount")
    return "", account_of("pays", 0)


def _named_mandate(
    tx: Transaction, reference: str, currency: str, field: str = "mandate_reference"
) -> dict[str, Any]:
    try:
        mandate = _found_mandate(tx, reference)
    except Refused as unknown:
        raise Refused(422, unknown.code, unknown.detail, field) from None
    if mandate["currency"] != currency:
        raise Refused(422, "currency_mismatch", f"the mandate is in {mandate['currency']}", "amount")
    return mandate


def _chargeable_mandate(tx: Transaction, reference: str, amount_minor: int, currency: str) -> dict[str, Any]:
    mandate = _named_mandate(tx, reference, currency)
    if mandate["status"] != "active":
        raise Refused(422, "mandate_not_active", f"the mandate is {mandate['status']}", "mandate_reference")
    if amount_minor > mandate["cap_minor"]:
        raise Refused(422, "over_cap", f"the cap is {mandate['cap_minor']} minor units a deduction", "amount")
    return mandate


def _mandate(row: dict[str, Any]) -> dict[str, Any]:
    cap = {"minor": row["cap_minor"], "currency": row["currency"]}
    return {"reference": row["reference"], "status": row["status"], "code": row["code"], "cap": cap}


def _deduction(row: dict[str, Any], status: str, code: str) -> dict[str, Any]:
    return {
        "reference": row["reference"],
        "mandate_reference": row["mandate_reference"],
        "status": status,
        "code": code,
        "amount": {"minor": row["amount_minor"], "currency": row["currency"]},
    }
