"""The day of the month on which a loan is deducted, and where its due dates go when that day changes."""

from collections.abc import Sequence
from datetime import date

from fenqi.finance.dates import add_months

from merchant_server.domain.errors import RuleRefused

# Every month has this day; the next choice is the month's last day, whichever that is.
LAST_SURE_DAY, MONTH_END = 28, 31
# A consumer moves the day once in so many days: each move can put off what is owed, and costs nothing.
MOVE_AGAIN_AFTER_DAYS = 180


def checked_day(day: int) -> int:
    """Return the day when deductions can fall on it: 1 to 28, or 31 for the month's end. Raises RuleRefused."""
    if 1 <= day <= LAST_SURE_DAY or day == MONTH_END:
        return day
    raise RuleRefused(
        f"a deduction cannot be on day {day} of every month",
        code="deduction_day_invalid",
        field="day",
        hint=f"use 1 to {LAST_SURE_DAY}, or {MONTH_END} for the last day of each month",
    )


def moved_dates(due_on: Sequence[date], day: int, today: date) -> list[date]:
    """Return due dates on `day` of their months, or of the months after when the first would not be to come.

    Raises RuleRefused (deduction_day_fixed) for dates that are not one a month.
    """
    months = {(each.year, each.month) for each in due_on}
    if len(months) != len(due_on):
        raise RuleRefused(
            "these installments are not one a month",
            code="deduction_day_fixed",
            hint="the day can be chosen for monthly plans only",
        )
    wanted = checked_day(day)
    later = int(bool(due_on) and add_months(min(due_on), 0, day=wanted) <= today)
    return [add_months(each, later, day=wanted) for each in due_on]
