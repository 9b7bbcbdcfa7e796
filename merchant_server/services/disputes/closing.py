"""The end of a dispute: decided by a person or by the calendar; a loss is refunded, and collection goes on."""

import logging

from merchant_server.domain.dispute import (
    DISPUTE_MACHINE,
    PAUSED_REASON,
    Dispute,
    DisputeStatus,
    ruling_text,
)
from merchant_server.domain.errors import DomainError, NotFound, RuleRefused
from merchant_server.domain.loan import Loan
from merchant_server.domain.secret import Secret
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.disputes.finding import refuse_own, unknown
from merchant_server.services.publishing import move_loan, publish_dispute
from merchant_server.services.refunds.committing import undo_at_once
from merchant_server.services.refunds.previewing import refunded_so_far

log = logging.getLogger(__name__)
BATCH = 50


def decide(deps: Deps, dispute_id: str, outcome: DisputeStatus, *, reviewer: str, reason: str) -> Dispute:
    """Decide a challenged dispute as won or lost by the merchant, with a reason that both sides read.

    Raises NotFound, Forbidden for one's own, TransitionNotAllowed, RuleRefused (ruling_invalid, outcome_unknown,
    deduction_in_flight).
    """
    ruling = ruling_text(reason)
    if outcome not in (DisputeStatus.WON, DisputeStatus.LOST):
        raise RuleRefused(
            "a dispute is decided as won or lost", code="outcome_unknown", field="outcome", hint="choose one"
        )
    with deps.storage.unit_of_work() as uow:
        found = uow.disputes.get(dispute_id)
        if found is None:
            raise unknown()
        loan, was = locked_dispute(uow, found)
        refuse_own(uow, was, reviewer)
        if was.status != DisputeStatus.CHALLENGED:
            # Before that the merchant still has time to answer; only the calendar ends it.
            raise DISPUTE_MACHINE.refusal(was.status, outcome)
        actor = f"reviewer {reviewer}"
        if outcome == DisputeStatus.LOST:
            return end_with_refund(uow, deps, loan, was, outcome, actor, ruling, reviewer)
        _resume(uow, deps, loan)
        return _closed(uow, deps, was, outcome, actor, ruling, reviewer, None)


def withdraw(deps: Deps, consumer_id: str, loan_id: str) -> Dispute:
    """End the live dispute of one's own purchase as its consumer: nothing is refunded, and collection goes on.

    Raises NotFound, also for somebody else's purchase, and RuleRefused (no_dispute) when none is live.
    """
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        if loan is None or loan.consumer_id != consumer_id:
            raise NotFound("there is no such loan")
        live = next((each for each in uow.disputes.of_loan(loan_id) if each.is_live), None)
        if live is None:
            raise RuleRefused(
                "no dispute of this purchase is open",
                code="no_dispute",
                hint="it was decided or withdrawn already; the loan's page shows how it stands",
                loan_id=loan_id,
            )
        _loan, was = locked_dispute(uow, live)
        _resume(uow, deps, loan)
        return _closed(uow, deps, was, DisputeStatus.WITHDRAWN, f"consumer {consumer_id}", None, None, None)


def close_unanswered(deps: Deps) -> int:
    """End what merchants did not answer in time, and pass on what they only half answered; return how many."""
    with deps.storage.reading() as uow:
        due = [
            each
            for merchant_id in uow.disputes.merchants_waited_for()
            for each in uow.disputes.unanswered(
                merchant_id, deps.today(uow, merchant_of(uow, merchant_id)), BATCH
            )
        ]
    return sum(_lapse(deps, each) for each in due)


def _lapse(deps: Deps, seen: Dispute) -> bool:
    try:
        with deps.storage.unit_of_work() as uow:
            loan, was = locked_dispute(uow, seen)
            if was.status == DisputeStatus.OPEN:
                end_with_refund(uow, deps, loan, was, DisputeStatus.LOST, "calendar")
                return True
            if was.status != DisputeStatus.EVIDENCE_SUBMITTED:
                return False
            moved = was.to(DisputeStatus.CHALLENGED)
            uow.disputes.save(
                moved, was, deps.business_now(uow, was.merchant_id), "the time to answer is over"
            )
            publish_dispute(uow, deps, moved, "dispute.updated")
            return True
    except DomainError as refused:
        # A deduction in flight settles within a day; it is looked at again at the worker's next turn.
        log.warning("dispute %s cannot be closed yet: %s", seen.id, refused.code)
        return False


def locked_dispute(uow: UnitOfWork, found: Dispute) -> tuple[Loan, Dispute]:
    """Return a dispute as it is now with its loan, both locked, the loan first."""
    loan = uow.loans.locked(found.loan_id)
    dispute = uow.disputes.locked(found.id)
    assert loan is not None and dispute is not None
    return loan, dispute


def end_with_refund(
    uow: UnitOfWork,
    deps: Deps,
    loan: Loan,
    was: Dispute,
    status: DisputeStatus,
    actor: str,
    ruling: Secret[str] | None = None,
    reviewer: str | None = None,
) -> Dispute:
    """End a dispute against the merchant: what it is about and was not refunded meanwhile is refunded now.

    It is undone as if it had never been bought: the consumer owes and has paid nothing for it in the end.

    Raises TransitionNotAllowed, RuleRefused (deduction_in_flight).
    """
    was.to(status)
    due = was.due(refunded_so_far(uow, loan))
    resumed = _resume(uow, deps, loan)
    refund_id = None
    if due.minor:
        refund_id = undo_at_once(uow, deps, resumed, due, was.id).id
    return _closed(uow, deps, was, status, actor, ruling, reviewer, refund_id)


def _closed(
    uow: UnitOfWork,
    deps: Deps,
    was: Dispute,
    status: DisputeStatus,
    actor: str,
    ruling: Secret[str] | None,
    reviewer: str | None,
    refund_id: str | None,
) -> Dispute:
    now = deps.business_now(uow, was.merchant_id)
    closed = was.close(status, now, decided_by=reviewer, refund_id=refund_id)
    uow.disputes.save(closed, was, now, f"{status} by {actor}", ruling=ruling)
    publish_dispute(uow, deps, closed, "dispute.closed")
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=actor,
        action=f"dispute.{status}",
        subject=closed.id,
        merchant_id=closed.merchant_id,
        detail={"loan_id": closed.loan_id, "refund_id": refund_id or ""},
    )
    return closed


def _resume(uow: UnitOfWork, deps: Deps, loan: Loan) -> Loan:
    resumed = loan.resumed(PAUSED_REASON)
    event = "loan.collection_resumed" if resumed.collection_paused_reason is None else ""
    return move_loan(uow, deps, resumed, loan, uow.loans.installments(loan.id), event)
