"""Examples of the bodies about what is given up or taken back, and of an order's lines."""

from typing import Any

from merchant_server.web.api.setup_examples import AT, LOAN_ID, minor

MONEY = {"minor": 399_900, "currency": "CNY"}
CHECKOUT_ID = "chk_01kavd3e7qf4c0c0v2t5sj4w1n"
_REFUND_ID, _PREVIEW_ID = "rfd_01kavf0a1b2c3d4e5f6g7h8j9k", "rfp_01kavf1a1b2c3d4e5f6g7h8j9k"

_OWED = {
    "number": 2,
    "due_on": "2027-01-22",
    "principal": minor(31_847),
    "interest": minor(3_684),
    "fee": minor(0),
    "penalty": minor(0),
    "total": minor(35_531),
}
REFUND_EXAMPLES: dict[str, dict[str, Any]] = {
    "OwedRow": _OWED,
    "VoidPreviewDraft": {"amount": minor(100_000)},
    "Void": {"amount": minor(100_000), "loan_sequence": 1},
    "VoidPreview": {
        "object": "void_preview",
        "mode": "test",
        "checkout_id": CHECKOUT_ID,
        "loan_id": LOAN_ID,
        "loan_sequence": 1,
        "amount": minor(100_000),
        "interest_given_back": minor(6_556),
        "fee_given_back": minor(0),
        "before": [_OWED],
        "after": [_OWED | {"principal": minor(23_884), "interest": minor(2_763), "total": minor(26_647)}],
    },
    "ReturnedLineDraft": {"id": "sku-1", "quantity": 1},
    "ReturnedLine": {"id": "sku-1", "quantity": 1, "amount": minor(100_000)},
    "LineDraft": {"id": "sku-1", "description": "Bicycle, blue", "quantity": 1, "amount": MONEY},
    "Line": {"id": "sku-1", "description": "Bicycle, blue", "quantity": 1, "amount": MONEY},
    "RefundPreviewDraft": {"amount": minor(100_000), "strategy": "recompute"},
    "RefundPreview": {
        "object": "refund_preview",
        "id": _PREVIEW_ID,
        "mode": "test",
        "loan_id": LOAN_ID,
        "strategy": "recompute",
        "amount": minor(100_000),
        "to_consumer": minor(0),
        "from_merchant": minor(99_400),
        "merchant_fee_returned": minor(600),
        "principal_relieved": minor(100_000),
        "interest_given_back": minor(0),
        "fee_given_back": minor(0),
        "before": [_OWED],
        "after": [_OWED],
        "created_at": AT,
        "expires_at": "2026-11-22T08:15:00.000000Z",
    },
    "RefundDraft": {"loan_id": LOAN_ID, "amount": minor(100_000), "reference": "return-77"},
    "Refund": {
        "object": "refund",
        "id": _REFUND_ID,
        "mode": "test",
        "status": "succeeded",
        "loan_id": LOAN_ID,
        "checkout_id": CHECKOUT_ID,
        "preview_id": _PREVIEW_ID,
        "strategy": "recompute",
        "amount": minor(100_000),
        "to_consumer": minor(0),
        "from_merchant": minor(99_400),
        "interest_given_back": minor(0),
        "reference": "return-77",
        "code": None,
        "created_at": AT,
        "sequence": 1,
    },
}
