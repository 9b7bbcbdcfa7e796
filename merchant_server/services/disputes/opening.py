"""Opening a dispute: collection of the loan rests from this commit on."""

from fenqi.finance.money import Money

from merchant_server.domain.dispute import (
    CONSUMER,
    PAUSED_REASON,
    Dispute,
    DisputeReason,
    DisputeStatus,
    answer_due_on,
    disputed_amount,
    statement_text,
)
from merchant_server.domain.errors import Forbidden, NotFound, RuleRefused
from merchant_server.domain.loan import Loan
from merchant_server.domain.secret import Secret
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_loan, publish_dispute
from merchant_server.services.refunds.previewing import refunded_so_far


def open_by_consumer(
    deps: Deps, consumer_id: str, loan_id: str, reason: DisputeReason, typed: str, amount: Money | None = None
) -> Dispute:
    """Open a dispute about one's own purchase, about all of it unless `amount` says less.

    Raises NotFound, also for somebody else's loan, and RuleRefused (statement_..., dispute_open, dispute_decided,
    nothing_to_dispute, dispute_amount_invalid).
    """
    statement = statement_text(typed)
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        if loan is None or loan.consumer_id != consumer_id:
            raise NotFound("there is no such loan")
        return _open(uow, deps, loan, reason, statement, amount, CONSUMER, f"consumer {consumer_id}")


def open_by_operator(
    deps: Deps, operator: str, loan_id: str, reason: DisputeReason, typed: str, amount: Money | None = None
) -> Dispute:
    """Open a dispute for a consumer who told an operator. Raises as open_by_consumer does, and Forbidden."""
    statement = statement_text(typed)
    with deps.storage.unit_of_work() as uow:
        if uow.reviews.reviewer(operator) is None:
            raise Forbidden(
                f"{operator!r} may not open disputes",
                code="reviewer_unknown",
                hint="fenqi-server review add-reviewer NAME adds somebody",
            )
        loan = uow.loans.locked(loan_id)
        if loan is None:
            raise NotFound("there is no such loan", hint="check the id", loan_id=loan_id)
        return _open(uow, deps, loan, reason, statement, amount, operator, f"reviewer {operator}")


def _open(
    uow: UnitOfWork,
    deps: Deps,
    loan: Loan,
    reason: DisputeReason,
    statement: Secret[str],
    amount: Money | None,
    opened_by: str,
    actor: str,
) -> Dispute:
    before = uow.disputes.of_loan(loan.id)
    if opened_by == CONSUMER and any(each.status == DisputeStatus.WON for each in before):
        raise RuleRefused(
            "a dispute of this purchase was decided already",
            code="dispute_decided",
            hint="write a complaint; a person can open it once more",
            loan_id=loan.id,
        )
    if any(each.is_live for each in before):
        raise RuleRefused(
            "this purchase is disputed already",
            code="dispute_open",
            hint="wait until that dispute is decided",
            loan_id=loan.id,
        )
    checkout = uow.checkouts.get(loan.checkout_id)
    assert checkout is not None
    refunded = refunded_so_far(uow, loan)
    dispute = Dispute(
        id=deps.ids.new("dsp"),
        merchant_id=loan.merchant_id,
        mode=loan.mode,
        loan_id=loan.id,
        checkout_id=loan.checkout_id,
        consumer_id=loan.consumer_id,
        reason=reason,
        status=DisputeStatus.OPEN,
        version=1,
        amount=disputed_amount(amount, checkout.captured, refunded),
        refunded_before=refunded,
        opened_by=opened_by,
        created_at=deps.business_now(uow, loan.merchant_id),
        answer_due_on=answer_due_on(deps.today(uow, merchant_of(uow, loan.merchant_id))),
    )
    uow.disputes.add(dispute, statement)
    publish_dispute(uow, deps, dispute, "dispute.opened")
    rows = uow.loans.installments(loan.id)
    move_loan(uow, deps, loan.paused(PAUSED_REASON), loan, rows, "loan.collection_paused")
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=actor,
        action="dispute.opened",
        subject=dispute.id,
        merchant_id=dispute.merchant_id,
        detail={"loan_id": loan.id, "reason": reason.value},
    )
    return dispute
