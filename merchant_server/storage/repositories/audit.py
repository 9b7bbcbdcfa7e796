"""The audit log: acts, their leaves in commit order, signed heads, and what consumers were shown and did.

An act gets its place at the very end of its transaction, so that the counter is locked for the commit alone
and always after every other row.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from merchant_server.domain.audit import AuditRow, TreeHead, full_subtree
from merchant_server.domain.consent import ConsentEvent
from merchant_server.ports import StoredLeaf
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, insert_all, moment, stamp, to_json
from merchant_server.storage.sealed import Sealer, Unsealable

# How far back the newest acts of one name are looked for; the table has no index on names.
LOOKED_AT_MAX = 2_000
SALT_BYTES = 16
TILE_LEVEL = 8

_LEAVES = (
    "SELECT l.sequence, l.audit_id, l.salt, l.previous_hash, l.leaf_hash, a.id, a.merchant_id, a.at, a.actor,"
    " a.action, a.subject, a.detail FROM audit_leaves l LEFT JOIN audit a ON a.id = l.audit_id"
)


class Audit:
    """Who did what to what; rows are only ever added, hold no personal data, and enter the tree with their commit."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._fresh: list[Row] = []

    def add(
        self, audit_id: str, *, at: datetime, actor: str, action: str, subject: str, merchant_id: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Store one act. Its detail is JSON without fractions."""
        row = {
            "id": audit_id,
            "merchant_id": merchant_id,
            "at": stamp(at),
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": to_json(detail or {}),
        }
        insert(self._db, "audit", row)
        self._fresh.append(row)

    def chain(self) -> None:
        """Give this transaction's acts their places; the last thing before the commit.

        The first call in a log also takes in the acts that are older than the log.
        """
        if not self._fresh:
            return
        size, last_hash = self._counter(self._db.row_lock)
        rows = self._fresh if size else self._db.all("SELECT * FROM audit ORDER BY id")
        leaves = []
        for row in rows:
            size += 1
            salt = secrets.token_hex(SALT_BYTES)
            leaf = _row(row | {"sequence": size, "previous_hash": last_hash, "salt": salt}).leaf_hash()
            leaves.append(
                {
                    "sequence": size,
                    "audit_id": row["id"],
                    "salt": salt,
                    "previous_hash": last_hash,
                    "leaf_hash": leaf,
                }
            )
            last_hash = leaf
        insert_all(self._db, "audit_leaves", leaves)
        self._db.execute(
            "UPDATE audit_tree SET size = :size, last_hash = :last_hash WHERE id = 1",
            {"size": size, "last_hash": last_hash},
        )
        self._fresh = []

    def of(self, subject: str) -> list[Row]:
        """Return the acts on a subject, oldest first."""
        return self._db.all("SELECT * FROM audit WHERE subject = :subject ORDER BY id", {"subject": subject})

    def latest(self, action_prefix: str, limit: int) -> list[Row]:
        """Return the newest acts whose name begins so, looking back over a bounded number of acts."""
        return self._db.all(
            "SELECT * FROM (SELECT * FROM audit ORDER BY id DESC LIMIT :looked_at) newest"
            " WHERE action LIKE :pattern ORDER BY id DESC LIMIT :limit",
            {"looked_at": LOOKED_AT_MAX, "pattern": action_prefix + "%", "limit": limit},
        )

    def size(self) -> int:
        """Return how many places the log has given out."""
        return self._counter()[0]

    def last_hash(self) -> str:
        """Return the newest leaf hash as the counter row knows it."""
        return self._counter()[1]

    def _counter(self, lock: str = "") -> tuple[int, str]:
        row = self._db.one(f"SELECT size, last_hash FROM audit_tree WHERE id = 1 {lock}")
        return (0, "") if row is None else (int(row["size"]), row["last_hash"])

    def leaves(self, after: int, limit: int) -> list[StoredLeaf]:
        """Return up to `limit` places behind `after`, in order; a missing place is simply not there."""
        rows = self._db.all(
            f"{_LEAVES} WHERE l.sequence > :after ORDER BY l.sequence LIMIT :limit",
            {"after": after, "limit": limit},
        )
        return [
            StoredLeaf(
                row["sequence"],
                row["audit_id"],
                row["previous_hash"],
                row["leaf_hash"],
                None if row["id"] is None else _row(row),
            )
            for row in rows
        ]

    def unchained(self, limit: int) -> list[str]:
        """Return acts that have no place in the log."""
        rows = self._db.all(
            "SELECT a.id FROM audit a LEFT JOIN audit_leaves l ON l.audit_id = a.id WHERE l.sequence IS NULL"
            " ORDER BY a.id LIMIT :limit",
            {"limit": limit},
        )
        return [row["id"] for row in rows]

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the 2**level leaves from index * 2**level on, all of which exist."""
        if level < TILE_LEVEL:
            return self._from_leaves(level, index)
        first, last = index << level - TILE_LEVEL, ((index + 1) << level - TILE_LEVEL) - 1
        kept = self._tiles(first, last)
        return full_subtree(
            [kept.get(number) or self._from_leaves(TILE_LEVEL, number) for number in range(first, last + 1)]
        )

    def _from_leaves(self, level: int, index: int) -> bytes:
        rows = self._db.all(
            "SELECT leaf_hash FROM audit_leaves WHERE sequence BETWEEN :first AND :last ORDER BY sequence",
            {"first": (index << level) + 1, "last": (index + 1) << level},
        )
        # A leaf that is missing must not pass for a smaller tree.
        found = [_bytes(row["leaf_hash"]) for row in rows]
        return full_subtree(found) if len(found) == 1 << level else b""

    def _tiles(self, first: int, last: int) -> dict[int, bytes]:
        rows = self._db.all(
            "SELECT number, tile_hash FROM audit_tiles WHERE number BETWEEN :first AND :last",
            {"first": first, "last": last},
        )
        return {int(row["number"]): _bytes(row["tile_hash"]) for row in rows}

    def keep_tiles(self, size: int) -> None:
        """Store the hashes over each full 256 leaves up to `size`, as far as they are not stored."""
        row = self._db.one("SELECT COALESCE(MAX(number), -1) AS newest FROM audit_tiles")
        assert row is not None
        for number in range(int(row["newest"]) + 1, size >> TILE_LEVEL):
            self._db.execute(
                "INSERT INTO audit_tiles (number, tile_hash) VALUES (:number, :hash) ON CONFLICT (number) DO NOTHING",
                {"number": number, "hash": self._from_leaves(TILE_LEVEL, number).hex()},
            )

    def add_head(self, head: TreeHead) -> None:
        """Store a signed head; one of this size stays as it is."""
        self._db.execute(
            "INSERT INTO audit_heads (size, root_hash, at, signature, certificate)"
            " VALUES (:size, :root_hash, :at, :signature, :certificate) ON CONFLICT (size) DO NOTHING",
            head.to_dict(),
        )

    def heads(self) -> list[TreeHead]:
        """Return every signed head, smallest first."""
        return [_head(row) for row in self._db.all("SELECT * FROM audit_heads ORDER BY size")]

    def newest_head(self) -> TreeHead | None:
        """Return the head with the largest size, or None."""
        row = self._db.one("SELECT * FROM audit_heads ORDER BY size DESC LIMIT 1")
        return None if row is None else _head(row)

    def head_covering(self, sequence: int) -> TreeHead | None:
        """Return the smallest head that covers a place, or None."""
        row = self._db.one(
            "SELECT * FROM audit_heads WHERE size >= :sequence ORDER BY size LIMIT 1", {"sequence": sequence}
        )
        return None if row is None else _head(row)


class ConsentEvents:
    """What consumers were shown and did; facts are in the audit row, the person's part is sealed."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(
        self, audit_id: str, *, checkout_id: str, kind: str, at: datetime, salt: str, personal: dict[str, Any]
    ) -> None:
        """Store an event beside its audit row, in the same transaction."""
        sealed = to_json({"salt": salt, "personal": personal}).encode()
        row = {
            "audit_id": audit_id,
            "checkout_id": checkout_id,
            "kind": kind,
            "at": stamp(at),
            "personal_sealed": self._sealer.seal(
                sealed, "consent_events", "personal", audit_id, owner=checkout_id
            ),
        }
        insert(self._db, "consent_events", row)

    def last_at(self, checkout_id: str) -> datetime | None:
        """Return when the newest event of a checkout happened, or None."""
        row = self._db.one(
            "SELECT MAX(at) AS at FROM consent_events WHERE checkout_id = :id", {"id": checkout_id}
        )
        return None if row is None or row["at"] is None else moment(row["at"])

    def of_checkout(self, checkout_id: str) -> list[ConsentEvent]:
        """Return the events of a checkout in the log's order; those of a running transaction are not there yet."""
        rows = self._db.all(
            "SELECT l.sequence, l.salt, l.previous_hash, l.leaf_hash, a.*, c.personal_sealed FROM consent_events c"
            " JOIN audit a ON a.id = c.audit_id JOIN audit_leaves l ON l.audit_id = c.audit_id"
            " WHERE c.checkout_id = :id ORDER BY l.sequence",
            {"id": checkout_id},
        )
        return [self._event(row) for row in rows]

    def _event(self, row: Row) -> ConsentEvent:
        try:
            opened = self._sealer.open(row["personal_sealed"], "consent_events", "personal", row["id"])
        except Unsealable:
            # The person's key was dropped: the facts and their place in the log stay.
            return ConsentEvent(_row(row), row["leaf_hash"], None, None)
        found = json.loads(opened)
        return ConsentEvent(_row(row), row["leaf_hash"], found["personal"], found["salt"])


def _row(row: Mapping[str, Any]) -> AuditRow:
    plain = ("id", "at", "actor", "action", "subject", "merchant_id")
    return AuditRow(
        sequence=int(row["sequence"]),
        previous=row["previous_hash"],
        detail=row["detail"],
        salt=row["salt"],
        **{name: row[name] for name in plain},
    )


def _bytes(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def _head(row: Row) -> TreeHead:
    return TreeHead(
        int(row["size"]), row["root_hash"], moment(row["at"]), row["signature"], row["certificate"]
    )
