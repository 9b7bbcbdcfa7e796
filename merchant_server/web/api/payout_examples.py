"""One example of every body about what a merchant is paid."""

from typing import Any

from merchant_server.web.api.setup_examples import AT, LOAN_ID, minor

_PAYOUT_ID = "pyt_01kavg0a1b2c3d4e5f6g7h8j9k"
_LINE = {
    "entry_id": "je_01kavg1a1b2c3d4e5f6g7h8j9k",
    "occurred_on": "2026-11-22",
    "heading": "sales",
    "loan_id": LOAN_ID,
    "reference": "order-1001",
    "amount": minor(397_500),
}
PAYOUT_EXAMPLES: dict[str, Any] = {
    "Payout": {
        "object": "payout",
        "id": _PAYOUT_ID,
        "mode": "test",
        "status": "paid",
        "amount": minor(397_500),
        "code": "",
        "payout_on": "2026-11-23",
        "created_at": AT,
        "settled_at": AT,
        "sequence": 2,
    },
    "StatementLine": _LINE,
    "PayoutStatement": {
        "object": "payout_statement",
        "payout_id": _PAYOUT_ID,
        "amount": minor(397_500),
        "totals": {"sales": minor(397_500)},
        "lines": [_LINE],
    },
    "Statement": {
        "object": "statement",
        "account": "payable",
        "from": "2026-11-22",
        "to": "2026-11-22",
        "opening": minor(0),
        "closing": minor(397_500),
        "totals": {"sales": minor(397_500)},
        "lines": [_LINE],
    },
    "Balance": {
        "object": "balance",
        "payable": minor(397_500),
        "reserve": minor(0),
        "on_its_way": minor(0),
    },
}
