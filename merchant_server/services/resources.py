"""Domain values as the public JSON resources of /v1: what the API answers and events carry. No personal data."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from fenqi.finance.repayment import Due
from fenqi.wire import utc_text

from merchant_server.domain.checkout import (
    MACHINE,
    TILL_POLL_SECONDS,
    TILL_POLL_SECONDS_DEFAULT,
    TILL_TEXT,
    TILL_WAIT_SECONDS,
    Checkout,
)
from merchant_server.domain.dispute import CONSUMER, Dispute, DisputeWords
from merchant_server.domain.installment import Installment
from merchant_server.domain.loan import Loan
from merchant_server.domain.payment_order import PaymentOrder
from merchant_server.domain.payout import Payout
from merchant_server.domain.penalty import bucket, days_overdue
from merchant_server.domain.refund import Refund, RefundPreview
from merchant_server.domain.refusal import told_to_shop
from merchant_server.domain.settlement import SettlementQuote
from merchant_server.domain.void_preview import VoidPreview

# Where a till has nothing more to wait for; a review of a refusal takes longer than a queue.
SETTLED = ("authorized", "captured", "closed", "declined")


def checkout_resource(checkout: Checkout, public_url: str | None = None) -> dict[str, Any]:
    """Return a checkout; without `public_url` the thin form that events carry, which opens nothing."""
    resource = {
        "object": "checkout",
        "id": checkout.id,
        "mode": checkout.mode,
        "status": checkout.status.value,
        "amount": checkout.amount.to_dict(),
        "captured": checkout.captured.to_dict(),
        "voided": checkout.voided.to_dict(),
        "authorized_until": checkout.authorized_until and utc_text(checkout.authorized_until),
        "reference": checkout.reference,
        "description": checkout.description,
        "return_url": checkout.return_url,
        "plan_ids": list(checkout.plan_ids),
        "store_id": checkout.store_id,
        "till_id": checkout.till_id,
        "capture": checkout.capture_method,
        "language": checkout.language,
        "created_at": utc_text(checkout.created_at),
        "expires_at": utc_text(checkout.expires_at),
        "sequence": checkout.version,
        "plan_id": checkout.plan_id,
        "loan_id": checkout.loan_id,
        "decline": _decline(checkout),
        "till": _till(checkout),
        "metadata": checkout.metadata,
        "lines": [line.to_dict() for line in checkout.lines],
    }
    return resource if public_url is None else {**resource, "url": f"{public_url}/p/{checkout.token}"}


def _till(checkout: Checkout) -> dict[str, Any]:
    chinese, english = TILL_TEXT[checkout.status]
    return {
        "text": {"zh-CN": chinese, "en": english},
        "final": MACHINE.is_final(checkout.status) or checkout.status in SETTLED,
        "poll_after_seconds": TILL_POLL_SECONDS.get(checkout.status, TILL_POLL_SECONDS_DEFAULT),
        "wait_seconds": TILL_WAIT_SECONDS.get(checkout.status, 0),
        "cancel_needs_confirm": checkout.in_a_hand,
    }


def _decline(checkout: Checkout) -> dict[str, Any] | None:
    if checkout.decline_code is None:
        return None
    known = told_to_shop(checkout.decline_code)
    return {
        "code": known.code,
        "text": {"zh-CN": known.text_zh, "en": known.text_en},
        "hint": {"zh-CN": known.change_zh, "en": known.change_en},
    }


def loan_resource(loan: Loan, installments: Sequence[Installment], today: date) -> dict[str, Any]:
    """Return a loan with its schedule, as it stands on its merchant's business date."""
    late = days_overdue(installments, today)
    return {
        "object": "loan",
        "id": loan.id,
        "mode": loan.mode,
        "status": loan.status.value,
        "checkout_id": loan.checkout_id,
        "reference": loan.reference,
        "principal": loan.principal.to_dict(),
        "total_payable": loan.total_payable.to_dict(),
        "paid": loan.paid.to_dict(),
        "relieved": loan.relieved.to_dict(),
        "penalty": loan.penalty.to_dict(),
        "penalty_paid": loan.penalty_paid.to_dict(),
        "outstanding": loan.outstanding.to_dict(),
        "days_overdue": late,
        "overdue_bucket": bucket(late),
        "signed_on": loan.signed_on.isoformat(),
        "created_at": utc_text(loan.created_at),
        "collection_paused_reason": loan.collection_paused_reason,
        "sequence": loan.version,
        "installments": [_installment_resource(row) for row in installments],
    }


def _installment_resource(row: Installment) -> dict[str, Any]:
    # Every event of a loan tells its whole schedule, so its amounts are written as they lie in the row.
    currency = row.currency
    return {
        "number": row.number,
        "due_on": row.due_on.isoformat(),
        "principal": {"minor": row.principal_minor, "currency": currency},
        "interest": {"minor": row.interest_minor, "currency": currency},
        "fee": {"minor": row.fee_minor, "currency": currency},
        "total": {"minor": row.total_minor, "currency": currency},
        "paid": {"minor": row.paid_minor, "currency": currency},
        "penalty": {"minor": row.penalty_minor, "currency": currency},
        "penalty_paid": {"minor": row.penalty_paid_minor, "currency": currency},
        "outstanding": {"minor": row.outstanding_minor, "currency": currency},
        "status": row.status.value,
    }


def settlement_quote_resource(quote: SettlementQuote) -> dict[str, Any]:
    """Return what settles a loan on one day."""
    parts = ("total", "principal", "interest", "fee", "penalty", "early_settlement_fee", "given_back")
    return {
        "object": "settlement_quote",
        "id": quote.id,
        "mode": quote.mode,
        "loan_id": quote.loan_id,
        "on": quote.on.isoformat(),
        **{part: getattr(quote, part).to_dict() for part in parts},
        "created_at": utc_text(quote.created_at),
        "expires_at": utc_text(quote.expires_at),
    }


def payment_order_resource(order: PaymentOrder, public_url: str) -> dict[str, Any]:
    """Return a payment order with its link."""
    return {
        "object": "payment_order",
        "id": order.id,
        "mode": order.mode,
        "loan_id": order.loan_id,
        "status": order.status.value,
        "amount": order.amount.to_dict(),
        "url": f"{public_url}/pay/{order.token}",
        "created_at": utc_text(order.created_at),
        "expires_at": utc_text(order.expires_at),
    }


def payout_resource(payout: Payout) -> dict[str, Any]:
    """Return a payout; the account it goes to stays inside."""
    return {
        "object": "payout",
        "id": payout.id,
        "mode": payout.mode,
        "status": payout.status.value,
        "amount": payout.amount.to_dict(),
        "code": payout.code,
        "payout_on": payout.payout_on.isoformat(),
        "created_at": utc_text(payout.created_at),
        "settled_at": None if payout.settled_at is None else utc_text(payout.settled_at),
        "sequence": payout.version,
    }


def refund_preview_resource(preview: RefundPreview) -> dict[str, Any]:
    """Return what a refund would do: rows still owed before and after, and where the money goes."""
    effect = preview.effect
    return {
        "object": "refund_preview",
        "id": preview.id,
        "mode": preview.mode,
        "loan_id": preview.loan_id,
        "strategy": preview.strategy.value,
        "amount": effect.amount.to_dict(),
        "to_consumer": effect.to_consumer.to_dict(),
        "from_merchant": preview.from_merchant.to_dict(),
        "merchant_fee_returned": preview.merchant_fee_returned.to_dict(),
        "principal_relieved": effect.principal_relieved.to_dict(),
        "interest_given_back": effect.interest_given_back.to_dict(),
        "fee_given_back": effect.fee_given_back.to_dict(),
        "lines": [line.to_dict() for line in preview.lines],
        "before": [_owed(row) for row in effect.before],
        "after": [_owed(row) for row in effect.after],
        "created_at": utc_text(preview.created_at),
        "expires_at": utc_text(preview.expires_at),
    }


def void_preview_resource(preview: VoidPreview) -> dict[str, Any]:
    """Return what a void would do: rows still owed before and after."""
    change, checkout = preview.change, preview.checkout
    return {
        "object": "void_preview",
        "mode": checkout.mode,
        "checkout_id": checkout.id,
        "loan_id": checkout.loan_id,
        "loan_sequence": preview.loan_sequence,
        "amount": preview.amount.to_dict(),
        "interest_given_back": change.interest_given_back.to_dict(),
        "fee_given_back": change.fee_given_back.to_dict(),
        "before": [_owed(row) for row in preview.before],
        "after": [_owed(row) for row in change.rows],
    }


def refund_resource(refund: Refund) -> dict[str, Any]:
    """Return a refund."""
    return {
        "object": "refund",
        "id": refund.id,
        "mode": refund.mode,
        "status": refund.status.value,
        "loan_id": refund.loan_id,
        "checkout_id": refund.checkout_id,
        "preview_id": refund.preview_id,
        "strategy": refund.strategy.value,
        "amount": refund.amount.to_dict(),
        "to_consumer": refund.to_consumer.to_dict(),
        "from_merchant": refund.from_merchant.to_dict(),
        "interest_given_back": refund.interest_given_back.to_dict(),
        "lines": [line.to_dict() for line in refund.lines],
        "reference": refund.reference,
        "code": refund.code or None,
        "created_at": utc_text(refund.created_at),
        "sequence": refund.version,
    }


def dispute_resource(dispute: Dispute) -> dict[str, Any]:
    """Return a dispute in the thin form that lists and events carry: nothing that people wrote."""
    return {
        "object": "dispute",
        "id": dispute.id,
        "mode": dispute.mode,
        "status": dispute.status.value,
        "reason": dispute.reason.value,
        "loan_id": dispute.loan_id,
        "checkout_id": dispute.checkout_id,
        "amount": dispute.amount.to_dict(),
        "opened_by": CONSUMER if dispute.opened_by == CONSUMER else "operator",
        "answer_due_on": dispute.answer_due_on.isoformat(),
        "refund_id": dispute.refund_id,
        "created_at": utc_text(dispute.created_at),
        "closed_at": dispute.closed_at and utc_text(dispute.closed_at),
        "sequence": dispute.version,
    }


def full_dispute_resource(dispute: Dispute, words: DisputeWords | None) -> dict[str, Any]:
    """Return a dispute with what people wrote in it; nothing of that is left when the person was erased."""
    evidence = words.evidence if words else ()
    return dispute_resource(dispute) | {
        "statement": words.statement.reveal() if words else None,
        "evidence": [
            {
                "text": each.text.reveal(),
                "links": list(each.links),
                "submitted_at": utc_text(each.submitted_at),
            }
            for each in evidence
        ],
        "ruling": words.ruling.reveal() if words and words.ruling else None,
    }


def _owed(row: Due) -> dict[str, Any]:
    parts = ("principal", "interest", "fee", "penalty", "total")
    return {
        "number": row.number,
        "due_on": row.due_on.isoformat(),
        **{part: {"minor": getattr(row, f"{part}_minor"), "currency": row.currency} for part in parts},
    }
