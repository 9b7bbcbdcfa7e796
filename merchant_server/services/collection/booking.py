"""Money that arrives for a loan or is taken back, and changes of what is owed: rows, books and events at once.

Each function works in the caller's transaction on a loan the caller has locked; none of them asks a bank.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from fenqi.finance.money import Money
from fenqi.finance.repayment import Due, apply_payment

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.ledger import (
    CASH,
    Entry,
    Posting,
    recovery_postings,
    relief_postings,
    repayment_postings,
    reversal_of,
)
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.repayment import Repayment, RepaymentKind
from merchant_server.domain.schedule_change import ChangeKind, Relief, ScheduleChange
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout, move_loan
from merchant_server.services.settlement.cash_backs import settle_cash_back


def receive(
    uow: UnitOfWork,
    deps: Deps,
    loan: Loan,
    amount: Money,
    *,
    kind: RepaymentKind,
    source_id: str,
    only: int | None = None,
    arrives_at: str = CASH,
) -> Loan:
    """Apply money to what is owed, the earliest due first, or to one installment; the rest is the consumer's excess.

    `source_id` is the reference of what brought it: the same one is booked once. `arrives_at` is the account it enters.
    Money for a loan that is written off is a recovery.
    """
    if loan.status == LoanStatus.WRITTEN_OFF:
        return _recover(uow, deps, loan, amount, source_id, arrives_at)
    rows = uow.loans.installments(loan.id)
    open_rows = [row for row in rows if only in (None, row.number) and row.is_open]
    applied = apply_payment([row.due() for row in open_rows], amount) if open_rows else None
    repayment = Repayment(
        id=source_id,
        merchant_id=loan.merchant_id,
        loan_id=loan.id,
        kind=kind,
        amount=amount,
        excess=applied.excess if applied else amount,
        portions=applied.portions if applied else (),
        received_at=deps.business_now(uow, loan.merchant_id),
    )
    book(uow, deps, loan, "repayment", source_id, repayment_postings(repayment, loan, arrives_at))
    uow.repayments.add(repayment)
    if not repayment.portions:
        return loan
    by_number = {row.number: row for row in rows}
    for portion in repayment.portions:
        was = by_number[portion.number]
        by_number[was.number] = was.receive(portion)
        uow.loans.save_installment(by_number[was.number], was)
    uow.lines.owe(loan.consumer_id, -repayment.principal)
    rows = list(by_number.values())
    paid = loan.next(
        standing(loan, rows),
        paid=loan.paid + repayment.agreed,
        penalty_paid=loan.penalty_paid + repayment.penalty,
    )
    paid_off = any(by_number[each.number].status == InstallmentStatus.PAID for each in repayment.portions)
    move_loan(uow, deps, paid, loan, rows, "installment.paid" if paid_off else "installment.partly_paid")
    return _close_if_settled(uow, deps, paid, rows)


def take_back(uow: UnitOfWork, deps: Deps, loan: Loan, repayment_id: str, collect_after_days: int) -> Loan:
    """Undo a repayment that the bank reversed: what it paid is owed again, and late unless its day is still to come."""
    repayment = uow.repayments.get(repayment_id)
    assert repayment is not None
    postings = uow.ledger.postings_of("repayment", repayment_id)
    book(uow, deps, loan, "reversal", repayment_id, reversal_of(postings))
    uow.repayments.save_reversal(repayment.reversed(deps.business_now(uow, loan.merchant_id)))
    if not repayment.portions:
        # What is taken back had paid nothing: it had only been kept for the consumer.
        return loan
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    again_on = today + timedelta(days=collect_after_days)
    by_number = {row.number: row for row in uow.loans.installments(loan.id)}
    for portion in repayment.portions:
        was = by_number[portion.number]
        by_number[was.number] = was.give_up(portion, today)
        uow.loans.save_installment(by_number[was.number], was, max(again_on, was.due_on))
    uow.lines.owe(loan.consumer_id, repayment.principal)
    rows = list(by_number.values())
    owed = loan.next(
        standing(loan, rows),
        paid=loan.paid - repayment.agreed,
        penalty_paid=loan.penalty_paid - repayment.penalty,
    )
    event = "loan.overdue" if owed.status == LoanStatus.OVERDUE else "repayment.reversed"
    settle_cash_back(uow, deps, owed)
    return move_loan(uow, deps, owed, loan, rows, event)


def reshape(
    uow: UnitOfWork,
    deps: Deps,
    loan: Loan,
    owed: Sequence[Due],
    *,
    kind: ChangeKind,
    source_id: str,
    actor: str,
    reason: str,
    principal_bearer: str,
    gone: InstallmentStatus = InstallmentStatus.REPLACED,
    event: str = "loan.schedule_changed",
) -> Loan:
    """Make `owed` what the open rows owe from now on; numbers that are new become rows, missing ones are gone.

    Relieved principal moves to the account `principal_bearer`; interest, fees and penalties were not earned yet.
    Raises RuleRefused while a deduction of a row that would change is under way.
    """
    rows = uow.loans.installments(loan.id)
    open_rows = [row for row in rows if row.is_open]
    before = tuple(row.due() for row in open_rows)
    wanted = {due.number: due for due in owed}
    _refuse_moving(open_rows, wanted)
    relief = Relief.between(before, owed, loan.principal.currency)
    change = ScheduleChange(
        id=deps.ids.new("chg"), merchant_id=loan.merchant_id, loan_id=loan.id, kind=kind, source_id=source_id,
        actor=actor, reason=reason, before=before, after=tuple(owed), relief=relief,
        at=deps.business_now(uow, loan.merchant_id),
    )  # fmt: skip
    uow.schedule_changes.add(change)
    postings = relief_postings(loan.id, relief, principal_bearer)
    if postings:
        book(uow, deps, loan, kind.value, source_id, postings)
    rows = _save_rows(uow, loan, rows, wanted, gone)
    if relief.principal.minor:
        uow.lines.owe(loan.consumer_id, -relief.principal)
    changed = loan.next(
        standing(loan, rows),
        penalty=loan.penalty - relief.penalty,
        relieved_principal=loan.relieved_principal + relief.principal,
        relieved_interest=loan.relieved_interest + relief.interest,
        relieved_fee=loan.relieved_fee + relief.fee,
    )
    move_loan(uow, deps, changed, loan, rows, event)
    return _close_if_settled(uow, deps, changed, rows)


def _close_if_settled(uow: UnitOfWork, deps: Deps, loan: Loan, rows: Sequence[Installment]) -> Loan:
    """Call a loan repaid, refunded or cancelled (all its principal was given back, or voided), once no row is open."""
    if any(row.is_open for row in rows) or loan.status == LoanStatus.WRITTEN_OFF:
        return loan
    if not uow.ledger.loan_is_settled(loan.id, loan.principal.currency):
        raise RuleRefused(
            "the loan's accounts are not zero, so it is not repaid", code="books_unsettled", loan_id=loan.id
        )
    checkout = uow.checkouts.get(loan.checkout_id)
    assert checkout is not None
    status = LoanStatus.REPAID
    if loan.relieved_principal == loan.principal:
        voided = checkout.status == CheckoutStatus.VOIDED
        status = LoanStatus.CANCELLED if voided else LoanStatus.REFUNDED
    closed = move_loan(uow, deps, loan.next(status), loan, rows, f"loan.{status}")
    settle_cash_back(uow, deps, closed)
    if checkout.status == CheckoutStatus.CAPTURED and not checkout.uncaptured.minor:
        move_checkout(uow, deps, checkout.to(CheckoutStatus.CLOSED), checkout)
    return closed


def book(
    uow: UnitOfWork, deps: Deps, loan: Loan, kind: str, source_id: str, postings: tuple[Posting, ...]
) -> None:
    """Book one entry of a loan on its merchant's business date; the same kind and source is booked once."""
    entry = Entry(
        kind=kind,
        source_id=source_id,
        merchant_id=loan.merchant_id,
        loan_id=loan.id,
        occurred_on=deps.today(uow, merchant_of(uow, loan.merchant_id)),
        created_at=deps.clock.now(),
        postings=postings,
    )
    uow.ledger.book(deps.ids.new("je"), entry)


def standing(loan: Loan, rows: Iterable[Installment]) -> LoanStatus:
    """Return overdue when one of a loan's rows is, active when none is; a loan that is written off stays so."""
    if loan.status == LoanStatus.WRITTEN_OFF:
        return loan.status
    late = any(row.status == InstallmentStatus.OVERDUE for row in rows)
    return LoanStatus.OVERDUE if late else LoanStatus.ACTIVE


def still_lost(uow: UnitOfWork, loan: Loan) -> Money:
    """Return what was written off of a loan and has not come since."""
    lost = sum(
        change.relief.total.minor
        for change in uow.schedule_changes.of_loan(loan.id)
        if change.kind == ChangeKind.WRITE_OFF
    )
    earlier = [each for each in uow.repayments.of_loan(loan.id) if each.kind == RepaymentKind.RECOVERY]
    came = sum((each.amount - each.excess).minor for each in earlier if each.reversed_at is None)
    return Money(max(0, lost - came), loan.principal.currency)


def _recover(uow: UnitOfWork, deps: Deps, loan: Loan, amount: Money, source_id: str, arrives_at: str) -> Loan:
    """Book money for a loan that is written off: income up to what was written off, the consumer's beyond that."""
    repayment = Repayment(
        id=source_id,
        merchant_id=loan.merchant_id,
        loan_id=loan.id,
        kind=RepaymentKind.RECOVERY,
        amount=amount,
        excess=Money(max(0, amount.minor - still_lost(uow, loan).minor), amount.currency),
        portions=(),
        received_at=deps.business_now(uow, loan.merchant_id),
    )
    book(uow, deps, loan, "repayment", source_id, recovery_postings(repayment, loan, arrives_at))
    uow.repayments.add(repayment)
    return move_loan(uow, deps, loan.next(), loan, uow.loans.installments(loan.id), "loan.recovered")


def _refuse_moving(open_rows: Sequence[Installment], wanted: dict[int, Due]) -> None:
    for row in open_rows:
        if row.status == InstallmentStatus.DEDUCTING and wanted.get(row.number) != row.due():
            raise RuleRefused(
                f"installment {row.number} is being deducted at this moment",
                code="deduction_in_flight",
                hint="try again once the bank has answered; it takes seconds, at most a day",
                installment=row.number,
            )


def _save_rows(
    uow: UnitOfWork,
    loan: Loan,
    rows: Sequence[Installment],
    wanted: dict[int, Due],
    gone: InstallmentStatus,
) -> list[Installment]:
    """Store what the open rows owe from now on, and rows that are new; return all rows in order."""
    stored = []
    for row in rows:
        owed = wanted.pop(row.number, None) if row.is_open else None
        if row.is_open and owed != row.due():
            later = row.reshaped(owed, gone)
            uow.loans.save_installment(later, row, later.due_on if later.due_on != row.due_on else None)
            row = later
        stored.append(row)
    added = []
    for due in wanted.values():
        parts = {
            part: Money(getattr(due, f"{part}_minor"), due.currency)
            for part in ("principal", "interest", "fee")
        }
        row = Installment.scheduled(loan.id, due.number, due.due_on, **parts)
        added.append(row._replace(penalty_minor=due.penalty_minor))
    uow.loans.add_installments(loan.merchant_id, added)
    return sorted(stored + added, key=lambda row: row.number)
