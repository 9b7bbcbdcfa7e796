"""Letting the collection of a loan rest, and going on with it: an operator's word, with a reason, on record."""

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.loan import Loan, SuspensionReason
from merchant_server.domain.retention import OPEN_LOANS
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.publishing import move_loan


def suspend_collection(deps: Deps, loan_id: str, reason: SuspensionReason, *, note: str, by: str) -> Loan:
    """Ask the bank for nothing more, and call nothing overdue, until `resume_collection`; what is sent goes on.

    Raises NotFound, RuleRefused (operator_missing, nothing_owed, already_suspended).
    """
    with deps.storage.unit_of_work() as uow:
        loan = _locked(uow, loan_id, by, note)
        if loan.status not in OPEN_LOANS:
            raise RuleRefused("nothing is owed on this loan", code="nothing_owed", loan_id=loan_id)
        rests = loan.suspended(reason)
        _record(uow, deps, rests, loan, "loan.collection_paused", "collection.suspended", note, by)
        return rests


def resume_collection(deps: Deps, loan_id: str, *, note: str, by: str) -> Loan:
    """Go on collecting, unless a dispute pauses the loan as well. Raises NotFound, RuleRefused."""
    with deps.storage.unit_of_work() as uow:
        loan = _locked(uow, loan_id, by, note)
        goes_on = loan.unsuspended()
        _record(uow, deps, goes_on, loan, "loan.collection_resumed", "collection.resumed", note, by)
        return goes_on


def _locked(uow: UnitOfWork, loan_id: str, by: str, note: str) -> Loan:
    if not by.strip() or not note.strip():
        raise RuleRefused(
            "say who does this, and why", code="operator_missing", hint="give your name and a reason"
        )
    loan = uow.loans.locked(loan_id)
    if loan is None:
        raise NotFound("there is no such loan", loan_id=loan_id)
    return loan


def _record(
    uow: UnitOfWork, deps: Deps, loan: Loan, was: Loan, event: str, action: str, note: str, by: str
) -> None:
    # A dispute's own event tells the pause's end; a loan that still rests tells nobody that it goes on.
    told = event if (loan.collection_paused_reason is None) != (was.collection_paused_reason is None) else ""
    move_loan(uow, deps, loan, was, uow.loans.installments(loan.id), told or "loan.collection_paused")
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=f"operator {by.strip()}",
        action=action,
        subject=loan.id,
        merchant_id=loan.merchant_id,
        detail={"note": note.strip(), "paused": loan.collection_paused_reason},
    )
