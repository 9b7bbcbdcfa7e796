"""One webhook sender and one message, for the tests of deliveries and of addresses."""

from datetime import UTC, datetime

from merchant_server.ports import Sent
from merchant_server.providers.webhook_sender import HttpWebhookSender

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def sender(**changes: object) -> HttpWebhookSender:
    """Return a sender that may use loopback and is done within 0.6 s, changed as asked."""
    settings = {"version": "0.1.0", "allow_private": True, "total_timeout_seconds": 0.6, **changes}
    return HttpWebhookSender(**settings)  # type: ignore[arg-type]


def send(to: HttpWebhookSender, url: str, **changes: object) -> Sent:
    """Send one message, changed as asked."""
    message = {
        "secret": SECRET,
        "message_id": "evt_01",
        "timestamp": datetime.now(UTC),
        "body": b'{"type":"checkout.authorized"}',
        **changes,
    }
    return to.send(url=url, **message)  # type: ignore[arg-type]
