"""Money that arrived with the rows it paid, and the changes of schedules."""

from fenqi.finance.money import Money

from merchant_server.domain.repayment import Repayment, RepaymentKind
from merchant_server.domain.schedule_change import ChangeKind, Relief, ScheduleChange
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import (
    due_row,
    insert,
    insert_all,
    maybe_moment,
    moment,
    moved,
    rows_from_text,
    rows_text,
    stamp,
)

_PARTS = ("principal", "interest", "fee", "penalty")
_COLUMNS = tuple(f"{part}_minor" for part in _PARTS)


class Repayments:
    """Money that arrived."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, repayment: Repayment) -> None:
        """Store a repayment with its portions; Conflict when its money was booked before."""
        insert(
            self._db,
            "repayments",
            {
                "id": repayment.id,
                "merchant_id": repayment.merchant_id,
                "loan_id": repayment.loan_id,
                "kind": repayment.kind.value,
                "amount_minor": repayment.amount.minor,
                "excess_minor": repayment.excess.minor,
                "currency": repayment.amount.currency,
                "received_at": stamp(repayment.received_at),
            },
        )
        portions = [
            {
                "repayment_id": repayment.id,
                "loan_id": repayment.loan_id,
                "number": portion.number,
                "merchant_id": repayment.merchant_id,
                **{column: getattr(portion, column) for column in _COLUMNS},
            }
            for portion in repayment.portions
        ]
        insert_all(self._db, "repayment_portions", portions)

    def get(self, repayment_id: str) -> Repayment | None:
        """Return the repayment, or None."""
        row = self._db.one("SELECT * FROM repayments WHERE id = :id", {"id": repayment_id})
        return None if row is None else self._repayment(row)

    def of_loan(self, loan_id: str) -> list[Repayment]:
        """Return a loan's repayments, oldest first."""
        rows = self._db.all(
            "SELECT * FROM repayments WHERE loan_id = :id ORDER BY received_at, id", {"id": loan_id}
        )
        return [self._repayment(row) for row in rows]

    def save_reversal(self, repayment: Repayment) -> None:
        """Store that the bank took it back; raises TransitionConflict when that was known."""
        assert repayment.reversed_at is not None
        changed = self._db.execute(
            "UPDATE repayments SET reversed_at = :at WHERE id = :id AND reversed_at IS NULL",
            {"at": stamp(repayment.reversed_at), "id": repayment.id},
        )
        moved(self._db, changed, "repayment", repayment.id)

    def _repayment(self, row: Row) -> Repayment:
        portions = self._db.all(
            "SELECT p.*, i.due_on, i.currency FROM repayment_portions p"
            " JOIN installments i ON i.loan_id = p.loan_id AND i.number = p.number"
            " WHERE p.repayment_id = :id ORDER BY p.number",
            {"id": row["id"]},
        )
        return Repayment(
            id=row["id"],
            merchant_id=row["merchant_id"],
            loan_id=row["loan_id"],
            kind=RepaymentKind(row["kind"]),
            amount=Money(row["amount_minor"], row["currency"]),
            excess=Money(row["excess_minor"], row["currency"]),
            portions=tuple(due_row(portion) for portion in portions),
            received_at=moment(row["received_at"]),
            reversed_at=maybe_moment(row["reversed_at"]),
        )


class ScheduleChanges:
    """What schedules were before they changed."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, change: ScheduleChange) -> None:
        """Store a change; Conflict when the same one was made before."""
        insert(
            self._db,
            "schedule_changes",
            {
                "id": change.id,
                "merchant_id": change.merchant_id,
                "loan_id": change.loan_id,
                "kind": change.kind.value,
                "source_id": change.source_id,
                "actor": change.actor,
                "reason": change.reason,
                "before": rows_text(change.before),
                "after": rows_text(change.after),
                **{f"relieved_{part}_minor": getattr(change.relief, part).minor for part in _PARTS},
                "at": stamp(change.at),
            },
        )

    def of_source(self, source_id: str) -> ScheduleChange | None:
        """Return the change that a refund, payment or decision made and that can be undone, or None."""
        row = self._db.one(
            "SELECT c.*, l.currency FROM schedule_changes c JOIN loans l ON l.id = c.loan_id"
            " WHERE c.source_id = :id AND c.kind <> 'reversal'",
            {"id": source_id},
        )
        return None if row is None else _change(row)

    def of_loan(self, loan_id: str) -> list[ScheduleChange]:
        """Return a loan's changes, oldest first."""
        rows = self._db.all(
            "SELECT c.*, l.currency FROM schedule_changes c JOIN loans l ON l.id = c.loan_id"
            " WHERE c.loan_id = :id ORDER BY c.at, c.id",
            {"id": loan_id},
        )
        return [_change(row) for row in rows]


def _change(row: Row) -> ScheduleChange:
    return ScheduleChange(
        id=row["id"],
        merchant_id=row["merchant_id"],
        loan_id=row["loan_id"],
        kind=ChangeKind(row["kind"]),
        source_id=row["source_id"],
        actor=row["actor"],
        reason=row["reason"],
        before=rows_from_text(row["before"]),
        after=rows_from_text(row["after"]),
        relief=Relief(*(Money(row[f"relieved_{part}_minor"], row["currency"]) for part in _PARTS)),
        at=moment(row["at"]),
    )
