"""What the bank says, into the books: one outcome of one deduction, in the caller's transaction."""

from datetime import date, timedelta

from merchant_server.domain.deduction import (
    Deduction,
    DeductionStatus,
    retry_after_days,
    retry_after_reversal_days,
)
from merchant_server.domain.loan import Installment, InstallmentStatus, Loan, LoanStatus
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import receive, take_back
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_loan

# An installment whose next attempt waits for a person.
NEVER = date(9999, 12, 31)


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
    if installment.status == InstallmentStatus.SCHEDULED:
        due = installment.to(InstallmentStatus.DUE)
        uow.loans.save_installment(due, installment)
    receive(
        uow,
        deps,
        loan,
        deduction.amount,
        kind=RepaymentKind.DEDUCTION,
        source_id=deduction.id,
        only=deduction.installment_number,
    )


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
    take_back(uow, deps, loan, deduction.id, retry_after_reversal_days(deduction.attempt))
