"""Complaints; what somebody wrote is sealed under their own key."""

from dataclasses import asdict
from datetime import date

from merchant_server.domain.complaint import Complaint
from merchant_server.domain.secret import Secret
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, moment, stamp
from merchant_server.storage.sealed import Sealer


class Complaints:
    """What consumers complained about."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(self, complaint: Complaint) -> None:
        """Store a new complaint."""
        row = asdict(complaint)
        sealed = self._sealer.seal(
            complaint.text.reveal().encode(), "complaints", "text", complaint.id, owner=complaint.consumer_id
        )
        del row["text"]
        row |= {
            "text_sealed": sealed,
            "created_at": stamp(complaint.created_at),
            "due_on": complaint.due_on.isoformat(),
        }
        insert(self._db, "complaints", row)

    def of_consumer(self, consumer_id: str) -> list[Complaint]:
        """Return a consumer's complaints, newest first."""
        rows = self._db.all(
            "SELECT * FROM complaints WHERE consumer_id = :id ORDER BY id DESC", {"id": consumer_id}
        )
        return [self._complaint(row) for row in rows]

    def open(self, limit: int) -> list[Complaint]:
        """Return the open complaints of the installation, the most urgent first."""
        rows = self._db.all(
            "SELECT p.* FROM complaints p JOIN consumers c ON c.id = p.consumer_id"
            " WHERE p.status = 'open' AND c.erased_at IS NULL ORDER BY p.due_on, p.id LIMIT :limit",
            {"limit": limit},
        )
        return [self._complaint(row) for row in rows]

    def _complaint(self, row: Row) -> Complaint:
        text = self._sealer.open(row["text_sealed"], "complaints", "text", row["id"]).decode()
        return Complaint(
            id=row["id"],
            consumer_id=row["consumer_id"],
            loan_id=row["loan_id"],
            status=row["status"],
            text=Secret(text),
            created_at=moment(row["created_at"]),
            due_on=date.fromisoformat(row["due_on"]),
        )
