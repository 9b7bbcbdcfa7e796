"""Reshaping what is still to come after a partial prepayment or refund. Rows already due stay as they are.

`shorter` keeps the installment and ends earlier; `smaller` keeps the number and lowers each; `last_first`
lowers the last installments, `next_first` the next ones, `equal` all of them evenly; `full` ends all.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from fenqi.finance.dates import check_date
from fenqi.finance.errors import RepaymentError, shown
from fenqi.finance.grid import annuity
from fenqi.finance.individual import is_individual, lowered
from fenqi.finance.money import Money, money
from fenqi.finance.parts import take, take_evenly
from fenqi.finance.repayment import Due, checked_rows, elapsed
from fenqi.finance.rounding import divide
from fenqi.finance.rows import equal_parts
from fenqi.finance.schedule import Schedule

MODES: Final = ("shorter", "smaller", "last_first", "next_first", "equal", "full")


class Recomputed(NamedTuple):
    """Rows after a reduction; installments of which nothing is left are gone.

    `interest_paid_ahead` is interest that was paid for the time to come and is not owed on the lower balance; it is
    the payer's.
    """

    rows: tuple[Due, ...]
    interest_given_back: Money
    fee_given_back: Money
    interest_paid_ahead: Money


class _Rest(NamedTuple):
    """What can be reshaped: later rows, period rates over `scale`, interest accrued, the new balance."""

    rows: Sequence[Due]
    rates: Sequence[int]
    scale: int
    accrued: int
    balance: int
    rounding: str


def recompute(
    schedule: Schedule,
    rows: Sequence[Due],
    reduction: Money,
    mode: str,
    on: date,
    *,
    agreed: Sequence[Due] | None = None,
) -> Recomputed:
    """Lower the principal still to come by `reduction` on a day, and reshape the later rows by `mode`.

    Interest is computed anew on the lower balance from that day on, at the rates of the agreed periods;
    fees of installments shrink as the principal does. Nobody owes more interest than before, also where some had
    been waived. Rows of an individual plan bear no interest to come: theirs and their fees stay, unless the
    reduction goes back to the first day. Afterwards the rows' principal sums exactly to what it was less the
    reduction. `agreed` are the rows before anything was paid on them: interest that was paid of a later row counts
    towards what it owes anew. Raises RepaymentError for a reduction that is not above zero or exceeds the principal
    still to come, and for `full` with only a part of it.
    """
    checked_rows(rows, reduction.currency)
    later = [row for row in rows if row.due_on > check_date(on)]
    old = sum(row.principal_minor for row in later)
    _check(mode, reduction.minor, old)
    kept = [row for row in rows if row.due_on <= on]
    if any(is_individual(schedule, row) for row in later):
        return _individual(schedule, kept, later, reduction, mode, on)
    rest = _rest(schedule, later, old, old - reduction.minor, on)
    parts, interest = _reshape(schedule, rest, reduction.minor, mode)
    ahead = _count_paid(interest, later, agreed or ())
    _cap(interest, sum(row.interest_minor for row in later))
    reshaped = []
    for row, part, due in zip(later, parts, interest, strict=True):
        fee = divide(row.fee_minor * rest.balance, old, rest.rounding) if part or due else 0
        changed = row._replace(principal_minor=part, interest_minor=due, fee_minor=fee)
        if changed.total_minor:
            reshaped.append(changed)
    return _recomputed(kept, later, reshaped, ahead, reduction.currency)


def _recomputed(
    kept: Sequence[Due], later: Sequence[Due], reshaped: Sequence[Due], ahead: int, currency: str
) -> Recomputed:
    spared = sum(row.interest_minor for row in later) - sum(row.interest_minor for row in reshaped)
    fees = sum(row.fee_minor for row in later) - sum(row.fee_minor for row in reshaped)
    return Recomputed((*kept, *reshaped), *(money(minor, currency) for minor in (spared, fees, ahead)))


def _individual(
    schedule: Schedule, kept: Sequence[Due], later: Sequence[Due], reduction: Money, mode: str, on: date
) -> Recomputed:
    after = lowered(later, reduction.minor, mode)
    if on <= schedule.on:
        # As if less had been bought from the beginning: what is given up never bore interest.
        old, rounding = sum(row.principal_minor for row in later), schedule.plan.rounding
        left = old - reduction.minor
        after = tuple(
            row._replace(
                interest_minor=divide(row.interest_minor * left, old, rounding),
                fee_minor=divide(row.fee_minor * left, old, rounding),
            )
            for row in after
        )
    return _recomputed(kept, later, [row for row in after if row.total_minor], 0, reduction.currency)


def _cap(interest: list[int], most: int) -> None:
    """Take what exceeds `most` off the last rows: a lower balance never costs more than the higher one did."""
    excess = sum(interest) - most
    for index in range(len(interest) - 1, -1, -1):
        if excess <= 0:
            return
        cut = min(excess, interest[index])
        interest[index] -= cut
        excess -= cut


def _count_paid(interest: list[int], later: Sequence[Due], agreed: Sequence[Due]) -> int:
    """Take what was paid of each row's interest off what it owes anew, then off later rows; return what is left."""
    whole = {row.number: row.interest_minor for row in agreed}
    credit = 0
    for index, row in enumerate(later):
        credit += whole.get(row.number, row.interest_minor) - row.interest_minor
        used = min(credit, interest[index])
        interest[index] -= used
        credit -= used
    return credit


def _check(mode: str, reduction: int, principal: int) -> None:
    if mode not in MODES:
        raise RepaymentError(f"{shown(mode)} is unknown", field="mode", allowed=", ".join(MODES))
    if not 0 < reduction <= principal or (mode == "full" and reduction != principal):
        allowed = f"{principal}" if mode == "full" else f"1 to {principal}"
        raise RepaymentError(
            "does not fit the principal to come", field="reduction", allowed=f"{allowed} minor units"
        )


def _rest(schedule: Schedule, later: Sequence[Due], old: int, balance: int, on: date) -> _Rest:
    """Split the running period: interest accrued on the old balance, and the rate of the days that remain."""
    grid = schedule.grid
    if len(schedule.due_dates) == 1:
        periods, scale = [sum(grid.rates)], grid.scale
    else:
        periods, scale = [grid.rates[row.number - 1] for row in later], grid.scale
    gone = elapsed(schedule, later[0].number, on)
    accrued = divide(old * periods[0] * gone.numerator, scale * gone.denominator, schedule.plan.rounding)
    rates = [rate * gone.denominator for rate in periods]
    rates[0] = periods[0] * (gone.denominator - gone.numerator)
    return _Rest(later, rates, scale * gone.denominator, accrued, balance, schedule.plan.rounding)


def _reshape(schedule: Schedule, rest: _Rest, reduction: int, mode: str) -> tuple[list[int], list[int]]:
    parts = [row.principal_minor for row in rest.rows]
    method = schedule.plan.method
    if not rest.balance:
        parts = [0] * len(parts)
    elif mode == "smaller" and method == "equal_installments":
        return _pay(rest, _smaller_payment(rest))
    elif mode == "shorter" and method == "equal_installments":
        return _pay(rest, max(row.principal_minor + row.interest_minor for row in rest.rows[:2]))
    elif mode == "smaller" and method in ("equal_principal", "flat_fee"):
        parts = equal_parts(rest.balance, len(parts), schedule.plan)
    elif mode == "equal":
        parts = take_evenly(parts, reduction)
    else:
        parts = take(parts, reduction, from_the_end=mode != "next_first")
    return parts, _interest(rest, parts)


def _interest(rest: _Rest, parts: Sequence[int]) -> list[int]:
    interest, balance = [], rest.balance
    for part, rate in zip(parts, rest.rates, strict=True):
        interest.append(divide(balance * rate, rest.scale, rest.rounding))
        balance -= part
    interest[0] += rest.accrued
    return interest


def _smaller_payment(rest: _Rest) -> int:
    """Return the equal payment that repays the balance and what has accrued over the rows that remain."""
    owed = rest.balance + rest.accrued + divide(rest.balance * rest.rates[0], rest.scale, rest.rounding)
    if len(rest.rows) == 1:
        return owed
    top, bottom = annuity(tuple(rest.rates[1:]), rest.scale)
    return divide(owed * top, top + bottom, rest.rounding)


def _pay(rest: _Rest, payment: int) -> tuple[list[int], list[int]]:
    """Pay the same each period until nothing is owed; the last row takes what is left."""
    parts, interest, balance = [], [], rest.balance
    for index, rate in enumerate(rest.rates):
        due = divide(balance * rate, rest.scale, rest.rounding) + (rest.accrued if index == 0 else 0)
        part = min(balance, max(payment - due, 0))
        if index == len(rest.rates) - 1:
            part = balance
        parts.append(part)
        interest.append(due)
        balance -= part
    return parts, interest
