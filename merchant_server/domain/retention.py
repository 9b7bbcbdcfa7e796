"""When a person's data may be erased: what stands in the way, by which law, and until which day. Pure rules.

个人信息保护法 §47: a handler erases on request, unless a law's retention period still runs; then it may only store.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from merchant_server.domain.loan import LoanStatus

OPEN_LOANS = (LoanStatus.ACTIVE, LoanStatus.OVERDUE)
# Asked again the next day, because nobody knows when a loan is repaid or a purchase ends.
LOOK_AGAIN_DAYS = 1


@dataclass(frozen=True, slots=True)
class EndedLoan:
    """A loan, its state, and the day it came into it."""

    loan_id: str
    status: str
    since: date


@dataclass(frozen=True, slots=True)
class Keeping:
    """One reason to keep a person's data. `until` is None while the end is open; `subject` names what it is about.

    code: loan_open | purchase_open | records_kept | complaint_open | dispute_open | money_kept.
    """

    code: str
    subject: str
    until: date | None


def keepings(
    loans: Iterable[EndedLoan],
    *,
    open_checkout_until: datetime | None,
    complaints_due_on: Iterable[tuple[str, date]],
    disputes_open: Iterable[str] = (),
    money_kept: Iterable[str] = (),
    retention_years: int,
    today: date,
) -> tuple[Keeping, ...]:
    """Return what stands in the way of erasing a person today, nothing when nothing does.

    `retention_years` count from a loan's end: 反洗钱法 (2024) §34 wants ten of a lender that it binds, 电子商务法 §31
    wants three of a shop. `money_kept` names loans with money of the person's own that has not gone home yet.
    """
    found = []
    for loan in loans:
        if loan.status in OPEN_LOANS:
            found.append(Keeping("loan_open", loan.loan_id, None))
        elif (kept_until := years_after(loan.since, retention_years)) > today:
            found.append(Keeping("records_kept", loan.loan_id, kept_until))
    if open_checkout_until is not None:
        found.append(Keeping("purchase_open", "", open_checkout_until.date()))
    found += [
        Keeping("complaint_open", subject, due_on) for subject, due_on in complaints_due_on if due_on >= today
    ]
    found += [Keeping("dispute_open", subject, None) for subject in disputes_open]
    found += [Keeping("money_kept", subject, None) for subject in money_kept]
    return tuple(found)


def years_after(day: date, years: int) -> date:
    """Return the same day some years later; 29 February becomes 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def look_again_on(reasons: Iterable[Keeping], today: date) -> date:
    """Return the day on which a wish to be erased is looked at again."""
    return max((each.until or today + timedelta(days=LOOK_AGAIN_DAYS) for each in reasons), default=today)
