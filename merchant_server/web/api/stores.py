"""/v1/stores"""

from typing import Any

from fenqi.wire import StoreChangeSchema, StoreDraftSchema, StoreQuerySchema, StoreSchema, page_of
from flask import Response

from merchant_server.services.operation import places
from merchant_server.services.resources import store_resource
from merchant_server.web.api.describing import IDEMPOTENT, answer, window
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("stores", __name__, url_prefix="/v1/stores", description="Places where a merchant sells.")


@blp.get("")
@blp.arguments(StoreQuerySchema, location="query")
@blp.response(200, page_of(StoreSchema))
def listing(query: dict[str, Any]) -> Response:
    """List stores, oldest first."""
    who = caller("read")
    with deps().storage.reading() as uow:
        stores = uow.merchants.stores(who.merchant_id)
    return window([store_resource(each) for each in stores if query["status"] in (None, each.status)], query)


@blp.post("")
@blp.doc(**IDEMPOTENT)
@blp.arguments(StoreDraftSchema)
@blp.response(201, StoreSchema)
def create(draft: dict[str, str]) -> Response:
    """Make a store."""
    who = caller("settings")
    return answer_once(
        who, 201, lambda uow: store_resource(places.add_store(uow, deps(), who.merchant_id, draft["name"]))
    )


@blp.get("/<store_id>")
@blp.response(200, StoreSchema)
def retrieve(store_id: str) -> Response:
    """Look a store up."""
    who = caller("read")
    with deps().storage.reading() as uow:
        return answer(store_resource(places.find_store(uow, who.merchant_id, store_id)))


@blp.patch("/<store_id>")
@blp.arguments(StoreChangeSchema)
@blp.response(200, StoreSchema)
def change(changes: dict[str, str], store_id: str) -> Response:
    """Rename a store, close it or open it again; nothing new is sold in a closed one."""
    who = caller("settings")
    with deps().storage.unit_of_work() as uow:
        return answer(store_resource(places.change_store(uow, who.merchant_id, store_id, changes)))
