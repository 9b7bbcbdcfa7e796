"""The outbox: events written in the business transaction, and their deliveries claimed by workers."""

from collections.abc import Callable
from datetime import datetime

from merchant_server.domain.event import Fact
from merchant_server.ports import Delivery, Endpoint
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import from_json, insert, insert_all, moment, stamp, to_json
from merchant_server.storage.sealed import Sealer


class Events:
    """Facts, numbered without gaps per merchant and mode."""

    def __init__(self, connection: Connection, new_id: Callable[[str], str]) -> None:
        self._db, self._new_id = connection, new_id

    def append(self, fact: Fact, due_at: datetime) -> int:
        """Store an event under the merchant's next number and queue its deliveries; return the number.

        The counter row is locked until the commit, so that numbers are given in commit order and never lost.
        """
        row = self._db.one(
            "INSERT INTO event_sequences (merchant_id, mode, last) VALUES (:merchant_id, :mode, 1)"
            " ON CONFLICT (merchant_id, mode) DO UPDATE SET last = event_sequences.last + 1 RETURNING last",
            {"merchant_id": fact.merchant_id, "mode": fact.mode},
        )
        assert row is not None
        sequence = int(row["last"])
        insert(self._db, "events", _columns(fact, sequence))
        self._queue(fact, due_at)
        return sequence

    def _queue(self, fact: Fact, due_at: datetime) -> None:
        endpoints = self._db.all(
            "SELECT id, event_types FROM webhook_endpoints"
            " WHERE merchant_id = :merchant_id AND mode = :mode AND status = 'active' ORDER BY id",
            {"merchant_id": fact.merchant_id, "mode": fact.mode},
        )
        rows = [
            {
                "id": self._new_id("dlv"),
                "merchant_id": fact.merchant_id,
                "event_id": fact.id,
                "endpoint_id": endpoint["id"],
                "status": "pending",
                "attempts": 0,
                "due_at": stamp(due_at),
                "last_reason": "",
            }
            for endpoint in endpoints
            if {"*", fact.type} & set(from_json(endpoint["event_types"]))
        ]
        insert_all(self._db, "deliveries", rows)

    def page(self, merchant_id: str, mode: str, after: int, limit: int) -> list[str]:
        """Return the JSON texts of up to `limit` events after a number, oldest first."""
        rows = self._db.all(
            "SELECT body FROM events WHERE merchant_id = :merchant_id AND mode = :mode AND sequence > :after"
            " ORDER BY sequence LIMIT :limit",
            {"merchant_id": merchant_id, "mode": mode, "after": after, "limit": limit},
        )
        return [row["body"] for row in rows]

    def latest(self, limit: int) -> list[Row]:
        """Return the newest events with the state of their deliveries."""
        return self._db.all(
            "SELECT e.*, d.status AS delivery_status, d.attempts, d.last_status, d.last_reason, d.due_at"
            " FROM (SELECT * FROM events ORDER BY id DESC LIMIT :limit) e"
            " LEFT JOIN deliveries d ON d.event_id = e.id ORDER BY e.id DESC",
            {"limit": limit},
        )


class Endpoints:
    """Where a merchant wants its events."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(self, endpoint: Endpoint) -> None:
        """Store a new endpoint; its secret is sealed."""
        row = {
            "id": endpoint.id,
            "merchant_id": endpoint.merchant_id,
            "mode": endpoint.mode,
            "url": endpoint.url,
            "event_types": to_json(list(endpoint.event_types)),
            "secret_sealed": self._sealer.seal(
                endpoint.secret.encode(), "webhook_endpoints", "secret", endpoint.id
            ),
            "status": endpoint.status,
            "created_at": stamp(endpoint.created_at),
        }
        insert(self._db, "webhook_endpoints", row)

    def get(self, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint with its secret, or None."""
        row = self._db.one("SELECT * FROM webhook_endpoints WHERE id = :id", {"id": endpoint_id})
        return None if row is None else self._endpoint(row)

    def of_merchant(self, merchant_id: str, mode: str) -> list[Endpoint]:
        """Return a merchant's endpoints that are not deleted, oldest first."""
        rows = self._db.all(
            "SELECT * FROM webhook_endpoints"
            " WHERE merchant_id = :merchant_id AND mode = :mode AND status <> 'deleted' ORDER BY id",
            {"merchant_id": merchant_id, "mode": mode},
        )
        return [self._endpoint(row) for row in rows]

    def set_status(self, endpoint_id: str, status: str) -> None:
        """Disable or delete an endpoint; what was queued for it is dead."""
        self._db.execute(
            "UPDATE webhook_endpoints SET status = :status WHERE id = :id",
            {"id": endpoint_id, "status": status},
        )
        self._db.execute(
            "UPDATE deliveries SET status = 'dead', last_reason = :reason"
            " WHERE endpoint_id = :id AND status = 'pending'",
            {"id": endpoint_id, "reason": f"endpoint {status}"},
        )

    def _endpoint(self, row: Row) -> Endpoint:
        secret = self._sealer.open(row["secret_sealed"], "webhook_endpoints", "secret", row["id"])
        return Endpoint(
            id=row["id"],
            merchant_id=row["merchant_id"],
            mode=row["mode"],
            url=row["url"],
            event_types=tuple(from_json(row["event_types"])),
            secret=secret.decode(),
            status=row["status"],
            created_at=moment(row["created_at"]),
        )


class Deliveries:
    """Pushes that are still to be made."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def due_endpoints(self, now: datetime) -> list[str]:
        """Return the endpoints for which something is due; each is served apart, so a bad one hurts nobody."""
        rows = self._db.all(
            "SELECT DISTINCT endpoint_id FROM deliveries WHERE status = 'pending' AND due_at <= :now",
            {"now": stamp(now)},
        )
        return [row["endpoint_id"] for row in rows]

    def claim(self, endpoint_id: str, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Claim an endpoint's due deliveries until `until`; a worker that dies lets them fall due again."""
        rows = self._db.all(
            "UPDATE deliveries SET due_at = :until, attempts = attempts + 1 WHERE id IN ("
            "SELECT id FROM deliveries WHERE status = 'pending' AND endpoint_id = :endpoint_id AND due_at <= :now"
            f" ORDER BY id LIMIT :limit {self._db.claim_suffix})"
            " RETURNING id, event_id, endpoint_id, attempts",
            {"endpoint_id": endpoint_id, "now": stamp(now), "until": stamp(until), "limit": limit},
        )
        claimed = sorted(rows, key=lambda row: row["id"])
        bodies = {row["event_id"]: "" for row in claimed}
        for event_id in bodies:
            event = self._db.one("SELECT body FROM events WHERE id = :id", {"id": event_id})
            assert event is not None
            bodies[event_id] = event["body"]
        return [
            Delivery(row["id"], row["event_id"], row["endpoint_id"], row["attempts"], bodies[row["event_id"]])
            for row in claimed
        ]

    def delivered(self, delivery_id: str, at: datetime, status: int) -> None:
        """Mark a delivery as received."""
        self._db.execute(
            "UPDATE deliveries SET status = 'delivered', delivered_at = :at, last_status = :status, last_reason = ''"
            " WHERE id = :id AND status = 'pending'",
            {"id": delivery_id, "at": stamp(at), "status": status},
        )

    def failed(self, delivery: Delivery, status: int, reason: str, again_at: datetime | None) -> None:
        """Put a claimed delivery off until `again_at`, or call it dead when that is None.

        Without effect when somebody else has claimed it since: the count of attempts is the fence.
        """
        self._db.execute(
            "UPDATE deliveries SET status = :state, due_at = COALESCE(CAST(:again_at AS TEXT), due_at),"
            " last_status = :status, last_reason = :reason"
            " WHERE id = :id AND status = 'pending' AND attempts = :attempts",
            {
                "id": delivery.id,
                "attempts": delivery.attempts,
                "state": "dead" if again_at is None else "pending",
                "again_at": again_at and stamp(again_at),
                "status": status,
                "reason": reason,
            },
        )

    def pending(self) -> int:
        """Return how many deliveries are still to be made."""
        row = self._db.one("SELECT COUNT(*) AS pending FROM deliveries WHERE status = 'pending'")
        assert row is not None
        return int(row["pending"])


def _columns(fact: Fact, sequence: int) -> dict[str, object]:
    created_at = stamp(fact.created_at)
    body = {
        "object": "event",
        "id": fact.id,
        "type": fact.type,
        "mode": fact.mode,
        "created_at": created_at,
        "sequence": sequence,
        "aggregate": {
            "type": fact.aggregate_type,
            "id": fact.aggregate_id,
            "sequence": fact.aggregate_sequence,
        },
        "data": fact.data,
    }
    return {
        "id": fact.id,
        "merchant_id": fact.merchant_id,
        "mode": fact.mode,
        "sequence": sequence,
        "type": fact.type,
        "aggregate_type": fact.aggregate_type,
        "aggregate_id": fact.aggregate_id,
        "aggregate_sequence": fact.aggregate_sequence,
        "body": to_json(body),
        "created_at": created_at,
    }
