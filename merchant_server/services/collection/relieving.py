"""What a lender grants on a loan: waivers, more time, an individual plan, a write-off.

Each is one change of the schedule. Who may grant is not decided here; see `proposals`.
"""

from datetime import date

from fenqi.finance.dates import add_months
from fenqi.finance.repayment import Due

from merchant_server.domain.errors import Erased, RuleRefused
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.ledger import CREDIT_LOSS
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import reshape
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_loan

WAIVABLE = ("penalty_minor", "fee_minor", "interest_minor")


def waive(
    uow: UnitOfWork, deps: Deps, loan: Loan, minor: int, *, source_id: str, actor: str, reason: str
) -> Loan:
    """Take an amount off what is owed: penalties first, then fees, then interest, the oldest row first.

    Raises RuleRefused (waiver_exceeds_owed, deduction_in_flight).
    """
    owed = [row.due() for row in _open_rows(uow, loan)]
    most = sum(getattr(row, part) for row in owed for part in WAIVABLE)
    if minor > most:
        raise RuleRefused(
            "less than that is owed in penalties, fees and interest",
            code="waiver_exceeds_owed",
            field="minor",
            hint=f"waive at most {most}",
            most_minor=most,
        )
    left = minor
    for part in WAIVABLE:
        for index, row in enumerate(owed):
            cut = min(left, getattr(row, part))
            owed[index] = row._replace(**{part: getattr(row, part) - cut})
            left -= cut
    return _change(uow, deps, loan, owed, ChangeKind.WAIVER, source_id, actor, reason)


def extend(
    uow: UnitOfWork, deps: Deps, loan: Loan, months: int, *, source_id: str, actor: str, reason: str
) -> Loan:
    """Move every open row by whole months; the time bears no interest. Raises RuleRefused (deduction_in_flight)."""
    owed = [
        row.due()._replace(due_on=add_months(row.due_on, months, day=row.due_on.day))
        for row in _open_rows(uow, loan)
    ]
    return _change(uow, deps, loan, owed, ChangeKind.EXTENSION, source_id, actor, reason)


def spread(
    uow: UnitOfWork, deps: Deps, loan: Loan, installments: int, *, source_id: str, actor: str, reason: str
) -> Loan:
    """Replace the open rows by equal monthly ones, the first a month from today, with the same sum and less.

    Principal, and the interest and fees that are due, stay owed; interest and fees to come and penalties are given up.
    Raises RuleRefused (deduction_in_flight).
    """
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    rows = [row.due() for row in _open_rows(uow, loan)]
    due = [row for row in rows if row.due_on <= today]
    sums = {
        "principal_minor": sum(row.principal_minor for row in rows),
        "interest_minor": sum(row.interest_minor for row in due),
        "fee_minor": sum(row.fee_minor for row in due),
    }
    first = len(uow.loans.installments(loan.id)) + 1
    owed = _equal_rows(sums, first, installments, today, loan.principal.currency)
    return _change(uow, deps, loan, owed, ChangeKind.HARDSHIP, source_id, actor, reason)


def write_off(uow: UnitOfWork, deps: Deps, loan: Loan, *, source_id: str, actor: str, reason: str) -> Loan:
    """Give up expecting what is owed: principal is a loss, the rest was never earned. The person may borrow no more.

    Raises TransitionNotAllowed for a loan that is not overdue, RuleRefused (deduction_in_flight).
    """
    lost = loan.next(LoanStatus.WRITTEN_OFF)
    move_loan(uow, deps, lost, loan, uow.loans.installments(loan.id), "loan.written_off")
    _block(uow, deps, loan, actor)
    return write_off_rest(uow, deps, lost, source_id, reason, actor)


def write_off_rest(
    uow: UnitOfWork, deps: Deps, loan: Loan, source_id: str, reason: str, actor: str = "bank"
) -> Loan:
    """Write off what is owed on a loan that is written off: at first, and when the bank takes a repayment back."""
    if not _open_rows(uow, loan):
        return loan
    return _change(uow, deps, loan, [], ChangeKind.WRITE_OFF, source_id, actor, reason)


def _open_rows(uow: UnitOfWork, loan: Loan) -> list[Installment]:
    return [row for row in uow.loans.installments(loan.id) if row.is_open]


def _equal_rows(sums: dict[str, int], first: int, count: int, today: date, currency: str) -> list[Due]:
    """Spread each part evenly; what does not divide goes to the first rows, one minor unit each."""
    rows = []
    for index in range(count):
        parts = {part: total // count + (index < total % count) for part, total in sums.items()}
        row = Due(first + index, add_months(today, index + 1), penalty_minor=0, currency=currency, **parts)
        if row.total_minor:
            rows.append(row)
    return rows


def _change(
    uow: UnitOfWork,
    deps: Deps,
    loan: Loan,
    owed: list[Due],
    kind: ChangeKind,
    source_id: str,
    actor: str,
    reason: str,
) -> Loan:
    gone = InstallmentStatus.REPLACED if kind == ChangeKind.HARDSHIP else InstallmentStatus.WAIVED
    return reshape(
        uow, deps, loan, owed, kind=kind, source_id=source_id, actor=actor, reason=reason,
        principal_bearer=CREDIT_LOSS, gone=gone,
    )  # fmt: skip


def _block(uow: UnitOfWork, deps: Deps, loan: Loan, actor: str) -> None:
    """End the person's credit line and put them on the block list, which a risk officer can lift."""
    now = deps.clock.now()
    uow.lines.end(loan.consumer_id, loan.principal.currency, now)
    try:
        consumer = uow.consumers.get(loan.consumer_id)
    except Erased:
        return
    if consumer is not None and not uow.watch.blocks({"person": consumer.person.id_number}):
        reason = f"{loan.id} was written off"
        uow.watch.block(
            deps.ids.new("blk"), "person", consumer.person.id_number, reason=reason, by=actor, at=now
        )
