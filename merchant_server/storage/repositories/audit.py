"""The audit log: acts, their marks, and their places in the tree.

An act is written with its mark, a keyed hash, and waits; places are given in batches by whoever asks for them, so that
no two transactions of the business wait for each other here.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from merchant_server.domain.audit import (
    Alarm,
    AuditRow,
    WaitingAct,
    altered,
    counter_message,
    leaf_hash,
    mark_message,
)
from merchant_server.domain.errors import TransitionConflict
from merchant_server.ports import StoredLeaf
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.audit_tree import AuditTree
from merchant_server.storage.repositories.rows import insert, insert_all, maybe_moment, moment, stamp, to_json

# How far back the newest acts of one name are looked for; the table has no index on names.
LOOKED_AT_MAX = 2_000
SALT_BYTES = 16

_LEAVES = (
    "SELECT l.sequence, l.audit_id, l.salt, l.previous_hash, l.leaf_hash, a.id, a.merchant_id, a.at, a.actor,"
    " a.action, a.subject, a.detail, a.mark FROM audit_leaves l LEFT JOIN audit a ON a.id = l.audit_id"
)


class Audit(AuditTree):
    """Who did what to what; rows are only ever added, hold no personal data, and enter the tree soon afterwards."""

    def __init__(self, connection: Connection, mark: Callable[[bytes], str]) -> None:
        super().__init__(connection)
        self._mark = mark

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
        insert(self._db, "audit", row | {"mark": self._mark(mark_message(row))})

    def place(self, limit: int) -> int:
        """Give up to `limit` acts that wait their places, in the order of their arrival; return how many that was.

        The counter's row is locked to the end of the transaction, so that one place is given at a time.
        Raises RuleRefused (audit_altered) when the counter is not as it was left: the log does not go on over a cut.
        """
        tree = self._counter(self._db.row_lock)
        rows = self._db.all(
            "SELECT a.* FROM audit_arrivals r JOIN audit a ON a.id = r.audit_id ORDER BY r.arrival LIMIT :limit",
            {"limit": limit},
        )
        if not rows:
            return 0
        if not self._holds(tree):
            raise altered("its counter is not as it was left", None)
        size, last_hash, leaves = tree["size"], tree["last_hash"], []
        for row in rows:
            size += 1
            place = {"sequence": size, "salt": secrets.token_hex(SALT_BYTES), "previous_hash": last_hash}
            last_hash = _leaf(row | place)
            leaves.append({"audit_id": row["id"], "leaf_hash": last_hash} | place)
        insert_all(self._db, "audit_leaves", leaves)
        mark = self._mark(counter_message(size, last_hash, tree["unmarked"]))
        moved = self._db.execute(
            "UPDATE audit_tree SET size = :size, last_hash = :last_hash, mark = :mark WHERE id = 1 AND size = :before",
            {"size": size, "last_hash": last_hash, "mark": mark, "before": tree["size"]},
        )
        if moved != 1:
            raise TransitionConflict("somebody else gave these places", hint="ask for places again")
        self._db.execute(
            "DELETE FROM audit_arrivals WHERE EXISTS"
            " (SELECT 1 FROM audit_leaves l WHERE l.audit_id = audit_arrivals.audit_id)"
        )
        return len(rows)

    def waiting(self, limit: int) -> list[WaitingAct]:
        """Return acts that wait for their place, the longest first."""
        tree = self._counter()
        rows = self._db.all(
            "SELECT r.audit_id, a.* FROM audit_arrivals r LEFT JOIN audit a ON a.id = r.audit_id"
            " ORDER BY r.arrival LIMIT :limit",
            {"limit": limit},
        )
        older = tree["size"] < tree["unmarked"]
        return [
            WaitingAct(
                row["audit_id"],
                row["at"] or "",
                row["id"] is not None,
                row["id"] is not None and self._mark_holds(row, older=older),
            )
            for row in rows
        ]

    def backlog(self) -> tuple[int, datetime | None]:
        """Return how many acts wait for their place, and when the one that waits longest was done."""
        row = self._db.one(
            "SELECT COUNT(*) AS waiting, MIN(a.at) AS oldest FROM audit_arrivals r"
            " LEFT JOIN audit a ON a.id = r.audit_id"
        )
        assert row is not None
        return int(row["waiting"]), maybe_moment(row["oldest"])

    def counter_holds(self) -> bool:
        """Say whether the counter is as this installation left it."""
        return self._holds(self._counter())

    def _holds(self, tree: Row) -> bool:
        if tree["mark"] is None:
            return bool(tree["size"] <= tree["unmarked"])
        message = counter_message(tree["size"], tree["last_hash"], tree["unmarked"])
        return hmac.compare_digest(str(tree["mark"]), self._mark(message))

    def _placed_as_written(self, row: Row, unmarked: int) -> bool:
        """Say whether a place's act is as written; a mark where none can be means that somebody moved the border."""
        if row["id"] is None or row["sequence"] <= unmarked:
            return row["id"] is not None and row["mark"] is None
        return self._mark_holds(row, older=False)

    def _mark_holds(self, row: Row, *, older: bool) -> bool:
        """Say whether an act is the row that was written; `older` ones were written before there were marks."""
        if row["mark"] is None:
            return older
        try:
            return hmac.compare_digest(str(row["mark"]), self._mark(mark_message(row)))
        except (TypeError, ValueError):
            return False

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
        return int(self._counter()["size"])

    def last_hash(self) -> str:
        """Return the newest leaf hash as the counter row knows it."""
        return str(self._counter()["last_hash"])

    def _counter(self, lock: str = "") -> Row:
        row = self._db.one(f"SELECT size, last_hash, unmarked, mark FROM audit_tree WHERE id = 1 {lock}")
        return row or {"size": 0, "last_hash": "", "unmarked": 0, "mark": ""}

    def leaves(self, after: int, limit: int) -> list[StoredLeaf]:
        """Return up to `limit` places behind `after`, in order; a missing place is simply not there."""
        rows = self._db.all(
            f"{_LEAVES} WHERE l.sequence > :after ORDER BY l.sequence LIMIT :limit",
            {"after": after, "limit": limit},
        )
        unmarked = int(self._counter()["unmarked"])
        return [
            StoredLeaf(
                row["sequence"],
                row["audit_id"],
                row["previous_hash"],
                row["leaf_hash"],
                None if row["id"] is None else audit_row(row),
                self._placed_as_written(row, unmarked),
            )
            for row in rows
        ]

    def unchained(self, limit: int) -> list[str]:
        """Return acts that have no place in the log and do not wait for one."""
        rows = self._db.all(
            "SELECT a.id FROM audit a LEFT JOIN audit_leaves l ON l.audit_id = a.id"
            " LEFT JOIN audit_arrivals r ON r.audit_id = a.id WHERE l.sequence IS NULL AND r.arrival IS NULL"
            " ORDER BY a.id LIMIT :limit",
            {"limit": limit},
        )
        return [row["id"] for row in rows]

    def alarm(self) -> Alarm | None:
        """Return what is known of the log being altered, or None."""
        row = self._db.one("SELECT * FROM audit_alarm WHERE id = 1")
        return None if row is None else Alarm(moment(row["found_at"]), moment(row["tried_at"]), row["detail"])

    def raise_alarm(self, detail: str, at: datetime) -> bool:
        """Keep that the log is altered, and when that was looked at; say whether it is news."""
        row = {"detail": detail, "at": stamp(at)}
        raised = self._db.execute(
            "INSERT INTO audit_alarm (id, found_at, tried_at, detail) VALUES (1, :at, :at, :detail)"
            " ON CONFLICT (id) DO NOTHING",
            row,
        )
        if not raised:
            self._db.execute("UPDATE audit_alarm SET tried_at = :at, detail = :detail WHERE id = 1", row)
        return raised == 1

    def end_alarm(self) -> None:
        """Forget the alarm: the log was found whole."""
        self._db.execute("DELETE FROM audit_alarm WHERE id = 1")


def audit_row(row: Mapping[str, Any]) -> AuditRow:
    """Return an act with its place, from the columns of both."""
    plain = ("id", "at", "actor", "action", "subject", "merchant_id")
    return AuditRow(
        sequence=int(row["sequence"]),
        previous=row["previous_hash"],
        detail=row["detail"],
        salt=row["salt"],
        **{name: row[name] for name in plain},
    )


def _leaf(row: Row) -> str:
    try:
        return audit_row(row).leaf_hash()
    except (TypeError, ValueError):
        # Only a hand in the database puts in what no act can hold; it gets its place and is found as edited.
        return leaf_hash(b"unreadable").hex()
