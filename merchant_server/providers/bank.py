"""The bank over HTTP: mandates, deductions, money that is sent and drawn, and the authentication of its callbacks.

It compares nothing with our own rows: that a callback is genuine does not make it right (services do that).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fenqi.finance.money import Money

from merchant_server.ports import (
    BankAccount,
    BankCallback,
    BankDeduction,
    BankMandate,
    BankPayout,
    BankTransfer,
    CallbackForged,
    CallbackMalformed,
)
from merchant_server.providers.http import (
    Answer,
    JsonService,
    NotStrictJson,
    closed_object,
    parse_json,
    read_money,
    wire_money,
)

CALLBACK_TOLERANCE_SECONDS = 300
CALLBACK_BYTES_MAX = 65_536
CALLBACK_STATUS = {
    "deduction.succeeded": "succeeded",
    "deduction.failed": "failed",
    "deduction.reversed": "reversed",
    "payout.succeeded": "succeeded",
    "payout.failed": "failed",
    "return.succeeded": "succeeded",
    "return.failed": "failed",
    "drawing.succeeded": "succeeded",
    "drawing.failed": "failed",
}
_CALLBACK_TEXTS = ("gateway_account", "mode", "kind", "reference", "mandate_reference", "status", "code")
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{8,10}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{0,80}")
_CARD_NUMBER = re.compile(r"\d(?:[ -]?\d){11,18}")
_MANDATE_STATUSES = ("active", "refused", "cancelled")
_DEDUCTION_STATUSES = ("pending", "succeeded", "failed")
_PAYOUT_STATUSES = ("pending", "paid", "failed")


def public_key_id(key: Ed25519PublicKey) -> str:
    """Return the key id that names a bank's public key: `bk_` and the start of its SHA-256."""
    return "bk_" + hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def callback_signed_bytes(event_id: str, timestamp: str, body: bytes) -> bytes:
    """Return what the bank signs: the header texts as sent, and the raw body."""
    return f"{event_id}.{timestamp}.".encode() + body


def authenticate_callback(
    body: bytes, headers: Mapping[str, str], now: datetime, keys: Mapping[str, Ed25519PublicKey]
) -> BankCallback:
    """Check a callback's key, signature and time over the raw bytes, and only then read it.

    The algorithm is the key's own (Ed25519); nothing in the message can choose another. Raises
    CallbackForged, or its subclass CallbackMalformed when the bank did sign these bytes but they are
    not a callback.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    for name in ("bank-key-id", "bank-timestamp", "bank-event-id", "bank-signature"):
        if name not in sent:
            raise CallbackForged(f"the header {name} is missing")
    if len(body) > CALLBACK_BYTES_MAX:
        raise CallbackForged("the body is too long")
    event_id, timestamp = sent["bank-event-id"], sent["bank-timestamp"]
    # No dot and no leading zero: each signed text can be cut into its three parts in one way only.
    if not _EVENT_ID.fullmatch(event_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise CallbackForged("the event id or the timestamp is malformed")
    key = keys.get(sent["bank-key-id"])
    if key is None:
        raise CallbackForged("the key id is not in the key ring")
    try:
        key.verify(_signature(sent["bank-signature"]), callback_signed_bytes(event_id, timestamp, body))
    except InvalidSignature:
        raise CallbackForged("the signature does not match") from None
    if abs(now.timestamp() - int(timestamp)) > CALLBACK_TOLERANCE_SECONDS:
        raise CallbackForged(f"the timestamp is over {CALLBACK_TOLERANCE_SECONDS} s away from our clock")
    try:
        return _read_callback(event_id, parse_json(body))
    except NotStrictJson as error:
        raise CallbackMalformed(error.reason) from None


def _signature(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CallbackForged("the signature is not base64") from None
    # Base64 has several texts for the same bytes; only one of them is a signature.
    if len(raw) != 64 or base64.b64encode(raw).decode() != text:
        raise CallbackForged("the signature is not 64 bytes in canonical base64")
    return raw


def _read_callback(event_id: str, value: Any) -> BankCallback:
    fields: dict[str, type] = {**dict.fromkeys(_CALLBACK_TEXTS, str), "amount": dict, "occurred_at": str}
    found = closed_object(value, fields)
    for name in _CALLBACK_TEXTS:
        if not _PLAIN.fullmatch(found[name]):
            raise NotStrictJson(f"the field {name} has a character that is not allowed, or is too long")
    if CALLBACK_STATUS.get(found["kind"]) != found["status"]:
        raise NotStrictJson("kind and status do not agree")
    amount = read_money(found["amount"])
    if amount.minor <= 0:
        raise NotStrictJson("the amount is not positive")
    texts = {name: found[name] for name in _CALLBACK_TEXTS}
    return BankCallback(event_id=event_id, amount=amount, occurred_at=_instant(found["occurred_at"]), **texts)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise NotStrictJson("occurred_at is not an ISO 8601 instant") from None
    if instant.utcoffset() != timedelta(0):
        raise NotStrictJson("occurred_at is not in UTC")
    return instant


class HttpBank:
    """Implements ports.Bank against `/bank/v1`. `keys` is the ring of the bank's public keys by key id."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        gateway_account: str,
        keys: Mapping[str, Ed25519PublicKey],
        connect_timeout_seconds: float = 1.0,
        read_timeout_seconds: float = 5.0,
    ) -> None:
        self.gateway_account = gateway_account
        self._keys = dict(keys)
        self._service = JsonService(
            provider="bank",
            base_url=f"{base_url.rstrip('/')}/bank/v1",
            api_key=api_key,
            connect_timeout_seconds=connect_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
        )

    def accounts(self, *, name: str, id_number: str, phone: str) -> tuple[BankAccount, ...]:
        """Return the holder's accounts, masked. Raises ProviderRefused, ProviderUnavailable."""
        answer = self._service.post("accounts", body={"name": name, "id_number": id_number, "phone": phone})
        self._expect(answer)
        try:
            rows = closed_object(answer.data, {"accounts": list})["accounts"]
            found = [closed_object(row, {"token": str, "label": str}) for row in rows]
        except NotStrictJson as error:
            raise self._service.unavailable(error.reason) from None
        if any(_CARD_NUMBER.search(row["label"]) for row in found):
            raise self._service.unavailable("an account label holds a whole card number")
        return tuple(BankAccount(token=row["token"], label=row["label"]) for row in found)

    def sign_mandate(
        self, *, reference: str, account_token: str, name: str, id_number: str, cap: Money
    ) -> BankMandate:
        """Ask for a mandate of at most `cap` a deduction. Raises ProviderRefused, ProviderUnavailable."""
        body = {
            "reference": reference,
            "account_token": account_token,
            "name": name,
            "id_number": id_number,
            "cap": wire_money(cap),
        }
        return self._mandate(reference, self._service.post("mandates", body=body), cap)

    def cancel_mandate(self, *, reference: str) -> BankMandate:
        """Cancel a mandate; one that the bank never heard of is unknown. Raises ProviderUnavailable."""
        return self._mandate(reference, self._service.post("mandates", reference, "cancel", body={}))

    def deduct(self, *, reference: str, mandate_reference: str, amount: Money) -> BankDeduction:
        """Ask for one deduction.

        Raises ProviderRefused when the bank did not take it on, and ProviderUnavailable when nobody knows:
        then find_deduction tells.
        """
        body = {"reference": reference, "mandate_reference": mandate_reference, "amount": wire_money(amount)}
        taken_on = self._deduction(reference, self._service.post("deductions", body=body))
        if taken_on.amount != amount:
            raise self._service.unavailable("the answer is about another amount")
        return taken_on

    def find_deduction(self, *, reference: str) -> BankDeduction:
        """Ask what became of a deduction; one taken back has status succeeded and code reversed."""
        answer = self._service.get("deductions", reference)
        if answer.status == 404 and answer.data.get("code") == "deduction_unknown":
            return BankDeduction(reference=reference, status="unknown")
        return self._deduction(reference, answer)

    def pay_out(self, *, reference: str, account: str, amount: Money) -> BankPayout:
        """Send money to a merchant's account.

        Raises ProviderRefused when the bank did not take it on, and ProviderUnavailable when nobody knows:
        then find_payout tells, and the same reference makes a second call harmless.
        """
        body = {"reference": reference, "account": account, "amount": wire_money(amount)}
        taken_on = self._payout(reference, self._service.post("payouts", body=body))
        if taken_on.amount != amount:
            raise self._service.unavailable("the answer is about another amount")
        return taken_on

    def find_payout(self, *, reference: str) -> BankPayout:
        """Ask what became of a payout. Raises ProviderUnavailable."""
        answer = self._service.get("payouts", reference)
        if answer.status == 404 and answer.data.get("code") == "payout_unknown":
            return BankPayout(reference=reference, status="unknown")
        return self._payout(reference, answer)

    def return_money(self, *, reference: str, mandate_reference: str, amount: Money) -> BankTransfer:
        """Send money back to the account of a mandate. Raises ProviderRefused, ProviderUnavailable."""
        body = {"reference": reference, "mandate_reference": mandate_reference, "amount": wire_money(amount)}
        answer = self._service.post("returns", body=body)
        told = self._deduction(reference, answer)
        if told.amount != amount:
            raise self._service.unavailable("the answer is about another amount")
        return BankTransfer(reference=reference, status=told.status, code=told.code)

    def draw(self, *, reference: str, account: str, amount: Money) -> BankTransfer:
        """Draw money from an account. Raises ProviderRefused, ProviderUnavailable; a second call tells the outcome."""
        body = {"reference": reference, "account": account, "amount": wire_money(amount)}
        told = self._payout(reference, self._service.post("drawings", body=body))
        if told.amount != amount:
            raise self._service.unavailable("the answer is about another amount")
        status = "succeeded" if told.status == "paid" else told.status
        return BankTransfer(reference=reference, status=status, code=told.code)

    def authenticate(self, body: bytes, headers: Mapping[str, str], now: datetime) -> BankCallback:
        """Check signature, key and time over the raw bytes. Raises CallbackForged, CallbackMalformed."""
        return authenticate_callback(body, headers, now, self._keys)

    def _expect(self, answer: Answer) -> None:
        if answer.status >= 400:
            raise self._service.refused(answer)

    def _mandate(self, reference: str, answer: Answer, cap: Money | None = None) -> BankMandate:
        if answer.status == 404 and answer.data.get("code") == "mandate_unknown":
            return BankMandate(reference=reference, status="unknown")
        self._expect(answer)
        fields: dict[str, type] = {"reference": str, "status": str, "code": str, "cap": dict}
        try:
            found = closed_object(answer.data, fields)
            signed_cap = read_money(found["cap"])
        except NotStrictJson as error:
            raise self._service.unavailable(error.reason) from None
        ours = found["reference"] == reference and cap in (None, signed_cap)
        if not ours or found["status"] not in _MANDATE_STATUSES:
            raise self._service.unavailable("the answer is not about this mandate")
        return BankMandate(reference=reference, status=found["status"], code=found["code"])

    def _deduction(self, reference: str, answer: Answer) -> BankDeduction:
        self._expect(answer)
        fields = {"reference": str, "mandate_reference": str, "status": str, "code": str, "amount": dict}
        try:
            found = closed_object(answer.data, fields)
            amount = read_money(found["amount"])
        except NotStrictJson as error:
            raise self._service.unavailable(error.reason) from None
        if found["reference"] != reference or found["status"] not in _DEDUCTION_STATUSES:
            raise self._service.unavailable("the answer is not about this deduction")
        return BankDeduction(reference=reference, status=found["status"], code=found["code"], amount=amount)

    def _payout(self, reference: str, answer: Answer) -> BankPayout:
        self._expect(answer)
        try:
            found = closed_object(answer.data, {"reference": str, "status": str, "code": str, "amount": dict})
            amount = read_money(found["amount"])
        except NotStrictJson as error:
            raise self._service.unavailable(error.reason) from None
        if found["reference"] != reference or found["status"] not in _PAYOUT_STATUSES:
            raise self._service.unavailable("the answer is not about this payout")
        return BankPayout(reference=reference, status=found["status"], code=found["code"], amount=amount)
