"""A consumer: the person who repays, with one credit line for every store of the installation."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.decision import LINE_DAYS
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.secret import Secret

__all__ = ["LINE_DAYS", "Applicant", "Consumer", "CreditLine", "History", "Person", "mask_phone"]


@dataclass(frozen=True, slots=True, init=False)
class Person:
    """Who somebody says they are; personal data, kept sealed, never logged, and shown by no repr, format or JSON."""

    _name: Secret[str]
    _id_number: Secret[str]
    _phone: Secret[str]
    _born_on: Secret[date]

    def __init__(self, name: str, id_number: str, phone: str, born_on: date) -> None:
        values: dict[str, str | date] = {
            "name": name,
            "id_number": id_number,
            "phone": phone,
            "born_on": born_on,
        }
        for field_name, value in values.items():
            object.__setattr__(self, f"_{field_name}", Secret(value))

    def __repr__(self) -> str:
        return "Person(***)"

    @property
    def name(self) -> str:
        """The name as on the id card."""
        return self._name.reveal()

    @property
    def id_number(self) -> str:
        """The number of the id card."""
        return self._id_number.reveal()

    @property
    def phone(self) -> str:
        """The mobile number, E.164."""
        return self._phone.reveal()

    @property
    def born_on(self) -> date:
        """The birthday."""
        return self._born_on.reveal()

    @property
    def masked_name(self) -> str:
        """The family name, the rest hidden."""
        return self.name[:1] + "*" * max(len(self.name) - 1, 1)

    @property
    def masked_id_number(self) -> str:
        """The first three and last two characters."""
        return self.id_number[:3] + "*" * (len(self.id_number) - 5) + self.id_number[-2:]

    @property
    def masked_phone(self) -> str:
        """The last four digits."""
        return mask_phone(self.phone)

    def age_on(self, day: date) -> int:
        """Return full years of age; somebody born on 29 February comes of age on 1 March."""
        before_birthday = (day.month, day.day) < (self.born_on.month, self.born_on.day)
        return day.year - self.born_on.year - before_birthday


def mask_phone(phone: str) -> str:
    """Return a phone number with only its last four digits."""
    return "*" * max(len(phone) - 4, 0) + phone[-4:]


@dataclass(frozen=True, slots=True)
class Consumer:
    """One person as stored; `person` is unsealed only where a service needs it."""

    id: str
    person: Person
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody on the way through one checkout: a verified phone first, then who they are and what they agreed to."""

    checkout_id: str
    phone: str
    phone_verified_at: datetime | None = None
    name: str | None = None
    id_number: str | None = None
    consents: tuple[str, ...] = ()
    account_token: str | None = None
    account_label: str | None = None

    def __repr__(self) -> str:
        return f"Applicant({self.checkout_id}, ***)"


@dataclass(frozen=True, slots=True)
class History:
    """What this installation knows of a person; `refusals` are those of the last 30 days.

    `due_soon_minor` is what falls due, or is late, until the day that was asked for.
    """

    open_loans: int
    outstanding_minor: int
    oldest_overdue_on: date | None
    refusals: int
    repaid_loans: int = 0
    due_soon_minor: int = 0


@dataclass(frozen=True, slots=True)
class CreditLine:
    """How much a person may owe in all; `used` is the outstanding principal of their loans (law 4).

    `decision_id` is the decision that granted it, whose credit report may be kept for as long as the line lives.
    """

    consumer_id: str
    limit: Money
    used: Money
    grade: str
    rate_discount: str
    expires_at: datetime
    version: int
    decision_id: str | None = None

    @property
    def left(self) -> Money:
        """What may still be borrowed."""
        return self.limit - self.used

    def draw(self, amount: Money, now: datetime) -> "CreditLine":
        """Return the line with `amount` used, or raise when it is spent or expired."""
        if now >= self.expires_at:
            raise RuleRefused(
                "the approval has expired",
                code="approval_expired",
                hint="ask for a new decision; it takes seconds",
            )
        if amount > self.left:
            raise RuleRefused(
                "the amount is more than the credit line has left",
                code="amount_over_limit",
                hint=f"at most {self.left} is left",
                left_minor=self.left.minor,
            )
        return replace(self, used=self.used + amount, version=self.version + 1)
