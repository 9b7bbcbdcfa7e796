"""Disputes; what people wrote in them is sealed under the consumer's key."""

from datetime import date, datetime
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.dispute import Dispute, DisputeReason, DisputeStatus, DisputeWords, Evidence
from merchant_server.domain.secret import Secret
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import (
    from_json,
    insert,
    maybe_moment,
    moment,
    moved,
    stamp,
    to_json,
)
from merchant_server.storage.sealed import Sealer

_LIVE = "('open', 'evidence_submitted', 'challenged')"
_WAITING = "('open', 'evidence_submitted')"


class Disputes:
    """What consumers object to."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(self, dispute: Dispute, statement: Secret[str]) -> None:
        """Store a dispute; Conflict when the loan has a live one."""
        row: dict[str, Any] = {name: getattr(dispute, name) for name in Dispute.__dataclass_fields__}
        amount, before = row.pop("amount"), row.pop("refunded_before")
        row |= {
            "amount_minor": amount.minor,
            "refunded_before_minor": before.minor,
            "currency": amount.currency,
            "reason": dispute.reason.value,
            "status": dispute.status.value,
            "created_at": stamp(dispute.created_at),
            "answer_due_on": dispute.answer_due_on.isoformat(),
            "statement_sealed": self._seal("statement", statement.reveal(), dispute),
        }
        insert(self._db, "disputes", row)
        self._transition(dispute, None, dispute.created_at, "dispute.opened")

    def get(self, dispute_id: str) -> Dispute | None:
        """Return the dispute, or None."""
        return self._one("SELECT * FROM disputes WHERE id = :id", dispute_id)

    def locked(self, dispute_id: str) -> Dispute | None:
        """Return the dispute, locked for this transaction where the engine can; its loan is locked before it."""
        return self._one(f"SELECT * FROM disputes WHERE id = :id {self._db.row_lock}", dispute_id)

    def words(self, dispute_id: str) -> DisputeWords:
        """Return what people wrote in it. Raises Erased."""
        row = self._db.one(
            "SELECT id, statement_sealed, evidence_sealed, ruling_sealed FROM disputes WHERE id = :id",
            {"id": dispute_id},
        )
        assert row is not None
        evidence, ruling = self._open("evidence", row), self._open("ruling", row)
        return DisputeWords(
            Secret(self._open("statement", row) or ""),
            tuple(_evidence(each) for each in from_json(evidence)) if evidence else (),
            Secret(ruling) if ruling else None,
        )

    def of_loan(self, loan_id: str) -> list[Dispute]:
        """Return a loan's disputes, oldest first."""
        return self._all("SELECT * FROM disputes WHERE loan_id = :id ORDER BY id", id=loan_id)

    def of_consumer(self, consumer_id: str) -> list[Dispute]:
        """Return a consumer's disputes, oldest first."""
        return self._all("SELECT * FROM disputes WHERE consumer_id = :id ORDER BY id", id=consumer_id)

    def page(
        self,
        merchant_id: str,
        mode: str,
        *,
        before: str | None,
        limit: int,
        loan_id: str | None,
        status: str | None,
    ) -> list[Dispute]:
        """Return up to `limit` of a merchant's disputes, newest first, older than `before`."""
        return self._all(
            "SELECT * FROM disputes WHERE merchant_id = :merchant_id AND mode = :mode AND id < :before"
            " AND (CAST(:loan_id AS TEXT) IS NULL OR loan_id = :loan_id)"
            " AND (CAST(:status AS TEXT) IS NULL OR status = :status) ORDER BY id DESC LIMIT :limit",
            merchant_id=merchant_id,
            mode=mode,
            before=before or "dsp_~",
            loan_id=loan_id,
            status=status,
            limit=limit,
        )

    def live(self, limit: int) -> list[Dispute]:
        """Return the live disputes of the installation: those to decide first, then by the day of their answer."""
        return self._all(
            f"SELECT * FROM disputes WHERE status IN {_LIVE}"
            " ORDER BY CASE status WHEN 'challenged' THEN 0 ELSE 1 END, answer_due_on, id LIMIT :limit",
            limit=limit,
        )

    def merchants_waited_for(self) -> list[str]:
        """Return the merchants who have a dispute to answer."""
        rows = self._db.all(
            f"SELECT DISTINCT merchant_id FROM disputes WHERE status IN {_WAITING} ORDER BY merchant_id"
        )
        return [row["merchant_id"] for row in rows]

    def unanswered(self, merchant_id: str, today: date, limit: int) -> list[Dispute]:
        """Return a merchant's disputes whose last day for an answer is over."""
        return self._all(
            f"SELECT * FROM disputes WHERE merchant_id = :id AND answer_due_on < :today AND status IN {_WAITING}"
            " ORDER BY answer_due_on, id LIMIT :limit",
            id=merchant_id,
            today=today.isoformat(),
            limit=limit,
        )

    def save(
        self,
        dispute: Dispute,
        was: Dispute,
        at: datetime,
        why: str,
        *,
        evidence: tuple[Evidence, ...] | None = None,
        ruling: Secret[str] | None = None,
    ) -> None:
        """Store a transition with what was written; raises TransitionConflict when somebody else moved it first."""
        written = evidence and to_json([_evidence_row(each) for each in evidence])
        changed = self._db.execute(
            "UPDATE disputes SET status = :status, version = :version, decided_by = :decided_by,"
            " refund_id = :refund_id, closed_at = :closed_at,"
            " evidence_sealed = COALESCE(:evidence, evidence_sealed),"
            " ruling_sealed = COALESCE(:ruling, ruling_sealed) WHERE id = :id AND version = :was",
            {
                "id": dispute.id,
                "was": was.version,
                "status": dispute.status.value,
                "version": dispute.version,
                "decided_by": dispute.decided_by,
                "refund_id": dispute.refund_id,
                "closed_at": dispute.closed_at and stamp(dispute.closed_at),
                "evidence": self._seal("evidence", written, dispute) if written else None,
                "ruling": self._seal("ruling", ruling.reveal(), dispute) if ruling else None,
            },
        )
        moved(self._db, changed, "dispute", dispute.id)
        self._transition(dispute, was, at, why)

    def _transition(self, dispute: Dispute, was: Dispute | None, at: datetime, why: str) -> None:
        row = {
            "aggregate_id": dispute.id,
            "version": dispute.version,
            "merchant_id": dispute.merchant_id,
            "from_state": was and was.status.value,
            "to_state": dispute.status.value,
            "reason": why,
            "at": stamp(at),
        }
        insert(self._db, "transitions", row)

    def _seal(self, column: str, text: str, dispute: Dispute) -> bytes:
        return self._sealer.seal(text.encode(), "disputes", column, dispute.id, owner=dispute.consumer_id)

    def _open(self, column: str, row: Row) -> str | None:
        sealed = row[f"{column}_sealed"]
        return None if sealed is None else self._sealer.open(sealed, "disputes", column, row["id"]).decode()

    def _one(self, query: str, dispute_id: str) -> Dispute | None:
        row = self._db.one(query, {"id": dispute_id})
        return None if row is None else _dispute(row)

    def _all(self, query: str, **parameters: Any) -> list[Dispute]:
        return [_dispute(row) for row in self._db.all(query, parameters)]


def _evidence_row(evidence: Evidence) -> dict[str, Any]:
    return {
        "text": evidence.text.reveal(),
        "links": list(evidence.links),
        "submitted_at": stamp(evidence.submitted_at),
    }


def _evidence(row: dict[str, Any]) -> Evidence:
    return Evidence(Secret(row["text"]), tuple(row["links"]), moment(row["submitted_at"]))


def _dispute(row: Row) -> Dispute:
    plain = ("amount", "refunded_before")
    values = {name: row[name] for name in Dispute.__dataclass_fields__ if name not in plain}
    values |= {name: Money(row[f"{name}_minor"], row["currency"]) for name in plain}
    values |= {
        "reason": DisputeReason(row["reason"]),
        "status": DisputeStatus(row["status"]),
        "created_at": moment(row["created_at"]),
        "answer_due_on": date.fromisoformat(row["answer_due_on"]),
        "closed_at": maybe_moment(row["closed_at"]),
    }
    return Dispute(**values)
