"""Test clocks on their way: they go day by day, and wait each day until everything that is due then was done."""

from datetime import UTC, date, datetime, timedelta

from fenqi.durations import Duration

from merchant_server.domain.errors import NotFound, RuleRefused, TransitionConflict
from merchant_server.domain.merchant import Caller
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.operation.test_clock import (
    ClockReading,
    clock_id,
    read_clock,
    record_turn,
    require_near,
    require_test,
)

CURRENT = "current"
# How long a day may wait for a bank that does not answer before the clock goes on without it.
PATIENCE_SECONDS = 60


def find_clock(uow: UnitOfWork, deps: Deps, caller: Caller, wanted: str) -> ClockReading:
    """Return the caller's clock by its id or as `current`. Raises NotFound, RuleRefused in live mode."""
    require_test(caller)
    if wanted not in (CURRENT, clock_id(caller.merchant_id)):
        raise NotFound("there is no such test clock", hint="a merchant has one, called current")
    return read_clock(uow, deps, caller)


def send_clock(
    uow: UnitOfWork, deps: Deps, caller: Caller, wanted: str, *, by: Duration | None, to: datetime | None
) -> ClockReading:
    """Let the caller's clock set out; the worker takes it there.

    Raises TransitionConflict while it is on its way, RuleRefused for a time that is past or too far ahead.
    """
    before = find_clock(uow, deps, caller, wanted)
    state = uow.merchants.clock(caller.merchant_id)
    if state.target_seconds is not None:
        raise TransitionConflict(
            "the test clock is on its way", code="clock_advancing", hint="wait until its status is ready"
        )
    try:
        after = to if by is None else by.after(before.now)
    except (ValueError, OverflowError):
        after = datetime.max.replace(tzinfo=before.now.tzinfo)
    assert after is not None
    step_seconds = int((after - before.now).total_seconds())
    if step_seconds <= 0:
        raise RuleRefused(
            "the test clock goes forwards only",
            code="clock_backwards",
            field="to",
            hint="give a later moment",
        )
    require_near(state.offset_seconds + step_seconds)
    uow.merchants.send_clock(caller.merchant_id, state.offset_seconds + step_seconds, deps.clock.now())
    record_turn(uow, deps, caller, before.now, after)
    return read_clock(uow, deps, caller)


def turn_clocks(deps: Deps) -> int:
    """Take every clock that is on its way to its next day, once this one is done; return how many moved."""
    with deps.storage.reading() as uow:
        going = uow.merchants.clocks_on_their_way()
    return sum(_step(deps, merchant_id) for merchant_id in going)


def _step(deps: Deps, merchant_id: str) -> bool:
    with deps.storage.unit_of_work() as uow:
        state, now = uow.merchants.clock(merchant_id), deps.clock.now()
        if state.target_seconds is None:
            return False
        waited = state.stepped_at is not None and now - state.stepped_at >= timedelta(
            seconds=PATIENCE_SECONDS
        )
        if not waited and not _day_is_done(uow, deps, merchant_id):
            return False
        if state.offset_seconds >= state.target_seconds:
            uow.merchants.send_clock(merchant_id, None, now)
            return True
        step_seconds = min(
            _until_next_stop(uow, deps, merchant_id), state.target_seconds - state.offset_seconds
        )
        uow.merchants.advance_clock(merchant_id, step_seconds)
        uow.merchants.send_clock(merchant_id, state.target_seconds, now)
        return True


def _day_is_done(uow: UnitOfWork, deps: Deps, merchant_id: str) -> bool:
    """Say whether nothing that can be done at this time of the merchant's day is left, or waits for the bank."""
    merchant = merchant_of(uow, merchant_id)
    today, hours = deps.today(uow, merchant), deps.may_collect(uow, merchant)
    terms = uow.settlements.terms(merchant_id)
    return not (
        uow.deductions.under_way(merchant_id, sent_only=not hours)
        or (hours and _waits_for_hours(uow, deps, merchant_id, today))
        or uow.loans.to_age(merchant_id, today, 1)
        or uow.loans.to_penalize(merchant_id, today, 1)
        or uow.payouts.pending(merchant_id)
        or uow.transfers.pending(merchant_id)
        or (terms is not None and terms.next_payout_on <= today)
    )


def _waits_for_hours(uow: UnitOfWork, deps: Deps, merchant_id: str, today: date) -> bool:
    """Say whether something is to be done today that is done within the hours of collection only."""
    until = today + timedelta(days=deps.notice_days)
    return bool(
        uow.loans.to_collect(merchant_id, today, 1)
        or uow.notices.to_write(merchant_id, today, until, 1)
        or uow.deductions.under_way(merchant_id)
    )


def _until_next_stop(uow: UnitOfWork, deps: Deps, merchant_id: str) -> int:
    """Return the seconds until the merchant's next day begins, or the hours of collection when something waits."""
    merchant = merchant_of(uow, merchant_id)
    here = deps.local_now(uow, merchant)
    stop = here.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    opening = deps.collection_hours.next_opening(here)
    if opening < stop and _waits_for_hours(uow, deps, merchant_id, here.date()):
        stop = opening
    return int((stop.astimezone(UTC) - here.astimezone(UTC)).total_seconds()) + 1
