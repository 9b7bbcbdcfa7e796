"""/v1/tills"""

from typing import Any

from fenqi.wire import TillChangeSchema, TillDraftSchema, TillQuerySchema, TillSchema, page_of
from flask import Response

from merchant_server.services.operation import places
from merchant_server.services.resources import till_resource
from merchant_server.web.api.describing import IDEMPOTENT, answer, window
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "tills", __name__, url_prefix="/v1/tills", description="Devices at the counters of stores."
)


@blp.get("")
@blp.arguments(TillQuerySchema, location="query")
@blp.response(200, page_of(TillSchema))
def listing(query: dict[str, Any]) -> Response:
    """List tills, oldest first."""
    who = caller("read")
    with deps().storage.reading() as uow:
        tills = uow.merchants.tills(who.merchant_id)
    wanted = [
        till_resource(each)
        for each in tills
        if query["status"] in (None, each.status) and query["store_id"] in (None, each.store_id)
    ]
    return window(wanted, query)


@blp.post("")
@blp.doc(**IDEMPOTENT)
@blp.arguments(TillDraftSchema)
@blp.response(201, TillSchema)
def create(draft: dict[str, str]) -> Response:
    """Make a till in a store; POST /v1/keys makes its key."""
    who = caller("settings")
    return answer_once(
        who, 201, lambda uow: till_resource(places.add_till(uow, deps(), who.merchant_id, **draft))
    )


@blp.get("/<till_id>")
@blp.response(200, TillSchema)
def retrieve(till_id: str) -> Response:
    """Look a till up."""
    who = caller("read")
    with deps().storage.reading() as uow:
        return answer(till_resource(places.find_till(uow, who.merchant_id, till_id)))


@blp.patch("/<till_id>")
@blp.arguments(TillChangeSchema)
@blp.response(200, TillSchema)
def change(changes: dict[str, str], till_id: str) -> Response:
    """Rename a till, close it or open it again; nothing new is sold at a closed one."""
    who = caller("settings")
    with deps().storage.unit_of_work() as uow:
        return answer(till_resource(places.change_till(uow, who.merchant_id, till_id, changes)))
