"""Examples of what a merchant sets up: places, keys, webhooks. Part of web/api/examples.py."""

from typing import Any

AT = "2026-11-22T08:00:00.000000Z"
EVENT_ID = "evt_01kavd3e8h5j6k7m8n9p0q1r2s"
LOAN_ID = "loan_01kavd5q2mzt8n6y3h4x0b9c7d"
STORE_ID = "sto_01kavc0a1b2c3d4e5f6g7h8j9k"
_TILL_ID = "til_01kavc1m2n3p4q5r6s7t8v9w0x"
_ENDPOINT_ID = "whe_01kavc2k3m4n5p6q7r8s9t0v1w"
_KEY_ID = "key_01kavbzz9y8x7w6v5t4s3r2q1p"
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
    "created_at": AT,
}


def minor(amount: int) -> dict[str, Any]:
    """Return a CNY amount as the API writes it."""
    return {"minor": amount, "currency": "CNY"}


# By the name that the schema has in the description.
SETUP_EXAMPLES: dict[str, dict[str, Any]] = {
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
        "event_id": EVENT_ID,
        "event_type": "checkout.captured",
        "status": "pending",
        "attempts": 2,
        "last_status": 500,
        "last_reason": "status_500",
        "took_ms": 84,
        "tried_at": AT,
        "next_try_at": "2026-11-22T08:05:31.000000Z",
        "delivered_at": None,
    },
    "DeliveryAttempt": {
        "object": "delivery_attempt",
        "id": "dat_01kavd3e8v2w3x4y5z6a7b8c9d",
        "delivery_id": "dlv_01kavd3e8t0v1w2x3y4z5a6b7c",
        "number": 2,
        "tried_at": AT,
        "took_ms": 84,
        "status": 500,
        "reason": "status_500",
    },
    "Replay": {"since": "2026-11-22T00:00:00Z", "until": "2026-11-23T00:00:00Z", "what": "missed"},
    "Replayed": {"object": "replay", "queued": 17, "has_more": False},
    "StoreDraft": {"name": "人民路店"},
    "StoreChange": {"status": "closed"},
    "Store": {"object": "store", "id": STORE_ID, "name": "人民路店", "status": "open"},
    "TillDraft": {"store_id": STORE_ID, "name": "1 号台"},
    "TillChange": {"name": "2 号台"},
    "Till": {"object": "till", "id": _TILL_ID, "store_id": STORE_ID, "name": "1 号台", "status": "open"},
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
        "created_at": AT,
        "last_used_at": None,
        "expires_at": None,
        "revoked_at": None,
    },
    "Roll": {"overlap_seconds": 86_400},
}
