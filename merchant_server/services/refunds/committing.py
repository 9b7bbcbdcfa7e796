"""Doing a refund that was shown: the schedule, the books and the money for the consumer in one commit."""

from datetime import datetime

from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.ledger import payable, refund_postings
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.merchant import Caller
from merchant_server.domain.refund import Refund, RefundPreview, RefundStatus, Strategy
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import book, receive, reshape
from merchant_server.services.deps import Deps
from merchant_server.services.publishing import publish_refund
from merchant_server.services.refunds.previewing import Wanted, own_loan, preview_of, refunded_so_far
from merchant_server.services.settlement.cash_backs import settle_cash_back


def commit_refund(uow: UnitOfWork, deps: Deps, caller: Caller, preview_id: str, reference: str) -> Refund:
    """Do what a preview showed; a preview that was committed before answers with its refund.

    Raises NotFound, RuleRefused (preview_expired, preview_stale, deduction_in_flight).
    """
    preview = uow.refunds.preview(preview_id)
    if preview is None or (preview.merchant_id, preview.mode) != (caller.merchant_id, caller.mode):
        raise NotFound("there is no such preview", hint="make one with POST /v1/loans/{id}/refund_previews")
    loan = own_loan(uow, caller, preview.loan_id)
    done = uow.refunds.of_preview(preview_id)
    if done is not None:
        return done
    _refuse_stale(uow, preview, loan, deps.clock.now())
    return _commit(uow, deps, preview, loan, reference)


def refund_at_once(
    uow: UnitOfWork,
    deps: Deps,
    caller: Caller,
    loan_id: str,
    amount: Money | None,
    strategy: Strategy,
    reference: str,
    lines: Wanted = (),
) -> Refund:
    """Preview and commit in one step, for a caller who needs no look at it first."""
    loan = own_loan(uow, caller, loan_id)
    return _commit(uow, deps, preview_of(uow, deps, loan, amount, strategy, lines), loan, reference)


def undo_at_once(uow: UnitOfWork, deps: Deps, loan: Loan, amount: Money, reference: str) -> Refund:
    """Refund a part of a purchase that should not have been, with all that it cost the consumer so far.

    The caller has locked the loan. Raises RuleRefused (deduction_in_flight).
    """
    preview = preview_of(uow, deps, loan, amount, Strategy.RECOMPUTE, undone=True)
    return _commit(uow, deps, preview, loan, reference)


def _refuse_stale(uow: UnitOfWork, preview: RefundPreview, loan: Loan, now: datetime) -> None:
    if now >= preview.expires_at:
        raise RuleRefused(
            "this preview has expired; nothing was refunded",
            code="preview_expired",
            hint="make a new preview and show it again",
            expired_at=preview.expires_at.isoformat(),
        )
    if loan.version != preview.loan_version or refunded_so_far(uow, loan) != preview.refunded_before:
        raise RuleRefused(
            "the loan changed since this preview; nothing was refunded",
            code="preview_stale",
            hint="make a new preview and show it again",
            loan_sequence=loan.version,
        )


def _commit(uow: UnitOfWork, deps: Deps, preview: RefundPreview, loan: Loan, reference: str) -> Refund:
    effect = preview.effect
    refund = Refund(
        id=deps.ids.new("rfd"),
        merchant_id=loan.merchant_id,
        mode=loan.mode,
        loan_id=loan.id,
        checkout_id=loan.checkout_id,
        preview_id=preview.id,
        status=RefundStatus.PENDING,
        version=1,
        strategy=preview.strategy,
        amount=effect.amount,
        to_consumer=effect.to_consumer,
        from_merchant=preview.from_merchant,
        interest_given_back=effect.interest_given_back,
        reference=reference,
        created_at=deps.business_now(uow, loan.merchant_id),
        lines=preview.lines,
    )
    uow.refunds.add(refund, ask_at=deps.clock.now())
    postings = refund_postings(loan, effect, preview.merchant_fee_returned)
    if postings:
        book(uow, deps, loan, "refund_money", refund.id, postings)
    publish_refund(uow, deps, refund)
    _change_schedule(uow, deps, preview, loan, refund.id)
    if loan.status == LoanStatus.REPAID:
        settle_cash_back(uow, deps, loan)
    if refund.to_consumer.minor:
        return refund
    succeeded = refund.to(RefundStatus.SUCCEEDED)
    uow.refunds.save(succeeded, refund)
    publish_refund(uow, deps, succeeded)
    return succeeded


def _change_schedule(uow: UnitOfWork, deps: Deps, preview: RefundPreview, loan: Loan, refund_id: str) -> None:
    effect = preview.effect
    if loan.status == LoanStatus.WRITTEN_OFF and effect.owed_paid.minor:
        receive(
            uow, deps, loan, effect.owed_paid, kind=RepaymentKind.RECOVERY, source_id=refund_id,
            arrives_at=payable(loan.merchant_id),
        )  # fmt: skip
        return
    if not effect.before or (effect.before == effect.after and not effect.paid):
        return
    owed = effect.paid or effect.after
    changed = reshape(
        uow, deps, loan, owed, kind=ChangeKind.REFUND, source_id=refund_id, actor="merchant", reason=refund_id,
        principal_bearer=payable(loan.merchant_id), gone=InstallmentStatus.REFUNDED,
    )  # fmt: skip
    if effect.paid:
        # What stays owed of interest and fees is paid out of what the merchant gives back.
        receive(
            uow, deps, changed, effect.owed_paid, kind=RepaymentKind.REFUND, source_id=refund_id,
            arrives_at=payable(loan.merchant_id),
        )  # fmt: skip
