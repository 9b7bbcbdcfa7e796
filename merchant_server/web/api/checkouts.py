"""/v1/checkouts"""

from typing import Any

from fenqi.wire import (
    CancelSchema,
    CaptureSchema,
    CheckoutDraftSchema,
    CheckoutQuerySchema,
    CheckoutSchema,
    SendLinkSchema,
    VoidPreviewDraftSchema,
    VoidPreviewSchema,
    VoidSchema,
    page_of,
)
from flask import Response

from merchant_server.services.resources import checkout_resource, void_preview_resource
from merchant_server.services.sale import capturing, checkouts, links, voiding
from merchant_server.web.api.describing import IDEMPOTENT, answer, page
from merchant_server.web.api.streaming import checkout_stream
from merchant_server.web.bodies import ApiBlueprint, answer_once, idempotency_key
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "checkouts", __name__, url_prefix="/v1/checkouts", description="Attempts to pay one order."
)


def _shown(checkout: Any) -> dict[str, Any]:
    return checkout_resource(checkout, deps().public_url)


@blp.post("")
@blp.doc(**IDEMPOTENT)
@blp.arguments(CheckoutDraftSchema)
@blp.response(201, CheckoutSchema)
def create(draft: dict[str, Any]) -> Response:
    """Make a checkout; its url is what the QR holds."""
    who = caller("create")
    return answer_once(who, 201, lambda uow: _shown(checkouts.create_checkout(uow, deps(), who, draft)))


@blp.get("")
@blp.arguments(CheckoutQuerySchema, location="query")
@blp.response(200, page_of(CheckoutSchema))
def listing(query: dict[str, Any]) -> Response:
    """List checkouts, newest first."""
    who = caller("read")
    with deps().storage.reading() as uow:
        found = uow.checkouts.page(
            who.merchant_id,
            who.mode,
            before=query["cursor"],
            limit=query["limit"] + 1,
            status=query["status"],
            reference=query["reference"],
        )
    return page([_shown(checkout) for checkout in found], query["limit"])


@blp.get("/<checkout_id>")
@blp.response(200, CheckoutSchema)
def retrieve(checkout_id: str) -> Response:
    """Look a checkout up."""
    who = caller("read", "watch")
    with deps().storage.reading() as uow:
        return answer(_shown(checkouts.find_checkout(uow, who, checkout_id)))


@blp.post("/<checkout_id>/cancel")
@blp.doc(**IDEMPOTENT)
@blp.arguments(CancelSchema, required=False)
@blp.response(200, CheckoutSchema)
def cancel(body: dict[str, Any], checkout_id: str) -> Response:
    """End a checkout that is not signed; one that a phone has opened wants `confirm`."""
    who, confirmed = caller("create"), body["confirm"]
    return answer_once(
        who,
        200,
        lambda uow: _shown(checkouts.cancel_checkout(uow, deps(), who, checkout_id, confirmed=confirmed)),
    )


@blp.post("/<checkout_id>/send_link")
@blp.doc(**IDEMPOTENT)
@blp.arguments(SendLinkSchema)
@blp.response(200, CheckoutSchema)
def send_link(body: dict[str, Any], checkout_id: str) -> Response:
    """Send the link to a mobile number by SMS, within the limits of codes."""
    who, phone = caller("create"), body["phone"]
    kept = answer_once(who, 200, lambda uow: _shown(links.allow_link(uow, deps(), who, checkout_id, phone)))
    # Also for a replay: the gateway sends a reference once, and the first try may have died before it.
    links.send_link(deps(), who, checkout_id, phone, idempotency_key())
    return kept


@blp.post("/<checkout_id>/capture")
@blp.doc(**IDEMPOTENT)
@blp.arguments(CaptureSchema, required=False)
@blp.response(200, CheckoutSchema)
def capture(body: dict[str, Any], checkout_id: str) -> Response:
    """Claim the money of a signed checkout: all that is left, or a part, as often as parts are delivered."""
    who = caller("capture")
    amount = body["amount"]
    return answer_once(
        who,
        200,
        lambda uow: _shown(capturing.capture_checkout(uow, deps(), who, checkout_id, amount)),
        moves_money=True,
    )


@blp.post("/<checkout_id>/void")
@blp.doc(**IDEMPOTENT)
@blp.arguments(VoidSchema, required=False)
@blp.response(200, CheckoutSchema)
def void(body: dict[str, Any], checkout_id: str) -> Response:
    """Give up what was signed and is not captured, all of it or a part: the customer owes only the rest."""
    who, amount, seen = caller("capture"), body["amount"], body["loan_sequence"]
    return answer_once(
        who,
        200,
        lambda uow: _shown(voiding.void_checkout(uow, deps(), who, checkout_id, amount, seen)),
        moves_money=True,
    )


@blp.post("/<checkout_id>/void_previews")
@blp.doc(**IDEMPOTENT)
@blp.arguments(VoidPreviewDraftSchema, required=False)
@blp.response(200, VoidPreviewSchema)
def preview_void(body: dict[str, Any], checkout_id: str) -> Response:
    """Show what a void would do to the schedule. Nothing changes."""
    who, amount = caller("capture"), body["amount"]
    return answer_once(
        who,
        200,
        lambda uow: void_preview_resource(voiding.preview_void(uow, deps(), who, checkout_id, amount)),
    )


@blp.get("/<checkout_id>/stream")
@blp.response(200, content_type="text/event-stream", description="The checkout now and at every change.")
def stream(checkout_id: str) -> Response:
    """Follow a checkout by server-sent events until it is final or a minute has passed."""
    return checkout_stream(deps(), caller("read", "watch"), checkout_id)
