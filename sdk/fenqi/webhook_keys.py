"""Keys of webhooks and what they verify: a shared secret (whsec_…, v1, HMAC) or a public key (whpk_…, v1a, Ed25519).

Part of fenqi.webhooks, which reads the request. Raises SignatureVerificationError and nothing else; no I/O.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fenqi.errors import SignatureVerificationError

PUBLIC_PREFIX: Final = "whpk_"
PRIVATE_PREFIX: Final = "whsk_"
_PUBLIC_BYTES: Final = 32
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
# Nobody sends more; checking each costs time.
_SIGNATURES_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of a header: its version, v1 or v1a, and its bytes."""

    version: str
    value: bytes


def read_keys(secret: Any) -> list[tuple[str, bytes]]:
    """Return the keys inside one text or several, each with the version of the signatures that it verifies."""
    secrets = [secret] if isinstance(secret, str | bytes) else secret
    if not isinstance(secrets, Sequence) or not secrets:
        raise SignatureVerificationError("Pass a webhook secret, or several.", reason="secret_invalid")
    return [_key(text) for text in secrets]


def _key(secret: Any) -> tuple[str, bytes]:
    text = as_text(secret).strip() if isinstance(secret, str | bytes) else ""
    if text.startswith(PRIVATE_PREFIX):
        raise SignatureVerificationError(
            "That is the key that signs; pass the endpoint's public_key (whpk_…).", reason="secret_invalid"
        )
    if not text.startswith(PUBLIC_PREFIX):
        return "v1", secret_key(secret)
    key = _decoded(text.removeprefix(PUBLIC_PREFIX))
    if len(key) != _PUBLIC_BYTES:
        raise SignatureVerificationError(
            "The public key is not usable: pass the endpoint's whole whpk_… text.", reason="secret_invalid"
        )
    return "v1a", key


def secret_key(secret: Any) -> bytes:
    """Return the key inside a whsec_… text. Raises SignatureVerificationError with reason secret_invalid.

    Strict, because the signing library's own decoder skips characters that it does not know.
    """
    key = b""
    if isinstance(secret, str | bytes):
        key = _decoded(as_text(secret).strip().removeprefix("whsec_"))
    if not key:
        raise SignatureVerificationError(
            "The webhook secret is not usable: pass the endpoint's whole whsec_… text.",
            reason="secret_invalid",
        )
    return key


def as_text(value: Any) -> str:
    """Return a header or a secret as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _decoded(text: str) -> bytes:
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def read_signatures(header: str, keys: Sequence[tuple[str, bytes]]) -> list[Signature]:
    """Return the well-formed signatures that one of the keys may verify; all others are passed over."""
    versions = {version for version, _ in keys}
    signatures = []
    for entry in header.split(" ")[:_SIGNATURES_MAX]:
        version, _, encoded = entry.partition(",")
        if version in versions and _BASE64.fullmatch(encoded) and len(encoded) % 4 == 0:
            signatures.append(Signature(version, base64.b64decode(encoded)))
    if not signatures:
        wanted = " or ".join(sorted(versions))
        raise SignatureVerificationError(
            f"The header webhook-signature holds no {wanted} signature. An endpoint made with signature v1 is "
            "verified with its secret (whsec_…), one with v1a with its public_key (whpk_…).",
            reason="header_malformed",
        )
    return signatures


def matches(keys: Sequence[tuple[str, bytes]], signed: bytes, signatures: Sequence[Signature]) -> bool:
    """Say whether a key made one of the signatures of `signed`; every pair is tried, whatever the others say."""
    matched = False
    for version, key in keys:
        mine = [each.value for each in signatures if each.version == version]
        if version == "v1":
            expected = hmac.digest(key, signed, "sha256")
            for value in mine:
                matched |= hmac.compare_digest(expected, value)
        else:
            for value in mine:
                matched |= _signed_by(key, signed, value)
    return matched


def _signed_by(public_key: bytes, signed: bytes, signature: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise SignatureVerificationError(
            'A public key (whpk_…) needs the package cryptography: pip install "fenqi[till]".',
            reason="secret_invalid",
        ) from None
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True
