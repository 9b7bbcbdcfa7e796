"""A schedule's yearly rate by each rule, with what does not depend on the amount kept for the next one."""

from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from fenqi.finance import solver
from fenqi.finance.equation import ZERO, decimal, rate_of, rate_per_unit, rounded
from fenqi.finance.errors import NoSolution, PlanError, shown
from fenqi.finance.intervals import eu_years, unit_periods
from fenqi.finance.level import level_rate
from fenqi.finance.regulation_z import solve_unit_rate
from fenqi.finance.schedule import Schedule

RULES: Final = ("cn_irr", "reg_z", "eu_aprc")
_RULE_OF: Final = {"CN": "cn_irr", "EU": "eu_aprc", "UK": "eu_aprc", "US": "reg_z"}


def of_schedule(schedule: Schedule, rule: str | None = None) -> Decimal:
    """Return a schedule's yearly rate by "cn_irr", "reg_z" or "eu_aprc"; by default by the plan's disclosure.

    The consumer is taken to receive the goods' price less the down payment on the day of the purchase; an
    up-front fee paid that day counts as a payment. Raises NoSolution when nothing is received.
    """
    if rule is None:
        rule = _RULE_OF[schedule.plan.disclosure]
    elif rule not in RULES:
        raise PlanError(f"{shown(rule)} is unknown", field="rule", allowed=", ".join(RULES))
    received = schedule.amount.minor - schedule.down_payment_minor - schedule.paid_fee_minor
    if received <= 0:
        raise NoSolution("nothing is received", field="schedule")
    if schedule.total_cost_minor == 0:
        return ZERO
    totals = schedule.rows.total
    grid = schedule.grid
    if rule == "cn_irr":
        if grid.is_regular and len(totals) == len(grid.rates):
            top, bottom = _even_rate(schedule, received)
            return decimal(top * grid.per_year[0], bottom * grid.per_year[1])
        return _uneven_irr(schedule, received)
    if rule == "reg_z" and len(totals) == 1:
        return _single_payment(schedule, received, totals[0])
    times = _times(schedule, rule)
    if rule == "eu_aprc":
        if times.is_even and times.steps:
            top, bottom = _even_rate(schedule, received)
            grown = solver.growth((bottom << solver.BITS) // (top + bottom), times.steps)
            return decimal(grown - solver.ONE, solver.ONE)
        flows = [(received, Fraction(0))]
        flows += [(-total, full + part) for total, (full, part) in zip(totals, times.points, strict=True)]
        return rounded(
            rate_per_unit(flows, guess=Fraction(grid.rates[-1], grid.scale) * Fraction(*grid.per_year))
        )
    if times.is_even:
        top, bottom = _even_rate(schedule, received)
        return decimal(top * grid.per_year[0], bottom * grid.per_year[1])
    items = [(received, 0, Fraction(0))]
    items += [(-total, *point) for total, point in zip(totals, times.points, strict=True)]
    return rounded(solve_unit_rate(items) * Fraction(*grid.per_year))


class _Times(NamedTuple):
    """When a schedule's installments fall, by one rule: whole units and a part of one, or years.

    `is_even` when they fall at 1, 2, 3 ... equal steps, of which a year has `steps` (0: no whole number).
    """

    points: tuple[tuple[int, Fraction], ...]
    is_even: bool
    steps: int


def _times(schedule: Schedule, rule: str) -> _Times:
    """Return the times by "reg_z" or "eu_aprc", kept with the grid: they are the same for every amount."""
    kept: _Times | None = schedule.grid.kept.get(rule)
    if kept is not None:
        return kept
    period, dues = schedule.plan.period, schedule.due_dates
    if rule == "eu_aprc":
        points = tuple((0, eu_years(schedule.on, due_on, period)) for due_on in dues)
        step = points[0][1]
        made = _Times(points, all(time == step * k for k, (_, time) in enumerate(points, 1)), _inverse(step))
    else:
        points = tuple(unit_periods(schedule.on, due_on, period) for due_on in dues)
        made = _Times(points, all(full == k and not part for k, (full, part) in enumerate(points, 1)), 0)
    schedule.grid.kept[rule] = made
    return made


def _inverse(step: Fraction) -> int:
    return step.denominator if step.numerator == 1 else 0


def _even_rate(schedule: Schedule, received: int) -> tuple[int, int]:
    """Return the rate of one of the equal steps as a ratio, with the plan's own rate as the first guess."""
    totals, grid = schedule.rows.total, schedule.grid
    guess = (grid.rates[-1], grid.scale)
    if schedule.plan.method == "equal_installments" and totals.count(totals[0]) >= len(totals) - 1:
        found = level_rate(received, totals[0], totals[-1], len(totals), guess)
        if found is not None:
            return found
    return solver.regular_rate(received, totals, guess)


def _uneven_irr(schedule: Schedule, received: int) -> Decimal:
    """Solve on periods of which the first is longer or shorter than the others."""
    totals, grid = schedule.rows.total, schedule.grid
    first = grid.first_period + len(grid.rates) - len(totals)
    steps = first.denominator
    terms = [(received, 0)] + [(-total, first.numerator + steps * k) for k, total in enumerate(totals)]
    start = solver.ONE * grid.scale * steps // (grid.scale * steps + grid.rates[-1])
    return rounded(rate_of(solver.discount(terms, start=start), steps) * Fraction(*grid.per_year))


def _single_payment(schedule: Schedule, received: int, total: int) -> Decimal:
    """One advance, one payment: the unit-period is the whole term, at most a year (Appendix J (b)(4)(ii))."""
    start, due_on = schedule.on, schedule.due_dates[0]
    years, over = unit_periods(start, due_on, "year")
    if years and (years, over) != (1, Fraction(0)):
        return rounded(solve_unit_rate([(received, 0, Fraction(0)), (-total, years, over)]))
    months, days = unit_periods(start, due_on, "month")
    per_year = Fraction(12, months) if not days else Fraction(365, (due_on - start).days)
    return rounded(Fraction(total - received, received) * per_year)
