"""/v1/payouts, /v1/statements and /v1/balance"""

from typing import Any

from fenqi.wire import (
    BalanceSchema,
    PayoutQuerySchema,
    PayoutSchema,
    PayoutStatementSchema,
    StatementQuerySchema,
    StatementSchema,
    page_of,
)
from flask import Response

from merchant_server.services.resources import payout_resource
from merchant_server.services.settlement import payouts, statements
from merchant_server.web.api.describing import answer, page
from merchant_server.web.bodies import ApiBlueprint
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("payouts", __name__, url_prefix="/v1", description="What the merchant is paid.")


@blp.get("/payouts")
@blp.arguments(PayoutQuerySchema, location="query")
@blp.response(200, page_of(PayoutSchema))
def listing(query: dict[str, Any]) -> Response:
    """List payouts, newest first."""
    who = caller("read")
    with deps().storage.reading() as uow:
        found = uow.payouts.page(
            who.merchant_id,
            who.mode,
            before=query["cursor"],
            limit=query["limit"] + 1,
            status=query["status"],
        )
    return page([payout_resource(payout) for payout in found], query["limit"])


@blp.get("/payouts/<payout_id>")
@blp.response(200, PayoutSchema)
def retrieve(payout_id: str) -> Response:
    """Look a payout up."""
    who = caller("read")
    with deps().storage.reading() as uow:
        return answer(payout_resource(payouts.find_payout(uow, who, payout_id)))


@blp.get("/payouts/<payout_id>/statement")
@blp.response(200, PayoutStatementSchema)
def composition(payout_id: str) -> Response:
    """Show what a payout is made of, line by line."""
    return answer(statements.payout_statement(deps(), caller("read"), payout_id))


@blp.get("/statements")
@blp.arguments(StatementQuerySchema, location="query")
@blp.response(200, StatementSchema)
def statement(query: dict[str, Any]) -> Response:
    """Show what the merchant was owed from one day to another."""
    who = caller("read")
    found = statements.merchant_statement(
        deps(), who.merchant_id, query["first"], query["last"], query["account"]
    )
    return answer(statements.statement_resource(found))


@blp.get("/balance")
@blp.response(200, BalanceSchema)
def balance() -> Response:
    """Show what the merchant is owed now."""
    return answer(statements.balance_resource(deps(), caller("read")))
