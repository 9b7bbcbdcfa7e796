"""Putting a schedule back when the money that had changed it is taken back by the bank."""

from collections.abc import Sequence

from fenqi.finance.repayment import Due

from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.ledger import CREDIT_LOSS, relief_postings
from merchant_server.domain.loan import Loan
from merchant_server.domain.schedule_change import ChangeKind, Relief, ScheduleChange
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import book, standing
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_loan

PARTS = ("principal_minor", "interest_minor", "fee_minor", "penalty_minor")


def restore_schedule(uow: UnitOfWork, deps: Deps, loan: Loan, source_id: str) -> Loan:
    """Undo what an early settlement or a prepayment changed, after its money was taken back.

    Rows owe again what they owed before. When a row was paid or changed since, so that this cannot be, the schedule
    stays: the principal is owed again already, and the interest that was given back stays given.
    """
    change = uow.schedule_changes.of_source(source_id)
    if change is None:
        return loan
    rows = {row.number: row for row in uow.loans.installments(loan.id)}
    more = _more(change)
    if not _fits(rows, more):
        return loan
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    before = tuple(row.due() for row in rows.values() if row.is_open)
    for each in more:
        row = rows[each.number]
        rows[each.number] = row.restored(each, today)
        uow.loans.save_installment(rows[each.number], row, max(each.due_on, today))
    after = tuple(row.due() for row in rows.values() if row.is_open)
    relief = Relief.between(before, after, loan.principal.currency)
    undone = ScheduleChange(
        id=deps.ids.new("chg"), merchant_id=loan.merchant_id, loan_id=loan.id, kind=ChangeKind.REVERSAL,
        source_id=source_id, actor="bank", reason=change.kind.value, before=before, after=after, relief=relief,
        at=deps.business_now(uow, loan.merchant_id),
    )  # fmt: skip
    uow.schedule_changes.add(undone)
    postings = relief_postings(loan.id, relief, CREDIT_LOSS)
    if postings:
        book(uow, deps, loan, "schedule_restored", source_id, postings)
    changed = loan.next(
        standing(loan, rows.values()),
        penalty=loan.penalty - relief.penalty,
        relieved_principal=loan.relieved_principal + relief.principal,
        relieved_interest=loan.relieved_interest + relief.interest,
        relieved_fee=loan.relieved_fee + relief.fee,
    )
    return move_loan(uow, deps, changed, loan, list(rows.values()), "loan.schedule_changed")


def _more(change: ScheduleChange) -> list[Due]:
    """Return what each row owed more before the change than after it; a part below zero owed less."""
    before, after = ({row.number: row for row in rows} for rows in (change.before, change.after))
    found = []
    for number in sorted({*before, *after}):
        known = before.get(number) or after[number]
        nothing = known._replace(principal_minor=0, interest_minor=0, fee_minor=0, penalty_minor=0)
        was, became = before.get(number, nothing), after.get(number, nothing)
        more = known._replace(
            principal_minor=was.principal_minor - became.principal_minor,
            interest_minor=was.interest_minor - became.interest_minor,
            fee_minor=was.fee_minor - became.fee_minor,
            penalty_minor=was.penalty_minor - became.penalty_minor,
        )
        if any(getattr(more, part) for part in PARTS):
            found.append(more)
    return found


def _fits(rows: dict[int, Installment], more: Sequence[Due]) -> bool:
    for each in more:
        row = rows[each.number]
        owed = row.due()
        final = row.status in (InstallmentStatus.REFUNDED, InstallmentStatus.WAIVED)
        if row.status == InstallmentStatus.DEDUCTING or final or row.due_on != each.due_on:
            return False
        if any(getattr(owed, part) + getattr(each, part) < 0 for part in PARTS):
            return False
    return True
