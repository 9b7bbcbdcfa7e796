"""Deliveries: claimed by workers, recorded in batches, listed for the merchant and queued anew on demand."""

from collections.abc import Callable, Sequence
from datetime import datetime

from merchant_server.ports import AttemptRecord, Delivery, DeliveryRecord, Endpoint, EventSpan, Tried
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert_all, made, maybe_moment, moment, stamp

_LOG = "SELECT d.*, e.type AS event_type, e.mode AS mode FROM deliveries d JOIN events e ON e.id = d.event_id"


class Deliveries:
    """Pushes that are still to be made, and the log of those that were."""

    def __init__(self, connection: Connection, new_id: Callable[[str], str]) -> None:
        self._db, self._new_id = connection, new_id

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
        bodies = self._bodies([row["event_id"] for row in rows])
        return [
            Delivery(row["id"], row["event_id"], row["endpoint_id"], row["attempts"], bodies[row["event_id"]])
            for row in sorted(rows, key=lambda row: row["id"])
        ]

    def _bodies(self, event_ids: Sequence[str]) -> dict[str, str]:
        if not event_ids:
            return {}
        named = {f"id{number}": event_id for number, event_id in enumerate(event_ids)}
        rows = self._db.all(
            f"SELECT id, body FROM events WHERE id IN ({', '.join(f':{name}' for name in named)})", named
        )
        return {row["id"]: row["body"] for row in rows}

    def record(self, tries: Sequence[Tried]) -> None:
        """Store what came of tries: delivered, put off, or dead."""
        self._db.executemany(
            "UPDATE deliveries SET status = :state, tried_at = :at, took_ms = :took_ms, last_status = :status,"
            " last_reason = :reason, due_at = COALESCE(CAST(:again_at AS TEXT), due_at),"
            " delivered_at = COALESCE(CAST(:delivered_at AS TEXT), delivered_at)"
            " WHERE id = :id AND status = 'pending' AND attempts = COALESCE(CAST(:fence AS BIGINT), attempts)",
            [_tried(each) for each in tries],
        )
        self._db.executemany(
            "INSERT INTO delivery_attempts (id, merchant_id, delivery_id, number, tried_at, took_ms, status, reason)"
            " SELECT CAST(:id AS TEXT), merchant_id, id, CAST(:number AS BIGINT), CAST(:tried_at AS TEXT),"
            " CAST(:took_ms AS BIGINT), CAST(:status AS BIGINT), CAST(:reason AS TEXT)"
            " FROM deliveries WHERE id = :delivery_id",
            [self._attempt(each) for each in tries],
        )

    def _attempt(self, tried: Tried) -> Row:
        return {
            "id": self._new_id("dat"),
            "delivery_id": tried.delivery_id,
            "number": tried.attempt,
            "tried_at": stamp(tried.at),
            "took_ms": tried.took_ms,
            "status": tried.status,
            "reason": tried.reason,
        }

    def release(self, deliveries: Sequence[Delivery], now: datetime) -> None:
        """Give back what was claimed and not tried; it is due at once and has lost no try."""
        self._db.executemany(
            "UPDATE deliveries SET due_at = :now, attempts = attempts - 1"
            " WHERE id = :id AND status = 'pending' AND attempts = :attempts",
            [{"id": each.id, "attempts": each.attempts, "now": stamp(now)} for each in deliveries],
        )

    def pending(self) -> int:
        """Return how many deliveries are still to be made."""
        row = self._db.one("SELECT COUNT(*) AS pending FROM deliveries WHERE status = 'pending'")
        assert row is not None
        return int(row["pending"])

    def find(self, delivery_id: str) -> DeliveryRecord | None:
        """Return a line of the log, or None."""
        row = self._db.one(f"{_LOG} WHERE d.id = :id", {"id": delivery_id})
        return None if row is None else _record(row)

    def page(
        self, endpoint_id: str, *, before: str | None, limit: int, status: str | None
    ) -> list[DeliveryRecord]:
        """Return up to `limit` lines of an endpoint's log, newest first, older than `before`."""
        rows = self._db.all(
            f"{_LOG} WHERE d.endpoint_id = :endpoint_id AND d.id < :before"
            " AND (CAST(:status AS TEXT) IS NULL OR d.status = :status) ORDER BY d.id DESC LIMIT :limit",
            {"endpoint_id": endpoint_id, "before": before or "dlv_~", "status": status, "limit": limit},
        )
        return [_record(row) for row in rows]

    def attempts(self, delivery_id: str, *, before: str | None, limit: int) -> list[AttemptRecord]:
        """Return up to `limit` tries of a delivery, newest first, older than `before`."""
        rows = self._db.all(
            "SELECT id, number, tried_at, took_ms, status, reason FROM delivery_attempts"
            " WHERE delivery_id = :delivery_id AND id < :before ORDER BY id DESC LIMIT :limit",
            {"delivery_id": delivery_id, "before": before or "dat_~", "limit": limit},
        )
        return [made(AttemptRecord, row, tried_at=moment(row["tried_at"])) for row in rows]

    def replay(self, delivery_id: str, due_at: datetime) -> None:
        """Queue a delivery anew, with all its tries before it."""
        self._replay([delivery_id], due_at)

    def _replay(self, delivery_ids: Sequence[str], due_at: datetime) -> None:
        self._db.executemany(
            "UPDATE deliveries SET status = 'pending', attempts = 0, due_at = :due_at, last_reason = 'replayed'"
            " WHERE id = :id",
            [{"id": each, "due_at": stamp(due_at)} for each in delivery_ids],
        )

    def replay_span(self, endpoint: Endpoint, span: EventSpan, due_at: datetime, limit: int) -> int:
        """Queue the events of a span anew, oldest first, up to `limit`; return how many."""
        rows = self._db.all(
            "SELECT e.id AS event_id, e.type AS type, d.id AS id FROM events e"
            " LEFT JOIN deliveries d ON d.event_id = e.id AND d.endpoint_id = :endpoint_id"
            " WHERE e.merchant_id = :merchant_id AND e.mode = :mode"
            " AND e.created_at >= :since AND e.created_at < :until"
            f" AND {_wanted(endpoint)} AND {_MISSED if span.what == 'missed' else _ENDED}"
            " ORDER BY e.sequence LIMIT :limit",
            {
                "endpoint_id": endpoint.id,
                "merchant_id": endpoint.merchant_id,
                "mode": endpoint.mode,
                "since": stamp(span.since),
                "until": stamp(span.until),
                "limit": limit,
            }
            | {f"type{number}": each for number, each in enumerate(endpoint.event_types)},
        )
        self._replay([row["id"] for row in rows if row["id"] is not None], due_at)
        new = [row["event_id"] for row in rows if row["id"] is None]
        insert_all(self._db, "deliveries", [self._queued(endpoint, each, due_at) for each in new])
        return len(rows)

    def _queued(self, endpoint: Endpoint, event_id: str, due_at: datetime) -> Row:
        return {
            "id": self._new_id("dlv"),
            "merchant_id": endpoint.merchant_id,
            "event_id": event_id,
            "endpoint_id": endpoint.id,
            "status": "pending",
            "attempts": 0,
            "due_at": stamp(due_at),
            "last_reason": "replayed",
        }


_MISSED = "(d.id IS NULL OR d.status = 'dead')"
_ENDED = "(d.id IS NULL OR d.status <> 'pending')"


def _wanted(endpoint: Endpoint) -> str:
    if "*" in endpoint.event_types:
        return "1 = 1"
    return f"e.type IN ({', '.join(f':type{number}' for number in range(len(endpoint.event_types)))})"


def _tried(tried: Tried) -> Row:
    ended = "dead" if tried.again_at is None else "pending"
    return {
        "id": tried.delivery_id,
        "fence": None if tried.delivered else tried.attempt,
        "state": "delivered" if tried.delivered else ended,
        "at": stamp(tried.at),
        "took_ms": tried.took_ms,
        "status": tried.status,
        "reason": tried.reason,
        "again_at": tried.again_at and stamp(tried.again_at),
        "delivered_at": stamp(tried.at) if tried.delivered else None,
    }


def _record(row: Row) -> DeliveryRecord:
    return DeliveryRecord(
        id=row["id"],
        merchant_id=row["merchant_id"],
        mode=row["mode"],
        endpoint_id=row["endpoint_id"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        status=row["status"],
        attempts=row["attempts"],
        next_try_at=maybe_moment(row["due_at"]) if row["status"] == "pending" else None,
        tried_at=maybe_moment(row["tried_at"]),
        took_ms=row["took_ms"],
        delivered_at=maybe_moment(row["delivered_at"]),
        last_status=row["last_status"],
        last_reason=row["last_reason"],
    )
