"""What money that a deduction brought is used for: an installment, what is owed, everything early, or ahead."""

from fenqi.finance.money import Money
from fenqi.finance.recomputation import recompute
from fenqi.finance.repayment import Due

from merchant_server.domain.deduction import Deduction, DeductionPurpose
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.ledger import CREDIT_LOSS
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import receive, reshape
from merchant_server.services.deps import Deps, merchant_of

_P = DeductionPurpose


def apply_money(uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, *, in_time: bool) -> Loan:
    """Book what a deduction brought. `in_time` is False when the bank had already said that it failed.

    A settlement or prepayment that cannot be done any more pays what is owed, the oldest first; what is too much is
    the consumer's, and seen.
    """
    if deduction.purpose == _P.INSTALLMENT:
        number = deduction.installment_number
        return receive(
            uow,
            deps,
            loan,
            deduction.amount,
            kind=RepaymentKind.DEDUCTION,
            source_id=deduction.id,
            only=number,
        )
    rows = uow.loans.installments(loan.id)
    free = loan.status != LoanStatus.WRITTEN_OFF and all(
        row.status != InstallmentStatus.DEDUCTING for row in rows
    )
    if in_time and free:
        if deduction.purpose == _P.SETTLEMENT:
            return _settle_early(uow, deps, deduction, loan, rows)
        if deduction.purpose in (_P.SHORTER, _P.SMALLER):
            return _pay_ahead(uow, deps, deduction, loan, rows)
    return _pay(uow, deps, deduction, loan)


def _pay(uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan) -> Loan:
    return receive(uow, deps, loan, deduction.amount, kind=RepaymentKind.PAYMENT, source_id=deduction.id)


def _settle_early(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, rows: list[Installment]
) -> Loan:
    quote = uow.settlement_quotes.get(deduction.quote_id or "")
    assert quote is not None
    if tuple(row.due() for row in rows if row.is_open) != quote.before:
        return _pay(uow, deps, deduction, loan)
    changed = _change(uow, deps, deduction, loan, quote.after, ChangeKind.EARLY_SETTLEMENT, quote.id)
    kind = RepaymentKind.SETTLEMENT
    return receive(uow, deps, changed, deduction.amount, kind=kind, source_id=deduction.id)


def _pay_ahead(
    uow: UnitOfWork, deps: Deps, deduction: Deduction, loan: Loan, rows: list[Installment]
) -> Loan:
    """Pay what is due, then lower the principal to come by the rest, which is kept as a row of its own, paid today."""
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    open_rows = [row for row in rows if row.is_open]
    due = [row.due() for row in open_rows]
    reduction = deduction.amount.minor - sum(row.total_minor for row in due if row.due_on <= today)
    ahead = sum(row.principal_minor for row in due if row.due_on > today)
    if reduction <= 0 or reduction >= ahead or loan.plan is None:
        return _pay(uow, deps, deduction, loan)
    after = recompute(
        loan.schedule(),
        due,
        Money(reduction, deduction.amount.currency),
        deduction.purpose.value,
        today,
        agreed=[row.agreed() for row in open_rows],
    )
    if after.interest_paid_ahead.minor:
        # More interest of rows to come was paid than they would owe: nothing is spared by changing them.
        return _pay(uow, deps, deduction, loan)
    extra = Due(len(rows) + 1, today, reduction, 0, 0, 0, deduction.amount.currency)
    changed = _change(
        uow, deps, deduction, loan, (*after.rows, extra), ChangeKind.PREPAYMENT, deduction.purpose.value
    )
    return _pay(uow, deps, deduction, changed)


def _change(
    uow: UnitOfWork,
    deps: Deps,
    deduction: Deduction,
    loan: Loan,
    owed: tuple[Due, ...],
    kind: ChangeKind,
    reason: str,
) -> Loan:
    # No principal is relieved by either, so nobody bears any.
    return reshape(
        uow, deps, loan, owed, kind=kind, source_id=deduction.id, actor="consumer", reason=reason,
        principal_bearer=CREDIT_LOSS,
    )  # fmt: skip
