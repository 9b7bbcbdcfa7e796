"""Idempotency keys made from what is meant, and checks of arguments before they are sent."""

import hashlib
import json
import re
import secrets
from typing import Any

from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money

_PATH_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def intent_key(*parts: Any) -> str:
    """Return the key of an intent: a SHA-256 over its JSON-ready parts, the same in every process."""
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return "fenqi-" + hashlib.sha256(text.encode("ascii")).hexdigest()[:48]


def fresh_key() -> str:
    """Return a key for something that each call means anew: random, one over all tries of a call."""
    return "fenqi-" + secrets.token_hex(24)


def path_id(value: str, field: str) -> str:
    """Return an id that is safe inside a path and names one resource only. Raises InvalidArgument."""
    if not isinstance(value, str) or not _PATH_ID.fullmatch(value) or set(value) == {"."}:
        raise InvalidArgument("Expected an id of letters, digits, _ . and -.", field=field)
    return value


def checked_money(amount: Any) -> Money:
    """Return an amount that is Money. Raises InvalidArgument."""
    if not isinstance(amount, Money):
        raise InvalidArgument(
            f"Expected fenqi.Money, got {type(amount).__name__}.",
            field="amount",
            hint='Write Money(399900, "CNY") or Money.parse("3999.00", "CNY").',
        )
    return amount
