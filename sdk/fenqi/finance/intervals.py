"""Time between two dates as disclosure law measures it. Calendar only; no money."""

from datetime import date
from fractions import Fraction

from fenqi.finance.dates import Period, add_months, check_date, parse_period
from fenqi.finance.errors import DateOutOfRange

_YEAR = "year"


def unit_periods(start: date, due: date, unit: str) -> tuple[int, Fraction]:
    """Return full unit-periods and the fraction of one from `start` to `due`, by 12 CFR 1026 App. J (b)(5).

    `unit` is "day", "week", "2 weeks", "half_month", "month", "3 months" or "year". Months are counted back
    from the later date and odd days are thirtieths (ii); half months and several months divide 30-day months
    plus odd days by 15 or by 30 each (iii); weeks divide days (iv); years leave twelfths or days of 365 (v).
    """
    _ordered(start, due)
    if unit == _YEAR:
        months, days = _months_back(start, due)
        years, over = divmod(months, 12)
        if days == 0:
            return years, Fraction(over, 12)
        return years, Fraction((add_months(due, -12 * years) - start).days, 365)
    period = parse_period(unit, "unit")
    if period.unit in ("day", "week"):
        length = period.length * (7 if period.unit == "week" else 1)
        full, over = divmod((due - start).days, length)
        return full, Fraction(over, length)
    months, days = _months_back(start, due)
    full, over = divmod(30 * months + days, period.days_30)
    return full, Fraction(over, period.days_30)


def eu_years(start: date, due: date, frequency: str = "year") -> Fraction:
    """Return the years between two dates for the EU yearly rate; negative when `due` lies before `start`.

    Whole periods of `frequency` are counted back from the later date, a month being 1/12 and a week 1/52 of a
    year; what is left is days over 365, or over 366 when a leap day lies in the year before them:
    Directive (EU) 2023/2225 Annex III Part I remark (c), read as in SWD(2012) 128 section 4.1.1.
    """
    check_date(start, "start")
    check_date(due, "due")
    if due < start:
        return -eu_years(due, start, frequency)
    period = Period(12, "month") if frequency == _YEAR else parse_period(frequency, "frequency")
    if period.unit == "half_month":
        period = Period(1, "month")
    if period.unit == "month":
        months, _ = _months_back(start, due)
        months -= months % period.length
        rest_ends, whole = add_months(due, -months), Fraction(months, 12)
    elif period.unit == "week":
        weeks = (due - start).days // 7
        weeks -= weeks % period.length
        rest_ends, whole = date.fromordinal(due.toordinal() - 7 * weeks), Fraction(weeks, 52)
    else:
        rest_ends, whole = due, Fraction(0)
    days = (rest_ends - start).days
    if not days:
        return whole
    return whole + Fraction(days, (rest_ends - add_months(rest_ends, -12)).days)


def _months_back(start: date, due: date) -> tuple[int, int]:
    """Return whole months counted back from `due`, and the days from `start` to where they end.

    A due date on the last day of its month reaches back to last days: from 28 February to 31 January is one
    month, so that a series that keeps its day has whole months (App. J (b)(3)(iv)).
    """
    months = (due.year - start.year) * 12 + due.month - start.month
    back = _back(start, due, months)
    if back < start:
        months -= 1
        back = _back(start, due, months)
    return months, (back - start).days


def _back(start: date, due: date, months: int) -> date:
    if due.day < start.day and add_months(due, 0, day=31) == due and months > 0:
        return add_months(due, -months, day=start.day)
    return add_months(due, -months)


def _ordered(start: date, due: date) -> None:
    check_date(start, "start")
    check_date(due, "due")
    if due < start:
        raise DateOutOfRange(f"{due} lies before {start}", field="due", allowed="not before start")
