"""/v1/webhook_endpoints"""

from typing import Any

from fenqi.wire import WebhookEndpointDraftSchema, WebhookEndpointSchema, page_of, utc_text
from flask import Response

from merchant_server.ports import Endpoint
from merchant_server.services.operation.merchants import create_endpoint, delete_endpoint
from merchant_server.web.api.describing import IDEMPOTENT, listed
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "webhook_endpoints", __name__, url_prefix="/v1/webhook_endpoints", description="Where events go."
)


def _shown(endpoint: Endpoint, **more: str) -> dict[str, Any]:
    return {
        "object": "webhook_endpoint",
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.event_types),
        "status": endpoint.status,
        "created_at": utc_text(endpoint.created_at),
        **more,
    }


@blp.post("")
@blp.doc(**IDEMPOTENT)
@blp.arguments(WebhookEndpointDraftSchema)
@blp.response(201, WebhookEndpointSchema)
def create(draft: dict[str, Any]) -> Response:
    """Make an endpoint; its secret is shown here and never again."""
    who = caller("settings")

    def made(uow: Any) -> dict[str, Any]:
        endpoint = create_endpoint(uow, deps(), who, draft)
        return _shown(endpoint, secret=endpoint.secret)

    return answer_once(who, 201, made)


@blp.get("")
@blp.response(200, page_of(WebhookEndpointSchema))
def listing() -> Response:
    """List endpoints, without their secrets."""
    who = caller("settings")
    with deps().storage.reading() as uow:
        endpoints = uow.endpoints.of_merchant(who.merchant_id, who.mode)
    return listed([_shown(each) for each in endpoints])


@blp.delete("/<endpoint_id>")
@blp.response(204)
def delete(endpoint_id: str) -> Response:
    """Delete an endpoint; what was queued for it is not sent."""
    who = caller("settings")
    with deps().storage.unit_of_work() as uow:
        delete_endpoint(uow, who, endpoint_id)
    return Response(status=204)
