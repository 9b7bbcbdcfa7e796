"""The outbox: events written in the business transaction, and where they go."""

from collections.abc import Callable
from datetime import datetime

from merchant_server.domain.event import Fact
from merchant_server.ports import Endpoint, FeedMark
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.remembered import Remembered
from merchant_server.storage.repositories.rows import (
    from_json,
    insert,
    insert_all,
    maybe_moment,
    moment,
    stamp,
    to_json,
    write_rows,
)
from merchant_server.storage.sealed import Sealer

_NO_NUMBER = -1
_ASKING = (
    "SELECT id, event_types FROM webhook_endpoints"
    " WHERE merchant_id = :merchant_id AND mode = :mode AND status = 'active' ORDER BY id"
)
_ADD_EVENT = """INSERT INTO events (id, merchant_id, mode, sequence, type, aggregate_type, aggregate_id,
    aggregate_sequence, body, created_at)
    SELECT :id, merchant_id, mode, last - :behind, :type, :aggregate_type, :aggregate_id, :aggregate_sequence,
    CAST(:head AS TEXT) || CAST(last - :behind AS TEXT) || CAST(:tail AS TEXT), :created_at
    FROM event_sequences WHERE merchant_id = :merchant_id AND mode = :mode"""


class Events:
    """Facts, numbered without gaps per merchant and mode."""

    def __init__(self, connection: Connection, new_id: Callable[[str], str]) -> None:
        self._db, self._new_id = connection, new_id
        self._asking = Remembered(connection, _ASKING, _types_by_endpoint)
        self._queue: list[tuple[Fact, datetime, str | None]] = []

    def append(self, fact: Fact, due_at: datetime, only_to: str | None = None) -> None:
        """Store an event under the merchant's next number and queue its deliveries, at the end of the transaction.

        `only_to` is one endpoint that gets it, asked for or not, instead of every one that asked; such an event is
        stored at once, for whoever goes on with its delivery.
        """
        self._queue.append((fact, due_at, only_to))
        if only_to is not None:
            self.store()

    def store(self) -> None:
        """Store what was appended, in its order; the unit of work calls this last.

        A merchant's counter is locked from here to the commit, so that numbers are given in commit order and never
        lost; as late as can be, because all of a merchant's transactions meet at it, and in one order of merchants.
        The database puts the numbers in, so that nobody waits for them to travel.
        """
        queue, self._queue = self._queue, []
        for merchant_id, mode in sorted({(fact.merchant_id, fact.mode) for fact, _, _ in queue}):
            some = [each for each in queue if (each[0].merchant_id, each[0].mode) == (merchant_id, mode)]
            for_all = any(only_to is None for _, _, only_to in some)
            asked = self._asking.get(merchant_id=merchant_id, mode=mode) if for_all else []
            self._db.write(
                "INSERT INTO event_sequences (merchant_id, mode, last) VALUES (:merchant_id, :mode, :count)"
                " ON CONFLICT (merchant_id, mode) DO UPDATE SET last = event_sequences.last + excluded.last",
                {"merchant_id": merchant_id, "mode": mode, "count": len(some)},
            )
            later = range(len(some) - 1, -1, -1)
            rows = [_columns(fact, behind) for (fact, _, _), behind in zip(some, later, strict=True)]
            write_rows(self._db, _ADD_EVENT, rows)
            queued = [
                _queued(self._new_id, fact, endpoint_id, due_at)
                for fact, due_at, only_to in some
                for endpoint_id in ([only_to] if only_to else _wanting(asked, fact))
            ]
            insert_all(self._db, "deliveries", queued)

    def foresee(self, merchant_id: str, mode: str) -> None:
        """Say that events of a merchant will be stored."""
        self._asking.foresee(merchant_id=merchant_id, mode=mode)

    def page(self, merchant_id: str, mode: str, after: int, limit: int) -> list[str]:
        """Return the JSON texts of up to `limit` events after a number, oldest first."""
        rows = self._db.all(
            "SELECT body FROM events WHERE merchant_id = :merchant_id AND mode = :mode AND sequence > :after"
            " ORDER BY sequence LIMIT :limit",
            {"merchant_id": merchant_id, "mode": mode, "after": after, "limit": limit},
        )
        return [row["body"] for row in rows]

    def last(self, merchant_id: str, mode: str) -> int:
        """Return the number of the newest event, 0 when there is none."""
        row = self._db.one(
            "SELECT last FROM event_sequences WHERE merchant_id = :merchant_id AND mode = :mode",
            {"merchant_id": merchant_id, "mode": mode},
        )
        return 0 if row is None else int(row["last"])

    def newest_id(self, merchant_id: str, mode: str) -> str | None:
        """Return the id of the newest event, or None."""
        row = self._db.one(
            "SELECT id FROM events WHERE merchant_id = :merchant_id AND mode = :mode"
            " ORDER BY sequence DESC LIMIT 1",
            {"merchant_id": merchant_id, "mode": mode},
        )
        return None if row is None else str(row["id"])

    def sequence_of(self, merchant_id: str, mode: str, event_id: str) -> int | None:
        """Return the number of a merchant's event, or None."""
        row = self._db.one(
            "SELECT sequence FROM events WHERE id = :id AND merchant_id = :merchant_id AND mode = :mode",
            {"id": event_id, "merchant_id": merchant_id, "mode": mode},
        )
        return None if row is None else int(row["sequence"])

    def mark(self, merchant_id: str, mode: str, name: str) -> FeedMark | None:
        """Return how far a reader has got, or None when it never said."""
        row = self._db.one(
            "SELECT * FROM event_readers WHERE merchant_id = :merchant_id AND mode = :mode AND name = :name",
            {"merchant_id": merchant_id, "mode": mode, "name": name},
        )
        return None if row is None else _mark(row)

    def acknowledge(self, merchant_id: str, mode: str, mark: FeedMark) -> FeedMark:
        """Move a reader's mark forwards, never back; return where it is now."""
        row = self._db.one(
            "INSERT INTO event_readers (merchant_id, mode, name, sequence, acknowledged_at)"
            " VALUES (:merchant_id, :mode, :name, :sequence, :at)"
            " ON CONFLICT (merchant_id, mode, name) DO UPDATE SET"
            " acknowledged_at = CASE WHEN excluded.sequence > event_readers.sequence"
            " THEN excluded.acknowledged_at ELSE event_readers.acknowledged_at END,"
            " sequence = CASE WHEN excluded.sequence > event_readers.sequence"
            " THEN excluded.sequence ELSE event_readers.sequence END RETURNING *",
            {
                "merchant_id": merchant_id,
                "mode": mode,
                "name": mark.name,
                "sequence": mark.sequence,
                "at": stamp(mark.acknowledged_at),
            },
        )
        assert row is not None
        return _mark(row)

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
        self._asking = Remembered(connection, _ASKING, _types_by_endpoint)

    def add(self, endpoint: Endpoint) -> None:
        """Store a new endpoint; its secret is sealed."""
        self._asking.forget()
        insert(self._db, "webhook_endpoints", self._columns(endpoint))

    def get(self, endpoint_id: str, *, hold: bool = False) -> Endpoint | None:
        """Return the endpoint with its secret, or None; `hold` locks it for this transaction where the engine can."""
        lock = self._db.row_lock if hold else ""
        row = self._db.one(f"SELECT * FROM webhook_endpoints WHERE id = :id {lock}", {"id": endpoint_id})
        return None if row is None else self._endpoint(row)

    def of_merchant(self, merchant_id: str, mode: str) -> list[Endpoint]:
        """Return a merchant's endpoints that are not deleted, oldest first."""
        rows = self._db.all(
            "SELECT * FROM webhook_endpoints"
            " WHERE merchant_id = :merchant_id AND mode = :mode AND status <> 'deleted' ORDER BY id",
            {"merchant_id": merchant_id, "mode": mode},
        )
        return [self._endpoint(row) for row in rows]

    def newest(self, limit: int) -> list[Endpoint]:
        """Return up to `limit` endpoints of all merchants that are not deleted, newest first."""
        rows = self._db.all(
            "SELECT * FROM webhook_endpoints WHERE status <> 'deleted' ORDER BY id DESC LIMIT :limit",
            {"limit": limit},
        )
        return [self._endpoint(row) for row in rows]

    def save(self, endpoint: Endpoint) -> None:
        """Store an endpoint as it is now; what was queued for one that is not active is dead."""
        self._asking.forget()
        row = self._columns(endpoint)
        names = ", ".join(f"{name} = :{name}" for name in row if name != "id")
        self._db.execute(f"UPDATE webhook_endpoints SET {names} WHERE id = :id", row)
        if endpoint.status != "active":
            self._db.execute(
                "UPDATE deliveries SET status = 'dead', last_reason = :reason"
                " WHERE endpoint_id = :id AND status = 'pending'",
                {"id": endpoint.id, "reason": f"endpoint {endpoint.status}"},
            )

    def _columns(self, endpoint: Endpoint) -> Row:
        secrets = f"{endpoint.secret} {endpoint.old_secret}".strip().encode()
        return {
            "id": endpoint.id,
            "merchant_id": endpoint.merchant_id,
            "mode": endpoint.mode,
            "url": endpoint.url,
            "event_types": to_json(list(endpoint.event_types)),
            "secret_sealed": self._sealer.seal(secrets, "webhook_endpoints", "secret", endpoint.id),
            "status": endpoint.status,
            "created_at": stamp(endpoint.created_at),
            "description": endpoint.description,
            "reason": endpoint.reason,
            "overlap_until": endpoint.overlap_until and stamp(endpoint.overlap_until),
            "version": endpoint.version,
        }

    def _endpoint(self, row: Row) -> Endpoint:
        opened = self._sealer.open(row["secret_sealed"], "webhook_endpoints", "secret", row["id"])
        secret, _, old_secret = opened.decode().partition(" ")
        return Endpoint(
            id=row["id"],
            merchant_id=row["merchant_id"],
            mode=row["mode"],
            url=row["url"],
            event_types=tuple(from_json(row["event_types"])),
            secret=secret,
            status=row["status"],
            created_at=moment(row["created_at"]),
            description=row["description"],
            reason=row["reason"],
            old_secret=old_secret,
            overlap_until=maybe_moment(row["overlap_until"]),
            version=row["version"],
        )


def _types_by_endpoint(rows: list[Row]) -> list[tuple[str, frozenset[str]]]:
    return [(row["id"], frozenset(from_json(row["event_types"]))) for row in rows]


def _wanting(asked: list[tuple[str, frozenset[str]]], fact: Fact) -> list[str]:
    return [endpoint_id for endpoint_id, types in asked if types & {"*", fact.type}]


def _queued(new_id: Callable[[str], str], fact: Fact, endpoint_id: str, due_at: datetime) -> Row:
    return {
        "id": new_id("dlv"),
        "merchant_id": fact.merchant_id,
        "event_id": fact.id,
        "endpoint_id": endpoint_id,
        "status": "pending",
        "attempts": 0,
        "due_at": stamp(due_at),
        "last_reason": "",
    }


def _mark(row: Row) -> FeedMark:
    return FeedMark(row["name"], row["sequence"], moment(row["acknowledged_at"]))


def _columns(fact: Fact, behind: int) -> Row:
    """Return an event that is `behind` others before the merchant's last; its body lacks the number."""
    created_at = stamp(fact.created_at)
    body = {
        "object": "event",
        "id": fact.id,
        "type": fact.type,
        "mode": fact.mode,
        "created_at": created_at,
        "sequence": _NO_NUMBER,
        "aggregate": {
            "type": fact.aggregate_type,
            "id": fact.aggregate_id,
            "sequence": fact.aggregate_sequence,
        },
        "data": fact.data,
        "request_id": fact.request_id,
    }
    # Members are sorted, so that only the type comes after the number.
    head, _, tail = to_json(body).rpartition(str(_NO_NUMBER))
    return {
        "id": fact.id,
        "merchant_id": fact.merchant_id,
        "mode": fact.mode,
        "behind": behind,
        "type": fact.type,
        "aggregate_type": fact.aggregate_type,
        "aggregate_id": fact.aggregate_id,
        "aggregate_sequence": fact.aggregate_sequence,
        "head": head,
        "tail": tail,
        "created_at": created_at,
    }
