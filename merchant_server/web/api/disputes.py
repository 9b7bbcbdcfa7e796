"""/v1/disputes"""

from typing import Any

from fenqi.wire import DisputeQuerySchema, DisputeSchema, EmptySchema, EvidenceDraftSchema, page_of
from flask import Response

from merchant_server.services.disputes.answering import accept, challenge, submit_evidence
from merchant_server.services.disputes.finding import find_dispute, list_disputes
from merchant_server.services.resources import dispute_resource, full_dispute_resource
from merchant_server.web.api.describing import IDEMPOTENT, answer, page
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "disputes", __name__, url_prefix="/v1/disputes", description="Purchases that consumers object to."
)


@blp.get("")
@blp.arguments(DisputeQuerySchema, location="query")
@blp.response(200, page_of(DisputeSchema))
def listing(query: dict[str, Any]) -> Response:
    """List disputes, newest first, without what people wrote in them."""
    found = list_disputes(
        deps(), caller("read"), query["cursor"], query["limit"] + 1, query["loan_id"], query["status"]
    )
    return page([dispute_resource(dispute) for dispute in found], query["limit"])


@blp.get("/<dispute_id>")
@blp.response(200, DisputeSchema)
def retrieve(dispute_id: str) -> Response:
    """Look a dispute up, with the consumer's words and your evidence."""
    return answer(full_dispute_resource(*find_dispute(deps(), caller("read"), dispute_id)))


@blp.post("/<dispute_id>/evidence")
@blp.doc(**IDEMPOTENT)
@blp.arguments(EvidenceDraftSchema)
@blp.response(200, DisputeSchema)
def evidence(draft: dict[str, Any], dispute_id: str) -> Response:
    """Submit evidence: a text, and links to files."""
    who, links = caller("refund"), tuple(draft["links"])
    return answer_once(
        who,
        200,
        lambda uow: full_dispute_resource(
            *submit_evidence(uow, deps(), who, dispute_id, draft["text"], links)
        ),
    )


@blp.post("/<dispute_id>/challenge")
@blp.doc(**IDEMPOTENT)
@blp.arguments(EmptySchema)
@blp.response(200, DisputeSchema)
def contest(_: dict[str, Any], dispute_id: str) -> Response:
    """Say that the evidence is complete, and ask for a decision."""
    who = caller("refund")
    return answer_once(who, 200, lambda uow: full_dispute_resource(*challenge(uow, deps(), who, dispute_id)))


@blp.post("/<dispute_id>/accept")
@blp.doc(**IDEMPOTENT)
@blp.arguments(EmptySchema)
@blp.response(200, DisputeSchema)
def give_in(_: dict[str, Any], dispute_id: str) -> Response:
    """Accept a dispute: what it is about is refunded at once."""
    who = caller("refund")
    return answer_once(who, 200, lambda uow: full_dispute_resource(*accept(uow, deps(), who, dispute_id)))
