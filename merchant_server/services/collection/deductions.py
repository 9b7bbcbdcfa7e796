"""Deductions: committed as requested with our own reference, then sent, then settled by callback or by asking."""

from datetime import date, timedelta

from merchant_server.domain.deduction import Deduction, DeductionStatus, Mandate, MandateStatus
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.loan import Loan, LoanStatus
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
        merchant = merchant_of(uow, merchant_id)
        if not deps.may_collect(uow, merchant):
            return 0
        due = uow.loans.to_collect(merchant_id, deps.today(uow, merchant), BATCH)
    runs: dict[str, str] = {}
    return sum(_request(deps, runs, loan_id, number) for loan_id, number in due)


def _request(deps: Deps, runs: dict[str, str], loan_id: str, number: int) -> bool:
    """Commit one deduction as a part of the day's run; `runs` are those that are known to be stored, by mode."""
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        assert loan is not None
        today = deps.today(uow, merchant_of(uow, loan.merchant_id))
        due = _due(uow, loan, number, today)
        if due is None:
            return False
        run = runs.get(loan.mode) or uow.batches.open(
            deps.ids.new("dbt"), loan.merchant_id, loan.mode, today, deps.clock.now()
        )
        _commit(uow, deps, loan, *due, run)
    runs[loan.mode] = run
    return True


def _due(uow: UnitOfWork, loan: Loan, number: int, today: date) -> tuple[Installment, Mandate] | None:
    """Return what is to be asked for, and under what; None when there is nothing, and then it is put off."""
    installment = uow.loans.installments(loan.id)[number - 1]
    waiting = _due_now(installment)
    # Somebody was faster, or the collection was paused meanwhile: nothing to ask for.
    if (
        loan.collection_paused_reason is not None
        or waiting.status not in (InstallmentStatus.DUE, InstallmentStatus.OVERDUE)
        or installment.due_on > today
    ):
        return None
    checkout, mandate = uow.checkouts.get(loan.checkout_id), uow.mandates.get(loan.mandate_id)
    assert checkout is not None and mandate is not None
    put_off = installment.next()
    if uow.deductions.is_asked(loan.id):
        # An earlier success was taken back while a later try is under way: its row waits for that one.
        uow.loans.save_installment(put_off, installment, today + timedelta(days=1))
        return None
    if loan.collection_day(today) > today:
        uow.loans.save_installment(put_off, installment, loan.collection_day(today))
        return None
    if not checkout.captured.minor:
        # Nothing was delivered yet: it is looked at again tomorrow.
        uow.loans.save_installment(put_off, installment, today + timedelta(days=1))
        return None
    if mandate.status != MandateStatus.ACTIVE:
        # It waits for a person; ageing calls it overdue, and the loan with it, the day after.
        uow.loans.save_installment(put_off._replace(status=waiting.status), installment, NEVER)
        return None
    return installment, mandate


def _due_now(installment: Installment) -> Installment:
    if installment.status != InstallmentStatus.SCHEDULED:
        return installment
    return installment.to(InstallmentStatus.DUE)


def _commit(
    uow: UnitOfWork, deps: Deps, loan: Loan, installment: Installment, mandate: Mandate, run: str
) -> None:
    uow.loans.save_installment(_due_now(installment).to(InstallmentStatus.DEDUCTING), installment)
    deduction = Deduction(
        id=deps.ids.new("ded"),
        merchant_id=loan.merchant_id,
        mode=loan.mode,
        loan_id=loan.id,
        installment_number=installment.number,
        attempt=uow.deductions.next_attempt(loan.id, installment.number),
        mandate_id=mandate.id,
        gateway_account=mandate.gateway_account,
        # The consumer allowed no more than this at once; the rest is asked for afterwards.
        amount=min(installment.outstanding, mandate.cap),
        status=DeductionStatus.REQUESTED,
        version=1,
        requested_at=deps.clock.now(),
        batch_id=run,
    )
    uow.deductions.add(deduction, ask_at=deps.clock.now())


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
    """Ask the bank for one deduction that is committed, and record what it says at once.

    Nothing new is sent of a run outside the hours of collection, nor under a mandate that has ended meanwhile.
    """
    answer = _ask(deps, deduction)
    if answer is not None:
        _record(deps, deduction, answer)


def _ask(deps: Deps, deduction: Deduction) -> BankDeduction | None:
    may_send, live = _may_send(deps, deduction)
    try:
        if deduction.status == DeductionStatus.PENDING or not (may_send and live):
            # An earlier try may have reached the bank, although nobody here knows.
            found = deps.bank.find_deduction(reference=deduction.id)
            if found.status != "unknown":
                return found
        if not live:
            return BankDeduction(deduction.id, "failed", "mandate_not_active")
        if not may_send:
            return None
        if deduction.is_own:
            _sign_own_mandate(deps, deduction)
        return deps.bank.deduct(
            reference=deduction.id, mandate_reference=deduction.mandate_id, amount=deduction.amount
        )
    except ProviderRefused as refused:
        return BankDeduction(deduction.id, "failed", refused.code)
    except ProviderUnavailable:
        return None


def _may_send(deps: Deps, deduction: Deduction) -> tuple[bool, bool]:
    """Say whether this is an hour to send it, and whether its mandate still allows it."""
    with deps.storage.reading() as uow:
        mandate = uow.mandates.get(deduction.mandate_id)
        assert mandate is not None
        if deduction.is_own:
            # The consumer is there and wants it now.
            return True, mandate.status in (MandateStatus.PENDING, MandateStatus.ACTIVE)
        merchant = merchant_of(uow, deduction.merchant_id)
        return deps.may_collect(uow, merchant), mandate.status == MandateStatus.ACTIVE


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
