"""Interest by the day: what the days of an installment have earned and the consumer has not paid. Reads no clock."""

from dataclasses import dataclass
from datetime import date

from fenqi.finance.money import Money


@dataclass(frozen=True, slots=True)
class AccruingRow:
    """An open installment's interest, the day its period begins, the day it is due, and what was paid of it."""

    begins_on: date
    due_on: date
    interest: Money
    paid: Money


def accrued(row: AccruingRow, on: date) -> Money:
    """Return what is earned by the end of `on` and not paid: the contract's interest by actual days, rounded down.

    Never more than the installment's own interest: no day after the due date earns any.
    """
    days = (row.due_on - row.begins_on).days
    gone = min((on - row.begins_on).days, days)
    if gone <= 0:
        return Money(0, row.interest.currency)
    earned = row.interest.minor * gone // days
    return Money(max(earned - row.paid.minor, 0), row.interest.currency)


@dataclass(frozen=True, slots=True)
class DailyClose:
    """One merchant's books closed for one day: what was accrued and unpaid by its end."""

    merchant_id: str
    closed_on: date
    accrued: Money
    entry_id: str | None
