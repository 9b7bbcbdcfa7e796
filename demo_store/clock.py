"""The demo store's only source of time. Everything else is handed a `Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)
