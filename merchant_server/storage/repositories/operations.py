"""Figures for operators, read through indexes only, and the clearing of old deliveries in bounded batches."""

from datetime import datetime, timedelta

from merchant_server.ports import Figures, StoredCheckup
from merchant_server.storage.engine import Connection
from merchant_server.storage.repositories.rows import insert, moment, stamp

LOOK_BACK = timedelta(hours=1)
DECISIONS_MOST = 1_000


class Operations:
    """Figures for operators, and the end of what nobody needs any more."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def figures(self, now: datetime) -> Figures:
        """Return what waits now and what the last hour did; every query is served by an index."""
        since = stamp(now - LOOK_BACK)
        outcomes, seconds = self._decisions(since)
        return Figures(
            deliveries_pending=self._count("SELECT COUNT(*) AS n FROM deliveries WHERE status = 'pending'"),
            outbox_lag_seconds=self._outbox_lag(now),
            installments_due=self._count(
                "SELECT COUNT(*) AS n FROM merchants m JOIN installments i ON i.merchant_id = m.id"
                " AND i.collect_on <= :today AND i.status IN ('scheduled', 'due', 'overdue')",
                today=now.date().isoformat(),
            ),
            deductions_unanswered=self._count(
                "SELECT COUNT(*) AS n FROM deductions WHERE status IN ('requested', 'pending')"
            ),
            deductions={
                row["status"]: row["n"]
                for row in self._db.all(
                    "SELECT status, COUNT(*) AS n FROM deductions WHERE requested_at >= :since GROUP BY status",
                    {"since": since},
                )
            },
            decisions=outcomes,
            decision_seconds=seconds,
            checkup=self._checkup(),
        )

    def _count(self, sql: str, **parameters: str) -> int:
        row = self._db.one(sql, parameters)
        assert row is not None
        return int(row["n"])

    def _outbox_lag(self, now: datetime) -> float:
        row = self._db.one("SELECT MIN(due_at) AS oldest FROM deliveries WHERE status = 'pending'")
        if row is None or row["oldest"] is None:
            return 0.0
        return max((now - moment(row["oldest"])).total_seconds(), 0.0)

    def _decisions(self, since: str) -> tuple[dict[str, int], tuple[float, ...]]:
        rows = self._db.all(
            "SELECT outcome, requested_at, decided_at FROM decisions WHERE decided_at >= :since"
            " ORDER BY decided_at DESC LIMIT :most",
            {"since": since, "most": DECISIONS_MOST},
        )
        outcomes: dict[str, int] = {}
        for row in rows:
            outcomes[row["outcome"] or "none"] = outcomes.get(row["outcome"] or "none", 0) + 1
        taken = (moment(row["decided_at"]) - moment(row["requested_at"]) for row in rows)
        return outcomes, tuple(sorted(each.total_seconds() for each in taken))

    def _checkup(self) -> StoredCheckup | None:
        row = self._db.one("SELECT * FROM checkups ORDER BY at DESC LIMIT 1")
        if row is None:
            return None
        return StoredCheckup(moment(row["at"]), row["breaches"], row["imbalance_minor"])

    def has_deliveries(self, before: datetime) -> bool:
        """Say whether a delivery that was received before a time is still kept."""
        row = self._db.one(
            "SELECT id FROM deliveries WHERE status = 'delivered' AND delivered_at < :before LIMIT 1",
            {"before": stamp(before)},
        )
        return row is not None

    def forget_deliveries(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` deliveries that were received before a time; return how many. Events stay."""
        rows = self._db.all(
            "SELECT id FROM deliveries WHERE status = 'delivered' AND delivered_at < :before"
            f" ORDER BY delivered_at LIMIT :limit {self._db.claim_suffix}",
            {"before": stamp(before), "limit": limit},
        )
        for table, column in (("delivery_attempts", "delivery_id"), ("deliveries", "id")):
            self._db.executemany(
                f"DELETE FROM {table} WHERE {column} = :id", [{"id": each["id"]} for each in rows]
            )
        return len(rows)

    def keep_checkup(self, checkup: StoredCheckup) -> None:
        """Store what the checker found."""
        row = {
            "at": stamp(checkup.at),
            "breaches": checkup.breaches,
            "imbalance_minor": checkup.imbalance_minor,
        }
        insert(self._db, "checkups", row)
