"""Durations as people and ISO 8601 write them: "1 month", "2 weeks", "P1M", "P1DT2H". Pure; knows no present."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from fenqi.errors import InvalidArgument
from fenqi.finance.dates import add_months

COUNT_MAX = 100_000
_WORDS = re.compile(r"([0-9]{1,6}) (second|minute|hour|day|week|month|year)s?")
_ISO = re.compile(
    r"P(?=.)(?:([0-9]{1,6})Y)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})W)?(?:([0-9]{1,6})D)?"
    r"(?:T(?=.)(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})S)?)?"
)
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600}


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in calendar months, days and seconds, applied in this order."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    @property
    def is_zero(self) -> bool:
        """Say whether it moves nothing."""
        return not (self.months or self.days or self.seconds)

    def after(self, start: datetime) -> datetime:
        """Return the moment this long after `start`; a month's end stays within its month."""
        day = add_months(start.date(), self.months)
        moved = start.replace(year=day.year, month=day.month, day=day.day)
        return moved + timedelta(days=self.days, seconds=self.seconds)


def parse_duration(text: str, field: str = "by") -> Duration:
    """Read a duration above zero. Raises InvalidArgument."""
    allowed = "Expected a duration such as '1 month', '3 days', P1M or P1DT2H."
    if not isinstance(text, str):
        raise InvalidArgument(allowed, field=field)
    if words := _WORDS.fullmatch(text.strip().lower()):
        count, unit = int(words[1]), words[2]
        found = Duration(
            months=count * {"month": 1, "year": 12}.get(unit, 0),
            days=count * {"day": 1, "week": 7}.get(unit, 0),
            seconds=count * _SECONDS.get(unit, 0),
        )
    elif iso := _ISO.fullmatch(text.strip().upper()):
        years, months, weeks, days, hours, minutes, seconds = (int(each or 0) for each in iso.groups())
        found = Duration(12 * years + months, 7 * weeks + days, 3_600 * hours + 60 * minutes + seconds)
    else:
        raise InvalidArgument(allowed, field=field)
    if found.is_zero or max(found.months, found.days) > COUNT_MAX:
        raise InvalidArgument(f"{allowed} It must be above zero, and within reason.", field=field)
    return found
