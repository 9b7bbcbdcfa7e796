"""Refunds inside the fake server: the arithmetic of `fenqi.finance.refund` on its loans. Money arrives at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fenqi.errors import FenqiError, InvalidArgument
from fenqi.finance.errors import RepaymentError
from fenqi.finance.lines import ReturnedLine, returned_lines
from fenqi.finance.money import Money
from fenqi.finance.recomputation import Recomputed, recompute
from fenqi.finance.refund import RefundEffect, refund
from fenqi.finance.repayment import Due
from fenqi.finance.schedule import build_schedule
from fenqi.ids import REFUND
from fenqi.testing.fake_records import FakeLoan
from fenqi.testing.fake_sales import FakeSales
from fenqi.wire import RefundPreviewSchema, RefundSchema, VoidPreviewSchema

PREVIEW_SECONDS = 900
OPEN_ROWS = ("scheduled", "due", "overdue")


class RefundRefused(FenqiError):
    """A rule refused the refund; `code` names it."""

    def __init__(self, code: str, message: str, at: str | None = None) -> None:
        self.at = at
        super().__init__(message, code=code)


@dataclass
class FakePreview:
    """One preview; `refund_id` names what it was committed as."""

    id: str
    loan: FakeLoan
    loan_sequence: int
    refunded_before_minor: int
    strategy: str
    effect: RefundEffect
    created_at: datetime
    lines: tuple[ReturnedLine, ...] = ()
    refund_id: str | None = None


@dataclass
class FakeRefund:
    """One refund."""

    id: str
    preview: FakePreview
    reference: str
    created_at: datetime
    status: str = "pending"
    sequence: int = 1


@dataclass
class FakeRefunds:
    """All refunds of the fake server."""

    sales: FakeSales
    previews: dict[str, FakePreview] = field(default_factory=dict)
    refunds: dict[str, FakeRefund] = field(default_factory=dict)

    def preview(
        self,
        loan: FakeLoan,
        amount: Money | None,
        strategy: str,
        now: datetime,
        wanted: Sequence[dict[str, Any]] = (),
    ) -> FakePreview:
        """Work a refund out. Raises RefundRefused, InvalidArgument."""
        currency, refunded = loan.principal.currency, self.refunded_minor(loan)
        lines, amount = self._returned(loan, amount, wanted)
        if amount.currency != currency:
            raise RefundRefused("currency_mismatch", f"Expected {currency}.", "amount.currency")
        if not loan.checkout.captured_minor:
            raise RefundRefused("nothing_captured", "Nothing was captured.")
        if amount.minor > loan.checkout.captured_minor - refunded:
            raise RefundRefused("refund_exceeds_captured", "More than was captured.", "amount.minor")
        rows = [row for row in loan.rows if row["status"] in OPEN_ROWS]
        schedule = build_schedule(self.plan_of(loan), loan.principal, loan.created_at.date())
        owed = [owed_row(row) for row in rows]
        try:
            effect = refund(schedule, owed, owed, amount, strategy, now.date())
        except RepaymentError as refused:
            raise RefundRefused("settlement_not_covered", str(refused), "amount.minor") from refused
        made = FakePreview(
            self.sales.new_id("rfp", now), loan, loan.sequence, refunded, strategy, effect, now, lines
        )
        self.previews[made.id] = made
        return made

    def commit(self, preview: FakePreview, reference: str, now: datetime) -> FakeRefund:
        """Do what a preview showed, once. Raises RefundRefused."""
        if preview.refund_id is not None:
            return self.refunds[preview.refund_id]
        if now >= preview.created_at + timedelta(seconds=PREVIEW_SECONDS):
            raise RefundRefused("preview_expired", "This preview has expired.")
        loan = preview.loan
        seen = (preview.loan_sequence, preview.refunded_before_minor)
        if (loan.sequence, self.refunded_minor(loan)) != seen:
            raise RefundRefused("preview_stale", "The loan changed since this preview.")
        made = FakeRefund(self.sales.new_id(REFUND, now), preview, reference, now)
        self.refunds[made.id] = made
        preview.refund_id = made.id
        self.sales.emit_data("refund.pending", "refund", made.id, 1, refund_json(made), now)
        effect = preview.effect
        if effect.before != effect.after:
            spared = effect.principal_relieved + effect.interest_given_back + effect.fee_given_back
            self._reshape(loan, effect.after, spared, now)
        made.status, made.sequence = "succeeded", 2
        self.sales.emit_data("refund.succeeded", "refund", made.id, 2, refund_json(made), now)
        return made

    def void(self, loan: FakeLoan, uncaptured: Money, now: datetime) -> None:
        """Take what was never captured off a loan, with all interest on it."""
        _, after = self.without(loan, uncaptured)
        spared = uncaptured + after.interest_given_back + after.fee_given_back
        self._reshape(loan, after.rows, spared, now)

    def without(self, loan: FakeLoan, uncaptured: Money) -> tuple[Sequence[Due], Recomputed]:
        """Return what a loan owes, and as if a part of it had never been bought."""
        owed = [owed_row(row) for row in loan.rows if row["status"] in OPEN_ROWS]
        day = loan.created_at.date()
        mode = "full" if uncaptured.minor == sum(row.principal_minor for row in owed) else "smaller"
        schedule = build_schedule(self.plan_of(loan), loan.principal, day)
        return owed, recompute(schedule, owed, uncaptured, mode, day)

    def _reshape(self, loan: FakeLoan, after: Sequence[Due], spared: Money, now: datetime) -> None:
        left = {row.number: row for row in after}
        nothing = Money(0, loan.principal.currency)
        for row in loan.rows:
            if row["status"] not in OPEN_ROWS:
                continue
            due = left.get(row["number"])
            parts = {name: Money(getattr(due, f"{name}_minor"), nothing.currency) if due else nothing
                     for name in ("principal", "interest", "fee", "total")}  # fmt: skip
            row.update(parts, outstanding=parts["total"], status=row["status"] if due else "refunded")
        loan.relieved_minor += spared.minor
        self.sales.changed(loan, "loan.schedule_changed", now)
        if not left:
            whole = all(row["status"] == "refunded" for row in loan.rows)
            over = "cancelled" if loan.checkout.status == "voided" else "refunded"
            loan.status = over if whole else "repaid"
            self.sales.changed(loan, f"loan.{loan.status}", now)

    def _returned(
        self, loan: FakeLoan, amount: Money | None, wanted: Sequence[dict[str, Any]]
    ) -> tuple[tuple[ReturnedLine, ...], Money]:
        if not wanted:
            assert amount is not None
            return (), amount
        refunds = [each for each in self.refunds.values() if each.preview.loan is loan]
        before = [line for each in refunds for line in each.preview.lines]
        asked = [(each["id"], each["quantity"]) for each in wanted]
        try:
            found = returned_lines(loan.checkout.draft["lines"], asked, before)
        except RepaymentError as refused:
            code = "refund_line_exceeds" if refused.field == "quantity" else "refund_line_unknown"
            raise RefundRefused(code, str(refused), "lines") from None
        total = sum((each.amount for each in found[1:]), found[0].amount)
        if amount not in (None, total):
            raise RefundRefused(
                "refund_lines_differ", "The amount is not what the lines cost.", "amount.minor"
            )
        return found, total

    def refunded_minor(self, loan: FakeLoan) -> int:
        """Return the price of all goods taken back on a loan."""
        return sum(
            each.preview.effect.amount.minor for each in self.refunds.values() if each.preview.loan is loan
        )

    def plan_of(self, loan: FakeLoan) -> Any:
        """Return the plan of a loan. Raises InvalidArgument."""
        plan = self.sales.plans.get(loan.checkout.plan_id or "")
        if plan is None:
            raise InvalidArgument("The loan has no plan.", field="loan_id")
        return plan


def void_preview_json(
    loan: FakeLoan, given_up: Money, before: Sequence[Due], change: Recomputed
) -> dict[str, Any]:
    """Return the preview of a void as the wire shows it."""
    dumped: dict[str, Any] = VoidPreviewSchema().dump(
        {
            "mode": "test",
            "checkout_id": loan.checkout.id,
            "loan_id": loan.id,
            "loan_sequence": loan.sequence,
            "amount": given_up,
            "interest_given_back": change.interest_given_back,
            "fee_given_back": change.fee_given_back,
            "before": _owed(before),
            "after": _owed(change.rows),
        }
    )
    return dumped


def preview_json(preview: FakePreview) -> dict[str, Any]:
    """Return the preview as the wire shows it."""
    effect = preview.effect
    dumped: dict[str, Any] = RefundPreviewSchema().dump(
        {
            "id": preview.id,
            "mode": "test",
            "loan_id": preview.loan.id,
            "strategy": preview.strategy,
            **{name: getattr(effect, name) for name in ("amount", "to_consumer", "principal_relieved")},
            "interest_given_back": effect.interest_given_back,
            "fee_given_back": effect.fee_given_back,
            "lines": [line._asdict() for line in preview.lines],
            "from_merchant": effect.amount,
            "merchant_fee_returned": Money(0, effect.amount.currency),
            "before": _owed(effect.before),
            "after": _owed(effect.after),
            "created_at": preview.created_at,
            "expires_at": preview.created_at + timedelta(seconds=PREVIEW_SECONDS),
        }
    )
    return dumped


def refund_json(refunded: FakeRefund) -> dict[str, Any]:
    """Return the refund as the wire shows it."""
    preview = refunded.preview
    dumped: dict[str, Any] = RefundSchema().dump(
        {
            "id": refunded.id,
            "mode": "test",
            "status": refunded.status,
            "loan_id": preview.loan.id,
            "checkout_id": preview.loan.checkout.id,
            "preview_id": preview.id,
            "strategy": preview.strategy,
            "amount": preview.effect.amount,
            "to_consumer": preview.effect.to_consumer,
            "from_merchant": preview.effect.amount,
            "interest_given_back": preview.effect.interest_given_back,
            "lines": [line._asdict() for line in preview.lines],
            "reference": refunded.reference,
            "code": None,
            "created_at": refunded.created_at,
            "sequence": refunded.sequence,
        }
    )
    return dumped


def owed_row(row: dict[str, Any]) -> Due:
    """Return what a row of a loan owes."""
    principal, interest, fee = (row[name].minor for name in ("principal", "interest", "fee"))
    return Due(row["number"], row["due_on"], principal, interest, fee, 0, row["total"].currency)


def _owed(rows: Sequence[Due]) -> list[dict[str, Any]]:
    names = ("principal", "interest", "fee", "penalty", "total")
    return [
        {"number": row.number, "due_on": row.due_on}
        | {name: Money(getattr(row, f"{name}_minor"), row.currency) for name in names}
        for row in rows
    ]
