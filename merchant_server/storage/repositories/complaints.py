"""Complaints and their answers; what was written is sealed under the key of the person who complained."""

import json
from datetime import date

from merchant_server.domain.complaint import Complaint, ComplaintAnswer, ComplaintStatus
from merchant_server.domain.secret import Secret
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, moment, moved, stamp, to_json
from merchant_server.storage.sealed import Sealer


class Complaints:
    """What consumers complained about, and what they were answered."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(self, complaint: Complaint) -> None:
        """Store a new complaint."""
        row = {
            "id": complaint.id,
            "consumer_id": complaint.consumer_id,
            "loan_id": complaint.loan_id,
            "status": complaint.status,
            "text_sealed": self._seal(complaint, "text", complaint.text.reveal()),
            "created_at": stamp(complaint.created_at),
            "due_on": complaint.due_on.isoformat(),
        }
        insert(self._db, "complaints", row)

    def save_answer(self, complaint: Complaint) -> None:
        """Store the answer to an open complaint. Raises TransitionConflict when somebody else answered it."""
        answer = complaint.answer
        assert answer is not None
        texts = to_json({language: text.reveal() for language, text in answer.texts.items()})
        changed = self._db.execute(
            "UPDATE complaints SET status = :status, answer_sealed = :sealed, answered_at = :at, answered_by = :by"
            " WHERE id = :id AND status = 'open'",
            {
                "id": complaint.id,
                "status": complaint.status,
                "sealed": self._seal(complaint, "answer", texts),
                "at": stamp(answer.at),
                "by": answer.by,
            },
        )
        moved(self._db, changed, "complaint", complaint.id)

    def get(self, complaint_id: str) -> Complaint | None:
        """Return one complaint, or None; none of a person who was erased."""
        row = self._db.one(
            "SELECT p.* FROM complaints p JOIN consumers c ON c.id = p.consumer_id"
            " WHERE p.id = :id AND c.erased_at IS NULL",
            {"id": complaint_id},
        )
        return None if row is None else self._complaint(row)

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

    def answered(self, limit: int) -> list[Complaint]:
        """Return the complaints that were answered last, the newest answer first."""
        rows = self._db.all(
            "SELECT p.* FROM complaints p JOIN consumers c ON c.id = p.consumer_id"
            " WHERE p.status = 'answered' AND c.erased_at IS NULL ORDER BY p.answered_at DESC, p.id LIMIT :limit",
            {"limit": limit},
        )
        return [self._complaint(row) for row in rows]

    def _seal(self, complaint: Complaint, column: str, text: str) -> bytes:
        return self._sealer.seal(
            text.encode(), "complaints", column, complaint.id, owner=complaint.consumer_id
        )

    def _complaint(self, row: Row) -> Complaint:
        return Complaint(
            id=row["id"],
            consumer_id=row["consumer_id"],
            loan_id=row["loan_id"],
            status=ComplaintStatus(row["status"]),
            text=Secret(self._sealer.open(row["text_sealed"], "complaints", "text", row["id"]).decode()),
            created_at=moment(row["created_at"]),
            due_on=date.fromisoformat(row["due_on"]),
            answer=self._answer(row),
        )

    def _answer(self, row: Row) -> ComplaintAnswer | None:
        if row["answer_sealed"] is None:
            return None
        texts = json.loads(self._sealer.open(row["answer_sealed"], "complaints", "answer", row["id"]))
        secret = {language: Secret(text) for language, text in texts.items()}
        return ComplaintAnswer(secret, moment(row["answered_at"]), row["answered_by"])
