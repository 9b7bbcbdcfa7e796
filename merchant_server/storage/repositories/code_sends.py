"""Codes that were sent, for the limits: who and where from only as keyed hashes."""

from datetime import datetime, timedelta

from merchant_server.storage.engine import Connection
from merchant_server.storage.repositories.rows import insert, moment, stamp
from merchant_server.storage.sealed import Sealer

COLUMNS = {"number": "phone_index", "person": "consumer_id", "address": "address_index"}


class CodeSends:
    """One row a code; one counter an hour."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def address_index(self, prefix: str) -> str:
        """Return the keyed hash that a network is counted by."""
        return self._sealer.index("address", prefix)

    def hold(self, *keys: str | None) -> None:
        """Hold number, person and address until the commit, so that no two sends read the same counts of one."""
        # In one order for all, so that two sends with two subjects in common never wait for each other.
        for key in sorted(key for key in keys if key is not None):
            self._db.hold(f"code_sends {key}")

    def count_hour(self, hour: str) -> int:
        """Count one more code in an hour and return how many that makes; the row is locked until the commit."""
        row = self._db.one(
            "INSERT INTO code_hours (hour, sent) VALUES (:hour, 1)"
            " ON CONFLICT (hour) DO UPDATE SET sent = code_hours.sent + 1 RETURNING sent",
            {"hour": hour},
        )
        assert row is not None
        return int(row["sent"])

    def open_breaker(self, hour: str, at: datetime) -> bool:
        """Note that an hour's budget is spent; say whether this is news."""
        changed = self._db.execute(
            "UPDATE code_hours SET opened_at = :at WHERE hour = :hour AND opened_at IS NULL",
            {"hour": hour, "at": stamp(at)},
        )
        return changed == 1

    def times(self, subject: str, key: str, since: datetime, purpose: str | None = None) -> list[datetime]:
        """Return when codes were sent for a subject (number, person, address) since then."""
        rows = self._db.all(
            f"SELECT at FROM code_sends WHERE {COLUMNS[subject]} = :key AND at > :since"
            " AND (CAST(:purpose AS TEXT) IS NULL OR purpose = :purpose)",
            {"key": key, "since": stamp(since), "purpose": purpose},
        )
        return [moment(row["at"]) for row in rows]

    def add(
        self,
        send_id: str,
        *,
        purpose: str,
        phone_index: str,
        consumer_id: str | None,
        address_index: str | None,
        at: datetime,
    ) -> None:
        """Store one send."""
        row = {
            "id": send_id,
            "purpose": purpose,
            "phone_index": phone_index,
            "consumer_id": consumer_id,
            "address_index": address_index,
            "at": stamp(at),
        }
        insert(self._db, "code_sends", row)

    def forget(self, before: datetime) -> int:
        """Delete what no limit counts any more; return how much that was."""
        hour = before - timedelta(days=30)
        self._db.execute("DELETE FROM code_hours WHERE hour < :hour", {"hour": hour.strftime("%Y-%m-%dT%H")})
        return self._db.execute("DELETE FROM code_sends WHERE at < :before", {"before": stamp(before)})
