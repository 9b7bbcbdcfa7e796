"""A clock that only tests turn. Never reads the machine's."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class ManualClock:
    """Stands still until `sleep` or `advance` moves it; `slept_seconds` lists every sleep."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self.slept_seconds: list[float] = []

    def now(self) -> datetime:
        """Return the clock's present as an aware UTC datetime."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock forwards and return at once."""
        self.slept_seconds.append(seconds)
        self.advance(timedelta(seconds=seconds))

    def advance(self, step: timedelta) -> None:
        """Move the clock."""
        self._now += step
