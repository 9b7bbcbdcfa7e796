"""/v1/deliveries"""

from typing import Any

from fenqi.wire import DeliveryAttemptSchema, DeliverySchema, EmptySchema, PageQuerySchema, page_of
from flask import Response

from merchant_server.services.operation import webhooks
from merchant_server.services.setup_resources import attempt_resource, delivery_resource
from merchant_server.web.api.describing import IDEMPOTENT, answer, page
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "deliveries", __name__, url_prefix="/v1/deliveries", description="Pushes of one event to one endpoint."
)


@blp.get("/<delivery_id>")
@blp.response(200, DeliverySchema)
def retrieve(delivery_id: str) -> Response:
    """Look a delivery up."""
    who = caller("settings")
    with deps().storage.reading() as uow:
        return answer(delivery_resource(webhooks.find_delivery(uow, who, delivery_id)))


@blp.get("/<delivery_id>/attempts")
@blp.arguments(PageQuerySchema, location="query")
@blp.response(200, page_of(DeliveryAttemptSchema))
def attempts(query: dict[str, Any], delivery_id: str) -> Response:
    """List the tries of a delivery, newest first: when, how long, and what the receiver said."""
    who = caller("settings")
    with deps().storage.reading() as uow:
        webhooks.find_delivery(uow, who, delivery_id)
        found = uow.deliveries.attempts(delivery_id, before=query["cursor"], limit=query["limit"] + 1)
    return page([attempt_resource(delivery_id, each) for each in found], query["limit"])


@blp.post("/<delivery_id>/replay")
@blp.doc(**IDEMPOTENT)
@blp.arguments(EmptySchema, required=False)
@blp.response(200, DeliverySchema)
def replay(_: dict[str, Any], delivery_id: str) -> Response:
    """Send an event again, delivered or dead, with all its tries before it."""
    who = caller("settings")
    return answer_once(
        who, 200, lambda uow: delivery_resource(webhooks.replay_delivery(uow, deps(), who, delivery_id))
    )
