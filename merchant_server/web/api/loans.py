"""/v1/loans"""

from typing import Any

from fenqi.wire import LoanQuerySchema, LoanSchema, page_of
from flask import Response

from merchant_server.services.collection.loans import find_loan, list_loans
from merchant_server.web.api.describing import answer, page
from merchant_server.web.bodies import ApiBlueprint
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("loans", __name__, url_prefix="/v1/loans", description="Debts under signed agreements.")


@blp.get("")
@blp.arguments(LoanQuerySchema, location="query")
@blp.response(200, page_of(LoanSchema))
def listing(query: dict[str, Any]) -> Response:
    """List loans, newest first."""
    found = list_loans(deps(), caller("read"), query["cursor"], query["limit"] + 1, query["checkout_id"])
    return page(found, query["limit"])


@blp.get("/<loan_id>")
@blp.response(200, LoanSchema)
def retrieve(loan_id: str) -> Response:
    """Look a loan up, with its schedule."""
    return answer(find_loan(deps(), caller("read"), loan_id))
