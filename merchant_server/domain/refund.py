"""A refund: the merchant takes goods back. What it does to a schedule is arithmetic; this is its states and records."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fenqi.finance.lines import ReturnedLine
from fenqi.finance.money import Money
from fenqi.finance.refund import RefundEffect

from merchant_server.domain.machine import Machine

PREVIEW_SECONDS = 900


class Strategy(StrEnum):
    """How the rows to come take a refund."""

    LAST_FIRST = "last_first"
    NEXT_FIRST = "next_first"
    EQUAL = "equal"
    SHORTER = "shorter"
    RECOMPUTE = "recompute"
    FULL_SETTLEMENT = "full_settlement"


class RefundStatus(StrEnum):
    """Where a refund stands; it is pending while money is on its way to the consumer."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_R = RefundStatus
REFUND_MACHINE = Machine(
    "refund",
    _R.PENDING,
    {
        _R.PENDING: (_R.SUCCEEDED, _R.FAILED),
        _R.SUCCEEDED: (),
        # The money waits for the consumer at ours, and goes home as any money that is kept: asking again pays twice.
        _R.FAILED: (),
    },
)


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """An effect as it was shown; committing it is possible once, until it expires or the loan changes."""

    id: str
    merchant_id: str
    mode: str
    loan_id: str
    loan_version: int
    refunded_before: Money
    strategy: Strategy
    effect: RefundEffect
    merchant_fee_returned: Money
    created_at: datetime
    expires_at: datetime
    lines: tuple[ReturnedLine, ...] = ()

    @property
    def from_merchant(self) -> Money:
        """What the merchant gives: the price of the goods, less the fee it gets back."""
        return self.effect.amount - self.merchant_fee_returned


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund as stored; `id` is the reference by which the bank knows the money that goes back."""

    id: str
    merchant_id: str
    mode: str
    loan_id: str
    checkout_id: str
    preview_id: str
    status: RefundStatus
    version: int
    strategy: Strategy
    amount: Money
    to_consumer: Money
    from_merchant: Money
    interest_given_back: Money
    reference: str
    created_at: datetime
    code: str = ""
    lines: tuple[ReturnedLine, ...] = ()

    def to(self, status: RefundStatus, *, code: str = "") -> "Refund":
        """Return it one transition later, or raise TransitionNotAllowed."""
        return replace(
            self, status=REFUND_MACHINE.check(self.status, status), version=self.version + 1, code=code
        )
