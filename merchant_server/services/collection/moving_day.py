"""Moving the day of the month on which a loan is deducted: one change of its schedule, kept with its history.

Only days move: what each installment owes stays what was signed, and the move costs nothing.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from fenqi.finance.dates import parse_period
from fenqi.finance.repayment import Due

from merchant_server.domain.deduction_day import MOVE_AGAIN_AFTER_DAYS, moved_dates
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.installment import Installment
from merchant_server.domain.ledger import CREDIT_LOSS
from merchant_server.domain.loan import Loan
from merchant_server.domain.retention import OPEN_LOANS
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import reshape
from merchant_server.services.deps import Deps, merchant_of


@dataclass(frozen=True, slots=True)
class DayMove:
    """What a move would do: each installment to come with its day before and after."""

    rows: tuple[tuple[Due, date], ...]

    @property
    def owed(self) -> dict[int, date]:
        """The new day of each installment number."""
        return {row.number: day for row, day in self.rows}


def require_free_day(deps: Deps, consumer_id: str, loan_id: str) -> None:
    """Raise RuleRefused (deduction_day_moved) when a person moved their loan's day not long ago; NotFound."""
    with deps.storage.reading() as uow:
        _refuse_soon_again(uow, deps, _own(uow.loans.get(loan_id), consumer_id))


def preview_own_day(deps: Deps, consumer_id: str, loan_id: str, day: int) -> DayMove:
    """Show a person what a move of their loan's day would do. Raises NotFound, RuleRefused."""
    with deps.storage.reading() as uow:
        loan = _own(uow.loans.get(loan_id), consumer_id)
        _refuse_soon_again(uow, deps, loan)
        return _move(uow, deps, loan, day)


def move_own_day(deps: Deps, consumer_id: str, loan_id: str, day: int) -> Loan:
    """Move the day of a person's own loan, once in a while. Raises NotFound, RuleRefused."""
    with deps.storage.unit_of_work() as uow:
        loan = _own(uow.loans.locked(loan_id), consumer_id)
        _refuse_soon_again(uow, deps, loan)
        return _commit(uow, deps, loan, day, "consumer", f"day {day}")


def move_day(deps: Deps, loan_id: str, day: int, *, reason: str, by: str) -> Loan:
    """Move the day of a loan as an operator. Raises NotFound, RuleRefused."""
    if not by.strip() or not reason.strip():
        raise RuleRefused(
            "say who does this, and why", code="operator_missing", hint="give your name and a reason"
        )
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        if loan is None:
            raise NotFound("there is no such loan", loan_id=loan_id)
        return _commit(uow, deps, loan, day, f"operator {by.strip()}", reason.strip())


def _own(loan: Loan | None, consumer_id: str) -> Loan:
    if loan is None or loan.consumer_id != consumer_id:
        raise NotFound("there is no such loan")
    return loan


def _refuse_soon_again(uow: UnitOfWork, deps: Deps, loan: Loan) -> None:
    moves = [
        each.at
        for each in uow.schedule_changes.of_loan(loan.id)
        if each.kind == ChangeKind.DEDUCTION_DAY and each.actor == "consumer"
    ]
    if not moves:
        return
    again_on = (max(moves) + timedelta(days=MOVE_AGAIN_AFTER_DAYS)).date()
    if deps.today(uow, merchant_of(uow, loan.merchant_id)) < again_on:
        raise RuleRefused(
            "the day was moved not long ago",
            code="deduction_day_moved",
            hint=f"it can be moved again from {again_on.isoformat()}",
            again_on=again_on.isoformat(),
        )


def _move(uow: UnitOfWork, deps: Deps, loan: Loan, day: int) -> DayMove:
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    rows = [row for row in uow.loans.installments(loan.id) if row.is_open and row.due_on > today]
    if loan.status not in OPEN_LOANS or not rows:
        raise RuleRefused("no installment of this loan is to come", code="nothing_owed", loan_id=loan.id)
    if loan.plan is None or parse_period(loan.plan.period).unit != "month":
        raise RuleRefused(
            "this loan is not paid by the month",
            code="deduction_day_fixed",
            hint="the day can be chosen for monthly plans only",
        )
    days = moved_dates([row.due_on for row in rows], day, today)
    return DayMove(tuple((row.due(), loan.collection_day(to)) for row, to in zip(rows, days, strict=True)))


def _commit(uow: UnitOfWork, deps: Deps, loan: Loan, day: int, actor: str, reason: str) -> Loan:
    move = _move(uow, deps, loan, day)
    owed = [_on(row, move.owed) for row in uow.loans.installments(loan.id) if row.is_open]
    if all(row.due_on == to for row, to in move.rows):
        return loan
    source_id = deps.ids.new("chg")
    moved = reshape(
        uow, deps, loan, owed, kind=ChangeKind.DEDUCTION_DAY, source_id=source_id, actor=actor, reason=reason,
        principal_bearer=CREDIT_LOSS,
    )  # fmt: skip
    who = f"consumer {loan.consumer_id}" if actor == "consumer" else actor
    uow.audit.add(
        deps.ids.new("aud"), at=deps.clock.now(), actor=who, action="deduction_day.moved", subject=loan.id,
        merchant_id=loan.merchant_id, detail={"day": day, "reason": reason},
    )  # fmt: skip
    return moved


def _on(row: Installment, days: dict[int, date]) -> Due:
    due = row.due()
    return due._replace(due_on=days.get(row.number, row.due_on))
