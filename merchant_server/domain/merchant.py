"""A merchant, its stores, tills and keys: who sells, where, and who may ask."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from merchant_server.domain.errors import Forbidden, RuleRefused

SCOPES = ("create", "capture", "refund", "read", "settings")
KEY_PREFIXES = {("secret", "test"): "sk_test_", ("secret", "live"): "sk_live_"}


@dataclass(frozen=True, slots=True)
class Merchant:
    """One merchant; `fee_bps` is what it pays per captured amount, in basis points.

    `place` is the ISO 3166-1 alpha-2 code of where it sells: the law that its consumers are told under.
    """

    id: str
    name: str
    legal_name: str
    category: str
    currency: str
    time_zone: str
    fee_bps: int
    created_at: datetime
    place: str


@dataclass(frozen=True, slots=True)
class ClockState:
    """A test clock: seconds ahead of wall time, how far ahead it is going, and since when it stands at this day."""

    offset_seconds: int
    target_seconds: int | None
    stepped_at: datetime | None


@dataclass(frozen=True, slots=True)
class Store:
    """One place where a merchant sells."""

    id: str
    merchant_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Till:
    """One device at a counter of a store."""

    id: str
    merchant_id: str
    store_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: only its hash. `hint` is its last four characters."""

    id: str
    merchant_id: str
    mode: str
    scopes: tuple[str, ...]
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a merchant in one mode, by one key."""

    merchant_id: str
    mode: str
    key_id: str
    scopes: tuple[str, ...]

    def needs(self, scope: str) -> None:
        """Raise Forbidden unless the key carries `scope`."""
        if scope not in self.scopes:
            raise Forbidden(
                f"this key may not {scope}", hint=f"use a key with the scope {scope!r}", scope=scope
            )


def checked_place(place: str | None, currency: str) -> str:
    """Return the place, or the country of the currency where none is named (ISO 4217 codes begin with it).

    Raises RuleRefused for what is no two-letter code.
    """
    if place is None:
        return currency[:2]
    if not re.fullmatch("[A-Z]{2}", place):
        raise RuleRefused(
            f"{place!r} is no place",
            code="place_invalid",
            field="place",
            hint="name a country by two capital letters, such as CN (ISO 3166-1 alpha-2)",
        )
    return place


def key_hash(secret: str) -> str:
    """Return what is stored of a key: a SHA-256, enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
