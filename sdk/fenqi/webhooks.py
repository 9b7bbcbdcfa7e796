"""Verify webhooks that fenqi pushed (Standard Webhooks v1 and v1a) over the bytes as they arrived.

Raises SignatureVerificationError and nothing else; trusts nothing before the signature holds. No I/O.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fenqi.api.resources import Aggregate, Event
from fenqi.errors import NotFenqi, SignatureVerificationError
from fenqi.inbox import Handling, Inbox
from fenqi.webhook_keys import as_text, matches, read_keys, read_signatures, secret_key

__all__ = [
    "TOLERANCE_SECONDS",
    "Event",
    "Handling",
    "Inbox",
    "SignatureVerificationError",
    "secret_key",
    "verify",
]

# Both ways: the specification refuses timestamps of the future as well.
TOLERANCE_SECONDS = 300
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_HEADER_LENGTH_MAX = 4096
_TIMESTAMP = re.compile(r"[0-9]{1,11}")
_MESSAGE_ID = re.compile(r"[!-~]{1,256}")
Headers = Mapping[str, Any] | Iterable[tuple[Any, Any]]


def verify(
    body: bytes,
    headers: Headers,
    secret: str | Sequence[str],
    *,
    tolerance_seconds: int = TOLERANCE_SECONDS,
    now: datetime | int | None = None,
) -> Event:
    """Check one pushed event and return it.

    body: the raw request bytes, before any framework parsed them (Flask `request.get_data()`, Django
    `request.body`, FastAPI `await request.body()`). headers: the framework's headers object, a mapping in any
    case, WSGI names or pairs. secret: the endpoint's whsec_… text or, for one that signs with v1a, its whpk_…
    public key; several while one is being rotated.
    now: an aware datetime or seconds since 1970; the system's clock when left out.
    Raises SignatureVerificationError; its `reason` names the cause.
    """
    if not isinstance(body, bytes):
        raise SignatureVerificationError(
            f"Pass the raw bytes: the body was parsed before verification (got {type(body).__name__}).",
            reason="body_parsed",
        )
    message_id, timestamp_text, signature_text = _read_headers(headers)
    timestamp = _read_timestamp(timestamp_text)
    keys = read_keys(secret)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise SignatureVerificationError(
            "The body is not UTF-8, so fenqi did not send it.", reason="body_not_utf8"
        ) from None
    signatures = read_signatures(signature_text, keys)

    def holds(as_sent: str) -> bool:
        return matches(keys, _signed(message_id, timestamp, as_sent), signatures)

    if not holds(text):
        _refuse_mismatch(text, holds)
    skew_seconds = round(_seconds(now) - timestamp)
    if abs(skew_seconds) > tolerance_seconds:
        direction = "ahead of" if skew_seconds > 0 else "behind"
        raise SignatureVerificationError(
            f"The signature is right, but this machine's clock is {abs(skew_seconds)} s {direction} the time "
            f"of sending (allowed: {tolerance_seconds} s). Set the clock; else an old delivery is replayed.",
            reason="clock_skew",
            skew_seconds=skew_seconds,
        )
    return _event(text, message_id, timestamp)


def _read_headers(headers: Headers) -> tuple[str, str, str]:
    try:
        items = list(headers.items() if hasattr(headers, "items") else headers)
        pairs = [(as_text(name), value) for name, value in items]
    except (TypeError, ValueError):
        raise SignatureVerificationError(
            "Pass the request's headers as a mapping or as pairs.", reason="header_malformed"
        ) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        known = name.lower().replace("_", "-").removeprefix("http-")
        for text in value if isinstance(value, list | tuple) else (value,):
            if known in _HEADERS and found.setdefault(known, as_text(text)) != as_text(text):
                raise SignatureVerificationError(f"The header {known} came twice.", reason="header_malformed")
    for name in _HEADERS:
        if not found.get(name):
            raise SignatureVerificationError(
                f"The header {name} is missing. Did a proxy drop it, or is this not a fenqi webhook?",
                reason="header_missing",
            )
        if len(found[name]) > _HEADER_LENGTH_MAX:
            raise SignatureVerificationError(f"The header {name} is too long.", reason="header_malformed")
    if not _MESSAGE_ID.fullmatch(found["webhook-id"]):
        raise SignatureVerificationError(
            "The header webhook-id is not visible ASCII.", reason="header_malformed"
        )
    return found["webhook-id"], found["webhook-timestamp"], found["webhook-signature"]


def _read_timestamp(text: str) -> int:
    if not _TIMESTAMP.fullmatch(text):
        raise SignatureVerificationError(
            "The header webhook-timestamp is not a number of seconds.", reason="header_malformed"
        )
    return int(text)


def _signed(message_id: str, timestamp: int, text: str) -> bytes:
    return f"{message_id}.{timestamp}.{text}".encode()


def _refuse_mismatch(text: str, holds: Callable[[str], bool]) -> None:
    """Say why nothing matched: written again by a framework (usually), else a wrong secret or a forgery."""
    for rewritten in _rewritten(text):
        if rewritten != text and holds(rewritten):
            raise SignatureVerificationError(
                "The body was parsed before verification and written again: the content is fenqi's, the "
                "bytes are not. Pass the raw request bytes.",
                reason="body_parsed",
            )
    raise SignatureVerificationError(
        "No signature matches. The secret belongs to another endpoint or was rotated, the body was changed "
        "on its way, or somebody else sent it.",
        reason="signature_mismatch",
    )


def _rewritten(text: str) -> list[str]:
    try:
        value = json.loads(text)
        texts = [
            json.dumps(value, separators=separators, ensure_ascii=ascii_only)
            for separators in ((",", ":"), (", ", ": "))
            for ascii_only in (True, False)
        ]
        for text in texts:
            text.encode("utf-8")
    except (ValueError, RecursionError):
        return []
    return texts


def _seconds(now: datetime | int | None) -> float:
    if now is None:
        # Deliveries are signed in wall time, so this boundary reads the wall clock unless told otherwise.
        return datetime.now(UTC).timestamp()
    if isinstance(now, datetime):
        if now.tzinfo is None:
            raise SignatureVerificationError("Pass now= with a time zone.", reason="argument_invalid")
        return now.timestamp()
    if isinstance(now, bool) or not isinstance(now, int | float):
        raise SignatureVerificationError("Pass now= as a datetime or as seconds.", reason="argument_invalid")
    return float(now)


def _event(text: str, message_id: str, timestamp: int) -> Event:
    """Read an authentic body: our event, or any JSON object that a holder of the secret signed."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        raise SignatureVerificationError("The body is authentic but not an event.", reason="body_not_event")
    try:
        return Event.from_dict(raw)
    except NotFenqi:
        kind = raw.get("type")
        return Event(
            id=message_id,
            type=kind if isinstance(kind, str) else "",
            mode="",
            created_at=datetime.fromtimestamp(timestamp, UTC),
            sequence=0,
            aggregate=Aggregate("", "", 0),
            data=raw,
            raw=raw,
        )
