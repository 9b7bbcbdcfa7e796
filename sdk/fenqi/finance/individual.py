"""Rows that no plan made: what an individual plan owes after hardship. Pure arithmetic; keeps no books.

Such rows bear no interest for the time to come. What they owe of interest and fees is of time gone by, so it stays
owed whatever happens to their principal.
"""

from collections.abc import Sequence

from fenqi.finance.money import money
from fenqi.finance.parts import take, take_evenly
from fenqi.finance.repayment import Due
from fenqi.finance.schedule import Schedule


def is_individual(schedule: Schedule, row: Due) -> bool:
    """Tell whether a row is none of the schedule's own."""
    return row.number > len(schedule.due_dates)


def lowered(rows: Sequence[Due], reduction: int, mode: str) -> tuple[Due, ...]:
    """Return the rows with their principal lowered by `reduction` minor units, all other sums as they were.

    `shorter` keeps what each row asks for and ends earlier; `smaller` lowers each in proportion; other modes as in
    `recomputation`. A row may stay of which only interest and fees are owed.
    """
    parts = [row.principal_minor for row in rows]
    if mode == "shorter":
        return _filled(rows, sum(parts) - reduction)
    if mode == "smaller":
        balance = money(sum(parts) - reduction, rows[0].currency)
        parts = [part.minor for part in balance.allocate(parts, remainder="largest")]
    elif mode == "equal":
        parts = take_evenly(parts, reduction)
    else:
        parts = take(parts, reduction, from_the_end=mode != "next_first")
    return tuple(row._replace(principal_minor=part) for row, part in zip(rows, parts, strict=True))


def _filled(rows: Sequence[Due], principal: int) -> tuple[Due, ...]:
    """Fill the rows from the first on up to what each asked for, so that as few as possible owe anything.

    A row takes its own interest and fees, then principal, and at the end those of rows that would be gone.
    """
    interest, fee = sum(row.interest_minor for row in rows), sum(row.fee_minor for row in rows)
    after = []
    for row in rows:
        room = row.total_minor - row.penalty_minor
        own_interest = min(row.interest_minor, interest)
        own_fee = min(row.fee_minor, fee)
        part = min(room - own_interest - own_fee, principal)
        room -= own_interest + own_fee + part
        own_interest += (more_interest := min(room, interest - own_interest))
        own_fee += min(room - more_interest, fee - own_fee)
        after.append(row._replace(principal_minor=part, interest_minor=own_interest, fee_minor=own_fee))
        principal, interest, fee = principal - part, interest - own_interest, fee - own_fee
    return tuple(after)
