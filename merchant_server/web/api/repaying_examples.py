"""One example of every body about repaying without waiting."""

from typing import Any

from merchant_server.web.api.setup_examples import AT, LOAN_ID, minor

REPAYING_EXAMPLES: dict[str, Any] = {
    "SettlementQuote": {
        "object": "settlement_quote",
        "id": "stq_01jdz8gq5r7m3t9w2x4y6z8abc",
        "mode": "test",
        "loan_id": LOAN_ID,
        "on": "2026-11-21",
        "total": minor(399_900),
        "principal": minor(399_900),
        "interest": minor(0),
        "fee": minor(0),
        "penalty": minor(0),
        "early_settlement_fee": minor(0),
        "given_back": minor(26_472),
        "created_at": AT,
        "expires_at": "2026-11-21T16:00:00.000000Z",
    },
    "PaymentOrderDraft": {"amount": minor(35_531), "expires_in_seconds": 1800},
    "PaymentOrder": {
        "object": "payment_order",
        "id": "pay_01jdz8gq5r7m3t9w2x4y6z8abc",
        "mode": "test",
        "loan_id": LOAN_ID,
        "status": "requested",
        "amount": minor(35_531),
        "url": "https://pay.example/pay/Zk3vX9bL2mQ7tR5wY8pN1c",
        "created_at": AT,
        "expires_at": "2026-11-21T08:30:00.000000Z",
    },
}
