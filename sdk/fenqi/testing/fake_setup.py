"""What a merchant sets up in the fake server: stores, tills, keys and webhook endpoints. It pushes nothing."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from marshmallow import Schema

from fenqi.ids import DELIVERY, EVENT, KEY, STORE, TILL, WEBHOOK_ENDPOINT
from fenqi.testing.fake_answers import Refused
from fenqi.wire import (
    DeliveryAttemptSchema,
    DeliveryQuerySchema,
    DeliverySchema,
    KeyDraftSchema,
    KeySchema,
    PageQuerySchema,
    ReplaySchema,
    RollSchema,
    StoreChangeSchema,
    StoreDraftSchema,
    StoreQuerySchema,
    StoreSchema,
    TillChangeSchema,
    TillDraftSchema,
    TillQuerySchema,
    TillSchema,
    WebhookEndpointChangeSchema,
    WebhookEndpointDraftSchema,
    WebhookEndpointSchema,
    strict_json,
)

WEBHOOK_SECRET = "whsec_ZmVucWktdGVzdGluZy1zZWNyZXQtMzItYnl0ZXMh"  # noqa: S105
PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
_SCOPES = ["create", "capture", "refund", "read", "settings"]
_KINDS = {"publishable": ("pk", ["price"]), "till": ("tk", ["create", "price", "watch"])}
Shown = dict[str, Any]
Row = dict[str, Any]


class FakeSetup:
    """Rows by id in the order they were made. Handlers take (query, body, *ids) and return status and JSON."""

    def __init__(self, new_id: Callable[[str, datetime], str], now: Callable[[], datetime]) -> None:
        self._new_id, self._now = new_id, now
        self.stores: dict[str, Row] = {}
        self.tills: dict[str, Row] = {}
        self.keys: dict[str, Row] = {}
        self.endpoints: dict[str, Row] = {}
        self.deliveries: dict[str, Row] = {}

    def create_store(self, _: Shown, body: bytes) -> tuple[int, Shown]:
        row = {"id": self._new_id(STORE, self._now()), "status": "open", **_read(StoreDraftSchema, body)}
        self.stores[row["id"]] = row
        return 201, _write(StoreSchema, row)

    def list_stores(self, query: Shown, _: bytes) -> tuple[int, Shown]:
        return 200, _page(StoreSchema, self.stores, StoreQuerySchema().load(query))

    def retrieve_store(self, _: Shown, __: bytes, store_id: str) -> tuple[int, Shown]:
        return 200, _write(StoreSchema, _found(self.stores, store_id, "store"))

    def change_store(self, _: Shown, body: bytes, store_id: str) -> tuple[int, Shown]:
        row = _found(self.stores, store_id, "store")
        row.update(_read(StoreChangeSchema, body))
        return 200, _write(StoreSchema, row)

    def create_till(self, _: Shown, body: bytes) -> tuple[int, Shown]:
        draft = _read(TillDraftSchema, body)
        _found(self.stores, draft["store_id"], "store")
        row = {"id": self._new_id(TILL, self._now()), "status": "open", **draft}
        self.tills[row["id"]] = row
        return 201, _write(TillSchema, row)

    def list_tills(self, query: Shown, _: bytes) -> tuple[int, Shown]:
        return 200, _page(TillSchema, self.tills, TillQuerySchema().load(query))

    def retrieve_till(self, _: Shown, __: bytes, till_id: str) -> tuple[int, Shown]:
        return 200, _write(TillSchema, _found(self.tills, till_id, "till"))

    def change_till(self, _: Shown, body: bytes, till_id: str) -> tuple[int, Shown]:
        row = _found(self.tills, till_id, "till")
        row.update(_read(TillChangeSchema, body))
        return 200, _write(TillSchema, row)

    def create_key(self, _: Shown, body: bytes) -> tuple[int, Shown]:
        draft = _read(KeyDraftSchema, body)
        if (draft["kind"] == "till") != (draft["till_id"] is not None):
            raise Refused(
                422, "till_unknown", "A till's key needs its till, and no other key has one.", "till_id"
            )
        if draft["till_id"] is not None:
            _found(self.tills, draft["till_id"], "till")
        return 201, self._new_key(draft)

    def _new_key(self, draft: Row) -> Shown:
        now = self._now()
        prefix, scopes = _KINDS.get(draft["kind"], ("sk", draft["scopes"] or _SCOPES))
        key_id = self._new_id(KEY, now)
        secret = f"{prefix}_test_fake_{key_id[-8:]}"
        more = {"id": key_id, "mode": "test", "scopes": scopes, "hint": secret[-4:], "status": "active"}
        ends = {"last_used_at": None, "expires_at": None, "revoked_at": None}
        self.keys[key_id] = {**draft, **more, **ends, "version": "2026-11-22", "created_at": now}
        return _write(KeySchema, self.keys[key_id]) | {"secret": secret}

    def list_keys(self, query: Shown, _: bytes) -> tuple[int, Shown]:
        newest_first = dict(reversed(self.keys.items()))
        return 200, _page(KeySchema, newest_first, PageQuerySchema().load(query))

    def retrieve_key(self, _: Shown, __: bytes, key_id: str) -> tuple[int, Shown]:
        return 200, _write(KeySchema, _found(self.keys, key_id, "key"))

    def roll_key(self, _: Shown, body: bytes, key_id: str) -> tuple[int, Shown]:
        wanted = _read(RollSchema, body)
        row = _found(self.keys, key_id, "key")
        if row["status"] != "active":
            raise Refused(409, "key_not_live", "The key has a successor or has ended.")
        row["status"] = "expiring"
        row["expires_at"] = self._now() + timedelta(seconds=wanted["overlap_seconds"])
        return 201, self._new_key({name: row[name] for name in ("kind", "name", "scopes", "till_id")})

    def revoke_key(self, _: Shown, __: bytes, key_id: str) -> tuple[int, Shown]:
        row = _found(self.keys, key_id, "key")
        row["status"], row["revoked_at"] = "revoked", row["revoked_at"] or self._now()
        return 200, _write(KeySchema, row)

    def create_endpoint(self, _: Shown, body: bytes) -> tuple[int, Shown]:
        draft = _read(WebhookEndpointDraftSchema, body)
        asymmetric = draft["signature"] == "v1a"
        row = {
            **draft,
            "id": self._new_id(WEBHOOK_ENDPOINT, self._now()),
            "status": "active",
            "reason": "",
            "public_key": PUBLIC_KEY if asymmetric else None,
            "overlap_until": None,
            "created_at": self._now(),
        }
        self.endpoints[row["id"]] = row
        shown = _write(WebhookEndpointSchema, row)
        return 201, shown if asymmetric else shown | {"secret": WEBHOOK_SECRET}

    def list_endpoints(self, query: Shown, _: bytes) -> tuple[int, Shown]:
        return 200, _page(WebhookEndpointSchema, self.endpoints, PageQuerySchema().load(query))

    def retrieve_endpoint(self, _: Shown, __: bytes, endpoint_id: str) -> tuple[int, Shown]:
        return 200, _write(WebhookEndpointSchema, _found(self.endpoints, endpoint_id, "endpoint"))

    def change_endpoint(self, _: Shown, body: bytes, endpoint_id: str) -> tuple[int, Shown]:
        row = _found(self.endpoints, endpoint_id, "endpoint")
        row.update(_read(WebhookEndpointChangeSchema, body))
        row["reason"] = "" if row["status"] == "active" else "disabled by its owner"
        return 200, _write(WebhookEndpointSchema, row)

    def roll_secret(self, _: Shown, body: bytes, endpoint_id: str) -> tuple[int, Shown]:
        wanted = _read(RollSchema, body)
        row = _found(self.endpoints, endpoint_id, "endpoint")
        row["overlap_until"] = self._now() + timedelta(seconds=wanted["overlap_seconds"])
        return 200, _write(WebhookEndpointSchema, row) | {"secret": WEBHOOK_SECRET}

    def ping(self, _: Shown, __: bytes, endpoint_id: str) -> tuple[int, Shown]:
        _found(self.endpoints, endpoint_id, "endpoint")
        row: Row = {
            "id": self._new_id(DELIVERY, self._now()),
            "webhook_endpoint_id": endpoint_id,
            "event_id": self._new_id(EVENT, self._now()),
            "event_type": "webhook_endpoint.ping",
            "status": "pending",
            "attempts": 0,
            "last_reason": "",
            "next_try_at": self._now(),
            **dict.fromkeys(("last_status", "took_ms", "tried_at", "delivered_at")),
        }
        self.deliveries[row["id"]] = row
        return 200, _write(DeliverySchema, row)

    def list_deliveries(self, query: Shown, _: bytes, endpoint_id: str) -> tuple[int, Shown]:
        _found(self.endpoints, endpoint_id, "endpoint")
        wanted = DeliveryQuerySchema().load(query) | {"webhook_endpoint_id": endpoint_id}
        return 200, _page(DeliverySchema, dict(reversed(self.deliveries.items())), wanted)

    def retrieve_delivery(self, _: Shown, __: bytes, delivery_id: str) -> tuple[int, Shown]:
        return 200, _write(DeliverySchema, _found(self.deliveries, delivery_id, "delivery"))

    def list_attempts(self, query: Shown, _: bytes, delivery_id: str) -> tuple[int, Shown]:
        """Nothing is pushed here, so nothing was tried."""
        _found(self.deliveries, delivery_id, "delivery")
        return 200, _page(DeliveryAttemptSchema, {}, PageQuerySchema().load(query))

    def replay(self, _: Shown, body: bytes, endpoint_id: str) -> tuple[int, Shown]:
        _read(ReplaySchema, body)
        _found(self.endpoints, endpoint_id, "endpoint")
        return 200, {"object": "replay", "queued": 0, "has_more": False}

    def delete_endpoint(self, endpoint_id: str) -> None:
        _found(self.endpoints, endpoint_id, "endpoint")
        del self.endpoints[endpoint_id]


# Patterns of paths, and the names of the handlers by method.
SETUP_ROUTES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("/v1/webhook_endpoints", {"POST": "create_endpoint", "GET": "list_endpoints"}),
    ("/v1/webhook_endpoints/([^/]+)", {"GET": "retrieve_endpoint", "PATCH": "change_endpoint"}),
    ("/v1/webhook_endpoints/([^/]+)/roll_secret", {"POST": "roll_secret"}),
    ("/v1/webhook_endpoints/([^/]+)/ping", {"POST": "ping"}),
    ("/v1/webhook_endpoints/([^/]+)/deliveries", {"GET": "list_deliveries"}),
    ("/v1/webhook_endpoints/([^/]+)/replay", {"POST": "replay"}),
    ("/v1/deliveries/([^/]+)", {"GET": "retrieve_delivery"}),
    ("/v1/deliveries/([^/]+)/attempts", {"GET": "list_attempts"}),
    ("/v1/deliveries/([^/]+)/replay", {"POST": "retrieve_delivery"}),
    ("/v1/stores", {"POST": "create_store", "GET": "list_stores"}),
    ("/v1/stores/([^/]+)", {"GET": "retrieve_store", "PATCH": "change_store"}),
    ("/v1/tills", {"POST": "create_till", "GET": "list_tills"}),
    ("/v1/tills/([^/]+)", {"GET": "retrieve_till", "PATCH": "change_till"}),
    ("/v1/keys", {"POST": "create_key", "GET": "list_keys"}),
    ("/v1/keys/([^/]+)", {"GET": "retrieve_key"}),
    ("/v1/keys/([^/]+)/roll", {"POST": "roll_key"}),
    ("/v1/keys/([^/]+)/revoke", {"POST": "revoke_key"}),
)


def _read(schema: type[Schema], body: bytes) -> Row:
    loaded: Row = schema().load(strict_json(body or b"{}"))
    return loaded


def _write(schema: type[Schema], row: Mapping[str, Any]) -> Shown:
    dumped: Shown = schema().dump(row)
    return dumped


def _found(rows: Mapping[str, Row], row_id: str, noun: str) -> Row:
    if row_id not in rows:
        raise Refused(404, "not_found", f"There is no such {noun}.")
    return rows[row_id]


def _page(schema: type[Schema], rows: Mapping[str, Row], query: Mapping[str, Any]) -> Shown:
    filters = {name: value for name, value in query.items() if name not in ("limit", "cursor")}
    wanted = [
        row for row in rows.values() if all(value in (None, row[name]) for name, value in filters.items())
    ]
    ids = [row["id"] for row in wanted]
    if query["cursor"] is not None and query["cursor"] not in ids:
        raise Refused(400, "cursor_unknown", "This cursor is not of this list.", "cursor")
    start = 0 if query["cursor"] is None else ids.index(query["cursor"]) + 1
    shown = wanted[start : start + query["limit"]]
    more = start + len(shown) < len(wanted)
    return {
        "object": "list",
        "data": [_write(schema, row) for row in shown],
        "has_more": more,
        "next_cursor": shown[-1]["id"] if more else None,
    }
