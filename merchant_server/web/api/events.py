"""/v1/events"""

import json
from typing import Any

from fenqi.wire import EventQuerySchema, EventSchema, page_of
from flask import Response

from merchant_server.web.api.describing import listed
from merchant_server.web.bodies import ApiBlueprint
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("events", __name__, url_prefix="/v1/events", description="Facts, numbered without gaps.")


@blp.get("")
@blp.arguments(EventQuerySchema, location="query")
@blp.response(200, page_of(EventSchema))
def listing(query: dict[str, Any]) -> Response:
    """List events after a cursor, oldest first."""
    who = caller("read")
    with deps().storage.reading() as uow:
        texts = uow.events.page(who.merchant_id, who.mode, int(query["after"] or 0), query["limit"] + 1)
    events = [json.loads(text) for text in texts[: query["limit"]]]
    cursor = str(events[-1]["sequence"]) if events else query["after"]
    return listed(events, cursor, has_more=len(texts) > query["limit"])
