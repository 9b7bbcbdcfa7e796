"""Principal, interest and fee of every installment, by method, on bare integers. Knows no dates."""

from operator import add
from typing import NamedTuple

from fenqi.finance.errors import ScheduleError
from fenqi.finance.grid import Grid
from fenqi.finance.plan import Plan
from fenqi.finance.rounding import divide

Columns = tuple[list[int], list[int], list[int]]


class Rows(NamedTuple):
    """Columns of a schedule in minor units, one entry an installment."""

    principal: list[int]
    interest: list[int]
    fee: list[int]
    total: list[int]


def rows_for(plan: Plan, principal: int, grid: Grid) -> Rows:
    """Return the rows of a financed amount. Raises ScheduleError when a part is negative or a total 0."""
    if plan.method == "equal_installments":
        parts, interest, total = _equal_installments(plan, principal, grid)
    else:
        parts, interest = _other_method(plan, principal, grid)
        total = list(map(add, parts, interest))
    fee = [0] * len(parts)
    if grid.fee[0] or plan.installment_fee_minor:
        free = plan.interest_free_installments - (plan.installments - len(parts))
        fee = _fees(plan, principal, grid, max(0, free), len(parts))
        total = list(map(add, total, fee))
    if min(parts) < 1 and (plan.method != "interest_only" or min(parts) < 0 or 0 in total):
        raise _refusal(plan, parts)
    return tuple.__new__(Rows, (parts, interest, fee, total))


def _other_method(plan: Plan, principal: int, grid: Grid) -> tuple[list[int], list[int]]:
    if plan.method == "bullet":
        return [principal], [divide(principal * sum(grid.rates), grid.scale, plan.rounding)]
    count = plan.installments
    parts = [0] * (count - 1) + [principal]
    if plan.method != "interest_only":
        parts = equal_parts(principal, count, plan)
    return parts, _interest_on_balance(principal, parts, grid, plan.rounding)


def _fees(plan: Plan, principal: int, grid: Grid, free: int, count: int) -> list[int]:
    fixed = plan.installment_fee_minor
    rated = divide(principal * grid.fee[0], grid.fee[1], plan.rounding) + fixed
    return [fixed] * free + [rated] * (count - free)


def _interest_on_balance(balance: int, parts: list[int], grid: Grid, rounding: str) -> list[int]:
    interest = []
    for part, rate in zip(parts, grid.rates, strict=True):
        interest.append(divide(balance * rate, grid.scale, rounding))
        balance -= part
    return interest


def equal_parts(principal: int, count: int, plan: Plan) -> list[int]:
    """Split evenly, each part rounded as the plan says, the rest to the remainder installment.

    When that would leave the remainder installment without a part, the others are rounded down instead.
    """
    even = divide(principal, count, plan.rounding)
    if principal - even * (count - 1) < 1:
        even = principal // count
    parts = [even] * count
    parts[-1 if plan.remainder == "last" else 0] = principal - even * (count - 1)
    return parts


def _equal_installments(plan: Plan, principal: int, grid: Grid) -> Columns:
    if not grid.rates[-1]:
        parts = equal_parts(principal, plan.installments, plan)
        return parts, [0] * plan.installments, parts
    payment = divide(principal * grid.annuity[0], grid.annuity[1], plan.rounding)
    columns = amortize(principal, payment, grid, plan.rounding)
    if columns[0][-1] < 1 < payment:
        payment -= 1
        columns = amortize(principal, payment, grid, plan.rounding)
    if plan.remainder == "first" and plan.installments > 1:
        return _remainder_first(principal, payment, grid, plan.rounding)
    return columns


def amortize(balance: int, payment: int, grid: Grid, rounding: str) -> Columns:
    """Pay `payment` each period, interest first; the last principal part is whatever is still owed."""
    interest = []
    scale = grid.scale
    if rounding == "half_up":
        # floor(x / scale + 1/2) in whole numbers, as `divide` does.
        half = scale // 2
        for rate in grid.rates:
            due = (balance * rate + half) // scale
            interest.append(due)
            balance += due - payment
    else:
        for rate in grid.rates:
            due = divide(balance * rate, scale, rounding)
            interest.append(due)
            balance += due - payment
    parts = [payment - due for due in interest]
    parts[-1] += balance
    total = [payment] * len(parts)
    total[-1] += balance
    return parts, interest, total


def _remainder_first(principal: int, payment: int, grid: Grid, rounding: str) -> Columns:
    """Let the first installment take the remainder, and others one minor unit where it cannot be met exactly.

    A minor unit paid early also saves interest, so the first installment alone can miss the end by a few;
    each later row then takes one more or one less while that brings the end nearer.
    """
    payments = [payment] * len(grid.rates)
    missing = _left_over(principal, payments, grid, rounding)
    growth, unit = 1, 1
    for rate in grid.rates[1:]:
        growth, unit = growth * (grid.scale + rate), unit * grid.scale
    payments[0] += divide(missing * unit, growth)
    missing = _left_over(principal, payments, grid, rounding)
    for index in range(len(payments)):
        if not missing:
            break
        step = 1 if missing > 0 else -1
        payments[index] += step
        now_missing = _left_over(principal, payments, grid, rounding)
        if abs(now_missing) < abs(missing):
            missing = now_missing
        else:
            payments[index] -= step
    return _pay(principal, payments, grid, rounding)


def _pay(balance: int, payments: list[int], grid: Grid, rounding: str) -> Columns:
    parts, interest = [], []
    for rate, payment in zip(grid.rates, payments, strict=True):
        interest.append(divide(balance * rate, grid.scale, rounding))
        parts.append(payment - interest[-1])
        balance -= parts[-1]
    parts[-1] += balance
    return parts, interest, list(map(add, parts, interest))


def _left_over(balance: int, payments: list[int], grid: Grid, rounding: str) -> int:
    for rate, payment in zip(grid.rates, payments, strict=True):
        balance += divide(balance * rate, grid.scale, rounding) - payment
    return balance


def _refusal(plan: Plan, parts: list[int]) -> ScheduleError:
    if min(parts) < 0:
        return ScheduleError(
            f"makes no schedule under plan {plan.id!r}: an installment would not cover its interest",
            field="amount",
            allowed="a shorter first period, a lower rate, or a larger amount",
        )
    return ScheduleError(
        f"is too small for plan {plan.id!r}: an installment would be below one minor unit",
        field="amount",
        allowed="an amount whose every installment is at least one minor unit; or fewer installments",
    )
