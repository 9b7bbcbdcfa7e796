"""The bank over HTTP: mandates, deductions, money that is sent and drawn. Its callbacks are read in bank_callbacks.

It compares nothing with our own rows: that a callback is genuine does not make it right (services do that).
"""

import re
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fenqi.finance.money import Money

from merchant_server.ports import (
    BankAccount,
    BankCallback,
    BankDeduction,
    BankMandate,
    BankPayment,
    BankPayout,
    BankTransfer,
)
from merchant_server.providers.bank_callbacks import authenticate_callback
from merchant_server.providers.http import (
    Answer,
    JsonService,
    NotStrictJson,
    closed_object,
    read_money,
    wire_money,
)

_CARD_NUMBER = re.compile(r"\d(?:[ -]?\d){11,18}")
_MANDATE_STATUSES = ("active", "refused", "cancelled")
_DEDUCTION_STATUSES = ("pending", "succeeded", "failed")
_PAYMENT_STATUSES = ("pending", "paid", "expired")
_PAYOUT_STATUSES = ("pending", "paid", "failed")


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

    def create_payment(
        self, *, reference: str, amount: Money, description: str, expires_at: datetime, return_url: str
    ) -> BankPayment:
        """Take on a payment that somebody makes at the bank's page. Raises ProviderRefused, ProviderUnavailable."""
        body = {
            "reference": reference,
            "amount": wire_money(amount),
            "description": description,
            "expires_at": expires_at.isoformat(),
            "return_url": return_url,
        }
        return self._payment(reference, self._service.post("payments", body=body), amount)

    def find_payment(self, *, reference: str) -> BankPayment:
        """Ask what became of a payment. Raises ProviderUnavailable."""
        answer = self._service.get("payments", reference)
        if answer.status == 404 and answer.data.get("code") == "payment_unknown":
            return BankPayment(reference=reference, status="unknown")
        return self._payment(reference, answer)

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

    def return_money(self, *, reference: str, came_by: str, amount: Money) -> BankTransfer:
        """Send money back to the account of a mandate or a payment. Raises ProviderRefused, ProviderUnavailable."""
        body = {"reference": reference, "came_by": came_by, "amount": wire_money(amount)}
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

    def _payment(self, reference: str, answer: Answer, amount: Money | None = None) -> BankPayment:
        self._expect(answer)
        fields: dict[str, type] = {"reference": str, "status": str, "pay_url": str, "amount": dict}
        try:
            found = closed_object(answer.data, fields)
            taken_on = read_money(found["amount"])
        except NotStrictJson as error:
            raise self._service.unavailable(error.reason) from None
        ours = found["reference"] == reference and amount in (None, taken_on)
        if not ours or found["status"] not in _PAYMENT_STATUSES:
            raise self._service.unavailable("the answer is not about this payment")
        if not found["pay_url"].startswith(("http://", "https://")):
            raise self._service.unavailable("the payment's page is no web address")
        return BankPayment(reference, found["status"], found["pay_url"])

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
