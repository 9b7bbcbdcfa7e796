"""Money on its way back to the consumer: committed first under our reference, then sent or asked for."""

from datetime import timedelta

from merchant_server.domain.errors import NotFound
from merchant_server.domain.ledger import money_back_postings
from merchant_server.domain.refund import Refund, RefundStatus
from merchant_server.ports import BankTransfer, ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.collection.booking import book
from merchant_server.services.deps import Deps
from merchant_server.services.publishing import publish_refund

BATCH = 50
ASK_AFTER_SECONDS = 20


def return_money(deps: Deps) -> int:
    """Send what consumers are to get back, and ask about what the bank was silent on; return how many were asked."""
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        claimed = uow.refunds.claim_to_ask(now, now + timedelta(seconds=ASK_AFTER_SECONDS), BATCH)
    for refund in claimed:
        answer = _ask(deps, refund)
        if answer is not None and answer.status in ("succeeded", "failed"):
            _record(deps, refund, RefundStatus(answer.status), answer.code)
    return len(claimed)


def _ask(deps: Deps, refund: Refund) -> BankTransfer | None:
    with deps.storage.reading() as uow:
        loan = uow.loans.get(refund.loan_id)
    assert loan is not None
    try:
        # The same reference a second time only tells what became of the first.
        return deps.bank.return_money(reference=refund.id, came_by=loan.mandate_id, amount=refund.to_consumer)
    except ProviderRefused as refused:
        return BankTransfer(refund.id, "failed", refused.code)
    except ProviderUnavailable:
        return None


def _record(deps: Deps, seen: Refund, outcome: RefundStatus, code: str) -> None:
    with deps.storage.unit_of_work() as uow:
        refund = uow.refunds.get(seen.id)
        # A callback may have been faster.
        if refund is not None and refund.status == RefundStatus.PENDING:
            settle_refund_money(uow, deps, seen.id, outcome, code)


def settle_refund_money(
    uow: UnitOfWork, deps: Deps, refund_id: str, outcome: RefundStatus, code: str = ""
) -> bool:
    """Say what became of a refund's money, and book what left the bank; say False when it stood there already.

    Raises NotFound, TransitionNotAllowed for another outcome than the first.
    """
    refund = uow.refunds.get(refund_id)
    if refund is None:
        raise NotFound("there is no such refund", refund_id=refund_id)
    if refund.status == outcome:
        return False
    loan = uow.loans.locked(refund.loan_id)
    assert loan is not None
    moved = refund.to(outcome, code=code)
    uow.refunds.save(moved, refund)
    if outcome == RefundStatus.SUCCEEDED:
        postings = money_back_postings(loan.consumer_id, refund.to_consumer)
        book(uow, deps, loan, "money_back", refund.id, postings)
    publish_refund(uow, deps, moved)
    return True
