"""What the bank says, into the books: one outcome of one deduction, in the caller's transaction."""

from datetime import date, timedelta

from merchant_server.domain.deduction import (
    LIVE_DEDUCTIONS,
    Deduction,
    DeductionPurpose,
    DeductionStatus,
    MandateStatus,
    retry_after_days,
    retry_after_reversal_days,
)
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.applying import apply_money
from merchant_server.services.collection.booking import take_back
from merchant_server.services.collection.relieving import write_off_rest
from merchant_server.services.collection.restoring import restore_schedule
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
    in_time = deduction.status in LIVE_DEDUCTIONS
    waits = in_time and installment.status == InstallmentStatus.DEDUCTING
    if waits and not _pays_whole(deduction, loan, installment):
        today = deps.today(uow, merchant_of(uow, loan.merchant_id))
        # A cap can leave a rest, which is asked for on the next day.
        again_on = None if deduction.is_own else today + timedelta(days=1)
        uow.loans.save_installment(installment.to(installment.waiting(today)), installment, again_on)
    apply_money(uow, deps, deduction, loan, in_time=in_time)
    _end_own_mandate(uow, deps, deduction)


def _pays_whole(deduction: Deduction, loan: Loan, installment: Installment) -> bool:
    """Say whether the row goes from being deducted to paid, so that it need not wait in between."""
    return (
        deduction.purpose == DeductionPurpose.INSTALLMENT
        and loan.status != LoanStatus.WRITTEN_OFF
        and 0 < installment.outstanding_minor <= deduction.amount.minor
    )


def _failed(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, installment: Installment, code: str
) -> None:
    _end_own_mandate(uow, deps, deduction)
    if installment.status != InstallmentStatus.DEDUCTING:
        return
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    collect_on = None
    if not deduction.is_own:
        wait = retry_after_days(deduction.attempt, code)
        collect_on = NEVER if wait is None else today + timedelta(days=wait)
    state = installment.waiting(today)
    uow.loans.save_installment(installment.to(state), installment, collect_on)
    rows = uow.loans.installments(loan.id)
    failed = move_loan(uow, deps, loan.next(), loan, rows, "deduction.failed")
    if state == InstallmentStatus.OVERDUE and failed.status == LoanStatus.ACTIVE:
        move_loan(uow, deps, failed.next(LoanStatus.OVERDUE), failed, rows, "loan.overdue")


def _reversed(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, installment: Installment, code: str
) -> None:
    # Attempts that the consumer asked for are no measure of how often the bank was asked.
    attempt = 1 if deduction.is_own else deduction.attempt
    owed = take_back(uow, deps, loan, deduction.id, retry_after_reversal_days(attempt))
    owed = restore_schedule(uow, deps, owed, deduction.id)
    if owed.status == LoanStatus.WRITTEN_OFF:
        write_off_rest(uow, deps, owed, deduction.id, "the bank took a repayment back")


def _end_own_mandate(uow: UnitOfWork, deps: Deps, deduction: Deduction) -> None:
    """End a mandate that was for this one payment; the worker tells the bank."""
    if not deduction.is_own:
        return
    mandate = uow.mandates.get(deduction.mandate_id)
    if mandate is None:
        return
    if mandate.status == MandateStatus.ACTIVE:
        uow.mandates.save(mandate.revoke(deps.clock.now()), mandate)
    if mandate.status == MandateStatus.PENDING:
        uow.mandates.save(mandate.to(MandateStatus.CANCELLED), mandate)
