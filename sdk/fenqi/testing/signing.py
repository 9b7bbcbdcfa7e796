"""Sign a body as fenqi signs its webhooks, for tests of a merchant's receiver."""

from datetime import UTC, datetime

from standardwebhooks import Webhook

from fenqi.errors import InvalidArgument, SignatureVerificationError
from fenqi.webhooks import secret_key


def sign(body: bytes, secret: str, *, message_id: str, sent_at: datetime) -> dict[str, str]:
    """Return the Standard Webhooks headers for a body (UTF-8 JSON bytes), sent at an aware datetime.

    Raises InvalidArgument for a secret that is not whsec_… base64 or a naive datetime.
    """
    if sent_at.tzinfo is None:
        raise InvalidArgument("Expected a datetime with a time zone.", field="sent_at")
    try:
        key = secret_key(secret)
        text = body.decode("utf-8")
    except SignatureVerificationError as error:
        raise InvalidArgument(error.message, field="secret") from None
    except UnicodeDecodeError:
        raise InvalidArgument("Expected UTF-8 bytes.", field="body") from None
    timestamp = int(sent_at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        # The library takes any time for UTC, so it is given one that is.
        "webhook-signature": Webhook(key).sign(message_id, datetime.fromtimestamp(timestamp, UTC), text),
        "content-type": "application/json",
    }
