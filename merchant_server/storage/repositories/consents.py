"""What consumers were shown and did on the way to a signature: facts in the audit row, the person's part sealed."""

import json
from datetime import datetime
from typing import Any

from merchant_server.domain.consent import ConsentEvent
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.audit import audit_row
from merchant_server.storage.repositories.rows import insert, moment, stamp, to_json
from merchant_server.storage.sealed import Sealer, Unsealable


class ConsentEvents:
    """What consumers were shown and did; facts are in the audit row, the person's part is sealed."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(
        self,
        audit_id: str,
        *,
        checkout_id: str,
        merchant_id: str,
        kind: str,
        at: datetime,
        salt: str,
        personal: dict[str, Any],
    ) -> None:
        """Store an event beside its audit row, in the same transaction."""
        sealed = to_json({"salt": salt, "personal": personal}).encode()
        row = {
            "audit_id": audit_id,
            "checkout_id": checkout_id,
            "merchant_id": merchant_id,
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
        """Return the events of a checkout in the log's order; those that wait for their place are not there yet."""
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
            return ConsentEvent(audit_row(row), row["leaf_hash"], None, None)
        found = json.loads(opened)
        return ConsentEvent(audit_row(row), row["leaf_hash"], found["personal"], found["salt"])
