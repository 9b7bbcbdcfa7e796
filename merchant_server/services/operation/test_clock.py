"""A merchant's test clock: its business date moves forwards, and what falls due then is done by the worker."""

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fenqi.wire import utc_text

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.merchant import Caller
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps

# Far enough for every loan, and near enough that every due date stays in the calendar.
AHEAD_SECONDS_MAX = 100 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A merchant's time, and how far it is ahead of wall time."""

    now: datetime
    offset_seconds: int
    merchant_id: str = ""
    target: datetime | None = None


def clock_id(merchant_id: str) -> str:
    """Return the id of a merchant's one test clock."""
    return f"clk_{merchant_id.partition('_')[2]}"


def clock_resource(reading: ClockReading) -> dict[str, Any]:
    """Return a test clock as its public resource."""
    return {
        "object": "test_clock",
        "id": clock_id(reading.merchant_id),
        "status": "ready" if reading.target is None else "advancing",
        "now": utc_text(reading.now),
        "target": None if reading.target is None else utc_text(reading.target),
        "offset_seconds": reading.offset_seconds,
    }


def read_clock(uow: UnitOfWork, deps: Deps, caller: Caller) -> ClockReading:
    """Return the caller's business time."""
    offset, target = uow.merchants.clock_reading(caller.merchant_id)
    now = deps.clock.now()
    return ClockReading(
        now + timedelta(seconds=offset),
        offset,
        caller.merchant_id,
        None if target is None else now + timedelta(seconds=target),
    )


def advance_clock(
    uow: UnitOfWork, deps: Deps, caller: Caller, *, months: int = 0, days: int = 0, seconds: int = 0
) -> ClockReading:
    """Move the caller's business time forwards, a hundred years at most.

    Raises RuleRefused beyond that, and in live mode, where time is not ours to move.
    """
    require_test(caller)
    before = deps.business_now(uow, caller.merchant_id)
    after = add_months(before, months) + timedelta(days=days, seconds=seconds)
    step_seconds = int((after - before).total_seconds())
    require_near(uow.merchants.clock_offset_seconds(caller.merchant_id) + step_seconds)
    uow.merchants.advance_clock(caller.merchant_id, step_seconds)
    record_turn(uow, deps, caller, before, after)
    return read_clock(uow, deps, caller)


def require_test(caller: Caller) -> None:
    """Raise RuleRefused in live mode, where time is not ours to move."""
    if caller.mode != "test":
        raise RuleRefused("live mode has no test clock", code="live_unavailable", hint="use a test key")


def require_near(offset_seconds: int) -> None:
    """Raise RuleRefused for a time that is too far ahead."""
    if offset_seconds > AHEAD_SECONDS_MAX:
        raise RuleRefused(
            "the test clock goes at most a hundred years ahead",
            code="clock_too_far",
            hint="make a new test merchant to begin today again",
        )


def record_turn(uow: UnitOfWork, deps: Deps, caller: Caller, before: datetime, after: datetime) -> None:
    """Write into the audit log who turned the clock, and how far."""
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=f"key {caller.key_id}",
        action="test_clock.advanced",
        subject=caller.merchant_id,
        merchant_id=caller.merchant_id,
        detail={"from": before.isoformat(), "to": after.isoformat()},
    )


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day and time so many months on, or the month's last day when it is shorter."""
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
