"""The bank's callbacks: key, signature and time over the raw bytes, and only then what they say."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from merchant_server.ports import BankCallback, CallbackForged, CallbackMalformed
from merchant_server.providers.http import NotStrictJson, closed_object, parse_json, read_money

CALLBACK_TOLERANCE_SECONDS = 300
CALLBACK_BYTES_MAX = 65_536
CALLBACK_STATUS = {
    "deduction.succeeded": "succeeded",
    "deduction.failed": "failed",
    "deduction.reversed": "reversed",
    "payment.succeeded": "succeeded",
    "payout.succeeded": "succeeded",
    "payout.failed": "failed",
    "return.succeeded": "succeeded",
    "return.failed": "failed",
    "drawing.succeeded": "succeeded",
    "drawing.failed": "failed",
}
_CALLBACK_TEXTS = ("gateway_account", "mode", "kind", "reference", "mandate_reference", "status", "code")
_CALLBACK_FIELDS: dict[str, type] = {
    **dict.fromkeys(_CALLBACK_TEXTS, str),
    "amount": dict,
    "occurred_at": str,
}
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{8,10}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{0,80}")


def public_key_id(key: Ed25519PublicKey) -> str:
    """Return the key id that names a bank's public key: `bk_` and the start of its SHA-256."""
    return "bk_" + hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def callback_signed_bytes(event_id: str, timestamp: str, body: bytes) -> bytes:
    """Return what the bank signs: the header texts as sent, and the raw body."""
    return f"{event_id}.{timestamp}.".encode() + body


def authenticate_callback(
    body: bytes, headers: Mapping[str, str], now: datetime, keys: Mapping[str, Ed25519PublicKey]
) -> BankCallback:
    """Check a callback's key, signature and time over the raw bytes, and only then read it.

    The algorithm is the key's own (Ed25519); nothing in the message can choose another. Raises
    CallbackForged, or its subclass CallbackMalformed when the bank did sign these bytes but they are
    not a callback.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    for name in ("bank-key-id", "bank-timestamp", "bank-event-id", "bank-signature"):
        if name not in sent:
            raise CallbackForged(f"the header {name} is missing")
    if len(body) > CALLBACK_BYTES_MAX:
        raise CallbackForged("the body is too long")
    event_id, timestamp = sent["bank-event-id"], sent["bank-timestamp"]
    # No dot and no leading zero: each signed text can be cut into its three parts in one way only.
    if not _EVENT_ID.fullmatch(event_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise CallbackForged("the event id or the timestamp is malformed")
    key = keys.get(sent["bank-key-id"])
    if key is None:
        raise CallbackForged("the key id is not in the key ring")
    try:
        key.verify(_signature(sent["bank-signature"]), callback_signed_bytes(event_id, timestamp, body))
    except InvalidSignature:
        raise CallbackForged("the signature does not match") from None
    if abs(now.timestamp() - int(timestamp)) > CALLBACK_TOLERANCE_SECONDS:
        raise CallbackForged(f"the timestamp is over {CALLBACK_TOLERANCE_SECONDS} s away from our clock")
    try:
        return _read_callback(event_id, parse_json(body))
    except NotStrictJson as error:
        raise CallbackMalformed(error.reason) from None


def _signature(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CallbackForged("the signature is not base64") from None
    # Base64 has several texts for the same bytes; only one of them is a signature.
    if len(raw) != 64 or base64.b64encode(raw).decode() != text:
        raise CallbackForged("the signature is not 64 bytes in canonical base64")
    return raw


def _read_callback(event_id: str, value: Any) -> BankCallback:
    found = closed_object(value, _CALLBACK_FIELDS)
    for name in _CALLBACK_TEXTS:
        if not _PLAIN.fullmatch(found[name]):
            raise NotStrictJson(f"the field {name} has a character that is not allowed, or is too long")
    if CALLBACK_STATUS.get(found["kind"]) != found["status"]:
        raise NotStrictJson("kind and status do not agree")
    amount = read_money(found["amount"])
    if amount.minor <= 0:
        raise NotStrictJson("the amount is not positive")
    texts = {name: found[name] for name in _CALLBACK_TEXTS}
    return BankCallback(event_id=event_id, amount=amount, occurred_at=_instant(found["occurred_at"]), **texts)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise NotStrictJson("occurred_at is not an ISO 8601 instant") from None
    if instant.utcoffset() != timedelta(0):
        raise NotStrictJson("occurred_at is not in UTC")
    return instant
