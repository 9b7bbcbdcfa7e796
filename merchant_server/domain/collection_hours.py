"""The hours of the day in which banks are asked for people's money, in the merchant's own time. Reads no clock."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTES_A_DAY = 24 * 60
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class CollectionHours:
    """From `opens_minute` on and before `closes_minute`, both minutes since local midnight."""

    opens_minute: int = 7 * 60
    closes_minute: int = 22 * 60

    @classmethod
    def parse(cls, text: str) -> "CollectionHours":
        """Read "07:00-22:00"; "00:00-24:00" is the whole day. Raises ValueError."""
        found = _SPAN.fullmatch(text)
        if found is None:
            raise ValueError("use hours as in 07:00-22:00")
        opens, closes = (int(found[place]) * 60 + int(found[place + 1]) for place in (1, 3))
        if not opens < closes <= MINUTES_A_DAY:
            raise ValueError("the second time comes after the first, and is 24:00 at most")
        return cls(opens, closes)

    def has(self, local: datetime) -> bool:
        """Say whether a local time is within the hours."""
        return self.opens_minute <= local.hour * 60 + local.minute < self.closes_minute

    def next_opening(self, local: datetime) -> datetime:
        """Return the next local time, after `local`, at which the hours begin."""
        opening = local.replace(
            hour=self.opens_minute // 60, minute=self.opens_minute % 60, second=0, microsecond=0
        )
        return opening if opening > local else opening + timedelta(days=1)


DAYTIME = CollectionHours()
