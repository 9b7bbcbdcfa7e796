"""What a merchant set up, as the public JSON resources of /v1: stores, tills, keys, endpoints and their deliveries."""

import base64
from datetime import datetime
from typing import Any

from fenqi.wire import utc_text

from merchant_server.domain.merchant import ApiKey, Store, Till
from merchant_server.ports import AttemptRecord, DeliveryRecord, Endpoint, FeedMark


def store_resource(store: Store) -> dict[str, Any]:
    """Return a store."""
    return {"object": "store", "id": store.id, "name": store.name, "status": store.status}


def till_resource(till: Till) -> dict[str, Any]:
    """Return a till."""
    return {
        "object": "till",
        "id": till.id,
        "store_id": till.store_id,
        "name": till.name,
        "status": till.status,
    }


def key_resource(key: ApiKey, now: datetime) -> dict[str, Any]:
    """Return a key without its secret, which nobody knows any more."""
    return {
        "object": "key",
        "id": key.id,
        "kind": key.kind,
        "mode": key.mode,
        "name": key.name,
        "scopes": list(key.scopes),
        "hint": key.hint,
        "status": key.status(now),
        "version": key.version,
        "till_id": key.till_id,
        "created_at": utc_text(key.created_at),
        "last_used_at": _maybe(key.last_used_at),
        "expires_at": _maybe(key.expires_at),
        "revoked_at": _maybe(key.revoked_at),
    }


def endpoint_resource(endpoint: Endpoint) -> dict[str, Any]:
    """Return a webhook endpoint; of an Ed25519 secret the public half, of an HMAC secret nothing."""
    signature = "v1a" if endpoint.secret.startswith("whsk_") else "v1"
    return {
        "object": "webhook_endpoint",
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.event_types),
        "description": endpoint.description,
        "status": endpoint.status,
        "reason": endpoint.reason,
        "signature": signature,
        "public_key": public_key(endpoint.secret) if signature == "v1a" else None,
        "overlap_until": _maybe(endpoint.overlap_until),
        "created_at": utc_text(endpoint.created_at),
    }


def public_key(secret: str) -> str:
    """Return the whpk_… of a whsk_…, which is its private seed and its public key one after the other."""
    both = base64.b64decode(secret.removeprefix("whsk_"))
    return "whpk_" + base64.b64encode(both[32:]).decode()


def delivery_resource(record: DeliveryRecord) -> dict[str, Any]:
    """Return a line of the delivery log: no body and no answer, so nothing personal."""
    return {
        "object": "delivery",
        "id": record.id,
        "webhook_endpoint_id": record.endpoint_id,
        "event_id": record.event_id,
        "event_type": record.event_type,
        "status": record.status,
        "attempts": record.attempts,
        "last_status": record.last_status,
        "last_reason": record.last_reason,
        "took_ms": record.took_ms,
        "tried_at": _maybe(record.tried_at),
        "next_try_at": _maybe(record.next_try_at),
        "delivered_at": _maybe(record.delivered_at),
    }


def attempt_resource(delivery_id: str, attempt: AttemptRecord) -> dict[str, Any]:
    """Return one try of a delivery: when, how long, and what came of it."""
    return {
        "object": "delivery_attempt",
        "id": attempt.id,
        "delivery_id": delivery_id,
        "number": attempt.number,
        "tried_at": utc_text(attempt.tried_at),
        "took_ms": attempt.took_ms,
        "status": attempt.status,
        "reason": attempt.reason,
    }


def mark_resource(mark: FeedMark) -> dict[str, Any]:
    """Return how far a reader of the feed has got."""
    return {
        "object": "event_mark",
        "reader": mark.name,
        "sequence": mark.sequence,
        "acknowledged_at": utc_text(mark.acknowledged_at),
    }


def _maybe(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)
