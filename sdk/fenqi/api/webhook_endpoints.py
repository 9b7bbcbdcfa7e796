"""`client.webhook_endpoints` and `client.deliveries`: where fenqi pushes events, and how the pushes went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from fenqi.api.intent import fresh_key, path_id
from fenqi.api.pages import Page, checked_limit
from fenqi.api.places import changes
from fenqi.api.reading import RAW, known, load
from fenqi.api.transport import Transport
from fenqi.errors import InvalidArgument
from fenqi.wire import (
    DeliveryAttemptSchema,
    DeliverySchema,
    ReplayedSchema,
    WebhookEndpointSchema,
    utc_text,
)

_ENDPOINT, _REPLAYED = WebhookEndpointSchema(), ReplayedSchema()
_DELIVERY, _ATTEMPT = DeliverySchema(), DeliveryAttemptSchema()
_PATH = "/v1/webhook_endpoints"


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where events are pushed. `secret` is there only in the answers that make one; it stays out of repr.

    status: active or disabled, with the reason. signature: v1 (HMAC) or v1a (Ed25519, with a public key instead).
    """

    id: str
    url: str
    events: tuple[str, ...]
    description: str
    status: str
    reason: str
    signature: str
    public_key: str | None
    overlap_until: datetime | None
    created_at: datetime
    secret: str | None = field(repr=False, default=None)
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a webhook endpoint's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = load(_ENDPOINT, raw)
        loaded["events"] = tuple(loaded["events"])
        return cls(**known(cls, loaded), raw=raw)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the push of one event to one endpoint goes. status: pending, delivered or dead."""

    id: str
    webhook_endpoint_id: str
    event_id: str
    event_type: str
    status: str
    attempts: int
    last_status: int | None
    last_reason: str
    took_ms: int | None
    tried_at: datetime | None
    next_try_at: datetime | None
    delivered_at: datetime | None
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a delivery's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_DELIVERY, raw)), raw=raw)


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try to push an event. `status` is the receiver's HTTP status, 0 when nothing answered."""

    id: str
    delivery_id: str
    number: int
    tried_at: datetime
    took_ms: int
    status: int
    reason: str
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read an attempt's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_ATTEMPT, raw)), raw=raw)


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many events were queued again; call again while there are more."""

    queued: int
    has_more: bool
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a replay's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_REPLAYED, raw)), raw=raw)


class WebhookEndpoints:
    """Where fenqi pushes events."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        url: str,
        events: Sequence[str] = ("*",),
        description: str | None = None,
        signature: str | None = None,
        idempotency_key: str | None = None,
    ) -> WebhookEndpoint:
        """Add an endpoint; its `secret` is in this answer only, so store it now.

        Every call adds another endpoint, unless you give the same idempotency_key again.
        """
        body = {"url": url, "events": list(events), **changes(description=description, signature=signature)}
        return WebhookEndpoint.from_dict(self._post(_PATH, body, idempotency_key))

    def retrieve(self, endpoint_id: str) -> WebhookEndpoint:
        """Return an endpoint, with the reason if it is disabled. Raises NotFoundError."""
        return WebhookEndpoint.from_dict(self._transport.call("GET", _at(endpoint_id)).body)

    def update(
        self,
        endpoint_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> WebhookEndpoint:
        """Change an endpoint; what is left out stays as it is. status: "active" or "disabled"."""
        named = None if events is None else list(events)
        body = changes(url=url, events=named, description=description, status=status)
        return WebhookEndpoint.from_dict(self._transport.call("PATCH", _at(endpoint_id), body=body).body)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[WebhookEndpoint]:
        """Return the endpoints, without their secrets."""
        query = {"limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, _PATH, query, WebhookEndpoint.from_dict)

    def delete(self, endpoint_id: str) -> None:
        """Stop pushing to an endpoint. Raises NotFoundError."""
        self._transport.call("DELETE", _at(endpoint_id))

    def roll_secret(
        self, endpoint_id: str, *, overlap_seconds: int | None = None, idempotency_key: str | None = None
    ) -> WebhookEndpoint:
        """Give an endpoint a new secret and return it; for the overlap, a day by default, both sign."""
        body = changes(overlap_seconds=overlap_seconds)
        return WebhookEndpoint.from_dict(self._post(_at(endpoint_id, "/roll_secret"), body, idempotency_key))

    def ping(self, endpoint_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """Send a test event to this endpoint alone; `client.deliveries.retrieve` says what came of it."""
        return Delivery.from_dict(self._post(_at(endpoint_id, "/ping"), {}, idempotency_key))

    def deliveries(
        self,
        endpoint_id: str,
        *,
        status: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """Return an endpoint's deliveries, newest first; status "dead" are those that were given up."""
        query = {"status": status, "limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, _at(endpoint_id, "/deliveries"), query, Delivery.from_dict)

    def replay(
        self,
        endpoint_id: str,
        *,
        since: datetime,
        until: datetime,
        what: str = "missed",
        idempotency_key: str | None = None,
    ) -> Replayed:
        """Send the events of a time span again, oldest first. what: "missed" (dead or never queued) or "all"."""
        for name, instant in (("since", since), ("until", until)):
            if not isinstance(instant, datetime) or instant.utcoffset() is None:
                raise InvalidArgument("Expected an aware datetime.", field=name)
        body = {"since": utc_text(since), "until": utc_text(until), "what": what}
        return Replayed.from_dict(self._post(_at(endpoint_id, "/replay"), body, idempotency_key))

    def _post(self, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> Any:
        key = idempotency_key or fresh_key()
        return self._transport.call("POST", path, body=body, idempotency_key=key).body


class Deliveries:
    """Single pushes; an endpoint's own are at `client.webhook_endpoints.deliveries`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def retrieve(self, delivery_id: str) -> Delivery:
        """Return a delivery as it stands now. Raises NotFoundError."""
        path = f"/v1/deliveries/{path_id(delivery_id, 'delivery_id')}"
        return Delivery.from_dict(self._transport.call("GET", path).body)

    def attempts(
        self, delivery_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[DeliveryAttempt]:
        """Return the tries of a delivery, newest first. Raises NotFoundError."""
        path = f"/v1/deliveries/{path_id(delivery_id, 'delivery_id')}/attempts"
        query = {"limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, path, query, DeliveryAttempt.from_dict)

    def replay(self, delivery_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """Send the event again, delivered or dead, with all its tries before it. Raises ConflictError."""
        path = f"/v1/deliveries/{path_id(delivery_id, 'delivery_id')}/replay"
        key = idempotency_key or fresh_key()
        return Delivery.from_dict(self._transport.call("POST", path, body={}, idempotency_key=key).body)


def _at(endpoint_id: str, more: str = "") -> str:
    return f"{_PATH}/{path_id(endpoint_id, 'endpoint_id')}{more}"
