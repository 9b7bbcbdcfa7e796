"""Loans and reasons as shown: their words, and the drawing of what is paid. Every figure comes from stored rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from merchant_server.domain.deduction import MandateStatus
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.loan import LoanStatus
from merchant_server.domain.penalty import days_overdue
from merchant_server.domain.retention import Keeping
from merchant_server.services.person.belongings import OwnLoan

DRAWN_UNITS = 1000
GAP_UNITS_MAX = 8
LOAN_WORDS = {
    LoanStatus.ACTIVE: _l("being repaid"),
    LoanStatus.OVERDUE: _l("overdue"),
    LoanStatus.REPAID: _l("repaid"),
    LoanStatus.WRITTEN_OFF: _l("written off"),
    LoanStatus.REFUNDED: _l("refunded"),
    LoanStatus.CANCELLED: _l("cancelled"),
}
INSTALLMENT_WORDS = {
    InstallmentStatus.SCHEDULED: _l("to come"),
    InstallmentStatus.DUE: _l("due"),
    InstallmentStatus.DEDUCTING: _l("being deducted"),
    InstallmentStatus.PAID: _l("paid"),
    InstallmentStatus.OVERDUE: _l("overdue"),
    InstallmentStatus.WAIVED: _l("waived"),
    InstallmentStatus.REFUNDED: _l("refunded"),
    InstallmentStatus.REPLACED: _l("replaced"),
}
MANDATE_WORDS = {
    MandateStatus.PENDING: _l("being set up"),
    MandateStatus.ACTIVE: _l("deducted on each due date"),
    MandateStatus.SUSPENDED: _l("taken back; the bank is being told"),
    MandateStatus.CANCELLED: _l("taken back"),
    MandateStatus.EXPIRED: _l("expired"),
}
NOTHING_TO_DEDUCT = _l("nothing is left to deduct")
KEEPING_WORDS = {
    "loan_open": _l("A loan is not repaid yet."),
    "records_kept": _l("The law wants the records of a loan to be kept for years after its end."),
    "purchase_open": _l("A purchase is under way."),
    "complaint_open": _l("A complaint of yours waits for its answer."),
    "money_kept": _l("Money of yours is still with us; it goes back to you first."),
    "dispute_open": _l("A purchase of yours is disputed."),
}


@dataclass(frozen=True, slots=True)
class Block:
    """One installment in the drawing; units of DRAWN_UNITS from the left."""

    start: int
    width: int
    kind: str


@dataclass(frozen=True, slots=True)
class LoanView:
    """One loan as shown."""

    own: OwnLoan
    status: str
    mandate: str
    paid_count: int
    blocks: tuple[Block, ...]
    rows: tuple[tuple[Installment, str], ...]
    has_fee: bool
    days_overdue: int
    is_asked: bool


def loan_view(own: OwnLoan) -> LoanView:
    """Return what to show of a loan, in the request's language; a row that a new schedule emptied is not shown.

    Rows stand by their day: what was paid ahead has the last number and an early one.
    """
    kept = [row for row in own.installments if row.total.minor + row.penalty.minor] or own.installments
    rows = sorted(kept, key=lambda row: (row.due_on, row.number))
    return LoanView(
        own=own,
        status=str(LOAN_WORDS[own.loan.status]),
        mandate=_mandate_words(own),
        paid_count=sum(row.status == InstallmentStatus.PAID for row in rows),
        blocks=drawn(rows),
        rows=tuple((row, str(INSTALLMENT_WORDS[row.status])) for row in rows),
        has_fee=any(row.fee.minor for row in rows),
        days_overdue=days_overdue(own.installments, own.today),
        is_asked=any(row.status == InstallmentStatus.DEDUCTING for row in rows),
    )


def _mandate_words(own: OwnLoan) -> str:
    is_idle = own.mandate.status == MandateStatus.ACTIVE and not own.is_open
    return str(NOTHING_TO_DEDUCT if is_idle else MANDATE_WORDS[own.mandate.status])


def drawn(rows: Sequence[Installment]) -> tuple[Block, ...]:
    """Return the bar of a loan: one block an installment, of equal width, with a gap between."""
    edges = [DRAWN_UNITS * place // len(rows) for place in range(len(rows) + 1)]
    gap = min(max(DRAWN_UNITS // len(rows) // 8, 1), GAP_UNITS_MAX)
    kinds = {InstallmentStatus.PAID: "paid", InstallmentStatus.OVERDUE: "late", InstallmentStatus.DUE: "due"}
    ends = [edge - gap for edge in edges[1:-1]] + edges[-1:]
    return tuple(
        Block(start, end - start, kinds.get(row.status, "open"))
        for start, end, row in zip(edges[:-1], ends, rows, strict=True)
    )


def keeping_views(reasons: Sequence[Keeping]) -> list[dict[str, Any]]:
    """Return each reason once, with what it is about and the last day on which it holds."""
    return [
        {"words": str(KEEPING_WORDS[each.code]), "subject": each.subject, "until": each.until}
        for each in reasons
    ]
