"""Repositories of what leaves the house: events, where they go, their deliveries, and answers to replay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from merchant_server.domain.event import Fact


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What is kept under an idempotency key; status and body are None while its transaction runs."""

    fingerprint: str
    status: int | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a merchant wants its events. status: active | disabled | deleted."""

    id: str
    merchant_id: str
    mode: str
    url: str
    event_types: tuple[str, ...]
    secret: str
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed push of one event; `attempts` counts this one."""

    id: str
    event_id: str
    endpoint_id: str
    attempts: int
    body: str


class Events(Protocol):
    """Facts, numbered without gaps per merchant and mode."""

    def append(self, fact: Fact, due_at: datetime) -> int:
        """Store an event under the merchant's next number and queue its deliveries; return the number.

        The counter row is locked until the commit, so that numbers are given in commit order and never lost.
        """
        ...

    def page(self, merchant_id: str, mode: str, after: int, limit: int) -> list[str]:
        """Return the JSON texts of up to `limit` events after a number, oldest first."""
        ...

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest events with the state of their deliveries."""
        ...


class Endpoints(Protocol):
    """Where a merchant wants its events."""

    def add(self, endpoint: Endpoint) -> None:
        """Store a new endpoint; its secret is sealed."""
        ...

    def get(self, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint with its secret, or None."""
        ...

    def of_merchant(self, merchant_id: str, mode: str) -> list[Endpoint]:
        """Return a merchant's endpoints that are not deleted, oldest first."""
        ...

    def set_status(self, endpoint_id: str, status: str) -> None:
        """Disable or delete an endpoint; what was queued for it is dead."""
        ...


class Deliveries(Protocol):
    """Pushes that are still to be made."""

    def due_endpoints(self, now: datetime) -> list[str]:
        """Return the endpoints for which something is due; each is served apart, so a bad one hurts nobody."""
        ...

    def claim(self, endpoint_id: str, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Claim an endpoint's due deliveries until `until`; a worker that dies lets them fall due again."""
        ...

    def delivered(self, delivery_id: str, at: datetime, status: int) -> None:
        """Mark a delivery as received."""
        ...

    def failed(self, delivery: Delivery, status: int, reason: str, again_at: datetime | None) -> None:
        """Put a claimed delivery off until `again_at`, or call it dead when that is None.

        Without effect when somebody else has claimed it since: the count of attempts is the fence.
        """
        ...

    def pending(self) -> int:
        """Return how many deliveries are still to be made."""
        ...


class IdempotencyKeys(Protocol):
    """One row a key, merchant and mode, written in the transaction of its effect."""

    def claim(self, merchant_id: str, mode: str, key: str, fingerprint: str, at: datetime) -> bool:
        """Take a key; say False when it was taken before. On PostgreSQL this waits for a rival's commit."""
        ...

    def get(self, merchant_id: str, mode: str, key: str) -> StoredReply | None:
        """Return what was answered under a key, or None when the key is free."""
        ...

    def answer(self, merchant_id: str, mode: str, key: str, status: int, body: bytes) -> None:
        """Keep the answer to replay, byte for byte."""
        ...
