"""Webhook endpoints and their deliveries: made, changed, tried out, looked into and sent again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from merchant_server.domain.errors import NotFound, RuleRefused, TransitionNotAllowed
from merchant_server.domain.merchant import Caller
from merchant_server.ports import DeliveryRecord, Endpoint, EventSpan, UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.publishing import publish_endpoint

ENDPOINTS_MAX = 10
REPLAY_MAX = 1_000
REFUSALS = {
    "url_refused": "webhooks go to https addresses without a user name",
    "address_refused": "this host has an address inside a private network",
}


def check_address(deps: Deps, url: str) -> None:
    """Raise RuleRefused for an address that nothing would be sent to. Asks a name server: not in a transaction."""
    refusal = deps.sender.refusal(url)
    if refusal:
        raise RuleRefused(
            REFUSALS[refusal],
            code=refusal,
            field="url",
            hint="use a public https address; FENQI_WEBHOOK_PRIVATE=on admits private ones on your own machines",
        )


def create_endpoint(uow: UnitOfWork, deps: Deps, caller: Caller, draft: dict[str, Any]) -> Endpoint:
    """Store a webhook endpoint with a fresh secret. Raises RuleRefused beyond the number allowed."""
    existing = uow.endpoints.of_merchant(caller.merchant_id, caller.mode)
    if len(existing) >= ENDPOINTS_MAX:
        raise RuleRefused(
            f"a merchant has at most {ENDPOINTS_MAX} endpoints",
            code="too_many_endpoints",
            hint="delete one first",
        )
    endpoint = Endpoint(
        id=deps.ids.new("whe"),
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        url=draft["url"],
        event_types=tuple(draft["events"]),
        secret=deps.sender.new_secret(draft.get("signature", "v1")),
        status="active",
        created_at=deps.clock.now(),
        description=draft.get("description", ""),
    )
    uow.endpoints.add(endpoint)
    return endpoint


def find_endpoint(uow: UnitOfWork, caller: Caller, endpoint_id: str, *, hold: bool = False) -> Endpoint:
    """Return the caller's endpoint, locked where asked, or raise NotFound; another merchant's is not found either."""
    endpoint = uow.endpoints.get(endpoint_id, hold=hold)
    if (
        endpoint is None
        or (endpoint.merchant_id, endpoint.mode) != (caller.merchant_id, caller.mode)
        or endpoint.status == "deleted"
    ):
        raise NotFound("there is no such endpoint", hint="GET /v1/webhook_endpoints lists your endpoints")
    return endpoint


def change_endpoint(uow: UnitOfWork, caller: Caller, endpoint_id: str, changes: dict[str, Any]) -> Endpoint:
    """Change an endpoint's address, events, description or status. Raises NotFound.

    What was queued for one that is disabled is dead; enabling it again sends nothing of that by itself.
    """
    endpoint = find_endpoint(uow, caller, endpoint_id, hold=True)
    named = {name: value for name, value in changes.items() if name != "events"}
    if "events" in changes:
        named["event_types"] = tuple(changes["events"])
    if "status" in changes:
        named["reason"] = "" if changes["status"] == "active" else endpoint.reason or "disabled by its owner"
    changed = replace(endpoint, **named)
    uow.endpoints.save(changed)
    return changed


def delete_endpoint(uow: UnitOfWork, caller: Caller, endpoint_id: str) -> None:
    """Delete an endpoint; what was queued for it is not sent. Raises NotFound."""
    uow.endpoints.save(replace(find_endpoint(uow, caller, endpoint_id, hold=True), status="deleted"))


def disable_gone(uow: UnitOfWork, deps: Deps, endpoint_id: str) -> None:
    """Disable an endpoint that answered 410, once, and tell the merchant's other ones."""
    endpoint = uow.endpoints.get(endpoint_id, hold=True)
    if endpoint is None or endpoint.status != "active":
        return
    gone = replace(
        endpoint, status="disabled", reason="the receiver answered 410 Gone", version=endpoint.version + 1
    )
    uow.endpoints.save(gone)
    publish_endpoint(uow, deps, gone, "webhook_endpoint.disabled")


def roll_secret(
    uow: UnitOfWork, deps: Deps, caller: Caller, endpoint_id: str, overlap_seconds: int
) -> Endpoint:
    """Give an endpoint a new secret; the one before signs too for `overlap_seconds`. Raises NotFound."""
    endpoint = find_endpoint(uow, caller, endpoint_id, hold=True)
    rolled = replace(
        endpoint,
        secret=deps.sender.new_secret("v1a" if endpoint.secret.startswith("whsk_") else "v1"),
        old_secret=endpoint.secret,
        overlap_until=deps.clock.now() + timedelta(seconds=overlap_seconds),
    )
    uow.endpoints.save(rolled)
    return rolled


def ping(uow: UnitOfWork, deps: Deps, caller: Caller, endpoint_id: str) -> DeliveryRecord:
    """Queue a test event for one endpoint, whatever it asked for. Raises NotFound, TransitionNotAllowed."""
    endpoint = find_endpoint(uow, caller, endpoint_id, hold=True)
    _require_active(endpoint)
    pinged = replace(endpoint, version=endpoint.version + 1)
    uow.endpoints.save(pinged)
    publish_endpoint(uow, deps, pinged, "webhook_endpoint.ping", only_to=endpoint.id)
    return uow.deliveries.page(endpoint.id, before=None, limit=1, status=None)[0]


def find_delivery(uow: UnitOfWork, caller: Caller, delivery_id: str) -> DeliveryRecord:
    """Return a line of the caller's delivery log, or raise NotFound."""
    record = uow.deliveries.find(delivery_id)
    if record is None or (record.merchant_id, record.mode) != (caller.merchant_id, caller.mode):
        raise NotFound("there is no such delivery")
    return record


def replay_delivery(uow: UnitOfWork, deps: Deps, caller: Caller, delivery_id: str) -> DeliveryRecord:
    """Send an event again, delivered or dead; one that is under way stays as it is.

    Raises NotFound, TransitionNotAllowed for an endpoint that is not active.
    """
    record = find_delivery(uow, caller, delivery_id)
    _require_active(find_endpoint(uow, caller, record.endpoint_id))
    if record.status != "pending":
        uow.deliveries.replay(record.id, deps.clock.now())
    return find_delivery(uow, caller, delivery_id)


def replay_events(
    uow: UnitOfWork, deps: Deps, caller: Caller, endpoint_id: str, span: EventSpan
) -> tuple[int, bool]:
    """Send the events of a span again, oldest first; return how many, and whether there may be more.

    Raises NotFound, TransitionNotAllowed for an endpoint that is not active.
    """
    endpoint = find_endpoint(uow, caller, endpoint_id)
    _require_active(endpoint)
    queued = uow.deliveries.replay_span(endpoint, span, deps.clock.now(), REPLAY_MAX)
    return queued, queued == REPLAY_MAX


def _require_active(endpoint: Endpoint) -> None:
    if endpoint.status != "active":
        raise TransitionNotAllowed(
            f"the endpoint is disabled: {endpoint.reason}",
            code="endpoint_disabled",
            hint='enable it first: PATCH it with {"status": "active"}',
        )
