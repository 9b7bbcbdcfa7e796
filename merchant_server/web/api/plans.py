"""/v1/plans"""

from typing import Any

from fenqi.finance.plan import Plan
from fenqi.wire import PageQuerySchema, PlanDraftSchema, PlanSchema, page_of
from flask import Response

from merchant_server.services.operation.merchants import put_plan
from merchant_server.web.api.describing import IDEMPOTENT, window
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("plans", __name__, url_prefix="/v1/plans", description="Terms that a merchant offers.")


def _shown(plan: Plan) -> dict[str, Any]:
    return {"object": "plan", **plan.to_dict()}


@blp.get("")
@blp.arguments(PageQuerySchema, location="query")
@blp.response(200, page_of(PlanSchema))
def listing(query: dict[str, Any]) -> Response:
    """List plans, in the order they were made."""
    who = caller("read", "price")
    with deps().storage.reading() as uow:
        plans = uow.merchants.plans(who.merchant_id, who.mode)
    return window([_shown(plan) for plan in plans], query)


@blp.post("")
@blp.doc(**IDEMPOTENT)
@blp.arguments(PlanDraftSchema)
@blp.response(201, PlanSchema)
def create(plan: Plan) -> Response:
    """Make a plan, once: the same terms again change nothing, other terms need another id."""
    who = caller("settings")
    return answer_once(who, 201, lambda uow: _shown(put_plan(uow, deps(), who, plan)))
