"""Signatures of Standard Webhooks 1.0 over `id.timestamp.body`: v1 (HMAC-SHA256) and v1a (Ed25519). Sends nothing."""

import base64
import hmac
import secrets
from datetime import UTC, datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HMAC_PREFIX = "whsec_"
PRIVATE_PREFIX = "whsk_"
_SEED_BYTES = 32


def new_secret(signature: str) -> str:
    """Make a signing secret: 32 random bytes for v1; for v1a an Ed25519 seed with its public key behind it."""
    if signature == "v1":
        return HMAC_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PRIVATE_PREFIX + base64.b64encode(key.private_bytes_raw() + public).decode()


def signed_headers(secret: str, message_id: str, timestamp: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of a message; several secrets with a space between them all sign.

    Raises ValueError for a secret that cannot sign and for an id that cannot be signed.
    """
    if not message_id.isascii() or not message_id.isprintable() or "." in message_id or " " in message_id:
        raise ValueError("a message id is visible ASCII without a full stop")
    seconds = str(int(timestamp.astimezone(UTC).timestamp()))
    signed = f"{message_id}.{seconds}.".encode() + body
    signatures = [_signature(one, signed) for one in secret.split()]
    if not signatures:
        raise ValueError("no secret")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, signed: bytes) -> str:
    if secret.startswith(PRIVATE_PREFIX):
        seed = base64.b64decode(secret.removeprefix(PRIVATE_PREFIX), validate=True)[:_SEED_BYTES]
        return "v1a," + base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(signed)).decode()
    key = base64.b64decode(secret.removeprefix(HMAC_PREFIX), validate=True)
    if not key:
        raise ValueError("an empty secret")
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
