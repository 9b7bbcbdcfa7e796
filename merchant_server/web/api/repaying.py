"""/v1/loans/…/settlement_quote and /v1/loans/…/payment_orders"""

from typing import Any

from fenqi.wire import EmptySchema, PaymentOrderDraftSchema, PaymentOrderSchema, SettlementQuoteSchema
from flask import Response

from merchant_server.services.collection.early_settlement import newest_quote, quote_for_merchant
from merchant_server.services.collection.ordering import find_order, open_order
from merchant_server.services.resources import payment_order_resource, settlement_quote_resource
from merchant_server.web.api.describing import IDEMPOTENT, answer
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("repaying", __name__, url_prefix="/v1/loans", description="Repaying without waiting.")


@blp.post("/<loan_id>/settlement_quote")
@blp.doc(**IDEMPOTENT)
@blp.arguments(EmptySchema)
@blp.response(201, SettlementQuoteSchema)
def quote(_: dict[str, Any], loan_id: str) -> Response:
    """Work out what settles a loan today. It holds until the day is over; nothing is paid by it."""
    who = caller("read")
    return answer_once(
        who, 201, lambda uow: settlement_quote_resource(quote_for_merchant(uow, deps(), who, loan_id))
    )


@blp.get("/<loan_id>/settlement_quote")
@blp.response(200, SettlementQuoteSchema)
def newest(loan_id: str) -> Response:
    """Look up the newest quote of a loan that still holds."""
    return answer(settlement_quote_resource(newest_quote(deps(), caller("read"), loan_id)))


@blp.post("/<loan_id>/payment_orders")
@blp.doc(**IDEMPOTENT)
@blp.arguments(PaymentOrderDraftSchema)
@blp.response(201, PaymentOrderSchema)
def order(draft: dict[str, Any], loan_id: str) -> Response:
    """Make a link to pay a part of a loan; money moves when somebody pays at the bank's page behind it."""
    who, public_url = caller("create"), deps().public_url
    return answer_once(
        who,
        201,
        lambda uow: payment_order_resource(
            open_order(uow, deps(), who, loan_id, draft["amount"], draft["expires_in_seconds"]), public_url
        ),
        moves_money=True,
    )


@blp.get("/<loan_id>/payment_orders/<order_id>")
@blp.response(200, PaymentOrderSchema)
def retrieve(loan_id: str, order_id: str) -> Response:
    """Look up what became of a payment order."""
    found = find_order(deps(), caller("read"), loan_id, order_id)
    return answer(payment_order_resource(found, deps().public_url))
