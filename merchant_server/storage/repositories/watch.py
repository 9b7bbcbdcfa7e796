"""What the fraud rules look at: how often somebody applied, and who is blocked. Keyed hashes only, nothing in clear."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from merchant_server.domain.circumstances import Velocity
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, insert_all, stamp
from merchant_server.storage.sealed import Sealer

WINDOWS = {
    "person": timedelta(hours=24),
    "phone": timedelta(hours=24),
    "device": timedelta(hours=24),
    "store": timedelta(hours=1),
    "address": timedelta(hours=24),
}
SHARED_KINDS = ("phone", "device")
SHARED_WINDOW = timedelta(days=30)


class Watch:
    """Velocity facts and the block list."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def note(
        self, decision_id: str, keys: Mapping[str, str], *, mode: str, consumer_id: str, at: datetime
    ) -> None:
        """Count one application under each of its keys."""
        rows = [
            {
                "decision_id": decision_id,
                "kind": kind,
                "key_index": self._index(kind, key),
                "mode": mode,
                "consumer_id": consumer_id,
                "at": stamp(at),
            }
            for kind, key in keys.items()
        ]
        insert_all(self._db, "velocity_facts", rows)

    def velocity(self, keys: Mapping[str, str], *, mode: str, at: datetime) -> Velocity:
        """Return the counts of each key within its window up to `at`, and the people behind shared keys."""
        applications, persons = {}, {}
        for kind, key in keys.items():
            since = at - (SHARED_WINDOW if kind in SHARED_KINDS else WINDOWS[kind])
            row = self._db.one(
                "SELECT CAST(COALESCE(SUM(CASE WHEN at > :window THEN 1 ELSE 0 END), 0) AS BIGINT) AS applications,"
                " COUNT(DISTINCT consumer_id) AS persons FROM velocity_facts"
                " WHERE kind = :kind AND key_index = :key AND mode = :mode AND at > :since AND at <= :until",
                {
                    "kind": kind,
                    "key": self._index(kind, key),
                    "mode": mode,
                    "since": stamp(since),
                    "window": stamp(at - WINDOWS[kind]),
                    "until": stamp(at),
                },
            )
            assert row is not None
            applications[kind] = row["applications"]
            if kind in SHARED_KINDS:
                persons[kind] = row["persons"]
        return Velocity(applications, persons)

    def remembers(self, before: datetime) -> bool:
        """Say whether there are facts from before then."""
        row = self._db.one(
            "SELECT 1 AS found FROM velocity_facts WHERE at < :before LIMIT 1", {"before": stamp(before)}
        )
        return row is not None

    def forget(self, before: datetime) -> int:
        """Delete facts from before then; no window reaches so far back. Return how many."""
        return self._db.execute("DELETE FROM velocity_facts WHERE at < :before", {"before": stamp(before)})

    def block(self, block_id: str, kind: str, key: str, *, reason: str, by: str, at: datetime) -> None:
        """Put a key on the block list; Conflict when it is there."""
        row = {
            "id": block_id,
            "kind": kind,
            "key_index": self._index(kind, key),
            "reason": reason,
            "added_by": by,
            "added_at": stamp(at),
        }
        insert(self._db, "block_list", row)

    def lift(self, block_id: str, *, by: str, at: datetime) -> bool:
        """Take a key off the block list; say whether it was on it."""
        changed = self._db.execute(
            "UPDATE block_list SET lifted_by = :by, lifted_at = :at WHERE id = :id AND lifted_at IS NULL",
            {"id": block_id, "by": by, "at": stamp(at)},
        )
        return changed == 1

    def blocks(self, keys: Mapping[str, str]) -> list[str]:
        """Return the ids of the live blocks that any of the keys meets."""
        found: list[str] = []
        for kind, key in keys.items():
            row = self._db.one(
                "SELECT id FROM block_list WHERE kind = :kind AND key_index = :key AND lifted_at IS NULL",
                {"kind": kind, "key": self._index(kind, key)},
            )
            found += [] if row is None else [row["id"]]
        return found

    def block_list(self) -> list[Row]:
        """Return every live block, without what it blocks in clear."""
        return self._db.all(
            "SELECT id, kind, reason, added_by, added_at FROM block_list WHERE lifted_at IS NULL ORDER BY id"
        )

    def _index(self, kind: str, key: str) -> str:
        return self._sealer.index(f"watch.{kind}", key)
