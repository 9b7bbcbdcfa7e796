"""Penalties for late payment: each business day that happens is charged once for each late row, after days of grace."""

from datetime import timedelta

from fenqi.finance.money import Money
from fenqi.finance.repayment import Due

from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.ledger import CREDIT_LOSS
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.merchant import Merchant
from merchant_server.domain.penalty import one_day
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import reshape
from merchant_server.services.deps import Deps, merchant_of

BATCH = 50


def charge_penalties(deps: Deps, merchant: Merchant) -> int:
    """Charge today's penalties of a merchant's late loans; return how many loans were looked at.

    Only the present day is charged: a clock that jumps, or a worker that stood still, costs nobody the days between.
    """
    with deps.storage.reading() as uow:
        late = uow.loans.to_penalize(merchant.id, deps.today(uow, merchant), BATCH)
    for loan_id in late:
        with deps.storage.unit_of_work() as uow:
            loan = uow.loans.locked(loan_id)
            assert loan is not None
            _charge(uow, deps, loan)
    return len(late)


def _charge(uow: UnitOfWork, deps: Deps, loan: Loan) -> None:
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    uow.loans.mark_penalized(loan.id, today)
    rows = [row for row in uow.loans.installments(loan.id) if row.is_open]
    asked = any(row.status == InstallmentStatus.DEDUCTING for row in rows)
    # Nobody is late while the bank is being asked for the money.
    if asked or loan.status != LoanStatus.OVERDUE or loan.plan is None:
        return
    free_until = today - timedelta(days=deps.grace_days)
    costs = {
        row.number: one_day(row, loan.plan, deps.rate_cap)
        for row in rows
        if row.status == InstallmentStatus.OVERDUE and row.due_on < free_until
    }
    if any(cost.minor for cost in costs.values()):
        reshape(
            uow, deps, loan, [_with(row, costs) for row in rows], kind=ChangeKind.PENALTY,
            source_id=f"{loan.id}/{today}", actor="worker", reason="late", principal_bearer=CREDIT_LOSS,
            event="penalty.charged",
        )  # fmt: skip


def _with(row: Installment, costs: dict[int, Money]) -> Due:
    due = row.due()
    more = costs[row.number].minor if row.number in costs else 0
    return due._replace(penalty_minor=due.penalty_minor + more)
