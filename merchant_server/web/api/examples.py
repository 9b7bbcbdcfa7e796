"""One example of every body of /v1, for the description and its pages. A test holds each against its schema."""

from typing import Any

_MONEY = {"minor": 399_900, "currency": "CNY"}
_AT = "2026-11-22T08:00:00.000000Z"
_CHECKOUT_ID = "chk_01kavd3e7qf4c0c0v2t5sj4w1n"
_LOAN_ID = "loan_01kavd5q2mzt8n6y3h4x0b9c7d"
_STORE_ID = "sto_01kavc0a1b2c3d4e5f6g7h8j9k"
_TILL_ID = "til_01kavc1m2n3p4q5r6s7t8v9w0x"
_ENDPOINT_ID = "whe_01kavc2k3m4n5p6q7r8s9t0v1w"
_EVENT_ID = "evt_01kavd3e8h5j6k7m8n9p0q1r2s"
_KEY_ID = "key_01kavbzz9y8x7w6v5t4s3r2q1p"


def _minor(amount: int) -> dict[str, Any]:
    return {"minor": amount, "currency": "CNY"}


CHECKOUT: dict[str, Any] = {
    "object": "checkout",
    "id": _CHECKOUT_ID,
    "mode": "test",
    "status": "created",
    "amount": _MONEY,
    "captured": _minor(0),
    "reference": "order-1001",
    "description": "Bicycle, blue",
    "url": "https://fenqi.example/p/xV3mJq0bT5yP2cKd",
    "return_url": None,
    "plan_ids": ["p12"],
    "store_id": _STORE_ID,
    "till_id": None,
    "capture": "automatic",
    "language": "zh-CN",
    "created_at": _AT,
    "expires_at": "2026-11-22T08:15:00.000000Z",
    "sequence": 1,
    "plan_id": None,
    "loan_id": None,
    "decline": None,
    "till": {
        "text": {"zh-CN": "请顾客扫码", "en": "Ask the customer to scan"},
        "final": False,
        "poll_after_seconds": 2,
    },
    "metadata": {},
}
_INSTALLMENT = {
    "number": 1,
    "due_on": "2026-12-22",
    "principal": _minor(31_532),
    "interest": _minor(3_999),
    "fee": _minor(0),
    "total": _minor(35_531),
    "paid": _minor(0),
    "penalty": _minor(0),
    "penalty_paid": _minor(0),
    "outstanding": _minor(35_531),
    "status": "scheduled",
}
_PLAN = {
    "id": "p12",
    "installments": 12,
    "method": "equal_installments",
    "annual_rate": "0.12",
    "name": "12 期",
}
_ENDPOINT: dict[str, Any] = {
    "object": "webhook_endpoint",
    "id": _ENDPOINT_ID,
    "url": "https://shop.example/webhooks/fenqi",
    "events": ["checkout.captured", "loan.repaid"],
    "description": "the web shop",
    "signature": "v1",
    "public_key": None,
    "status": "active",
    "reason": "",
    "overlap_until": None,
    "created_at": _AT,
}
_THIN_CHECKOUT = {name: value for name, value in CHECKOUT.items() if name != "url"}
# By the name that the schema has in the description.
EXAMPLES: dict[str, dict[str, Any]] = {
    "CheckoutDraft": {"amount": _MONEY, "reference": "order-1001", "description": "Bicycle, blue"},
    "Checkout": CHECKOUT,
    "Money": _MONEY,
    "Capture": {"amount": _MONEY},
    "Installment": _INSTALLMENT,
    "PlanDraft": _PLAN,
    "Plan": {"object": "plan", **_PLAN},
    "Loan": {
        "object": "loan",
        "id": _LOAN_ID,
        "mode": "test",
        "status": "active",
        "checkout_id": _CHECKOUT_ID,
        "reference": "order-1001",
        "principal": _MONEY,
        "total_payable": _minor(426_372),
        "paid": _minor(0),
        "relieved": _minor(0),
        "penalty": _minor(0),
        "penalty_paid": _minor(0),
        "outstanding": _minor(426_372),
        "signed_on": "2026-11-22",
        "created_at": _AT,
        "sequence": 1,
        "installments": [_INSTALLMENT],
    },
    "Offer": {
        "object": "offer",
        "plan": _PLAN,
        "amount": _MONEY,
        "down_payment": _minor(0),
        "up_front_fee": _minor(0),
        "per_installment": _minor(35_531),
        "total_payable": _minor(426_372),
        "total_cost": _minor(26_472),
        "annual_cost": "0.12",
        "installments": [
            {
                "number": 1,
                "due_on": "2026-12-22",
                "principal": 31_532,
                "interest": 3_999,
                "fee": 0,
                "total": 35_531,
            }
        ],
    },
    "Event": {
        "object": "event",
        "id": _EVENT_ID,
        "type": "checkout.created",
        "mode": "test",
        "created_at": _AT,
        "sequence": 42,
        "aggregate": {"type": "checkout", "id": _CHECKOUT_ID, "sequence": 1},
        "data": _THIN_CHECKOUT,
        "request_id": "req_01kavd3e7a1b2c3d4e5f6g7h8j",
    },
    "Ack": {"reader": "orders", "cursor": _EVENT_ID},
    "EventMark": {"object": "event_mark", "reader": "orders", "sequence": 42, "acknowledged_at": _AT},
    "WebhookEndpointDraft": {
        "url": "https://shop.example/webhooks/fenqi",
        "events": ["checkout.captured", "loan.repaid"],
        "description": "the web shop",
    },
    "WebhookEndpointChange": {"events": ["*"]},
    "WebhookEndpoint": _ENDPOINT,
    "Delivery": {
        "object": "delivery",
        "id": "dlv_01kavd3e8t0v1w2x3y4z5a6b7c",
        "webhook_endpoint_id": _ENDPOINT_ID,
        "event_id": _EVENT_ID,
        "event_type": "checkout.captured",
        "status": "pending",
        "attempts": 2,
        "last_status": 500,
        "last_reason": "status_500",
        "took_ms": 84,
        "tried_at": _AT,
        "next_try_at": "2026-11-22T08:05:31.000000Z",
        "delivered_at": None,
    },
    "Replay": {"since": "2026-11-22T00:00:00Z", "until": "2026-11-23T00:00:00Z", "what": "missed"},
    "Replayed": {"object": "replay", "queued": 17, "has_more": False},
    "StoreDraft": {"name": "人民路店"},
    "StoreChange": {"status": "closed"},
    "Store": {"object": "store", "id": _STORE_ID, "name": "人民路店", "status": "open"},
    "TillDraft": {"store_id": _STORE_ID, "name": "1 号台"},
    "TillChange": {"name": "2 号台"},
    "Till": {"object": "till", "id": _TILL_ID, "store_id": _STORE_ID, "name": "1 号台", "status": "open"},
    "KeyDraft": {"kind": "secret", "name": "web shop", "scopes": ["create", "read"]},
    "Key": {
        "object": "key",
        "id": _KEY_ID,
        "kind": "secret",
        "mode": "test",
        "name": "web shop",
        "scopes": ["create", "read"],
        "hint": "x7Qa",
        "status": "active",
        "version": "2026-11-22",
        "till_id": None,
        "created_at": _AT,
        "last_used_at": None,
        "expires_at": None,
        "revoked_at": None,
    },
    "Roll": {"overlap_seconds": 86_400},
    "TestClockAdvance": {"months": 1},
    "TestClock": {"object": "test_clock", "now": _AT, "offset_seconds": 0},
    "Problem": {
        "type": "https://fenqi.dev/errors/field_invalid",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "Expected at least 1 minor units, got 0.",
        "code": "field_invalid",
        "field": "amount.minor",
        "hint": "see /v1/openapi.json",
        "request_id": "req_01kavd3e7a1b2c3d4e5f6g7h8j",
    },
}
