"""The fake server's checkouts and loans as the wire shows them."""

from typing import Any

from fenqi.finance.money import Money
from fenqi.testing.fake_records import FakeCheckout, FakeLoan
from fenqi.wire import CheckoutSchema, LoanSchema

_TILL_TEXT = {
    "created": ("请顾客扫码", "Ask the customer to scan"),
    "opened": ("顾客已扫码", "Scanned by the customer"),
    "deciding": ("正在审批", "Deciding"),
    "offered": ("顾客正在选择方案", "The customer is choosing a plan"),
    "declined": ("未获批准，请换一种付款方式", "Declined: take another payment"),
    "referred": ("需要人工审核", "Sent for review"),
    "signing": ("顾客正在签署", "The customer is signing"),
    "authorized": ("已签署", "Signed"),
    "captured": ("已付款，可以交货", "Paid: hand over the goods"),
    "closed": ("已完成", "Done"),
    "expired": ("二维码已过期", "The code has expired"),
    "cancelled": ("已取消", "Cancelled"),
    "voided": ("已作废", "Voided"),
}
_FINAL = frozenset({"declined", "captured", "closed", "expired", "cancelled", "voided"})


def checkout_json(checkout: FakeCheckout) -> dict[str, Any]:
    """Return the checkout as the wire shows it."""
    zh_cn, en = _TILL_TEXT[checkout.status]
    amount: Money = checkout.draft["amount"]
    declined = {
        "code": "policy_declined",
        "text": {"zh-CN": "本次未获批准", "en": "Not approved this time"},
        "hint": {"zh-CN": "请换一种付款方式", "en": "Choose another way to pay"},
    }
    kept = {name: value for name, value in checkout.draft.items() if name != "expires_in_seconds"}
    shown = kept | {
        "id": checkout.id,
        "mode": "test",
        "status": checkout.status,
        "url": checkout.url,
        "plan_ids": checkout.draft["plan_ids"] or [],
        "created_at": checkout.created_at,
        "expires_at": checkout.expires_at,
        "sequence": checkout.sequence,
        "plan_id": checkout.plan_id,
        "loan_id": checkout.loan_id,
        "captured": Money(checkout.captured_minor, amount.currency),
        "voided": Money(checkout.voided_minor, amount.currency),
        "authorized_until": checkout.authorized_until,
        "decline": declined if checkout.status == "declined" else None,
        "till": {
            "text": {"zh-CN": zh_cn, "en": en},
            "final": checkout.status in _FINAL
            or (checkout.status == "authorized" and checkout.draft["capture"] == "manual"),
            "poll_after_seconds": 2,
            "wait_seconds": 180 if checkout.status == "created" else 0,
            "cancel_needs_confirm": checkout.in_a_hand,
        },
    }
    dumped: dict[str, Any] = CheckoutSchema().dump(shown)
    return dumped


def loan_json(loan: FakeLoan) -> dict[str, Any]:
    """Return the loan as the wire shows it."""
    currency = loan.principal.currency
    total = sum(row["total"].minor for row in loan.rows) + loan.relieved_minor
    paid = sum(row["paid"].minor for row in loan.rows)
    dumped: dict[str, Any] = LoanSchema().dump(
        {
            "id": loan.id,
            "mode": "test",
            "status": loan.status,
            "checkout_id": loan.checkout.id,
            "reference": loan.checkout.draft["reference"],
            "principal": loan.principal,
            "total_payable": Money(total, currency),
            "paid": Money(paid, currency),
            "relieved": Money(loan.relieved_minor, currency),
            "penalty": Money(0, currency),
            "penalty_paid": Money(0, currency),
            "outstanding": Money(total - loan.relieved_minor - paid, currency),
            "days_overdue": 0,
            "overdue_bucket": None,
            "signed_on": loan.created_at.date(),
            "created_at": loan.created_at,
            "collection_paused_reason": loan.collection_paused_reason,
            "sequence": loan.sequence,
            "installments": loan.rows,
        }
    )
    return dumped
