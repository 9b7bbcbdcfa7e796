"""Takes fenqi's events in: verified bytes, once per id, never backwards. Nothing else pays or refunds an order."""

import json

from fenqi import SignatureVerificationError, webhooks
from flask import Blueprint, Response, current_app, request

from demo_store.wiring import shop

MAX_BODY_BYTES = 256 * 1024

blueprint = Blueprint("webhook", __name__)


@blueprint.post("/webhooks/fenqi")
def receive() -> Response:
    """Answer 204 for every genuine event, however often it comes; 400 for anything else."""
    parts = shop()
    if not parts.settings.webhook_secrets:
        return _problem(
            503, "webhook_secret_missing", "FENQI_WEBHOOK_SECRET is not set, so no event can be believed."
        )
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return _problem(413, "body_too_large", f"An event has at most {MAX_BODY_BYTES} bytes.")
    body = request.get_data(cache=False)
    try:
        event = webhooks.verify(body, request.headers, parts.settings.webhook_secrets, now=parts.clock())
    except SignatureVerificationError as error:
        current_app.logger.warning("webhook refused: %s", error.reason)
        return _problem(400, error.code, str(error))
    outcome = parts.inbox.receive(request.headers["webhook-id"], event)
    parts.live.wake()
    current_app.logger.info("webhook %s: %s", event.type, outcome)
    return Response(status=204)


def _problem(status: int, code: str, detail: str) -> Response:
    body = {
        "type": f"https://fenqi.dev/errors/{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        "code": code,
    }
    return Response(json.dumps(body), status=status, content_type="application/problem+json")
