"""/v1/offers"""

from functools import lru_cache
from typing import Any

from fenqi.offers import Offer
from fenqi.wire import OfferQuerySchema, OfferSchema, page_of
from flask import Response

from merchant_server.services.sale.pricing import priced_offers
from merchant_server.web.api.describing import listed
from merchant_server.web.bodies import ApiBlueprint
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "offers", __name__, url_prefix="/v1/offers", description="What an amount costs; binds nobody."
)


@blp.get("")
@blp.arguments(OfferQuerySchema, location="query")
@blp.response(200, page_of(OfferSchema))
def listing(query: dict[str, Any]) -> Response:
    """Price an amount under every plan that takes it, cheapest a year first; what a phone would be shown."""
    who = caller("read", "price")
    wanted = None if query["plan_ids"] is None else query["plan_ids"].split(",")
    offers = priced_offers(deps(), who, query["amount_minor"], query["currency"], wanted)
    return Response(_written(offers), content_type="application/json")


# A shop's pages ask for the same prices for everybody who looks at them; an offer never changes.
@lru_cache(maxsize=256)
def _written(offers: tuple[Offer, ...]) -> bytes:
    return listed([{"object": "offer", **offer.to_dict()} for offer in offers]).get_data()
