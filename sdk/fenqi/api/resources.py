"""What fenqi answers, as frozen typed results. Reads JSON through `fenqi.wire`; sends nothing.

Unknown fields stay in `raw` and unknown states pass through as text, so an old SDK reads a newer server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from fenqi.api.reading import RAW, known, load
from fenqi.finance.lines import Line
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.wire import (
    CheckoutSchema,
    EventSchema,
    LoanSchema,
    PayoutSchema,
    PlanSchema,
    TestClockSchema,
)

_CHECKOUT, _LOAN, _EVENT, _PLAN = CheckoutSchema(), LoanSchema(), EventSchema(), PlanSchema()
_TEST_CLOCK, _PAYOUT = TestClockSchema(), PayoutSchema()


@dataclass(frozen=True, slots=True)
class Wording:
    """One text in both languages."""

    zh_cn: str
    en: str

    def for_language(self, language: str) -> str:
        """Return the text for a language tag such as zh-CN; anything but Chinese reads English."""
        return self.zh_cn if language.lower().startswith("zh") else self.en

    @classmethod
    def _of(cls, loaded: Mapping[str, str]) -> "Wording":
        return cls(loaded.get("zh-CN", ""), loaded.get("en", ""))


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a checkout was declined (a permanent code and a text) and what would change the answer."""

    code: str
    text: Wording
    hint: Wording


@dataclass(frozen=True, slots=True)
class TillView:
    """What a till shows now, whether this is the end, and after how many seconds to ask again.

    wait_seconds: how long this state usually lasts, 0 for no wait. cancel_needs_confirm: a phone has opened it.
    """

    text: Wording
    final: bool
    poll_after_seconds: int
    wait_seconds: int = 0
    cancel_needs_confirm: bool = False


@dataclass(frozen=True, slots=True)
class Checkout:
    """One attempt to pay one order in installments. `sequence` grows by one at every change."""

    id: str
    mode: str
    status: str
    amount: Money
    captured: Money
    voided: Money
    authorized_until: datetime | None
    reference: str
    description: str
    url: str | None
    return_url: str | None
    plan_ids: tuple[str, ...]
    store_id: str | None
    till_id: str | None
    capture: str
    language: str | None
    created_at: datetime
    expires_at: datetime
    sequence: int
    plan_id: str | None
    loan_id: str | None
    decline: Decline | None
    till: TillView
    metadata: Mapping[str, str]
    lines: tuple[Line, ...] = ()
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a checkout's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = load(_CHECKOUT, raw)
        till, decline = loaded["till"] or {}, loaded["decline"]
        loaded["till"] = TillView(
            Wording._of(till.get("text", {})),
            till.get("final", False),
            till.get("poll_after_seconds", 2),
            till.get("wait_seconds", 0),
            till.get("cancel_needs_confirm", False),
        )
        if decline is not None:
            loaded["decline"] = Decline(
                decline["code"], Wording._of(decline["text"]), Wording._of(decline["hint"])
            )
        for name in ("captured", "voided"):
            loaded[name] = loaded[name] or Money(0, loaded["amount"].currency)
        loaded["plan_ids"] = tuple(loaded["plan_ids"] or ())
        loaded["lines"] = tuple(Line(**line) for line in loaded["lines"])
        return cls(**known(cls, loaded), raw=raw)


@dataclass(frozen=True, slots=True)
class LoanInstallment:
    """One row of a loan's schedule, as it is charged."""

    number: int
    due_on: date
    principal: Money
    interest: Money
    fee: Money
    total: Money
    paid: Money
    penalty: Money
    penalty_paid: Money
    outstanding: Money
    status: str

    @classmethod
    def _of(cls, row: Mapping[str, Any]) -> "LoanInstallment":
        nothing = Money(0, row["total"].currency)
        missing = {"penalty": nothing, "penalty_paid": nothing, "outstanding": row["total"] - row["paid"]}
        return cls(**{**row, **{name: value for name, value in missing.items() if row[name] is None}})


@dataclass(frozen=True, slots=True)
class Loan:
    """The debt that a signed checkout became: what was agreed, what of it was paid or is not owed any more."""

    id: str
    mode: str
    status: str
    checkout_id: str
    reference: str
    principal: Money
    total_payable: Money
    paid: Money
    relieved: Money
    penalty: Money
    penalty_paid: Money
    outstanding: Money
    days_overdue: int
    overdue_bucket: str | None
    signed_on: date
    created_at: datetime
    sequence: int
    installments: tuple[LoanInstallment, ...]
    collection_paused_reason: str | None = None
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a loan's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = load(_LOAN, raw)
        loaded["installments"] = tuple(LoanInstallment._of(row) for row in loaded["installments"])
        for name in ("relieved", "penalty", "penalty_paid"):
            loaded[name] = loaded[name] or Money(0, loaded["principal"].currency)
        return cls(**known(cls, loaded), raw=raw)


@dataclass(frozen=True, slots=True)
class Payout:
    """Money on its way to your bank account; `code` says why the bank refused. `sequence` grows at every change."""

    id: str
    mode: str
    status: str
    amount: Money
    code: str
    payout_on: date
    created_at: datetime
    settled_at: datetime | None
    sequence: int
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a payout's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_PAYOUT, raw)), raw=raw)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What an event is about; its `sequence` is gap-free per thing and orders that thing's events."""

    type: str
    id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `sequence` is gap-free per merchant; `request_id` is the request that caused it."""

    id: str
    type: str
    mode: str
    created_at: datetime
    sequence: int
    aggregate: Aggregate
    data: Mapping[str, Any]
    request_id: str | None = None
    raw: Mapping[str, Any] = RAW

    @property
    def cursor(self) -> str:
        """Where the event feed goes on after this event: `client.events.list(after=event.cursor)`."""
        return self.id

    @property
    def checkout(self) -> Checkout | None:
        """The checkout in `data` (without url); None when the event has another. Raises NotFenqi."""
        return Checkout.from_dict(self.data) if self.data.get("object") == "checkout" else None

    @property
    def loan(self) -> Loan | None:
        """The loan in `data`; None when the event has another. Raises NotFenqi."""
        return Loan.from_dict(self.data) if self.data.get("object") == "loan" else None

    @property
    def payout(self) -> "Payout | None":
        """The payout in `data`; None when the event has another. Raises NotFenqi."""
        return Payout.from_dict(self.data) if self.data.get("object") == "payout" else None

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read an event's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = load(_EVENT, raw)
        loaded["aggregate"] = Aggregate(**loaded["aggregate"])
        return cls(**known(cls, loaded), raw=raw)


@dataclass(frozen=True, slots=True)
class TestClock:
    """The merchant's clock in test mode: wall time plus an offset. `status` is ready, or advancing towards `target`."""

    __test__ = False

    now: datetime
    offset_seconds: int
    id: str = "current"
    status: str = "ready"
    target: datetime | None = None
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a test clock's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_TEST_CLOCK, raw)), raw=raw)


def plan_from_dict(raw: Mapping[str, Any]) -> Plan:
    """Read a plan's JSON as `fenqi.Plan`. Raises NotFenqi when it has not the shape of one."""
    plan: Plan = load(_PLAN, raw)
    return plan
