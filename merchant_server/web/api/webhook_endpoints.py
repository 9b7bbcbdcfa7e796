"""/v1/webhook_endpoints"""

from typing import Any

from fenqi.wire import (
    DeliveryQuerySchema,
    DeliverySchema,
    EmptySchema,
    PageQuerySchema,
    ReplayedSchema,
    ReplaySchema,
    RollSchema,
    WebhookEndpointChangeSchema,
    WebhookEndpointDraftSchema,
    WebhookEndpointSchema,
    page_of,
)
from flask import Response

from merchant_server.ports import Endpoint, EventSpan, UnitOfWork
from merchant_server.services.operation import webhooks
from merchant_server.services.resources import delivery_resource, endpoint_resource
from merchant_server.web.api.describing import IDEMPOTENT, answer, page, window
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "webhook_endpoints", __name__, url_prefix="/v1/webhook_endpoints", description="Where events go."
)


def _new(endpoint: Endpoint) -> dict[str, Any]:
    """Show a secret at its birth; the private half of an Ed25519 key is nobody's but ours."""
    shown = endpoint_resource(endpoint)
    return shown if shown["signature"] == "v1a" else {**shown, "secret": endpoint.secret}


@blp.post("")
@blp.doc(**IDEMPOTENT)
@blp.arguments(WebhookEndpointDraftSchema)
@blp.response(201, WebhookEndpointSchema)
def create(draft: dict[str, Any]) -> Response:
    """Make an endpoint; its secret is shown here and never again."""
    who = caller("settings")
    webhooks.check_address(deps(), draft["url"])
    return answer_once(who, 201, lambda uow: _new(webhooks.create_endpoint(uow, deps(), who, draft)))


@blp.get("")
@blp.arguments(PageQuerySchema, location="query")
@blp.response(200, page_of(WebhookEndpointSchema))
def listing(query: dict[str, Any]) -> Response:
    """List endpoints, without their secrets."""
    who = caller("settings")
    with deps().storage.reading() as uow:
        endpoints = uow.endpoints.of_merchant(who.merchant_id, who.mode)
    return window([endpoint_resource(each) for each in endpoints], query)


@blp.get("/<endpoint_id>")
@blp.response(200, WebhookEndpointSchema)
def retrieve(endpoint_id: str) -> Response:
    """Look an endpoint up, with the reason if it is disabled."""
    who = caller("settings")
    with deps().storage.reading() as uow:
        return answer(endpoint_resource(webhooks.find_endpoint(uow, who, endpoint_id)))


@blp.patch("/<endpoint_id>")
@blp.arguments(WebhookEndpointChangeSchema)
@blp.response(200, WebhookEndpointSchema)
def change(changes: dict[str, Any], endpoint_id: str) -> Response:
    """Change an endpoint's address, events, description or status; enabling it sends nothing of before by itself."""
    who = caller("settings")
    if "url" in changes:
        webhooks.check_address(deps(), changes["url"])
    with deps().storage.unit_of_work() as uow:
        return answer(endpoint_resource(webhooks.change_endpoint(uow, who, endpoint_id, changes)))


@blp.delete("/<endpoint_id>")
@blp.response(204)
def delete(endpoint_id: str) -> Response:
    """Delete an endpoint; what was queued for it is not sent."""
    who = caller("settings")
    with deps().storage.unit_of_work() as uow:
        webhooks.delete_endpoint(uow, who, endpoint_id)
    return Response(status=204)


@blp.post("/<endpoint_id>/roll_secret")
@blp.doc(**IDEMPOTENT)
@blp.arguments(RollSchema, required=False)
@blp.response(200, WebhookEndpointSchema)
def roll_secret(body: dict[str, int], endpoint_id: str) -> Response:
    """Give an endpoint a new secret and show it; for overlap_seconds every event carries both signatures."""
    who = caller("settings")

    def rolled(uow: UnitOfWork) -> dict[str, Any]:
        return _new(webhooks.roll_secret(uow, deps(), who, endpoint_id, body["overlap_seconds"]))

    return answer_once(who, 200, rolled)


@blp.post("/<endpoint_id>/ping")
@blp.doc(**IDEMPOTENT)
@blp.arguments(EmptySchema, required=False)
@blp.response(200, DeliverySchema)
def ping(_: dict[str, Any], endpoint_id: str) -> Response:
    """Send a test event to this endpoint alone; ask for the delivery to see what came of it."""
    who = caller("settings")
    return answer_once(who, 200, lambda uow: delivery_resource(webhooks.ping(uow, deps(), who, endpoint_id)))


@blp.get("/<endpoint_id>/deliveries")
@blp.arguments(DeliveryQuerySchema, location="query")
@blp.response(200, page_of(DeliverySchema))
def deliveries(query: dict[str, Any], endpoint_id: str) -> Response:
    """List an endpoint's deliveries, newest first; status=dead lists what was given up."""
    who = caller("settings")
    with deps().storage.reading() as uow:
        webhooks.find_endpoint(uow, who, endpoint_id)
        found = uow.deliveries.page(
            endpoint_id, before=query["cursor"], limit=query["limit"] + 1, status=query["status"]
        )
    return page([delivery_resource(each) for each in found], query["limit"])


@blp.post("/<endpoint_id>/replay")
@blp.doc(**IDEMPOTENT)
@blp.arguments(ReplaySchema)
@blp.response(200, ReplayedSchema)
def replay(body: dict[str, Any], endpoint_id: str) -> Response:
    """Send the events of a time span again, oldest first: those it missed, or all."""
    who = caller("settings")

    def replayed(uow: UnitOfWork) -> dict[str, Any]:
        queued, more = webhooks.replay_events(uow, deps(), who, endpoint_id, EventSpan(**body))
        return {"object": "replay", "queued": queued, "has_more": more}

    return answer_once(who, 200, replayed)
