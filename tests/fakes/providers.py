"""In-memory providers for tests of services and web. They pass the same contract suite as the HTTP clients do.

They follow the sandbox's published magic values, call nothing outside, and keep no clock: instants are passed in.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fenqi.finance.money import Money

from merchant_server.domain.decision import Bureau, Identity
from merchant_server.ports import (
    BankAccount,
    BankCallback,
    BankDeduction,
    BankMandate,
    BankPayment,
    BankPayout,
    BankTransfer,
    ProviderRefused,
    ProviderUnavailable,
    Sent,
)
from merchant_server.providers.bank_callbacks import authenticate_callback, public_key_id
from merchant_server.providers.sandbox.callbacks import headers_of, signed_headers
from merchant_server.providers.sandbox.magic import (
    PAYOUT_ACCOUNTS,
    PHONES,
    account_of,
    accounts_of,
    bureau_report,
    outcome,
    person,
)
from merchant_server.providers.sandbox.payments import payment_callback_body
from merchant_server.providers.sandbox.tellings import Delays, callback_rows, transfer_callback
from merchant_server.providers.webhook_signing import new_secret

EPOCH = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@dataclass
class _Mandate:
    terms: tuple[str, str, str, Money]
    behaviour: str
    status: str
    code: str
    deductions: int = 0


@dataclass
class _Deduction:
    terms: tuple[str, Money]
    behaviour: str
    status: str
    code: str


@dataclass
class _Payout:
    terms: tuple[str, Money]
    status: str
    code: str
    polls: int


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]


class FakeBank:
    """A bank in memory. `down = True` makes every call unavailable; `callbacks` makes what it would send."""

    def __init__(self, gateway_account: str = "fake_gateway_1") -> None:
        self.gateway_account = gateway_account
        self.down = False
        self._key = Ed25519PrivateKey.generate()
        self._owners: dict[str, tuple[str, str]] = {}
        self._mandates: dict[str, _Mandate] = {}
        self._deductions: dict[str, _Deduction] = {}
        self._payouts: dict[str, _Payout] = {}
        self._answered: set[tuple[str, str]] = set()
        self._asked: dict[str, int] = {}
        self.drawn: set[str] = set()
        self.returns: dict[str, tuple[str, Money]] = {}
        self.payments: dict[str, tuple[Money, str, datetime, str]] = {}
        self.paid: set[str] = set()

    def accounts(self, *, name: str, id_number: str, phone: str) -> tuple[BankAccount, ...]:
        """Return the magic accounts that this person has."""
        self._up()
        rows = []
        for account in accounts_of(id_number):
            token = f"ba_{_hash(id_number, account.last_four)}"
            self._owners[token] = (id_number, account.behaviour)
            rows.append(BankAccount(token=token, label=account.label))
        return tuple(rows)

    def sign_mandate(
        self, *, reference: str, account_token: str, name: str, id_number: str, cap: Money
    ) -> BankMandate:
        """Sign, unless the magic person refuses."""
        self._up()
        terms = (account_token, name, id_number, cap)
        known = self._mandates.get(reference)
        if known is None:
            owner, behaviour = self._owners.get(account_token, ("", ""))
            if owner != id_number:
                raise ProviderRefused("bank", "account_unknown", "HTTP 422")
            refusal = {"refuses": "holder_refused", "frozen": "account_frozen"}.get(
                person(id_number).bank, ""
            )
            known = _Mandate(terms, behaviour, "refused" if refusal else "active", refusal)
            self._mandates[reference] = known
        elif known.terms != terms:
            raise ProviderRefused("bank", "reference_conflict", "HTTP 409")
        return BankMandate(reference=reference, status=known.status, code=known.code)

    def cancel_mandate(self, *, reference: str) -> BankMandate:
        """Cancel; unknown references are unknown."""
        self._up()
        known = self._mandates.get(reference)
        if known is None:
            return BankMandate(reference=reference, status="unknown")
        if known.status == "active":
            known.status = "cancelled"
        return BankMandate(reference=reference, status=known.status, code=known.code)

    def deduct(self, *, reference: str, mandate_reference: str, amount: Money) -> BankDeduction:
        """Take on a deduction and decide it."""
        self._up()
        terms = (mandate_reference, amount)
        known = self._deductions.get(reference)
        if known is not None and known.terms != terms:
            raise ProviderRefused("bank", "reference_conflict", "HTTP 409")
        if known is None:
            mandate = self._chargeable(mandate_reference, amount)
            status, code = outcome(mandate.behaviour, mandate.deductions, amount.minor)
            mandate.deductions += 1
            self._deductions[reference] = _Deduction(terms, mandate.behaviour, status, code)
        return BankDeduction(reference=reference, status="pending", amount=amount)

    def find_deduction(self, *, reference: str) -> BankDeduction:
        """Say what became of it."""
        self._up()
        known = self._deductions.get(reference)
        if known is None:
            return BankDeduction(reference=reference, status="unknown")
        return BankDeduction(reference=reference, status=known.status, code=known.code, amount=known.terms[1])

    def return_money(self, *, reference: str, came_by: str, amount: Money) -> BankTransfer:
        """Send money back; a closed account takes none."""
        self._up()
        mandate = self._mandates.get(came_by)
        if mandate is None and came_by not in self.paid:
            raise ProviderRefused("bank", "mandate_unknown", "HTTP 422")
        currency = mandate.terms[3].currency if mandate else self.payments[came_by][0].currency
        if currency != amount.currency:
            raise ProviderRefused("bank", "currency_mismatch", "HTTP 422")
        if self.returns.setdefault(reference, (came_by, amount)) != (came_by, amount):
            raise ProviderRefused("bank", "reference_conflict", "HTTP 409")
        account = account_of(mandate.behaviour if mandate else "pays", 0)
        asked = self._asked.get(reference, 0)
        self._asked[reference] = asked + 1
        if account.returns_late and not asked:
            return BankTransfer(reference, "pending")
        return BankTransfer(reference, *account.returns)

    def draw(self, *, reference: str, account: str, amount: Money) -> BankTransfer:
        """Draw money from an account, by the magic table of payouts."""
        self._up()
        self.drawn.add(reference)
        known = self.find_payout(reference=reference)
        if known.status == "unknown" or self._payouts[reference].terms != (account, amount):
            self.pay_out(reference=reference, account=account, amount=amount)
            known = self.find_payout(reference=reference)
        return BankTransfer(reference, "succeeded" if known.status == "paid" else known.status, known.code)

    def authenticate(self, body: bytes, headers: Mapping[str, str], now: datetime) -> BankCallback:
        """Authenticate against this fake's own key, with the real rules."""
        public = self._key.public_key()
        return authenticate_callback(body, headers, now, {public_key_id(public): public})

    def callbacks(self, reference: str, now: datetime = EPOCH) -> list[tuple[bytes, dict[str, str]]]:
        """Return every callback of a deduction or transfer as (body, headers), signed at `now`, for the caller."""
        if reference not in self._deductions:
            return [self._told_of_transfer(reference, now)]
        known = self._deductions[reference]
        amount = known.terms[1]
        account = account_of(known.behaviour, amount.minor)
        if account.reverses:
            known.code = "reversed"
        deduction = {
            "reference": reference,
            "mandate_reference": known.terms[0],
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "outcome": known.status,
            "code": "" if known.status == "succeeded" else known.code,
        }
        # Delays tell the order only: all of them are handed over at once.
        rows = callback_rows(
            self.gateway_account, lambda marks: _hash(*marks), deduction, account, now, Delays(0, 2, 1)
        )
        return [(row["body"].encode(), headers_of(row, self._key, now)) for row in rows]

    def create_payment(
        self, *, reference: str, amount: Money, description: str, expires_at: datetime, return_url: str
    ) -> BankPayment:
        """Take on a payment."""
        self._up()
        terms = (amount, description, expires_at, return_url)
        if amount.minor <= 0:
            raise ProviderRefused("bank", "amount_invalid", "HTTP 422")
        if self.payments.setdefault(reference, terms) != terms:
            raise ProviderRefused("bank", "reference_conflict", "HTTP 409")
        return self.find_payment(reference=reference)

    def find_payment(self, *, reference: str) -> BankPayment:
        """Say what became of it."""
        self._up()
        if reference not in self.payments:
            return BankPayment(reference, "unknown")
        status = "paid" if reference in self.paid else "pending"
        return BankPayment(reference, status, f"https://bank.example/pay/{reference}")

    def pay(self, reference: str, now: datetime = EPOCH) -> tuple[bytes, dict[str, str]]:
        """Pay as somebody would at the bank's page; return the callback about it, which the caller delivers."""
        self.paid.add(reference)
        body = payment_callback_body(self.gateway_account, reference, self.payments[reference][0], now)
        return self.signed(body, f"bev_{_hash(reference, 'paid')[:24]}", now)

    def _told_of_transfer(self, reference: str, now: datetime) -> tuple[bytes, dict[str, str]]:
        if reference in self.returns:
            noun, (mandate_reference, amount) = "return", self.returns[reference]
            outcome, code = account_of(self._mandates[mandate_reference].behaviour, 0).returns
        else:
            payout, mandate_reference = self._payouts[reference], ""
            noun = "drawing" if reference in self.drawn else "payout"
            amount, outcome, code = payout.terms[1], payout.status, payout.code
        row = {
            "reference": reference,
            "mandate_reference": mandate_reference,
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "outcome": outcome,
            "code": code,
        }
        told = transfer_callback(self.gateway_account, lambda marks: _hash(*marks), noun, row, now)
        told["body"] = told["body"].encode()
        return told["body"], signed_headers(self._key, told["event_id"], told["body"], now)

    def pay_out(self, *, reference: str, account: str, amount: Money) -> BankPayout:
        """Take on a payout and decide it by its account."""
        self._up()
        known = self._payouts.get(reference)
        if known is not None and known.terms != (account, amount):
            raise ProviderRefused("bank", "reference_conflict", "HTTP 409")
        magic = next((each for each in PAYOUT_ACCOUNTS if each.account == account), None)
        if magic is None:
            raise ProviderRefused("bank", "account_unknown", "HTTP 422")
        if known is None:
            first = (account, reference) not in self._answered
            self._answered.add((account, reference))
            if magic.answer == "down_once" and first:
                raise ProviderUnavailable("bank", "down")
            self._payouts[reference] = _Payout((account, amount), *magic.outcome, polls=magic.polls)
            if magic.answer in ("lost_once", "garbage_once"):
                raise ProviderUnavailable("bank", "no usable answer")
        return BankPayout(reference=reference, status="pending", amount=amount)

    def find_payout(self, *, reference: str) -> BankPayout:
        """Say what became of a payout."""
        self._up()
        known = self._payouts.get(reference)
        if known is None:
            return BankPayout(reference=reference, status="unknown")
        if known.polls > 0:
            known.polls -= 1
            return BankPayout(reference=reference, status="pending", amount=known.terms[1])
        return BankPayout(reference=reference, status=known.status, code=known.code, amount=known.terms[1])

    def signed(
        self, body: Mapping[str, Any], event_id: str, now: datetime = EPOCH
    ) -> tuple[bytes, dict[str, str]]:
        """Sign any body at all, as the bank would: for callbacks that are genuine but wrong."""
        raw = json.dumps(body, ensure_ascii=False).encode("utf-8")
        return raw, signed_headers(self._key, event_id, raw, now)

    def _up(self) -> None:
        if self.down:
            raise ProviderUnavailable("bank", "down")

    def _chargeable(self, reference: str, amount: Money) -> _Mandate:
        mandate = self._mandates.get(reference)
        code = ""
        if mandate is None:
            raise ProviderRefused("bank", "mandate_unknown", "HTTP 422")
        cap = mandate.terms[3]
        if mandate.status != "active":
            code = "mandate_not_active"
        elif cap.currency != amount.currency:
            code = "currency_mismatch"
        elif amount > cap:
            code = "over_cap"
        elif amount.minor <= 0:
            code = "amount_invalid"
        if code:
            raise ProviderRefused("bank", code, "HTTP 422")
        return mandate


class FakeIdentity:
    """An identity check in memory, by the magic table."""

    def check(self, *, reference: str, name: str, id_number: str, phone: str) -> Identity:
        """Answer match or mismatch, or be unavailable."""
        kind = person(id_number).identity
        if kind not in ("match", "mismatch"):
            raise ProviderUnavailable("identity", kind)
        return Identity(result=kind, reference=f"idc_{reference}")


class FakeBureau:
    """A credit bureau in memory, by the magic table; `reports` overrides it for one id number."""

    def __init__(self) -> None:
        self.reports: dict[str, Bureau] = {}

    def report(self, *, reference: str, id_number: str) -> Bureau:
        """Answer the magic report, or be unavailable."""
        if id_number in self.reports:
            return self.reports[id_number]
        kind = person(id_number).bureau
        if kind in ("slow", "down", "garbage"):
            raise ProviderUnavailable("bureau", kind)
        found = dict(bureau_report(id_number))
        debts, income = found.pop("debts"), found.pop("income")
        assert isinstance(debts, dict)
        return Bureau(  # type: ignore[arg-type]
            reference=f"bur_{reference}",
            debts_minor=debts["minor"],
            income_minor=income["minor"] if isinstance(income, dict) else 0,
            **found,
        )


class FakeSms:
    """An SMS gateway in memory; `messages` is the inbox as (reference, phone, text)."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, str]] = []

    def send(self, *, reference: str, phone: str, text: str) -> None:
        """Put a message into the inbox once for each reference."""
        kind = PHONES.get(phone, "")
        kind = "" if kind in ("lost", "delivered_twice") else kind
        if kind == "refused":
            raise ProviderRefused("sms", "phone_unreachable", "HTTP 422")
        if kind:
            raise ProviderUnavailable("sms", kind)
        same = [message for message in self.messages if message[0] == reference]
        if same and same[0] != (reference, phone, text):
            raise ProviderRefused("sms", "reference_conflict", "HTTP 409")
        if not same:
            self.messages.append((reference, phone, text))


@dataclass
class FakeWebhookSender:
    """Records what was sent; `answers` are used up first, then `default` is given for ever."""

    default: Sent = field(default_factory=lambda: Sent(status=200, seconds=0.01))
    answers: list[Sent] = field(default_factory=list)
    sent: list[tuple[str, str, str, datetime, bytes]] = field(default_factory=list)

    def send(self, *, url: str, secret: str, message_id: str, timestamp: datetime, body: bytes) -> Sent:
        """Record one delivery and answer."""
        if timestamp.utcoffset() is None:
            raise TypeError("timestamp must be an aware datetime: the signature is over UTC seconds")
        self.sent.append((url, secret, message_id, timestamp, body))
        return self.answers.pop(0) if self.answers else self.default

    def refusal(self, url: str) -> str:
        """Refuse what the real one refuses without asking a name server."""
        return "" if url.startswith(("https://", "http://127.0.0.1")) else "url_refused"

    def new_secret(self, signature: str) -> str:
        """Make a real secret, so that what is signed with it verifies."""
        return new_secret(signature)
