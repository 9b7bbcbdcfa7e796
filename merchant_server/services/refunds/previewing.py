"""What a refund would do, worked out and kept, so that committing it does exactly what was shown."""

from collections.abc import Sequence
from datetime import date, timedelta

from fenqi.finance.errors import RepaymentError
from fenqi.finance.lines import ReturnedLine
from fenqi.finance.money import Money
from fenqi.finance.refund import Cost, RefundEffect, recovery, refund, undo
from fenqi.finance.repayment import Due

from merchant_server.domain.amount import checked_amount
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.installment import Installment
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.merchant import Caller
from merchant_server.domain.order_lines import lines_coming_back
from merchant_server.domain.refund import PREVIEW_SECONDS, RefundPreview, Strategy
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import still_lost
from merchant_server.services.deps import Deps, merchant_of

# Lines that come back, each with how many pieces; None for all that are left of it.
Wanted = Sequence[tuple[str, int | None]]


def preview_refund(
    uow: UnitOfWork,
    deps: Deps,
    caller: Caller,
    loan_id: str,
    amount: Money | None,
    strategy: Strategy,
    lines: Wanted = (),
) -> RefundPreview:
    """Work out a refund of goods worth `amount`, or of so many pieces of lines, and keep it for fifteen minutes.

    Raises NotFound, RuleRefused (currency_mismatch, amount_not_positive, nothing_captured, refund_exceeds_captured,
    settlement_not_covered, refund_line_unknown, refund_line_exceeds, refund_lines_differ).
    """
    return preview_of(uow, deps, own_loan(uow, caller, loan_id), amount, strategy, lines)


def preview_of(
    uow: UnitOfWork,
    deps: Deps,
    loan: Loan,
    amount: Money | None,
    strategy: Strategy,
    lines: Wanted = (),
    *,
    undone: bool = False,
) -> RefundPreview:
    """Work out a refund of a loan that the caller has locked; raises as `preview_refund` does, except NotFound.

    `undone` is for a purchase that should not have been: as if it had never cost anything.
    """
    checkout = uow.checkouts.get(loan.checkout_id)
    assert checkout is not None
    earlier = uow.refunds.of_loan(loan.id)
    captured, refunded = checkout.captured, refunded_so_far(uow, loan)
    returned: tuple[ReturnedLine, ...] = ()
    if lines:
        before = [line for refund in earlier for line in refund.lines]
        returned, amount = lines_coming_back(checkout.lines, lines, before, amount)
    assert amount is not None
    _refuse_beyond(amount, captured, refunded)
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    if loan.status == LoanStatus.WRITTEN_OFF:
        effect = recovery(amount, still_lost(uow, loan), today)
    elif undone:
        effect = _undone(uow, loan, amount, captured - refunded)
    else:
        effect = _effect(uow, loan, amount, strategy, today)
    now = deps.clock.now()
    preview = RefundPreview(
        id=deps.ids.new("rfp"),
        merchant_id=loan.merchant_id,
        mode=loan.mode,
        loan_id=loan.id,
        loan_version=loan.version,
        refunded_before=refunded,
        strategy=strategy,
        effect=effect,
        merchant_fee_returned=_fee_returned(
            uow.ledger.merchant_fee(loan.id, amount.currency), captured, refunded, amount
        ),
        created_at=now,
        expires_at=now + timedelta(seconds=PREVIEW_SECONDS),
        lines=returned,
    )
    uow.refunds.add_preview(preview)
    return preview


def _undone(uow: UnitOfWork, loan: Loan, amount: Money, kept: Money) -> RefundEffect:
    rows = uow.loans.installments(loan.id)
    returned = [preview.effect for preview in uow.refunds.committed_previews(loan.id)]
    paid = {
        part: sum(getattr(row, f"{part}_paid_minor") for row in rows)
        - sum(getattr(each, f"{part}_returned").minor for each in returned)
        for part in ("interest", "fee", "penalty")
    }
    cost = Cost(*(max(0, minor) for minor in paid.values()))
    open_rows = [row for row in rows if row.is_open]
    return undo(
        loan.schedule() if open_rows else None,
        _agreed(uow, loan, open_rows),
        [row.due() for row in open_rows],
        amount,
        kept,
        cost,
    )


def _effect(uow: UnitOfWork, loan: Loan, amount: Money, strategy: Strategy, today: date) -> RefundEffect:
    open_rows = [row for row in uow.loans.installments(loan.id) if row.is_open]
    try:
        return refund(
            loan.schedule() if open_rows else None,
            _agreed(uow, loan, open_rows),
            [row.due() for row in open_rows],
            amount,
            strategy,
            today,
        )
    except RepaymentError as refused:
        raise RuleRefused(
            "this amount does not settle the whole loan",
            code="settlement_not_covered",
            field="amount.minor",
            hint=f"refund {refused.allowed}, or choose another strategy",
        ) from refused


def _agreed(uow: UnitOfWork, loan: Loan, rows: Sequence[Installment]) -> list[Due]:
    """Return the rows before anything was paid on them, less paid interest that an earlier refund returned."""
    left = sum(preview.effect.interest_returned.minor for preview in uow.refunds.committed_previews(loan.id))
    agreed = []
    for row in rows:
        cut = min(left, row.interest_paid_minor)
        left -= cut
        agreed.append(row.agreed()._replace(interest_minor=row.interest.minor - cut))
    return agreed


def own_loan(uow: UnitOfWork, caller: Caller, loan_id: str) -> Loan:
    """Return the caller's loan, locked. Raises NotFound; another merchant's is not found either."""
    loan = uow.loans.locked(loan_id)
    if loan is None or (loan.merchant_id, loan.mode) != (caller.merchant_id, caller.mode):
        raise NotFound("there is no such loan", hint="check the id, and that the key is of the same mode")
    return loan


def refunded_so_far(uow: UnitOfWork, loan: Loan) -> Money:
    """Return the price of all goods taken back on a loan."""
    return Money(sum(refund.amount.minor for refund in uow.refunds.of_loan(loan.id)), loan.principal.currency)


def _refuse_beyond(amount: Money, captured: Money, refunded: Money) -> None:
    checked_amount(amount, captured.currency, "loan", "refund")
    if not captured.minor:
        raise RuleRefused(
            "nothing was captured, so there is nothing to refund",
            code="nothing_captured",
            hint="void the checkout instead",
        )
    left = captured - refunded
    if amount > left:
        raise RuleRefused(
            "cannot refund more than was captured",
            code="refund_exceeds_captured",
            field="amount.minor",
            hint=f"refund at most {left}, {left.minor} minor units"
            if left.minor
            else "everything was refunded before",
            left_minor=left.minor,
        )


def _fee_returned(fee: Money, captured: Money, refunded: Money, amount: Money) -> Money:
    """Return the share of the merchant's fee that comes back; shares of several refunds never sum to more than it."""
    before = fee.minor * refunded.minor // captured.minor
    after = fee.minor * (refunded.minor + amount.minor) // captured.minor
    return Money(after - before, fee.currency)
