"""Taking back the permission to deduct: we stop at once, and the bank is told next, again and again if need be."""

from merchant_server.domain.deduction import Mandate, MandateStatus
from merchant_server.domain.errors import NotFound, TransitionConflict
from merchant_server.domain.retention import OPEN_LOANS
from merchant_server.ports import ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.publishing import move_loan

BATCH = 50


def revoke_mandate(deps: Deps, consumer_id: str, mandate_id: str) -> Mandate:
    """Take back a person's mandate; doing so twice changes nothing. Raises NotFound, also for somebody else's.

    From the first commit on nothing more is asked of the bank under it. The answer is `suspended` while the bank
    has not confirmed, which the worker then follows up. What is owed stays owed.
    """
    with deps.storage.unit_of_work() as uow:
        mandate = uow.mandates.get(mandate_id)
        if mandate is None or mandate.consumer_id != consumer_id:
            raise NotFound("there is no such mandate")
        if mandate.status == MandateStatus.CANCELLED:
            return mandate
        if mandate.revoked_at is None:
            mandate = _take_back(uow, deps, mandate)
    return _end(deps, mandate) or mandate


def end_revoked_mandates(deps: Deps) -> int:
    """Tell the bank of mandates that were taken back while it did not answer; return how many ended."""
    with deps.storage.reading() as uow:
        waiting = uow.mandates.to_end(BATCH)
    return sum(_end(deps, mandate) is not None for mandate in waiting)


def _take_back(uow: UnitOfWork, deps: Deps, mandate: Mandate) -> Mandate:
    now = deps.clock.now()
    revoked = mandate.revoke(now)
    uow.mandates.save(revoked, mandate)
    uow.audit.add(
        deps.ids.new("aud"),
        at=now,
        actor=f"consumer {mandate.consumer_id}",
        action="mandate.revoked",
        subject=mandate.id,
        merchant_id=mandate.merchant_id,
    )
    for loan_id in uow.people.ids("loans", mandate.consumer_id):
        loan = uow.loans.locked(loan_id)
        if loan is not None and loan.mandate_id == mandate.id and loan.status in OPEN_LOANS:
            move_loan(uow, deps, loan.next(), loan, uow.loans.installments(loan_id), "mandate.revoked")
    return revoked


def _end(deps: Deps, mandate: Mandate) -> Mandate | None:
    try:
        deps.bank.cancel_mandate(reference=mandate.id)
    except ProviderUnavailable:
        return None
    except ProviderRefused:
        # The bank never heard of it, or ended it already: nothing is left to take back.
        pass
    ended = mandate.to(MandateStatus.CANCELLED)
    try:
        with deps.storage.unit_of_work() as uow:
            uow.mandates.save(ended, mandate)
    except TransitionConflict:
        # The worker or a second tap was faster, and has told the bank the same.
        return None
    return ended
