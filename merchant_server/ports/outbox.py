"""What goes out: events, where they go, their deliveries, how far the feed was read, and answers to replay."""

from collections.abc import Sequence
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
    """Where a merchant wants its events. status: active | disabled | deleted; `reason` says why it is disabled.

    `old_secret` signs too until `overlap_until`. `version` numbers the events about the endpoint itself.
    """

    id: str
    merchant_id: str
    mode: str
    url: str
    event_types: tuple[str, ...]
    secret: str
    status: str
    created_at: datetime
    description: str = ""
    reason: str = ""
    old_secret: str = ""
    overlap_until: datetime | None = None
    version: int = 0

    def signing_secrets(self, now: datetime) -> str:
        """Return the secrets that sign at `now`, newest first, with a space between them."""
        both = self.overlap_until is not None and now < self.overlap_until
        return f"{self.secret} {self.old_secret}".strip() if both else self.secret


@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed push of one event; `attempts` counts this one."""

    id: str
    event_id: str
    endpoint_id: str
    attempts: int
    body: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try: `status` 0 when no answer came; `again_at` is None for a success and for the last try.

    `attempt` is its number, the fence: a failure is without effect when somebody else has claimed the delivery since.
    """

    delivery_id: str
    attempt: int
    at: datetime
    took_ms: int
    status: int
    reason: str = ""
    delivered: bool = False
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A line of the delivery log: how the push of one event to one endpoint goes, without the event."""

    id: str
    merchant_id: str
    mode: str
    endpoint_id: str
    event_id: str
    event_type: str
    status: str
    attempts: int
    next_try_at: datetime | None
    tried_at: datetime | None
    took_ms: int | None
    delivered_at: datetime | None
    last_status: int | None
    last_reason: str


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try of a delivery. `number` begins anew when it is replayed; `status` 0 when nothing answered."""

    id: str
    number: int
    tried_at: datetime
    took_ms: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class EventSpan:
    """Which events to send again: from `since` (inclusive) to `until` (exclusive), by what became of them.

    what: missed (dead, or never queued) | all.
    """

    since: datetime
    until: datetime
    what: str


@dataclass(frozen=True, slots=True)
class FeedMark:
    """How far a named reader of a merchant's feed has got."""

    name: str
    sequence: int
    acknowledged_at: datetime


class Events(Protocol):
    """Facts, numbered without gaps per merchant and mode."""

    def foresee(self, merchant_id: str, mode: str) -> None:
        """Say that events of a merchant will be stored."""
        ...

    def append(self, fact: Fact, due_at: datetime, only_to: str | None = None) -> None:
        """Store an event under the merchant's next number and queue its deliveries, at the end of the transaction.

        `only_to` is one endpoint that gets it, asked for or not, instead of every one that asked; such an event is
        stored at once, for whoever goes on with its delivery.
        """
        ...

    def page(self, merchant_id: str, mode: str, after: int, limit: int) -> list[str]:
        """Return the JSON texts of up to `limit` events after a number, oldest first."""
        ...

    def newest_id(self, merchant_id: str, mode: str) -> str | None:
        """Return the id of the newest event, or None."""
        ...

    def last(self, merchant_id: str, mode: str) -> int:
        """Return the number of the newest event, 0 when there is none."""
        ...

    def sequence_of(self, merchant_id: str, mode: str, event_id: str) -> int | None:
        """Return the number of a merchant's event, or None."""
        ...

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest events with the state of their deliveries."""
        ...

    def mark(self, merchant_id: str, mode: str, name: str) -> FeedMark | None:
        """Return how far a reader has got, or None when it never said."""
        ...

    def acknowledge(self, merchant_id: str, mode: str, mark: FeedMark) -> FeedMark:
        """Move a reader's mark forwards, never back; return where it is now."""
        ...


class Endpoints(Protocol):
    """Where a merchant wants its events."""

    def add(self, endpoint: Endpoint) -> None:
        """Store a new endpoint; its secret is sealed."""
        ...

    def get(self, endpoint_id: str, *, hold: bool = False) -> Endpoint | None:
        """Return the endpoint with its secret, or None; `hold` locks it for this transaction where the engine can."""
        ...

    def of_merchant(self, merchant_id: str, mode: str) -> list[Endpoint]:
        """Return a merchant's endpoints that are not deleted, oldest first."""
        ...

    def newest(self, limit: int) -> list[Endpoint]:
        """Return up to `limit` endpoints of all merchants that are not deleted, newest first."""
        ...

    def save(self, endpoint: Endpoint) -> None:
        """Store an endpoint as it is now; what was queued for one that is not active is dead."""
        ...


class Deliveries(Protocol):
    """Pushes that are still to be made, and the log of those that were."""

    def due_endpoints(self, now: datetime) -> list[str]:
        """Return the endpoints for which something is due; each is served apart, so a bad one hurts nobody."""
        ...

    def claim(self, endpoint_id: str, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Claim an endpoint's due deliveries until `until`; a worker that dies lets them fall due again."""
        ...

    def record(self, tries: Sequence[Tried]) -> None:
        """Store what came of tries: delivered, put off, or dead; each try is kept by itself, too."""
        ...

    def release(self, deliveries: Sequence[Delivery], now: datetime) -> None:
        """Give back what was claimed and not tried; it is due at once and has lost no try."""
        ...

    def pending(self) -> int:
        """Return how many deliveries are still to be made."""
        ...

    def find(self, delivery_id: str) -> DeliveryRecord | None:
        """Return a line of the log, or None."""
        ...

    def page(
        self, endpoint_id: str, *, before: str | None, limit: int, status: str | None
    ) -> list[DeliveryRecord]:
        """Return up to `limit` lines of an endpoint's log, newest first, older than `before`."""
        ...

    def attempts(self, delivery_id: str, *, before: str | None, limit: int) -> list[AttemptRecord]:
        """Return up to `limit` tries of a delivery, newest first, older than `before`."""
        ...

    def replay(self, delivery_id: str, due_at: datetime) -> None:
        """Queue a delivery anew, with all its tries before it."""
        ...

    def replay_span(self, endpoint: Endpoint, span: EventSpan, due_at: datetime, limit: int) -> int:
        """Queue the events of a span anew, oldest first, up to `limit`; return how many."""
        ...


class IdempotencyKeys(Protocol):
    """One row a key, merchant and mode, written in the transaction of its effect."""

    def foresee(self) -> None:
        """Say that an answer will be kept."""
        ...

    def claim(
        self, merchant_id: str, mode: str, key: str, fingerprint: str, at: datetime, until: datetime | None
    ) -> bool:
        """Take a key; say False when it was taken before. On PostgreSQL this waits for a rival's commit.

        `until` is when it may be forgotten, None for never.
        """
        ...

    def get(self, merchant_id: str, mode: str, key: str) -> StoredReply | None:
        """Return what was answered under a key, or None when the key is free."""
        ...

    def answer(self, merchant_id: str, mode: str, key: str, status: int, body: bytes) -> None:
        """Keep the answer to replay, byte for byte."""
        ...

    def forget(self, now: datetime, limit: int) -> int:
        """Forget up to `limit` keys whose time is over; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """What a webhook receiver did: its HTTP status (0 when there was none), the seconds taken, a short reason."""

    status: int
    seconds: float
    reason: str = ""
    retry_after_seconds: int | None = None


class WebhookSender(Protocol):
    """Posts one signed event to one endpoint; never raises for what the receiver does."""

    def send(self, *, url: str, secret: str, message_id: str, timestamp: datetime, body: bytes) -> Sent: ...

    def refusal(self, url: str) -> str:
        """Return why nothing would be sent to an address (url_refused, address_refused), or "".

        A name that does not resolve at the moment is no refusal: it may by the time of the first event.
        """
        ...

    def new_secret(self, signature: str) -> str:
        """Make a signing secret: whsec_… for v1 (HMAC-SHA256), whsk_… for v1a (Ed25519)."""
        ...
