"""Yearly rates as the law asks, each citing its text: Regulation Z, the EU directives, China's nominal rate.

Every function returns a Decimal fraction (0.1299 is 12.99 %) rounded to 15 places. No float, no clock.
"""

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from math import lcm
from typing import Any, Final, NamedTuple

from fenqi.finance import solver
from fenqi.finance.errors import CurrencyMismatch, FlowError, NoSolution, PlanError, shown
from fenqi.finance.intervals import eu_years, unit_periods
from fenqi.finance.level import level_rate
from fenqi.finance.money import Money
from fenqi.finance.regulation_z import solve_unit_rate
from fenqi.finance.rounding import divide
from fenqi.finance.schedule import Schedule

__all__ = ["RULES", "effective", "eu_aprc", "eu_years", "irr", "of_schedule", "reg_z", "unit_periods"]
RULES: Final = ("cn_irr", "reg_z", "eu_aprc")
_RULE_OF: Final = {"CN": "cn_irr", "EU": "eu_aprc", "UK": "eu_aprc", "US": "reg_z"}
Number = int | Fraction | Decimal
_CONTEXT: Final = Context(prec=1000, Emax=9999, Emin=-9999)
_STEP: Final = Decimal("1E-15")
_ZERO: Final = Decimal("0E-15")


def reg_z(
    advances: Iterable[tuple[Money, int, Fraction]],
    payments: Iterable[tuple[Money, int, Fraction]],
    unit_periods_per_year: Number,
) -> Decimal:
    """Return the annual percentage rate by the actuarial method.

    Each item is (amount, full unit-periods, fraction of a unit-period) from the first advance; the fraction
    bears simple interest: 12 CFR 1026 Appendix J (b)(8). Raises NoSolution or SeveralSolutions.
    """
    flows: list[tuple[int, int, Fraction]] = []
    currencies: set[str] = set()
    for sign, items in ((1, advances), (-1, payments)):
        for item in items:
            amount, full, part = _unpack(item, 3)
            if type(full) is not int or full < 0:
                raise FlowError(f"{shown(full)} is no count", field="full_unit_periods", allowed="0 or more")
            fraction = _exact(part, "fraction")
            if not 0 <= fraction < 1:
                raise FlowError(f"{part} is no part of a period", field="fraction", allowed="0 to below 1")
            flows.append((sign * _positive(amount, currencies), full, fraction))
    per_year = _per_year(unit_periods_per_year, "unit_periods_per_year")
    return _rounded(solve_unit_rate(flows) * per_year)


def eu_aprc(drawdowns: Iterable[tuple[Money, Number]], payments: Iterable[tuple[Money, Number]]) -> Decimal:
    """Return the annual percentage rate of charge, an effective yearly rate.

    Each item is (amount, years from the first drawdown); a charge paid before it has negative years. Equation
    of Directive (EU) 2023/2225 Annex III Part I, the same as 2008/48/EC Annex I and the FCA's CONC App 1.2.
    A charge before the drawdown makes a second, absurd solution possible, at which its growth rivals the loan;
    the rate returned is the one next to that of the same charge paid at the drawdown.
    Raises NoSolution or SeveralSolutions.
    """
    flows: list[tuple[int, Fraction]] = []
    currencies: set[str] = set()
    for sign, items in ((1, drawdowns), (-1, payments)):
        for item in items:
            amount, years = _unpack(item, 2)
            flows.append((sign * _positive(amount, currencies), _exact(years, "years")))
    first = min((time for amount, time in flows if amount > 0), default=Fraction(0))
    return _rounded(_rate_per_unit(flows, charged_before=first))


def irr(flows: Iterable[tuple[Money, Number]], periods_per_year: Number) -> Decimal:
    """Return the nominal yearly rate: the internal rate of one period times the periods in a year.

    Each item is (amount, period); paid out to the consumer is positive, paid back negative. It is the simple
    annualized rate that China's PBOC Announcement [2021] No. 3 asks to show (IRR method).
    Raises NoSolution or SeveralSolutions.
    """
    currencies: set[str] = set()
    exact = []
    for item in flows:
        amount, period = _unpack(item, 2)
        _currency(amount, currencies)
        exact.append((amount.minor, _exact(period, "period")))
    return _rounded(_rate_per_unit(exact) * _per_year(periods_per_year, "periods_per_year"))


def effective(nominal: Decimal, periods_per_year: int) -> Decimal:
    """Return the effective yearly rate of a nominal rate compounded so many whole times a year."""
    if type(periods_per_year) is not int or periods_per_year < 1:
        raise FlowError("is no count", field="periods_per_year", allowed="1 or more")
    if not isinstance(nominal, Decimal) or not nominal.is_finite() or nominal <= -periods_per_year:
        allowed = f"a Decimal above -{periods_per_year}"
        raise FlowError(f"{shown(nominal)} is no rate", field="nominal", allowed=allowed)
    with localcontext(prec=60):
        return _rounded((1 + nominal / periods_per_year) ** periods_per_year - 1)


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
        return _ZERO
    totals = schedule.rows.total
    grid = schedule.grid
    if rule == "cn_irr":
        if grid.is_regular and len(totals) == len(grid.rates):
            top, bottom = _even_rate(schedule, received)
            return _decimal(top * grid.per_year[0], bottom * grid.per_year[1])
        return _uneven_irr(schedule, received)
    if rule == "reg_z" and len(totals) == 1:
        return _single_payment(schedule, received, totals[0])
    times = _times(schedule, rule)
    if rule == "eu_aprc":
        if times.is_even and times.steps:
            top, bottom = _even_rate(schedule, received)
            grown = solver.growth((bottom << solver.BITS) // (top + bottom), times.steps)
            return _decimal(grown - solver.ONE, solver.ONE)
        flows = [(received, Fraction(0))]
        flows += [(-total, full + part) for total, (full, part) in zip(totals, times.points, strict=True)]
        return _rounded(
            _rate_per_unit(flows, guess=Fraction(grid.rates[-1], grid.scale) * Fraction(*grid.per_year))
        )
    if times.is_even:
        top, bottom = _even_rate(schedule, received)
        return _decimal(top * grid.per_year[0], bottom * grid.per_year[1])
    items = [(received, 0, Fraction(0))]
    items += [(-total, *point) for total, point in zip(totals, times.points, strict=True)]
    return _rounded(solve_unit_rate(items) * Fraction(*grid.per_year))


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
    return _rounded(_rate(solver.discount(terms, start=start), steps) * Fraction(*grid.per_year))


def _single_payment(schedule: Schedule, received: int, total: int) -> Decimal:
    """One advance, one payment: the unit-period is the whole term, at most a year (Appendix J (b)(4)(ii))."""
    start, due_on = schedule.on, schedule.due_dates[0]
    years, over = unit_periods(start, due_on, "year")
    if years and (years, over) != (1, Fraction(0)):
        return _rounded(solve_unit_rate([(received, 0, Fraction(0)), (-total, years, over)]))
    months, days = unit_periods(start, due_on, "month")
    per_year = Fraction(12, months) if not days else Fraction(365, (due_on - start).days)
    return _rounded(Fraction(total - received, received) * per_year)


def _rate_per_unit(
    flows: Sequence[tuple[int, Fraction]],
    *,
    charged_before: Fraction | None = None,
    guess: Fraction | int = 0,
) -> Fraction:
    """Return the rate per unit of time; times become whole steps of their common denominator.

    With `charged_before`, of several rates take the one next to that of the flows with all earlier times moved
    to it. `guess` is a rate to start from.
    """
    if not flows:
        raise NoSolution("there are no flows", field="flows")
    steps = lcm(*(time.denominator for _, time in flows))
    earliest = min(time for _, time in flows)
    terms = solver.merge((amount, int((time - earliest) * steps)) for amount, time in flows)
    if sum(amount for amount, _ in terms) == 0 and solver.sign_changes(terms) == 1:
        return Fraction(0)
    near = None
    if charged_before is not None and earliest < charged_before:
        moved = [(amount, max(time, charged_before)) for amount, time in flows]
        near = solver.discount(solver.merge((amount, int((t - earliest) * steps)) for amount, t in moved))
    start = solver.ONE * steps * guess.denominator // (steps * guess.denominator + guess.numerator)
    return _rate(solver.discount(terms, near=near, start=start), steps)


def _rate(v: int, steps: int) -> Fraction:
    return Fraction(solver.growth(v, steps) - solver.ONE, solver.ONE)


def _rounded(rate: Fraction | Decimal) -> Decimal:
    return _decimal(*rate.as_integer_ratio())


def _decimal(top: int, bottom: int) -> Decimal:
    """Return top / bottom to 15 places, whatever precision the caller's decimal context has."""
    return _CONTEXT.multiply(divide(top * 10**15, bottom), _STEP)


def _unpack(item: Sequence[Any], size: int) -> tuple[Any, ...]:
    if not isinstance(item, Sequence) or len(item) != size or not isinstance(item[0], Money):
        raise FlowError(f"{shown(item)} is no item", field="flows", allowed=f"{size} values, Money first")
    return tuple(item)


def _currency(amount: Money, currencies: set[str]) -> None:
    currencies.add(amount.currency)
    if len(currencies) > 1:
        raise CurrencyMismatch(f"{sorted(currencies)} in one flow", field="flows", allowed="one currency")


def _positive(amount: Money, currencies: set[str]) -> int:
    _currency(amount, currencies)
    if amount.minor < 0:
        raise FlowError(f"{amount} is negative", field="flows", allowed="amounts of zero or more")
    return amount.minor


def _exact(value: object, field: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | Fraction | Decimal):
        raise FlowError(f"{shown(value)} is no exact number", field=field, allowed="int, Fraction or Decimal")
    if isinstance(value, Decimal) and not value.is_finite():
        raise FlowError(f"{value} is not finite", field=field, allowed="a finite number")
    return Fraction(value)


def _per_year(value: Number, field: str) -> Fraction:
    exact = _exact(value, field)
    if exact <= 0:
        raise FlowError(f"{value} is no count", field=field, allowed="above 0")
    return exact
