"""What services need from the outside, as Protocols: providers implement them, app wires them.

Every outside call carries a reference of our own, so that a crash between call and commit
is settled by asking again with it. No call here may be made inside a unit of work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from fenqi.finance.money import Money

from merchant_server.domain.decision import Bureau, Identity
from merchant_server.ports.settlement import BankPayout


class Clock(Protocol):
    """Wall time. The business date of a merchant under test is wall time plus its test clock's offset."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; only worker loops and live streams call this."""
        ...


class Ids(Protocol):
    """Prefixed, time-ordered ids (`chk_…`), and secrets."""

    def new(self, prefix: str) -> str: ...

    def token(self, bytes_of_entropy: int = 16) -> str:
        """Return an unguessable URL-safe text."""
        ...

    def digits(self, count: int) -> str:
        """Return an unguessable string of decimal digits, for codes sent by SMS."""
        ...


class ProviderUnavailable(Exception):
    """The provider did not answer in time, or answered nonsense; whether it acted is unknown.

    Attributes: provider, reason.
    """

    def __init__(self, provider: str, reason: str) -> None:
        self.provider, self.reason = provider, reason
        super().__init__(f"{provider} did not give a usable answer: {reason}")


class ProviderGarbled(ProviderUnavailable):
    """The provider sent what is no answer. `body` is what it sent, for quarantine: never log it."""

    def __init__(self, provider: str, reason: str, body: bytes) -> None:
        super().__init__(provider, reason)
        self.body = body


class ProviderRefused(Exception):
    """The provider answered with a definite no. Attributes: provider, code, reason."""

    def __init__(self, provider: str, code: str, reason: str) -> None:
        self.provider, self.code, self.reason = provider, code, reason
        super().__init__(f"{provider} refused ({code}): {reason}")


class IdentityProvider(Protocol):
    """Real-name check: do this name, id number and phone belong to one person?"""

    def check(self, *, reference: str, name: str, id_number: str, phone: str) -> Identity: ...


class BureauProvider(Protocol):
    """Credit bureau report by id number. Raises ProviderUnavailable; the policy then sees "unknown"."""

    def report(self, *, reference: str, id_number: str) -> Bureau: ...


class SmsSender(Protocol):
    """Sends one text to one E.164 number; `reference` makes a repeated send harmless."""

    def send(self, *, reference: str, phone: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class BankAccount:
    """One account the bank shows its customer; `token` is opaque, `label` is masked (bank, kind, last four)."""

    token: str = field(repr=False)
    label: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BankMandate:
    """The bank's view of a mandate. status: active | refused | cancelled | unknown."""

    reference: str
    status: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class BankDeduction:
    """The bank's view of a deduction. status: pending | succeeded | failed | unknown (never heard of it)."""

    reference: str
    status: str
    code: str = ""
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class BankPayment:
    """The bank's view of a payment at its own page. status: pending | paid | expired | unknown."""

    reference: str
    status: str
    pay_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BankTransfer:
    """The bank's view of money that we send. status: pending | succeeded | failed."""

    reference: str
    status: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class BankCallback:
    """A callback whose raw bytes were authenticated; nothing in it has been compared with our own rows yet."""

    event_id: str
    gateway_account: str
    mode: str
    kind: str
    reference: str
    mandate_reference: str
    status: str
    code: str
    amount: Money
    occurred_at: datetime


class CallbackForged(Exception):
    """The callback's bytes, key, algorithm or time did not authenticate. Attributes: reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class CallbackMalformed(CallbackForged):
    """The bank did sign these bytes, but they are not a callback that was agreed on: quarantine, never apply."""


class Bank(Protocol):
    """A bank that deducts under mandates and calls back. All methods are safe to repeat with one reference."""

    gateway_account: str

    def accounts(self, *, name: str, id_number: str, phone: str) -> tuple[BankAccount, ...]: ...

    def sign_mandate(
        self, *, reference: str, account_token: str, name: str, id_number: str, cap: Money
    ) -> BankMandate: ...

    def cancel_mandate(self, *, reference: str) -> BankMandate: ...

    def deduct(self, *, reference: str, mandate_reference: str, amount: Money) -> BankDeduction: ...

    def find_deduction(self, *, reference: str) -> BankDeduction: ...

    def create_payment(
        self, *, reference: str, amount: Money, description: str, expires_at: datetime, return_url: str
    ) -> BankPayment:
        """Take on a payment that somebody makes at the bank's page. Raises ProviderRefused, ProviderUnavailable."""
        ...

    def find_payment(self, *, reference: str) -> BankPayment:
        """Ask what became of a payment. Raises ProviderUnavailable."""
        ...

    def pay_out(self, *, reference: str, account: str, amount: Money) -> BankPayout:
        """Send money to a merchant's account. Raises ProviderRefused, ProviderUnavailable."""
        ...

    def find_payout(self, *, reference: str) -> BankPayout: ...

    def return_money(self, *, reference: str, came_by: str, amount: Money) -> BankTransfer:
        """Send money back by the mandate, live or over, or the payment it came by; repeated, it tells the outcome."""
        ...

    def draw(self, *, reference: str, account: str, amount: Money) -> BankTransfer:
        """Draw money from the account of somebody who agreed to that; repeated, it tells what became of it."""
        ...

    def authenticate(self, body: bytes, headers: Mapping[str, str], now: datetime) -> BankCallback:
        """Check signature, key and time over the raw bytes. Raises CallbackForged."""
        ...
