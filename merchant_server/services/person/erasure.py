"""Erasure (个人信息保护法 §47): refused with its reasons and dates, or done by dropping the person's keys.

Books, loans, events and the audit log stay as they are; what they say about whom can no longer be read.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from merchant_server.domain.complaint import ComplaintStatus
from merchant_server.domain.deduction import MandateStatus
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.retention import Keeping, keepings, look_again_on
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.person.belongings import consumer_of
from merchant_server.services.person.mandates import revoke_mandate
from merchant_server.services.settlement.money_returns import holds_money_of

BATCH = 20
STRANGERS_KEPT_DAYS = 30
TRACES_KEPT_DAYS = 2
_LIVE = (MandateStatus.ACTIVE, MandateStatus.SUSPENDED)


@dataclass(frozen=True, slots=True)
class ErasureAnswer:
    """What became of a wish to be erased: done, or kept for these reasons and looked at again on `due_on`."""

    done: bool
    reasons: tuple[Keeping, ...] = ()
    due_on: date | None = None


def reasons_to_keep(deps: Deps, consumer_id: str) -> tuple[Keeping, ...]:
    """Return what stands in the way of erasing a person now. Raises Erased, NotFound."""
    with deps.storage.reading() as uow:
        consumer_of(uow, consumer_id)
        return _reasons(uow, deps, consumer_id)


def ask_for_erasure(deps: Deps, consumer_id: str) -> ErasureAnswer:
    """Erase a person, or keep the wish until nothing stands in its way any more. Raises Erased, NotFound."""
    reasons = reasons_to_keep(deps, consumer_id)
    if not reasons:
        erase_consumer(deps, consumer_id)
        return ErasureAnswer(True)
    now = deps.clock.now()
    due_on = look_again_on(reasons, now.date())
    with deps.storage.unit_of_work() as uow:
        uow.people.request_erasure(consumer_id, now, due_on)
        uow.audit.add(
            deps.ids.new("aud"),
            at=now,
            actor=f"consumer {consumer_id}",
            action="person.erasure_requested",
            subject=consumer_id,
            detail={"reasons": [each.code for each in reasons], "due_on": due_on.isoformat()},
        )
    return ErasureAnswer(False, reasons, due_on)


def erase_consumer(deps: Deps, consumer_id: str, actor: str = "") -> None:
    """Make a person's data unreadable for ever. Raises RuleRefused (erasure_refused) with the reasons as facts.

    Mandates that are left are taken back at the bank first. Raises Erased when it was done before, NotFound.
    """
    _refuse_if_kept(reasons_to_keep(deps, consumer_id))
    with deps.storage.reading() as uow:
        mandates = [uow.mandates.get(each) for each in uow.people.ids("mandates", consumer_id)]
    for mandate in mandates:
        if mandate is not None and mandate.status in _LIVE:
            revoke_mandate(deps, consumer_id, mandate.id)
    with deps.storage.unit_of_work() as uow:
        consumer_of(uow, consumer_id)
        # A loan may have been signed since the first look.
        _refuse_if_kept(_reasons(uow, deps, consumer_id))
        dropped = uow.people.erase(consumer_id, deps.clock.now())
        uow.audit.add(
            deps.ids.new("aud"),
            at=deps.clock.now(),
            actor=actor or f"consumer {consumer_id}",
            action="person.erased",
            subject=consumer_id,
            detail={"keys_dropped": dropped},
        )


def erase_due(deps: Deps) -> int:
    """Look again at wishes whose day has come: erase, or put off; return how many were looked at."""
    today = deps.clock.now().date()
    with deps.storage.reading() as uow:
        due = uow.people.erasures_due(today, BATCH)
    for consumer_id in due:
        reasons = reasons_to_keep(deps, consumer_id)
        if not reasons:
            erase_consumer(deps, consumer_id, actor="worker")
            continue
        with deps.storage.unit_of_work() as uow:
            again = max(look_again_on(reasons, today), today + timedelta(days=1))
            uow.people.request_erasure(consumer_id, deps.clock.now(), again)
    return len(due)


def forget_old(deps: Deps) -> int:
    """Once an hour, drop what was typed on checkouts that ended long ago without an application, old visits, counts.

    Returns how many rows and keys that was.
    """
    now = deps.clock.now()
    hour_ago, traces = now - timedelta(hours=1), now - timedelta(days=TRACES_KEPT_DAYS)
    with deps.storage.reading() as uow:
        if not uow.people.chore_is_due("forget", hour_ago):
            return 0
    with deps.storage.unit_of_work() as uow:
        if not uow.people.take_chore("forget", hour_ago, now):
            return 0
        strangers = uow.people.strangers(now - timedelta(days=STRANGERS_KEPT_DAYS))
        uow.people.forget_strangers(strangers)
        forgotten = (
            uow.visits.forget(traces) + uow.preapprovals.forget(traces) + uow.code_sends.forget(traces)
        )
        return len(strangers) + forgotten


def _reasons(uow: UnitOfWork, deps: Deps, consumer_id: str) -> tuple[Keeping, ...]:
    now = deps.clock.now()
    waiting = [
        each for each in uow.complaints.of_consumer(consumer_id) if each.status == ComplaintStatus.OPEN
    ]
    return keepings(
        uow.people.loans_ended(consumer_id),
        open_checkout_until=uow.people.open_checkout_until(consumer_id, now),
        complaints_due_on=[(each.id, each.due_on) for each in waiting],
        disputes_open=[each.id for each in uow.disputes.of_consumer(consumer_id) if each.is_live],
        money_kept=[each for each in uow.people.ids("loans", consumer_id) if holds_money_of(uow, each)],
        retention_years=deps.retention_years,
        today=now.date(),
    )


def _refuse_if_kept(reasons: tuple[Keeping, ...]) -> None:
    if reasons:
        named = ", ".join(f"{each.code} {each.subject} until {each.until or 'it ends'}" for each in reasons)
        raise RuleRefused(
            "this person's data must be kept",
            code="erasure_refused",
            hint=named,
            reasons=[(each.code, each.subject, each.until and each.until.isoformat()) for each in reasons],
        )
