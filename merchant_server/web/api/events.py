"""/v1/events"""

import json
from typing import Any

from fenqi.wire import LATEST, AckSchema, EventMarkSchema, EventQuerySchema, EventSchema, page_of
from flask import Response

from merchant_server.services.operation import feed
from merchant_server.services.setup_resources import mark_resource
from merchant_server.web.api.describing import IDEMPOTENT, listed
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("events", __name__, url_prefix="/v1/events", description="Facts, numbered without gaps.")


@blp.get("")
@blp.arguments(EventQuerySchema, location="query")
@blp.response(200, page_of(EventSchema))
def listing(query: dict[str, Any]) -> Response:
    """List events after a cursor, or after what a reader acknowledged, oldest first."""
    who = caller("read")
    with deps().storage.reading() as uow:
        if query["after"] == LATEST:
            return listed([], feed.newest_cursor(uow, who), has_more=False)
        after = feed.start(uow, who, query["after"], query["reader"])
        texts = uow.events.page(who.merchant_id, who.mode, after, query["limit"] + 1)
    events = [json.loads(text) for text in texts[: query["limit"]]]
    cursor = events[-1]["id"] if events else query["after"]
    return listed(events, cursor, has_more=len(texts) > query["limit"])


@blp.post("/ack")
@blp.doc(**IDEMPOTENT)
@blp.arguments(AckSchema)
@blp.response(200, EventMarkSchema)
def acknowledge(body: dict[str, str]) -> Response:
    """Say that everything up to an event is dealt with; a mark moves forwards only."""
    who = caller("read")
    return answer_once(
        who,
        200,
        lambda uow: mark_resource(feed.acknowledge(uow, deps(), who, body["reader"], body["cursor"])),
    )
