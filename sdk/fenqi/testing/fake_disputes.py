"""Disputes inside the fake server: opened and decided by the test, answered by the merchant under test."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money
from fenqi.ids import DISPUTE
from fenqi.testing.fake_records import FakeLoan
from fenqi.testing.fake_refunds import FakeRefunds, RefundRefused
from fenqi.testing.fake_sales import FakeSales, TransitionNotAllowed
from fenqi.wire import DISPUTE_REASONS, DisputeSchema

ANSWER_DAYS = 10
EVIDENCE_MAX = 10
_LIVE = ("open", "evidence_submitted", "challenged")
_WRITTEN = ("statement", "evidence", "ruling")


@dataclass
class FakeDispute:
    """One dispute."""

    id: str
    loan: FakeLoan
    reason: str
    statement: str
    amount: Money
    refunded_before_minor: int
    created_at: datetime
    answer_due_on: date
    status: str = "open"
    sequence: int = 1
    evidence: list[dict[str, Any]] = field(default_factory=list)
    ruling: str | None = None
    refund_id: str | None = None
    closed_at: datetime | None = None


@dataclass
class FakeDisputes:
    """All disputes of the fake server."""

    sales: FakeSales
    refunds: FakeRefunds
    disputes: dict[str, FakeDispute] = field(default_factory=dict)

    def open(
        self, loan: FakeLoan, reason: str, statement: str, amount: Money | None, now: datetime
    ) -> FakeDispute:
        """Object to a purchase, and pause its collection. Raises InvalidArgument."""
        if reason not in DISPUTE_REASONS:
            raise InvalidArgument(f"Expected one of {', '.join(DISPUTE_REASONS)}.", field="reason")
        if any(each.loan is loan and each.status in _LIVE for each in self.disputes.values()):
            raise InvalidArgument("This purchase is disputed already.", field="loan_id")
        refunded = self.refunds.refunded_minor(loan)
        left = loan.checkout.captured_minor - refunded
        wanted = Money(left, loan.principal.currency) if amount is None else amount
        if wanted.currency != loan.principal.currency or not 0 < wanted.minor <= left:
            raise InvalidArgument(f"Expected at most {left} minor units.", field="amount")
        made = FakeDispute(
            self.sales.new_id(DISPUTE, now), loan, reason, statement, wanted, refunded, now,
            now.date() + timedelta(days=ANSWER_DAYS),
        )  # fmt: skip
        self.disputes[made.id] = made
        self._tell(made, "dispute.opened", now)
        loan.collection_paused_reason = "dispute"
        self.sales.changed(loan, "loan.collection_paused", now)
        return made

    def submit_evidence(self, dispute: FakeDispute, text: str, links: list[str], now: datetime) -> None:
        """Add evidence. Raises TransitionNotAllowed, RefundRefused."""
        if dispute.status not in ("open", "evidence_submitted"):
            raise TransitionNotAllowed(dispute.status, "evidence_submitted")
        if len(dispute.evidence) >= EVIDENCE_MAX:
            raise RefundRefused("evidence_too_many", f"A dispute takes evidence {EVIDENCE_MAX} times.")
        dispute.evidence.append({"text": text, "links": links, "submitted_at": now})
        self._enter(dispute, "evidence_submitted", now)

    def challenge(self, dispute: FakeDispute, now: datetime) -> None:
        """Ask for a decision; asking twice is asking once. Raises TransitionNotAllowed, RefundRefused."""
        if dispute.status == "open":
            raise RefundRefused("evidence_missing", "A dispute is challenged with evidence.")
        if dispute.status not in ("evidence_submitted", "challenged"):
            raise TransitionNotAllowed(dispute.status, "challenged")
        if dispute.status != "challenged":
            self._enter(dispute, "challenged", now)

    def accept(self, dispute: FakeDispute, now: datetime) -> None:
        """Give in; doing so twice refunds once. Raises TransitionNotAllowed."""
        if dispute.status == "accepted":
            return
        if dispute.status not in _LIVE:
            raise TransitionNotAllowed(dispute.status, "accepted")
        self._close(dispute, "accepted", now)

    def decide(self, dispute: FakeDispute, outcome: str, ruling: str, now: datetime) -> None:
        """Decide a challenged dispute. Raises TransitionNotAllowed."""
        if dispute.status != "challenged" or outcome not in ("won", "lost"):
            raise TransitionNotAllowed(dispute.status, outcome)
        dispute.ruling = ruling
        self._close(dispute, outcome, now)

    def lapse(self, now: datetime) -> None:
        """End what was not answered in time, and pass on what was only half answered."""
        for dispute in list(self.disputes.values()):
            if dispute.answer_due_on >= now.date():
                continue
            if dispute.status == "open":
                self._close(dispute, "lost", now)
            elif dispute.status == "evidence_submitted":
                self._enter(dispute, "challenged", now)

    def _close(self, dispute: FakeDispute, status: str, now: datetime) -> None:
        loan = dispute.loan
        loan.collection_paused_reason = None
        self.sales.changed(loan, "loan.collection_resumed", now)
        refunded = self.refunds.refunded_minor(loan) - dispute.refunded_before_minor
        due = dispute.amount.minor - refunded
        if status != "won" and due > 0:
            amount = Money(due, dispute.amount.currency)
            preview = self.refunds.preview(loan, amount, "recompute", now)
            dispute.refund_id = self.refunds.commit(preview, dispute.id, now).id
        dispute.closed_at = now
        self._enter(dispute, status, now, "dispute.closed")

    def _enter(self, dispute: FakeDispute, status: str, now: datetime, kind: str = "dispute.updated") -> None:
        dispute.status, dispute.sequence = status, dispute.sequence + 1
        self._tell(dispute, kind, now)

    def _tell(self, dispute: FakeDispute, kind: str, now: datetime) -> None:
        data = thin_dispute_json(dispute)
        self.sales.emit_data(kind, "dispute", dispute.id, dispute.sequence, data, now)


def dispute_json(dispute: FakeDispute) -> dict[str, Any]:
    """Return the dispute as the wire shows it."""
    plain = ("id", "status", "reason", "amount", "answer_due_on", "refund_id", "created_at", "closed_at")
    dumped: dict[str, Any] = DisputeSchema().dump(
        {name: getattr(dispute, name) for name in (*plain, *_WRITTEN, "sequence")}
        | {
            "mode": "test",
            "opened_by": "consumer",
            "loan_id": dispute.loan.id,
            "checkout_id": dispute.loan.checkout.id,
        }
    )
    return dumped


def thin_dispute_json(dispute: FakeDispute) -> dict[str, Any]:
    """Return the dispute as lists and events show it: without what people wrote."""
    return {name: value for name, value in dispute_json(dispute).items() if name not in _WRITTEN}
