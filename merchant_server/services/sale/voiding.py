"""Giving up what was signed and is not captured, or a part of it: the consumer owes as if it were never bought."""

from fenqi.finance.errors import RepaymentError
from fenqi.finance.money import Money
from fenqi.finance.recomputation import Recomputed, recompute
from fenqi.finance.repayment import Due

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.ledger import held
from merchant_server.domain.loan import Loan
from merchant_server.domain.merchant import Caller
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.domain.void_preview import VoidPreview
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import reshape
from merchant_server.services.deps import Deps
from merchant_server.services.publishing import move_checkout
from merchant_server.services.sale.checkouts import find_checkout


def preview_void(
    uow: UnitOfWork, deps: Deps, caller: Caller, checkout_id: str, amount: Money | None
) -> VoidPreview:
    """Work out what giving up a part, or all that is left, would change. Raises what `void_checkout` raises."""
    checkout = find_checkout(uow, caller, checkout_id)
    given_up = checkout.void(amount).voided - checkout.voided
    loan = _loan(uow, checkout)
    before, change = _without(uow, loan, given_up)
    return VoidPreview(checkout, loan.version, given_up, before, change)


def void_checkout(
    uow: UnitOfWork,
    deps: Deps,
    caller: Caller,
    checkout_id: str,
    amount: Money | None = None,
    loan_sequence: int | None = None,
) -> Checkout:
    """Give up a part of what was signed and not captured, or all of that.

    `loan_sequence` is that of a preview that was shown. Raises TransitionNotAllowed, RuleRefused
    (void_exceeds_uncaptured, void_exceeds_owed, currency_mismatch, preview_stale, deduction_in_flight).
    """
    checkout = find_checkout(uow, caller, checkout_id)
    if loan_sequence is not None and checkout.loan_id is not None:
        loan = _loan(uow, checkout)
        if loan.version != loan_sequence:
            raise RuleRefused(
                "the loan changed since this preview; nothing was voided",
                code="preview_stale",
                hint="make a new preview and show it again",
                loan_sequence=loan.version,
            )
    return void(uow, deps, checkout, "merchant", "checkout.voided", amount)


def void(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, actor: str, reason: str, amount: Money | None = None
) -> Checkout:
    """Take what is given up off the loan, with all interest on it from the first day."""
    voided = checkout.void(amount)
    loan = _loan(uow, checkout)
    # A part given up changes no state, so its event does not say that one was entered.
    event = "checkout.reduced" if voided.uncaptured.minor else ""
    moved = move_checkout(uow, deps, voided, checkout, reason, event)
    _before, change = _without(uow, loan, voided.voided - checkout.voided)
    reshape(
        uow, deps, loan, change.rows, kind=ChangeKind.VOID, source_id=f"{checkout.id}:{voided.version}",
        actor=actor, reason=reason, principal_bearer=held(loan.merchant_id), gone=InstallmentStatus.REFUNDED,
    )  # fmt: skip
    return moved


def _loan(uow: UnitOfWork, checkout: Checkout) -> Loan:
    loan = uow.loans.locked(checkout.loan_id or "")
    assert loan is not None
    return loan


def _without(uow: UnitOfWork, loan: Loan, given_up: Money) -> tuple[tuple[Due, ...], Recomputed]:
    """Return what is owed now, and as if what is given up had never been bought."""
    rows = [row for row in uow.loans.installments(loan.id) if row.is_open]
    agreed, due = [row.agreed() for row in rows], tuple(row.due() for row in rows)
    try:
        mode = "full" if given_up.minor == sum(row.principal_minor for row in due) else "smaller"
        return due, recompute(loan.schedule(), due, given_up, mode, loan.signed_on, agreed=agreed)
    except RepaymentError as refused:
        raise RuleRefused(
            "less is owed than would be voided",
            code="void_exceeds_owed",
            hint="capture what was delivered, then refund what came back",
        ) from refused
