"""Due dates and day counts. Pure calendar arithmetic: no clock, no time zone, no holidays."""

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from fenqi.finance.errors import DateOutOfRange, PlanError, shown

FIRST_DATE: Final = date(1900, 1, 1)
LAST_DATE: Final = date(2200, 12, 31)
DAY_COUNTS: Final = ("30/360", "30E/360", "30/360 US", "actual/360", "actual/365", "actual/actual")
HOLIDAY_ROLLS: Final = ("none", "following", "modified_following", "preceding")
_UNITS: Final = {"day": 1, "week": 1, "half_month": 1, "month": 1}
_PERIOD_ALLOWED = '"month", "half_month", "week", "2 weeks", "N days", "N weeks" or "N months"'
_ALLOWED = "1900-01-01 to 2200-12-31"


class Period(NamedTuple):
    """A span between due dates: `length` whole units of "day", "week", "half_month" or "month"."""

    length: int
    unit: str

    @property
    def days_30(self) -> int:
        """Length in days where every month has 30."""
        return self.length * {"day": 1, "week": 7, "half_month": 15, "month": 30}[self.unit]

    @property
    def per_year(self) -> Fraction:
        """How many such periods a year is taken to have: 12 months, 24 half months, 52 weeks, 365 days."""
        return Fraction({"day": 365, "week": 52, "half_month": 24, "month": 12}[self.unit], self.length)

    def __str__(self) -> str:
        return self.unit if self.length == 1 else f"{self.length} {self.unit}s"


@lru_cache(maxsize=512)
def parse_period(text: str, field: str = "period") -> Period:
    """Read "month", "2 weeks", "45 days". Raises PlanError."""
    words = text.split(" ") if isinstance(text, str) else []
    count_text, name = (words[0], words[1]) if len(words) == 2 else ("1", words[0] if len(words) == 1 else "")
    unit = name[:-1] if name.endswith("s") else name
    if unit in _UNITS and count_text.isascii() and count_text.isdigit() and 1 <= len(count_text) <= 3:
        count = int(count_text)
        if 1 <= count <= 730:
            return Period(count, unit)
    raise PlanError(f"{shown(text)} is no period", field=field, allowed=_PERIOD_ALLOWED)


def check_date(value: date, field: str = "on") -> date:
    """Return the date when it is a plain date within 1900 to 2200. Raises DateOutOfRange."""
    if type(value) is not date:
        raise DateOutOfRange(f"{shown(value)} is no date without a time", field=field, allowed=_ALLOWED)
    if not FIRST_DATE <= value <= LAST_DATE:
        raise DateOutOfRange(f"{value} is out of range", field=field, allowed=_ALLOWED)
    return value


def is_leap(year: int) -> bool:
    """Tell whether a Gregorian year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """Return the length of a month in days."""
    if month == 2:
        return 29 if is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def add_months(start: date, months: int, *, day: int | None = None) -> date:
    """Return the date `months` later on the start's day, or on the month's last day when it is shorter.

    `day` replaces the start's day of month before shortening, so that a series keeps its own day: 31 January,
    28 February, 31 March. Rule of 12 CFR 1026 App. J (b)(3)(iv).
    """
    year, month_index = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not FIRST_DATE.year <= year <= LAST_DATE.year:
        raise DateOutOfRange(f"year {year} is out of range", field="on", allowed=_ALLOWED)
    wanted = day or start.day
    if wanted > 28:
        wanted = min(wanted, days_in_month(year, month_index + 1))
    return date(year, month_index + 1, wanted)


def add_days(start: date, days: int) -> date:
    """Return the date `days` later, within 1900 to 2200."""
    try:
        return check_date(start + timedelta(days))
    except OverflowError:
        raise DateOutOfRange("is out of range", field="on", allowed=_ALLOWED) from None


def shift(start: date, period: Period, times: int = 1) -> date:
    """Return the date `times` periods after `start`, always counted from `start` so that no day drifts.

    Half months go to and fro between the start's day and the day half a month away: 31 January, 16 February,
    28 February, 16 March.
    """
    steps = period.length * times
    if period.unit == "month":
        return add_months(start, steps)
    if period.unit == "half_month":
        months, half = divmod(steps, 2)
        if not half:
            return add_months(start, months)
        if start.day <= 15:
            return add_months(start, months, day=start.day + 15)
        return add_months(start, months + 1, day=start.day - 15)
    return add_days(start, steps * (7 if period.unit == "week" else 1))


def due_dates(start: date, period: Period, count: int, first_due_after: Period | None = None) -> list[date]:
    """Return `count` due dates. The first lies `first_due_after` (else one period) after `start`.

    The day of month comes from `start`, or from the first due date when that lies days or weeks away.
    """
    check_date(start)
    if first_due_after is None or first_due_after == period:
        return [shift(start, period, index) for index in range(1, count + 1)]
    if period.unit == first_due_after.unit == "month":
        return [add_months(start, first_due_after.length + period.length * index) for index in range(count)]
    first = shift(start, first_due_after)
    return [shift(first, period, index) for index in range(count)]


def roll(due_on: date, how: str, is_holiday: Callable[[date], bool] | None) -> date:
    """Move a due date off a holiday: "following", "preceding", or "modified_following" (not past the month).

    Raises PlanError for an unknown rule or a missing calendar, DateOutOfRange when 60 days hold no workday.
    """
    if how == "none":
        return due_on
    if how not in HOLIDAY_ROLLS:
        raise PlanError(f"{shown(how)} is unknown", field="holiday_roll", allowed=", ".join(HOLIDAY_ROLLS))
    if is_holiday is None:
        raise PlanError(
            "needs a calendar; pass is_holiday=", field="holiday_roll", allowed="a date predicate"
        )
    step = -1 if how == "preceding" else 1
    moved = due_on
    for _ in range(60):
        if not is_holiday(moved):
            if how == "modified_following" and moved.month != due_on.month:
                return roll(due_on, "preceding", is_holiday)
            return moved
        moved = add_days(moved, step)
    raise DateOutOfRange(f"no workday near {due_on}", field="is_holiday", allowed="a workday within 60 days")


def _last_of_february(value: date) -> bool:
    return value.month == 2 and value.day == days_in_month(value.year, 2)


def days_30_360(start: date, end: date, convention: str = "30/360") -> int:
    """Count days where every month has 30.

    "30/360" is the bond basis (2006 ISDA Definitions 4.16(f)), "30E/360" the Eurobond basis (4.16(g)),
    "30/360 US" the bond basis that also takes the last day of February for the 30th (NASD/SIA).
    """
    first, second = start.day, end.day
    if convention == "30/360 US" and _last_of_february(start):
        if _last_of_february(end):
            second = 30
        first = 30
    first = min(first, 30)
    if second == 31 and (first == 30 or convention == "30E/360"):
        second = 30
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + second - first


def year_fraction(start: date, end: date, day_count: str) -> Fraction:
    """Return the exact share of a year between two dates. Raises PlanError for an unknown day count.

    "actual/365" is the fixed basis; "actual/actual" is ISDA's (4.16(b)): days in leap years over 366, the
    others over 365.
    """
    if day_count in ("30/360", "30E/360", "30/360 US"):
        return Fraction(days_30_360(start, end, day_count), 360)
    days = (end - start).days
    if day_count == "actual/365":
        return Fraction(days, 365)
    if day_count == "actual/360":
        return Fraction(days, 360)
    if day_count != "actual/actual":
        raise PlanError(f"{shown(day_count)} is unknown", field="day_count", allowed=", ".join(DAY_COUNTS))
    leap = _days_in_leap_years(end) - _days_in_leap_years(start)
    return Fraction(leap, 366) + Fraction(days - leap, 365)


def _days_in_leap_years(value: date) -> int:
    before = value.year - 1
    leap_years = before // 4 - before // 100 + before // 400
    return leap_years * 366 + ((value - date(value.year, 1, 1)).days if is_leap(value.year) else 0)
