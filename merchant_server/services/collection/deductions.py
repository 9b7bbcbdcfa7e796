"""Deductions: committed as requested with our own reference, then sent, then settled by callback or by asking."""

from dataclasses import replace
from datetime import timedelta

from merchant_server.domain.deduction import Deduction, DeductionStatus, MandateStatus
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.loan import LoanStatus
from merchant_server.domain.merchant import Merchant
from merchant_server.ports import BankDeduction, ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.collection.settling import NEVER, settle
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.person.mandate_signing import sign_at_bank
from merchant_server.services.publishing import move_loan

BATCH = 50
# How long a bank may stay silent before it is asked what became of a deduction.
ASK_AFTER_SECONDS = 20


def request_due(deps: Deps, merchant_id: str) -> int:
    """Commit a deduction for every installment of a merchant that is to be collected; return how many.

    One transaction a loan, so that one bad row holds up nobody; a loan's installments go in order.
    """
    with deps.storage.reading() as uow:
        today = deps.today(uow, merchant_of(uow, merchant_id))
        due = uow.loans.to_collect(merchant_id, today, BATCH)
    return sum(_request(deps, loan_id, number) for loan_id, number in due)


def _request(deps: Deps, loan_id: str, number: int) -> bool:
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        assert loan is not None
        installment = uow.loans.installments(loan_id)[number - 1]
        today = deps.today(uow, merchant_of(uow, loan.merchant_id))
        mandate = uow.mandates.get(loan.mandate_id)
        assert mandate is not None
        attempt = uow.deductions.next_attempt(loan_id, number)
        waiting = installment
        if waiting.status == InstallmentStatus.SCHEDULED:
            waiting = waiting.to(InstallmentStatus.DUE)
        # Somebody was faster, or the collection was paused meanwhile: nothing to ask for.
        if (
            loan.collection_paused_reason is not None
            or waiting.status not in (InstallmentStatus.DUE, InstallmentStatus.OVERDUE)
            or installment.due_on > today
        ):
            return False
        checkout = uow.checkouts.get(loan.checkout_id)
        assert checkout is not None
        if not checkout.captured.minor:
            # Nothing was delivered yet: it is looked at again tomorrow.
            uow.loans.save_installment(
                replace(installment, version=installment.version + 1), installment, today + timedelta(days=1)
            )
            return False
        if mandate.status != MandateStatus.ACTIVE:
            # It waits for a person; ageing calls it overdue, and the loan with it, the day after.
            parked = replace(installment, status=waiting.status, version=installment.version + 1)
            uow.loans.save_installment(parked, installment, NEVER)
            return False
        uow.loans.save_installment(waiting.to(InstallmentStatus.DEDUCTING), installment)
        deduction = Deduction(
            id=deps.ids.new("ded"),
            merchant_id=loan.merchant_id,
            mode=loan.mode,
            loan_id=loan_id,
            installment_number=number,
            attempt=attempt,
            mandate_id=mandate.id,
            gateway_account=mandate.gateway_account,
            # The consumer allowed no more than this at once; the rest is asked for afterwards.
            amount=min(installment.outstanding, mandate.cap),
            status=DeductionStatus.REQUESTED,
            version=1,
            requested_at=deps.clock.now(),
        )
        uow.deductions.add(deduction, ask_at=deps.clock.now())
        return True


def ask_bank(deps: Deps) -> int:
    """Send what was requested, and ask about what the bank has been silent on; return how many were asked.

    A crash between the bank's act and our commit is settled here: the reference makes a second call harmless.
    """
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        claimed = uow.deductions.claim_to_ask(now, now + timedelta(seconds=ASK_AFTER_SECONDS), BATCH)
    for deduction in claimed:
        send(deps, deduction)
    return len(claimed)


def send(deps: Deps, deduction: Deduction) -> None:
    """Ask the bank for one deduction that is committed, and record what it says at once."""
    answer = _ask(deps, deduction)
    if answer is not None:
        _record(deps, deduction, answer)


def _ask(deps: Deps, deduction: Deduction) -> BankDeduction | None:
    try:
        if deduction.status == DeductionStatus.PENDING:
            found = deps.bank.find_deduction(reference=deduction.id)
            if found.status != "unknown":
                return found
        if deduction.is_own:
            _sign_own_mandate(deps, deduction)
        return deps.bank.deduct(
            reference=deduction.id, mandate_reference=deduction.mandate_id, amount=deduction.amount
        )
    except ProviderRefused as refused:
        return BankDeduction(deduction.id, "failed", refused.code)
    except ProviderUnavailable:
        return None


def _sign_own_mandate(deps: Deps, deduction: Deduction) -> None:
    """Sign the mandate for a payment that its owner confirmed; signed before, it stays as it is."""
    with deps.storage.reading() as uow:
        mandate = uow.mandates.get(deduction.mandate_id)
        assert mandate is not None
        consumer = uow.consumers.get(mandate.consumer_id)
    assert consumer is not None
    if mandate.status != MandateStatus.PENDING:
        return
    sign_at_bank(deps, mandate, consumer)
    with deps.storage.unit_of_work() as uow:
        current = uow.mandates.get(mandate.id)
        if current is not None and current.status == MandateStatus.PENDING:
            uow.mandates.save(current.to(MandateStatus.ACTIVE), current)


def _record(deps: Deps, deduction: Deduction, answer: BankDeduction) -> None:
    with deps.storage.unit_of_work() as uow:
        current = uow.deductions.get(deduction.id)
        assert current is not None
        if answer.status == "pending":
            if current.status == DeductionStatus.REQUESTED:
                uow.deductions.save(current.to(DeductionStatus.PENDING), current)
            return
        taken_back = answer.status == "succeeded" and answer.code == "reversed"
        outcome = DeductionStatus.REVERSED if taken_back else DeductionStatus(answer.status)
        settle(uow, deps, current, outcome, answer.code)


def age(deps: Deps, merchant: Merchant) -> int:
    """Call overdue what was due before today and is not paid; return how many loans turned overdue."""
    with deps.storage.unit_of_work() as uow:
        today = deps.today(uow, merchant)
        aged = uow.loans.to_age(merchant.id, today, BATCH)
        return sum(_age(uow, deps, loan_id) for loan_id in aged)


def _age(uow: UnitOfWork, deps: Deps, loan_id: str) -> bool:
    loan = uow.loans.locked(loan_id)
    assert loan is not None
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    for row in uow.loans.installments(loan_id):
        if row.status == InstallmentStatus.DUE and row.due_on < today:
            uow.loans.save_installment(row.to(InstallmentStatus.OVERDUE), row)
    if loan.status != LoanStatus.ACTIVE:
        return False
    move_loan(uow, deps, loan.next(LoanStatus.OVERDUE), loan, uow.loans.installments(loan_id), "loan.overdue")
    return True
