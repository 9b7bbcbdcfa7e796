"""What goods that come back do to a schedule: what is not owed any more, what stays owed, what the payer gets back.

Pure arithmetic on rows of what is still owed, as `repayment` and `recomputation`; keeps no books.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from fenqi.finance.errors import RepaymentError, shown
from fenqi.finance.money import Money, money
from fenqi.finance.recomputation import Recomputed, recompute
from fenqi.finance.repayment import Due, payoff
from fenqi.finance.rounding import divide
from fenqi.finance.schedule import Schedule

STRATEGIES: Final = ("last_first", "next_first", "equal", "shorter", "recompute", "full_settlement")
_MODES: Final = {"recompute": "smaller"}


class Cost(NamedTuple):
    """What was paid beyond the goods' price, in minor units."""

    interest_minor: int
    fee_minor: int
    penalty_minor: int


class RefundEffect(NamedTuple):
    """What a refund does: the rows after it, and where each cent of it goes.

    `principal_relieved` is not owed any more; `paid` are rows that the refund pays as money would (a full settlement);
    `interest_returned` had been paid for time that does not come; `undo` also returns fees and penalties. What is left
    of the amount is the consumer's.
    """

    amount: Money
    before: tuple[Due, ...]
    after: tuple[Due, ...]
    paid: tuple[Due, ...]
    principal_relieved: Money
    interest_given_back: Money
    fee_given_back: Money
    interest_returned: Money
    fee_returned: Money
    penalty_returned: Money

    @property
    def cost_returned(self) -> Money:
        """What had been paid beyond the price and goes back."""
        return self.interest_returned + self.fee_returned + self.penalty_returned

    @property
    def owed_paid(self) -> Money:
        """What the refund pays of interest, fees and penalties that stay owed."""
        return money(sum(row.total_minor for row in self.paid), self.amount.currency)

    @property
    def to_consumer(self) -> Money:
        """What goes back to the consumer's account."""
        return self.amount - self.principal_relieved - self.owed_paid + self.cost_returned


def refund(
    schedule: Schedule | None,
    agreed: Sequence[Due],
    rows: Sequence[Due],
    amount: Money,
    strategy: str,
    on: date,
) -> RefundEffect:
    """Work out a refund of goods worth `amount` on a day.

    `rows` are what is still owed, `agreed` the same rows before anything was paid on them. The principal of rows to
    come is lowered first, by `strategy`; then that of rows already due, the oldest first; the rest had been paid and
    is the payer's. Without rows no `schedule` is needed. A full settlement pays all that settles the loan on that day.
    Raises RepaymentError for an amount that is not positive or does not settle as asked, and for an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise RepaymentError(f"{shown(strategy)} is unknown", field="strategy", allowed=", ".join(STRATEGIES))
    if amount.minor <= 0:
        raise RepaymentError(f"{amount} is no refund", field="amount", allowed="a positive amount")
    if schedule is None or not rows:
        return _all_to_consumer(amount)
    if strategy == "full_settlement":
        return _full_settlement(schedule, agreed, rows, amount, on)
    later = sum(row.principal_minor for row in rows if row.due_on > on)
    reduction = min(amount.minor, later)
    changed = Recomputed(tuple(rows), *(money(0, amount.currency),) * 3)
    if reduction:
        mode = _MODES.get(strategy, strategy)
        changed = recompute(schedule, rows, money(reduction, amount.currency), mode, on, agreed=agreed)
    after, taken = _take_from_due(changed.rows, amount.minor - reduction, on)
    return RefundEffect(
        amount=amount,
        before=tuple(rows),
        after=after,
        paid=(),
        principal_relieved=money(reduction + taken, amount.currency),
        interest_given_back=changed.interest_given_back,
        fee_given_back=changed.fee_given_back,
        interest_returned=changed.interest_paid_ahead,
        fee_returned=money(0, amount.currency),
        penalty_returned=money(0, amount.currency),
    )


def undo(
    schedule: Schedule | None,
    agreed: Sequence[Due],
    rows: Sequence[Due],
    amount: Money,
    kept: Money,
    cost: Cost,
) -> RefundEffect:
    """Work out goods worth `amount`, out of `kept`, as if they had never been bought.

    Interest, fees and penalties on them are not owed from the first day on, and of what was paid of these (`cost`) the
    payer gets back the share that `amount` has of `kept`. Rows are those of `refund`.
    """
    after, taken, interest, fee, ahead = tuple(rows), 0, 0, 0, 0
    principal = sum(row.principal_minor for row in rows)
    if schedule is not None and principal:
        taken = min(amount.minor, principal)
        changed = recompute(
            schedule, rows, money(taken, amount.currency), "smaller", schedule.on, agreed=agreed
        )
        after = _lower_penalties(changed.rows, principal - taken, principal, schedule.plan.rounding)
        interest, fee, ahead = (
            changed.interest_given_back.minor,
            changed.fee_given_back.minor,
            changed.interest_paid_ahead.minor,
        )
    return RefundEffect(
        amount=amount,
        before=tuple(rows),
        after=after,
        paid=(),
        principal_relieved=money(taken, amount.currency),
        interest_given_back=money(interest, amount.currency),
        fee_given_back=money(fee, amount.currency),
        interest_returned=money(
            ahead + (cost.interest_minor - ahead) * amount.minor // kept.minor, amount.currency
        ),
        fee_returned=money(cost.fee_minor * amount.minor // kept.minor, amount.currency),
        penalty_returned=money(cost.penalty_minor * amount.minor // kept.minor, amount.currency),
    )


def _lower_penalties(rows: Sequence[Due], top: int, bottom: int, rounding: str) -> tuple[Due, ...]:
    lowered = (row._replace(penalty_minor=divide(row.penalty_minor * top, bottom, rounding)) for row in rows)
    return tuple(row for row in lowered if row.total_minor)


def recovery(amount: Money, lost: Money, on: date) -> RefundEffect:
    """Work out a refund of a loan that was written off: what was lost is made good first, the rest is the payer's."""
    covered = min(amount.minor, lost.minor)
    # No row is open, so the sum stands in one of this day that never was.
    paid = (Due(0, on, covered, 0, 0, 0, amount.currency),) if covered else ()
    return _all_to_consumer(amount)._replace(paid=paid)


def _all_to_consumer(amount: Money) -> RefundEffect:
    nothing = money(0, amount.currency)
    return RefundEffect(amount, (), (), (), nothing, nothing, nothing, nothing, nothing, nothing)


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
        raise RepaymentError(
            "does not settle the loan", field="amount", allowed=f"{total.minor} minor units or more"
        )
    return RefundEffect(
        amount=amount,
        before=tuple(rows),
        after=(),
        paid=_owed_besides(rows, needed.interest.minor, needed.fee.minor),
        principal_relieved=needed.principal,
        interest_given_back=needed.interest_given_back,
        fee_given_back=needed.fee_given_back,
        interest_returned=money(0, amount.currency),
        fee_returned=money(0, amount.currency),
        penalty_returned=money(0, amount.currency),
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
