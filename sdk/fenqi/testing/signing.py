"""Sign a body as fenqi signs its webhooks, for tests of a merchant's receiver."""

import base64
import binascii
from datetime import UTC, datetime

from standardwebhooks import Webhook

from fenqi.errors import InvalidArgument, SignatureVerificationError
from fenqi.webhook_keys import PRIVATE_PREFIX, PUBLIC_PREFIX
from fenqi.webhooks import secret_key

_SEED_BYTES = 32


def sign(body: bytes, secret: str, *, message_id: str, sent_at: datetime) -> dict[str, str]:
    """Return the Standard Webhooks headers for a body (UTF-8 JSON bytes), sent at an aware datetime.

    `secret` is whsec_… for a v1 signature, or the whsk_… of a `key_pair` for a v1a one (needs `fenqi[till]`).
    Raises InvalidArgument for a secret that is neither and for a naive datetime.
    """
    if sent_at.tzinfo is None:
        raise InvalidArgument("Expected a datetime with a time zone.", field="sent_at")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidArgument("Expected UTF-8 bytes.", field="body") from None
    timestamp = int(sent_at.timestamp())
    if secret.startswith(PRIVATE_PREFIX):
        signature = _signed_with_a_private_key(secret, f"{message_id}.{timestamp}.{text}".encode())
    else:
        # The library takes any time for UTC, so it is given one that is.
        signature = _signer(secret).sign(message_id, datetime.fromtimestamp(timestamp, UTC), text)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
        "content-type": "application/json",
    }


def key_pair(seed: bytes) -> tuple[str, str]:
    """Return a private key (whsk_…) to `sign` with and the public_key (whpk_…) that verifies it, from 32 bytes.

    The same seed makes the same pair; it is for tests only. Needs `fenqi[till]`. Raises InvalidArgument.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if len(seed) != _SEED_BYTES:
        raise InvalidArgument(f"Expected {_SEED_BYTES} bytes, got {len(seed)}.", field="seed")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return (
        PRIVATE_PREFIX + base64.b64encode(seed + public).decode(),
        PUBLIC_PREFIX + base64.b64encode(public).decode(),
    )


def _signer(secret: str) -> Webhook:
    try:
        return Webhook(secret_key(secret))
    except SignatureVerificationError as error:
        raise InvalidArgument(error.message, field="secret") from None


def _signed_with_a_private_key(secret: str, signed: bytes) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        seed = base64.b64decode(secret.removeprefix(PRIVATE_PREFIX), validate=True)[:_SEED_BYTES]
        key = Ed25519PrivateKey.from_private_bytes(seed)
    except (binascii.Error, ValueError):
        raise InvalidArgument(
            "The private key is not usable: pass the whole whsk_… text.", field="secret"
        ) from None
    return "v1a," + base64.b64encode(key.sign(signed)).decode()
