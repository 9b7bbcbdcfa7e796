"""A refund: the merchant takes goods back. It lowers what is owed first; what was paid already goes back to the consumer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from fenqi.finance.money import Money
from fenqi.finance.recomputation import Recomputed, recompute
from fenqi.finance.repayment import Due, payoff
from fenqi.finance.schedule import Schedule

from merchant_server.domain.errors import RuleRefused
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


# The names by which the arithmetic knows them.
_MODES = {Strategy.RECOMPUTE: "smaller"}


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
        # The money waits for the consumer at ours; a later try can still bring it home.
        _R.FAILED: (_R.PENDING,),
    },
)


@dataclass(frozen=True, slots=True)
class RefundEffect:
    """What a refund does: the rows after it, and where each cent of it goes.

    `principal_relieved` is not owed any more; `paid` are rows that the refund pays as money would (a full settlement);
    `interest_returned` had been paid for time that does not come. What is left of the amount is the consumer's.
    """

    amount: Money
    before: tuple[Due, ...]
    after: tuple[Due, ...]
    paid: tuple[Due, ...]
    principal_relieved: Money
    interest_given_back: Money
    fee_given_back: Money
    interest_returned: Money

    @property
    def owed_paid(self) -> Money:
        """What the refund pays of interest, fees and penalties that stay owed."""
        return Money(sum(row.total_minor for row in self.paid), self.amount.currency)

    @property
    def to_consumer(self) -> Money:
        """What goes back to the consumer's account."""
        return self.amount - self.principal_relieved - self.owed_paid + self.interest_returned


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

    def to(self, status: RefundStatus, *, code: str = "") -> "Refund":
        """Return it one transition later, or raise TransitionNotAllowed."""
        return replace(
            self, status=REFUND_MACHINE.check(self.status, status), version=self.version + 1, code=code
        )


def plan_refund(
    schedule: Schedule | None,
    agreed: Sequence[Due],
    rows: Sequence[Due],
    amount: Money,
    strategy: Strategy,
    on: date,
) -> RefundEffect:
    """Work out a refund of goods worth `amount` on a day.

    `rows` are what is still owed, `agreed` the same rows before anything was paid on them. The principal of rows to
    come is lowered first, by `strategy`; then that of rows already due, the oldest first; the rest had been paid and
    is the consumer's. Without rows no `schedule` is needed. A full settlement pays all that settles the loan on that day. Raises RuleRefused
    (settlement_not_covered) when the amount does not reach that far.
    """
    if schedule is None or not rows:
        return _all_to_consumer(amount)
    if strategy == Strategy.FULL_SETTLEMENT:
        return _full_settlement(schedule, agreed, rows, amount, on)
    later = sum(row.principal_minor for row in rows if row.due_on > on)
    reduction = min(amount.minor, later)
    changed = Recomputed(tuple(rows), *(Money(0, amount.currency),) * 3)
    if reduction:
        mode = _MODES.get(strategy, strategy.value)
        changed = recompute(schedule, rows, Money(reduction, amount.currency), mode, on, agreed=agreed)
    after, taken = _take_from_due(changed.rows, amount.minor - reduction, on)
    return RefundEffect(
        amount=amount,
        before=tuple(rows),
        after=after,
        paid=(),
        principal_relieved=Money(reduction + taken, amount.currency),
        interest_given_back=changed.interest_given_back,
        fee_given_back=changed.fee_given_back,
        interest_returned=changed.interest_paid_ahead,
    )


def _all_to_consumer(amount: Money) -> RefundEffect:
    nothing = Money(0, amount.currency)
    return RefundEffect(amount, (), (), (), nothing, nothing, nothing, nothing)


def _take_from_due(rows: Sequence[Due], left: int, on: date) -> tuple[tuple[Due, ...], int]:
    """Lower the principal of rows already due; return the rows that still owe something, and what was taken."""
    after, taken = [], 0
    for row in rows:
        cut = min(left - taken, row.principal_minor) if row.due_on <= on else 0
        taken += cut
        lowered = row._replace(principal_minor=row.principal_minor - cut)
        if lowered.total_minor:
            after.append(lowered)
    return tuple(after), taken


def _full_settlement(
    schedule: Schedule, agreed: Sequence[Due], rows: Sequence[Due], amount: Money, on: date
) -> RefundEffect:
    """End the loan: its principal is relieved, and what is owed besides on that day is paid out of the refund."""
    needed = payoff(schedule, rows, on, agreed=agreed)
    # Goods that come back are no wish to repay early: no fee is taken for it.
    total = needed.total - needed.early_settlement_fee
    if amount < total:
        raise RuleRefused(
            f"settling the whole loan takes {total}",
            code="settlement_not_covered",
            field="amount.minor",
            hint="refund at least that, or choose another strategy",
            needed_minor=total.minor,
        )
    return RefundEffect(
        amount=amount,
        before=tuple(rows),
        after=(),
        paid=_owed_besides(rows, needed.interest.minor, needed.fee.minor),
        principal_relieved=needed.principal,
        interest_given_back=needed.interest_given_back,
        fee_given_back=needed.fee_given_back,
        interest_returned=Money(0, amount.currency),
    )


def _owed_besides(rows: Sequence[Due], interest: int, fee: int) -> tuple[Due, ...]:
    """Return the interest, fees and penalties that stay owed, in the rows that bear them, the earliest first."""
    found = []
    for row in sorted(rows, key=lambda each: (each.due_on, each.number)):
        bears = row._replace(
            principal_minor=0,
            interest_minor=min(interest, row.interest_minor),
            fee_minor=min(fee, row.fee_minor),
        )
        interest -= bears.interest_minor
        fee -= bears.fee_minor
        if bears.total_minor:
            found.append(bears)
    return tuple(found)
