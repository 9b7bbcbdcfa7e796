"""Yearly rates as the law asks, each citing its text: Regulation Z, the EU directives, China's nominal rate.

Every function returns a Decimal fraction (0.1299 is 12.99 %) rounded to 15 places. No float, no clock.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from fenqi.finance.equation import rate_per_unit, rounded
from fenqi.finance.errors import CurrencyMismatch, FlowError, shown
from fenqi.finance.intervals import eu_years, unit_periods
from fenqi.finance.money import Money
from fenqi.finance.regulation_z import solve_unit_rate
from fenqi.finance.schedule import Schedule
from fenqi.finance.schedule_rate import RULES, of_schedule

__all__ = ["RULES", "effective", "eu_aprc", "eu_years", "irr", "of_schedule", "reg_z", "unit_periods"]
Number = int | Fraction | Decimal


def reg_z(
    advances: Iterable[tuple[Money, int, Fraction]] | Schedule,
    payments: Iterable[tuple[Money, int, Fraction]] = (),
    unit_periods_per_year: Number | None = None,
) -> Decimal:
    """Return the annual percentage rate by the actuarial method.

    Each item is (amount, full unit-periods, fraction of a unit-period) from the first advance; the fraction
    bears simple interest: 12 CFR 1026 Appendix J (b)(8). A Schedule alone stands for its own flows.
    Raises FlowError, NoSolution or SeveralSolutions.
    """
    if isinstance(advances, Schedule):
        return of_schedule(advances, "reg_z")
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
    return rounded(solve_unit_rate(flows) * per_year)


def eu_aprc(
    drawdowns: Iterable[tuple[Money, Number]] | Schedule, payments: Iterable[tuple[Money, Number]] = ()
) -> Decimal:
    """Return the annual percentage rate of charge, an effective yearly rate.

    Each item is (amount, years from the first drawdown); a charge paid before it has negative years. Equation
    of Directive (EU) 2023/2225 Annex III Part I, the same as 2008/48/EC Annex I and the FCA's CONC App 1.2.
    A charge before the drawdown makes a second, absurd solution possible, at which its growth rivals the loan;
    the rate returned is the one next to that of the same charge paid at the drawdown. A Schedule alone stands for
    its own flows. Raises FlowError, NoSolution or SeveralSolutions.
    """
    if isinstance(drawdowns, Schedule):
        return of_schedule(drawdowns, "eu_aprc")
    flows: list[tuple[int, Fraction]] = []
    currencies: set[str] = set()
    for sign, items in ((1, drawdowns), (-1, payments)):
        for item in items:
            amount, years = _unpack(item, 2)
            flows.append((sign * _positive(amount, currencies), _exact(years, "years")))
    first = min((time for amount, time in flows if amount > 0), default=Fraction(0))
    return rounded(rate_per_unit(flows, charged_before=first))


def irr(flows: Iterable[tuple[Money, Number]] | Schedule, periods_per_year: Number | None = None) -> Decimal:
    """Return the nominal yearly rate: the internal rate of one period times the periods in a year.

    Each item is (amount, period); paid out to the consumer is positive, paid back negative. It is the simple
    annualized rate that China's PBOC Announcement [2021] No. 3 asks to show (IRR method). A Schedule alone stands
    for its own flows and periods. Raises FlowError, NoSolution or SeveralSolutions.
    """
    if isinstance(flows, Schedule):
        return of_schedule(flows, "cn_irr")
    currencies: set[str] = set()
    exact = []
    for item in flows:
        amount, period = _unpack(item, 2)
        _currency(amount, currencies)
        exact.append((amount.minor, _exact(period, "period")))
    return rounded(rate_per_unit(exact) * _per_year(periods_per_year, "periods_per_year"))


def effective(nominal: Decimal, periods_per_year: int) -> Decimal:
    """Return the effective yearly rate of a nominal rate compounded so many whole times a year."""
    if type(periods_per_year) is not int or periods_per_year < 1:
        raise FlowError("is no count", field="periods_per_year", allowed="1 or more")
    if not isinstance(nominal, Decimal) or not nominal.is_finite() or nominal <= -periods_per_year:
        allowed = f"a Decimal above -{periods_per_year}"
        raise FlowError(f"{shown(nominal)} is no rate", field="nominal", allowed=allowed)
    with localcontext(prec=60):
        return rounded((1 + nominal / periods_per_year) ** periods_per_year - 1)


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


def _per_year(value: Number | None, field: str) -> Fraction:
    exact = _exact(value, field)
    if exact <= 0:
        raise FlowError(f"{value} is no count", field=field, allowed="above 0")
    return exact
