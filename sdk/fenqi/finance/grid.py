"""A plan compiled for one start day: due dates, and its rates as ratios of integers. Knows no amounts."""

from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import Any, NamedTuple

from fenqi.finance.dates import Period, days_30_360, due_dates, parse_period, roll, year_fraction
from fenqi.finance.errors import DateOutOfRange
from fenqi.finance.plan import Plan
from fenqi.finance.rates import ratio

HolidayTest = Callable[[date], bool]
Ratio = tuple[int, int]
_SHARED_SIZES = (12, 24, 60)


class Grid(NamedTuple):
    """Period k bears rates[k] / scale of the balance; `annuity` is the equal payment per unit financed.

    `first_period` is the time to the first due date in regular periods, which is 1 when `is_regular`;
    `per_year` is how many periods a year has. `kept` holds what others worked out from the due dates alone.
    """

    due_dates: tuple[date, ...]
    first_period: Fraction
    is_regular: bool
    per_year: Ratio
    rates: tuple[int, ...]
    scale: int
    annuity: Ratio
    down_payment: Ratio
    up_front_fee: Ratio
    fee: Ratio
    kept: dict[str, Any]


def grid_of(plan: Plan, on: date, is_holiday: HolidayTest | None = None) -> Grid:
    """Return the grid of a plan that starts on a day; remembered while no calendar is involved."""
    return _remembered(plan, on) if is_holiday is None else _compiled(plan, on, is_holiday)


@lru_cache(maxsize=2048)
def _remembered(plan: Plan, on: date) -> Grid:
    return _compiled(plan, on, None)


def _compiled(plan: Plan, on: date, is_holiday: HolidayTest | None) -> Grid:
    """Work out a grid.

    Interest runs between the days before any holiday roll, so a moved due date changes no amount. Under a
    30/360 day count whole periods have their nominal length (a month 30 days, a week 7).
    """
    period = parse_period(plan.period)
    first = None if plan.first_due_after is None else parse_period(plan.first_due_after)
    plain = _due_dates(on, period, plan.installments, first)
    if plan.day_count.startswith("30") and (first is None or first.unit != "day"):
        rates, scale, equal = _nominal_rates(plan)
    else:
        rates, scale = _rates(plan, _spans(on, plain, period, first, plan.day_count))
        equal = annuity(rates, scale)
    first_period = _first_in_periods(on, plain[0], period, first)
    rolled = plan.holiday_roll != "none"
    return Grid(
        due_dates=tuple(roll(due_on, plan.holiday_roll, is_holiday) for due_on in plain) if rolled else plain,
        first_period=first_period,
        is_regular=first_period == 1,
        per_year=period.per_year.as_integer_ratio(),
        rates=rates,
        scale=scale,
        annuity=equal,
        down_payment=ratio(plan.down_payment_rate),
        up_front_fee=ratio(plan.up_front_fee_rate),
        fee=ratio(plan.fee_rate),
        kept={},
    )


def _due_dates(on: date, period: Period, count: int, first: Period | None) -> tuple[date, ...]:
    """Return a plan's due dates before any roll, cut from a longer row that the plans of one table share."""
    for size in _SHARED_SIZES:
        if count <= size:
            try:
                return _shared_due_dates(on, period, size, first)[:count]
            except DateOutOfRange:
                break
    return tuple(due_dates(on, period, count, first))


@lru_cache(maxsize=512)
def _shared_due_dates(on: date, period: Period, size: int, first: Period | None) -> tuple[date, ...]:
    return tuple(due_dates(on, period, size, first))


@lru_cache(maxsize=512)
def _nominal_rates(plan: Plan) -> tuple[tuple[int, ...], int, Ratio]:
    """Return rates, scale and annuity of a plan whose periods have their nominal length on every day."""
    period = parse_period(plan.period)
    first = period if plan.first_due_after is None else parse_period(plan.first_due_after)
    spans = [Fraction(first.days_30, 360)] + [Fraction(period.days_30, 360)] * (plan.installments - 1)
    rates, scale = _rates(plan, spans)
    return rates, scale, annuity(rates, scale)


def _rates(plan: Plan, spans: Sequence[Fraction]) -> tuple[tuple[int, ...], int]:
    """Return what each period bears of the balance, over one common scale."""
    bearing = Fraction(*ratio(plan.annual_rate)) * Fraction(10000 - plan.subsidized_bps, 10000)
    free = plan.interest_free_installments
    exact = [Fraction(0) if index < free else bearing * span for index, span in enumerate(spans)]
    scale = lcm(*(rate.denominator for rate in exact))
    return tuple(rate.numerator * (scale // rate.denominator) for rate in exact), scale


def _spans(
    on: date, dues: Sequence[date], period: Period, first: Period | None, day_count: str
) -> list[Fraction]:
    if not day_count.startswith("30"):
        return [year_fraction(start, end, day_count) for start, end in zip([on, *dues], dues, strict=False)]
    spans = [Fraction(period.days_30, 360)] * len(dues)
    if first is not None:
        spans[0] = Fraction(days_30_360(on, dues[0], day_count), 360)
    return spans


def _first_in_periods(on: date, first_due: date, period: Period, first: Period | None) -> Fraction:
    """Return the regular periods before the first due date: whole months count as such, otherwise days do."""
    if first is None or first == period:
        return Fraction(1)
    if {first.unit, period.unit} <= {"month", "half_month"} or first.unit == period.unit:
        return Fraction(first.days_30, period.days_30)
    return Fraction((first_due - on).days, 365) * period.per_year


def annuity(rates: tuple[int, ...], scale: int) -> Ratio:
    """Return the exact payment per unit financed: growth of the debt over growth of all payments."""
    top, bottom, power = 1, 0, 1
    for rate in rates:
        top *= scale + rate
        bottom = bottom * (scale + rate) + power * scale
        power *= scale
    shared = gcd(top, bottom)
    return top // shared, bottom // shared
