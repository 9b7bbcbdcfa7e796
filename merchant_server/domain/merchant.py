"""A merchant, its stores, tills and keys: who sells, where, and who may ask."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from merchant_server.domain.errors import Forbidden, RuleRefused

SCOPES = ("create", "capture", "refund", "read", "settings")
# What each kind of key may do. A secret key carries some or all of SCOPES. A publishable key lies in a web page, so it
# prices offers and nothing else; a till's key sells at its own till and sees nothing but that till's checkouts.
KIND_SCOPES = {"secret": SCOPES, "publishable": ("price",), "till": ("create", "price", "watch")}
KEY_PREFIXES = {
    (kind, mode): f"{prefix}_{mode}_"
    for kind, prefix in (("secret", "sk"), ("publishable", "pk"), ("till", "tk"))
    for mode in ("test", "live")
}
# A key's use is written at most this often, so that reading stays reading.
USE_WRITTEN_SECONDS = 60


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
    """One place where a merchant sells. status: open | closed; nothing new is sold in a closed one."""

    id: str
    merchant_id: str
    name: str
    status: str = "open"


@dataclass(frozen=True, slots=True)
class Till:
    """One device at a counter of a store. status: open | closed; nothing new is sold at a closed one."""

    id: str
    merchant_id: str
    store_id: str
    name: str
    status: str = "open"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: only its hash. `hint` is its last four characters; kind: secret | publishable | till.

    `version` is the API version of callers who name none. A key that has a successor lives on until `expires_at`.
    """

    id: str
    merchant_id: str
    mode: str
    scopes: tuple[str, ...]
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None
    kind: str = "secret"
    name: str = ""
    version: str = ""
    till_id: str | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None

    def status(self, now: datetime) -> str:
        """Return active, expiring (it has a successor), expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is None:
            return "active"
        return "expiring" if now < self.expires_at else "expired"

    def use_is_stale(self, now: datetime) -> bool:
        """Say whether its last use is worth writing again."""
        return self.last_used_at is None or (now - self.last_used_at).total_seconds() >= USE_WRITTEN_SECONDS


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a merchant in one mode, by one key; by a till's key, only for that till."""

    merchant_id: str
    mode: str
    key_id: str
    scopes: tuple[str, ...]
    version: str = ""
    till_id: str | None = None

    def needs(self, *scopes: str) -> None:
        """Raise Forbidden unless the key carries one of `scopes`; the first is the one to ask for."""
        if not set(scopes) & set(self.scopes):
            raise Forbidden(
                f"this key may not {scopes[0]}",
                hint=f"use a key with the scope {scopes[0]!r}",
                scope=scopes[0],
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
