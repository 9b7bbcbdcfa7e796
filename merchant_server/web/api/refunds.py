"""/v1/refunds, and the previews of them under /v1/loans"""

from typing import Any

from fenqi.wire import (
    RefundDraftSchema,
    RefundPreviewDraftSchema,
    RefundPreviewSchema,
    RefundQuerySchema,
    RefundSchema,
    page_of,
)
from flask import Response

from merchant_server.domain.refund import Refund, Strategy
from merchant_server.ports import UnitOfWork
from merchant_server.services.refunds.committing import commit_refund, refund_at_once
from merchant_server.services.refunds.finding import find_refund, list_refunds
from merchant_server.services.refunds.previewing import preview_refund
from merchant_server.services.resources import refund_preview_resource, refund_resource
from merchant_server.web.api.describing import IDEMPOTENT, answer, page
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("refunds", __name__, url_prefix="/v1", description="Goods that come back.")


@blp.post("/loans/<loan_id>/refund_previews")
@blp.doc(**IDEMPOTENT)
@blp.arguments(RefundPreviewDraftSchema)
@blp.response(201, RefundPreviewSchema)
def preview(draft: dict[str, Any], loan_id: str) -> Response:
    """Show what a refund would do: the schedule after it, and where the money goes. Nothing changes yet."""
    who, strategy = caller("refund"), Strategy(draft["strategy"])
    return answer_once(
        who,
        201,
        lambda uow: refund_preview_resource(
            preview_refund(uow, deps(), who, loan_id, draft.get("amount"), strategy, _lines(draft))
        ),
    )


def _lines(draft: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(each["id"], each["quantity"]) for each in draft.get("lines", ())]


@blp.post("/refunds")
@blp.doc(**IDEMPOTENT)
@blp.arguments(RefundDraftSchema)
@blp.response(201, RefundSchema)
def create(draft: dict[str, Any]) -> Response:
    """Commit a preview, or refund a loan at once."""
    who = caller("refund")

    def refunded(uow: UnitOfWork) -> Refund:
        if "preview_id" in draft:
            return commit_refund(uow, deps(), who, draft["preview_id"], draft["reference"])
        strategy = Strategy(draft.get("strategy", Strategy.RECOMPUTE))
        return refund_at_once(
            uow,
            deps(),
            who,
            draft["loan_id"],
            draft.get("amount"),
            strategy,
            draft["reference"],
            _lines(draft),
        )

    return answer_once(who, 201, lambda uow: refund_resource(refunded(uow)), moves_money=True)


@blp.get("/refunds")
@blp.arguments(RefundQuerySchema, location="query")
@blp.response(200, page_of(RefundSchema))
def listing(query: dict[str, Any]) -> Response:
    """List refunds, newest first."""
    found = list_refunds(
        deps(), caller("read"), query["cursor"], query["limit"] + 1, query["loan_id"], query["status"]
    )
    return page([refund_resource(refund) for refund in found], query["limit"])


@blp.get("/refunds/<refund_id>")
@blp.response(200, RefundSchema)
def retrieve(refund_id: str) -> Response:
    """Look a refund up."""
    return answer(refund_resource(find_refund(deps(), caller("read"), refund_id)))
