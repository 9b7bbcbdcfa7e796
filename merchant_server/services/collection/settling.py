"""What the bank says, into the books: one outcome of one deduction, in the caller's transaction."""

from datetime import date, timedelta

from fenqi.finance.money import Money

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.deduction import Deduction, DeductionStatus, retry_after_days
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.ledger import Entry, Posting, repayment_postings, reversal_of
from merchant_server.domain.loan import OPEN_INSTALLMENTS, Installment, InstallmentStatus, Loan, LoanStatus
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout, move_loan

# An installment whose next attempt waits for a person.
NEVER = date(9999, 12, 31)
_PAYABLE = OPEN_INSTALLMENTS


def settle(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, outcome: DeductionStatus, code: str = ""
) -> bool:
    """Move a deduction to its outcome and book it; say False when it stood there already.

    A failure after a success is no news of money: only an explicit reversal takes a repayment back.
    """
    if deduction.status == outcome:
        return False
    if outcome == DeductionStatus.FAILED and deduction.status in (
        DeductionStatus.SUCCEEDED,
        DeductionStatus.REVERSED,
    ):
        return False
    if outcome == DeductionStatus.SUCCEEDED and deduction.status == DeductionStatus.REVERSED:
        return False
    if outcome == DeductionStatus.REVERSED and deduction.status != DeductionStatus.SUCCEEDED:
        # The success it takes back was never told: book both, so that the books show what the bank did.
        settle(uow, deps, deduction, DeductionStatus.SUCCEEDED)
        deduction = _again(uow, deduction)
    uow.deductions.save(deduction.to(outcome, code=code), deduction)
    loan = uow.loans.locked(deduction.loan_id)
    assert loan is not None
    installment = uow.loans.installments(loan.id)[deduction.installment_number - 1]
    {
        DeductionStatus.SUCCEEDED: _succeeded,
        DeductionStatus.FAILED: _failed,
        DeductionStatus.REVERSED: _reversed,
    }[outcome](uow, deps, deduction, loan, installment, code)
    return True


def _again(uow: UnitOfWork, deduction: Deduction) -> Deduction:
    current = uow.deductions.get(deduction.id)
    assert current is not None
    return current


def _succeeded(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, installment: Installment, code: str
) -> None:
    nothing = Money(0, deduction.amount.currency)
    if installment.status not in _PAYABLE:
        # It was paid another way meanwhile: the money is the consumer's, and is seen (law 3).
        postings = repayment_postings(_emptied(installment, nothing), loan, deduction.amount)
        _book(uow, deps, deduction, loan, "repayment", postings)
        return
    _book(uow, deps, deduction, loan, "repayment", repayment_postings(installment, loan, nothing))
    due = (
        installment.to(InstallmentStatus.DUE)
        if installment.status == InstallmentStatus.SCHEDULED
        else installment
    )
    uow.loans.save_installment(due.to(InstallmentStatus.PAID, paid=installment.total), installment)
    line = uow.lines.get(loan.consumer_id, loan.principal.currency)
    assert line is not None
    uow.lines.save(line.give_back(installment.principal), line)
    _repaid_so_far(uow, deps, loan, installment)


def _repaid_so_far(uow: UnitOfWork, deps: Deps, loan: Loan, installment: Installment) -> None:
    rows = uow.loans.installments(loan.id)
    overdue = any(row.status == InstallmentStatus.OVERDUE for row in rows)
    status = LoanStatus.OVERDUE if overdue else LoanStatus.ACTIVE
    paid = move_loan(
        uow, deps, loan.next(status, paid=loan.paid + installment.total), loan, rows, "installment.paid"
    )
    if any(row.status in _PAYABLE for row in rows):
        return
    if not uow.ledger.loan_is_settled(loan.id, loan.principal.currency):
        raise RuleRefused(
            "the loan's accounts are not zero, so it is not repaid", code="books_unsettled", loan_id=loan.id
        )
    move_loan(uow, deps, paid.next(LoanStatus.REPAID), paid, rows, "loan.repaid")
    checkout = uow.checkouts.get(loan.checkout_id)
    if checkout is not None and checkout.status == CheckoutStatus.CAPTURED:
        move_checkout(uow, deps, checkout.to(CheckoutStatus.CLOSED), checkout)


def _failed(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, installment: Installment, code: str
) -> None:
    if installment.status != InstallmentStatus.DEDUCTING:
        return
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    wait = retry_after_days(deduction.attempt, code)
    collect_on = NEVER if wait is None else today + timedelta(days=wait)
    late = installment.due_on < today
    state = InstallmentStatus.OVERDUE if late else InstallmentStatus.DUE
    uow.loans.save_installment(installment.to(state), installment, collect_on)
    rows = uow.loans.installments(loan.id)
    failed = move_loan(uow, deps, loan.next(), loan, rows, "deduction.failed")
    if late and failed.status == LoanStatus.ACTIVE:
        move_loan(uow, deps, failed.next(LoanStatus.OVERDUE), failed, rows, "loan.overdue")


def _reversed(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, installment: Installment, code: str
) -> None:
    booked = uow.ledger.postings_of("repayment", deduction.id)
    _book(uow, deps, deduction, loan, "reversal", reversal_of(booked))
    if not any(posting.source.startswith(f"loan:{loan.id}:") for posting in booked):
        # What is taken back had paid nothing: it had only been kept for the consumer.
        return
    nothing = Money(0, deduction.amount.currency)
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    reopened = installment.to(InstallmentStatus.OVERDUE, paid=nothing)
    uow.loans.save_installment(reopened, installment, today + timedelta(days=1))
    line = uow.lines.get(loan.consumer_id, loan.principal.currency)
    assert line is not None
    uow.lines.save(line.draw_back(installment.principal), line)
    rows = uow.loans.installments(loan.id)
    open_again = loan.next(LoanStatus.OVERDUE, paid=loan.paid - installment.total)
    move_loan(uow, deps, open_again, loan, rows, "loan.overdue")


def _emptied(installment: Installment, nothing: Money) -> Installment:
    return Installment(
        installment.loan_id,
        installment.number,
        installment.due_on,
        nothing,
        nothing,
        nothing,
        nothing,
        installment.status,
        installment.version,
    )


def _book(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, kind: str, postings: tuple[Posting, ...]
) -> None:
    entry = Entry(
        kind=kind,
        source_id=deduction.id,
        merchant_id=loan.merchant_id,
        loan_id=loan.id,
        occurred_on=deps.today(uow, merchant_of(uow, loan.merchant_id)),
        created_at=deps.clock.now(),
        postings=postings,
    )
    uow.ledger.book(deps.ids.new("je"), entry)
