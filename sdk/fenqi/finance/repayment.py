"""What happens to a schedule when money comes in: applying payments, and settling everything early.

Pure arithmetic on rows of what is still owed; keeps no books. For partial prepayments see `recomputation`.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from fenqi.finance.dates import check_date, year_fraction
from fenqi.finance.errors import CurrencyMismatch, RepaymentError
from fenqi.finance.money import Money, money
from fenqi.finance.rates import ratio
from fenqi.finance.rounding import divide
from fenqi.finance.schedule import Schedule

ORDER: Final = ("penalty", "fee", "interest", "principal")


class Due(NamedTuple):
    """What is still owed of one installment, in minor units of `currency`."""

    number: int
    due_on: date
    principal_minor: int
    interest_minor: int
    fee_minor: int
    penalty_minor: int
    currency: str

    @property
    def total_minor(self) -> int:
        """All parts together, in minor units."""
        return self.principal_minor + self.interest_minor + self.fee_minor + self.penalty_minor


class Applied(NamedTuple):
    """A payment spread over rows: what is owed afterwards, what each row received, and what was too much."""

    rows: tuple[Due, ...]
    portions: tuple[Due, ...]
    excess: Money


class Payoff(NamedTuple):
    """What settles everything on one day, and what the consumer is spared by settling early.

    `early_settlement_fee` is what the plan charges for it; `fee` are fees of installments.
    """

    on: date
    principal: Money
    interest: Money
    fee: Money
    penalty: Money
    interest_given_back: Money
    fee_given_back: Money
    early_settlement_fee: Money

    @property
    def total(self) -> Money:
        """The amount to pay."""
        return self.principal + self.interest + self.fee + self.penalty + self.early_settlement_fee


def owed(schedule: Schedule) -> tuple[Due, ...]:
    """Return the rows of a schedule of which nothing is paid yet."""
    return tuple(
        Due(row.number, row.due_on, row.principal_minor, row.interest_minor, row.fee_minor, 0, row.currency)
        for row in schedule.installments
    )


def apply_payment(rows: Sequence[Due], payment: Money, *, order: Sequence[str] = ORDER) -> Applied:
    """Spread a payment over rows, the earliest due first, within a row in `order`.

    The default order is penalty, fee, interest, principal. Whatever is left when nothing is owed is `excess`;
    it is never dropped. Raises RepaymentError for a payment that is not positive, CurrencyMismatch.
    """
    if sorted(order) != sorted(ORDER):
        raise RepaymentError("names other parts", field="order", allowed="each once: " + ", ".join(ORDER))
    if payment.minor <= 0:
        raise RepaymentError(f"{payment} is no payment", field="payment", allowed="a positive amount")
    checked_rows(rows, payment.currency)
    left = payment.minor
    after, portions = [], []
    for row in sorted(rows, key=lambda row: (row.due_on, row.number)):
        taken = {}
        for part in order:
            field = f"{part}_minor"
            taken[field] = min(left, getattr(row, field))
            left -= taken[field]
        portion = row._replace(**taken)
        if portion.total_minor:
            portions.append(portion)
        after.append(row._replace(**{field: getattr(row, field) - part for field, part in taken.items()}))
    return Applied(tuple(after), tuple(portions), money(left, payment.currency))


def payoff(
    schedule: Schedule, rows: Sequence[Due], on: date, *, agreed: Sequence[Due] | None = None
) -> Payoff:
    """Return what settles the rows still owed on a day.

    Rows due by then are owed whole. Of the running period the interest is owed in proportion to the days gone
    by, counted as the plan counts them, less what was paid of it; its fee is owed whole. Interest and fees of
    later periods are given back. Rows that are none of the schedule's own, as those of an individual plan, bear no
    interest to come and are owed whole. A plan's early-settlement fee is its rate of the principal due later, and never
    more than the interest given back: Directive (EU) 2023/2225 Article 29. `agreed` are the rows as last agreed,
    when a recomputation replaced the schedule's own. Raises RepaymentError before the schedule starts.
    """
    left = settled_rows(schedule, rows, on, agreed=agreed)
    currency = schedule.amount.currency
    interest, fee = sum(row.interest_minor for row in left), sum(row.fee_minor for row in left)
    given_back = sum(row.interest_minor for row in rows) - interest
    own = len(schedule.due_dates)
    ahead = sum(row.principal_minor for row in rows if row.due_on > on and row.number <= own)
    rate = ratio(schedule.plan.early_settlement_fee_rate)
    charge = min(divide(ahead * rate[0], rate[1], schedule.plan.rounding), given_back)
    return Payoff(
        on,
        money(sum(row.principal_minor for row in rows), currency),
        money(interest, currency),
        money(fee, currency),
        money(sum(row.penalty_minor for row in rows), currency),
        money(given_back, currency),
        money(sum(row.fee_minor for row in rows) - fee, currency),
        money(charge, currency),
    )


def settled_rows(
    schedule: Schedule, rows: Sequence[Due], on: date, *, agreed: Sequence[Due] | None = None
) -> tuple[Due, ...]:
    """Return what each row owes when everything is settled on a day: `payoff` without the early-settlement fee.

    Raises RepaymentError before the schedule starts.
    """
    if check_date(on) < schedule.on:
        raise RepaymentError(f"{on} lies before the purchase", field="on", allowed=f"{schedule.on} or later")
    checked_rows(rows, schedule.amount.currency)
    full = {row.number: row.interest_minor for row in (owed(schedule) if agreed is None else agreed)}
    left = []
    for row in rows:
        if row.due_on <= on or row.number > len(schedule.due_dates):
            left.append(row)
        elif period_start(schedule, row.number) < on:
            gone = elapsed(schedule, row.number, on)
            whole = full.get(row.number, row.interest_minor)
            accrued = divide(whole * gone.numerator, gone.denominator, schedule.plan.rounding)
            left.append(row._replace(interest_minor=max(0, accrued - (whole - row.interest_minor))))
        else:
            left.append(row._replace(interest_minor=0, fee_minor=0))
    return tuple(left)


def period_start(schedule: Schedule, number: int) -> date:
    """Return the day on which the period of installment `number` begins to bear interest."""
    if not 1 <= number <= (count := len(schedule.due_dates)):
        allowed = f"numbers 1 to {count}"
        raise RepaymentError(f"installment {number} is not of this schedule", field="rows", allowed=allowed)
    return schedule.on if number == 1 else schedule.due_dates[number - 2]


def elapsed(schedule: Schedule, number: int, on: date) -> Fraction:
    """Return the share of an installment's period gone by on a day, 0 to 1, by the plan's day count."""
    start, end = period_start(schedule, number), schedule.due_dates[number - 1]
    if on >= end:
        return Fraction(1)
    whole = year_fraction(start, end, schedule.plan.day_count)
    if on <= start or not whole:
        return Fraction(0)
    return min(Fraction(1), year_fraction(start, on, schedule.plan.day_count) / whole)


def checked_rows(rows: Iterable[Due], currency: str) -> None:
    """Raise RepaymentError for a row that owes a negative part, CurrencyMismatch for another currency."""
    for row in rows:
        if row.currency != currency:
            raise CurrencyMismatch(f"{row.currency} row, {currency} amount", field="rows", allowed=currency)
        if min(row.principal_minor, row.interest_minor, row.fee_minor, row.penalty_minor) < 0:
            said = f"installment {row.number} owes a negative part"
            raise RepaymentError(said, field="rows", allowed="parts of zero or more")
