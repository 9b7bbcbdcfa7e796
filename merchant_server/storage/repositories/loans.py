"""Loans and their installments. What is charged is the stored row, never a recomputation."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from fenqi.finance.money import money

from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.storage.engine import Connection, Row, Rows
from merchant_server.storage.repositories.rows import (
    insert,
    insert_all,
    moment,
    plan_of,
    plan_text,
    save,
    stamp,
)

_LOAN_MONEY = (
    "principal", "interest", "fee", "paid", "penalty", "penalty_paid",
    "relieved_principal", "relieved_interest", "relieved_fee",
)  # fmt: skip
_ROW_COLUMNS = (
    "principal_minor", "interest_minor", "fee_minor", "penalty_minor",
    "principal_paid_minor", "interest_paid_minor", "fee_paid_minor", "penalty_paid_minor",
)  # fmt: skip
_LOAN_COLUMNS = tuple(name for name in Loan.__dataclass_fields__ if name not in _LOAN_MONEY)
_SCHEDULE = "SELECT " + ", ".join(Installment._fields) + " FROM installments WHERE loan_id = :id"
_MOVING = ("paid", "penalty", "penalty_paid", "relieved_principal", "relieved_interest", "relieved_fee")
_SET_LOAN = (
    "UPDATE loans SET status = :status, version = :version, collection_paused_reason = :paused,"
    " collection_suspended_reason = :suspended, "
    + ", ".join(f"{part}_minor = :{part}" for part in _MOVING)
    + " WHERE id = :id AND version = :was"
)
_SET_ROW = (
    "UPDATE installments SET status = :status, version = :version, due_on = :due_on, paid_minor = :paid_minor, "
    + ", ".join(f"{column} = :{column}" for column in _ROW_COLUMNS)
    + ", collect_on = COALESCE(CAST(:collect_on AS TEXT), collect_on)"
    " WHERE loan_id = :loan_id AND number = :number AND version = :was"
)
_INSTALLMENT_STATUS = {status.value: status for status in InstallmentStatus}


class Loans:
    """Debts."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        # Rows that this transaction has read, as it has saved them since: several steps ask for a loan's schedule.
        self._schedules: dict[str, dict[int, Installment]] = {}
        self._foreseen: dict[str, Rows] = {}

    def add(self, loan: Loan, installments: Sequence[Installment]) -> None:
        """Store a new loan with its schedule and its first transition."""
        row = {name: getattr(loan, name) for name in _LOAN_COLUMNS}
        row |= {f"{part}_minor": getattr(loan, part).minor for part in _LOAN_MONEY}
        row |= {
            "status": loan.status.value,
            "currency": loan.principal.currency,
            "signed_on": loan.signed_on.isoformat(),
            "created_at": stamp(loan.created_at),
            "plan": loan.plan and plan_text(loan.plan),
        }
        insert(self._db, "loans", row)
        self.add_installments(loan.merchant_id, installments)
        self._transition(loan, None, "loan.created", loan.created_at)

    def get(self, loan_id: str) -> Loan | None:
        """Return the loan, or None."""
        row = self._db.one("SELECT * FROM loans WHERE id = :id", {"id": loan_id})
        return None if row is None else _loan(row)

    def locked(self, loan_id: str) -> Loan | None:
        """Return the loan, locked for this transaction where the engine can; every change of a loan starts here."""
        self._schedules.pop(loan_id, None)
        locked = self._db.later(f"SELECT * FROM loans WHERE id = :id {self._db.row_lock}", {"id": loan_id})
        # Nearly every change needs the schedule, as it is once the loan is locked.
        self._foreseen[loan_id] = self._db.later(_SCHEDULE, {"id": loan_id})
        rows = locked()
        return _loan(rows[0]) if rows else None

    def page(
        self, merchant_id: str, mode: str, *, before: str | None, limit: int, checkout_id: str | None = None
    ) -> list[Loan]:
        """Return up to `limit` of a merchant's loans, newest first, older than `before`."""
        rows = self._db.all(
            "SELECT * FROM loans WHERE merchant_id = :merchant_id AND mode = :mode AND id < :before"
            " AND (CAST(:checkout_id AS TEXT) IS NULL OR checkout_id = :checkout_id)"
            " ORDER BY id DESC LIMIT :limit",
            {
                "merchant_id": merchant_id,
                "mode": mode,
                "before": before or "loan_~",
                "limit": limit,
                "checkout_id": checkout_id,
            },
        )
        return [_loan(row) for row in rows]

    def latest(self, limit: int) -> list[Loan]:
        """Return the newest loans of the whole installation."""
        rows = self._db.all("SELECT * FROM loans ORDER BY id DESC LIMIT :limit", {"limit": limit})
        return [_loan(row) for row in rows]

    def save(self, loan: Loan, was: Loan, at: datetime, reason: str) -> None:
        """Store the next version; raises TransitionConflict when somebody else moved it first."""
        save(
            self._db,
            _SET_LOAN,
            {
                "id": loan.id,
                "status": loan.status.value,
                "version": loan.version,
                "paused": loan.collection_paused_reason,
                "suspended": loan.collection_suspended_reason,
                **{part: getattr(loan, part).minor for part in _MOVING},
                "was": was.version,
            },
            "loan",
            loan.id,
        )
        self._transition(loan, was, reason, at)

    def _transition(self, loan: Loan, was: Loan | None, reason: str, at: datetime) -> None:
        row = {
            "aggregate_id": loan.id,
            "version": loan.version,
            "merchant_id": loan.merchant_id,
            "from_state": was and was.status.value,
            "to_state": loan.status.value,
            "reason": reason,
            "at": stamp(at),
        }
        insert(self._db, "transitions", row)

    def add_installments(self, merchant_id: str, installments: Sequence[Installment]) -> None:
        """Store new rows of a loan's schedule."""
        insert_all(self._db, "installments", [_columns(each, merchant_id) for each in installments])
        for each in installments:
            self._foreseen.pop(each.loan_id, None)
            if each.loan_id in self._schedules:
                self._schedules[each.loan_id][each.number] = each

    def installments(self, loan_id: str) -> list[Installment]:
        """Return a loan's installments in order."""
        known = self._schedules.get(loan_id)
        if known is None:
            foreseen = self._foreseen.pop(loan_id, None)
            rows = foreseen() if foreseen else self._db.all(_SCHEDULE, {"id": loan_id})
            known = self._schedules[loan_id] = {row["number"]: _installment(row) for row in rows}
        return [known[number] for number in sorted(known)]

    def to_collect(self, merchant_id: str, today: date, limit: int) -> list[tuple[str, int]]:
        """Return (loan id, number) of installments to collect by today, oldest first.

        One per loan: a loan's installments are collected in order, and none while one is under way or while the loan's
        collection is paused.
        """
        rows = self._db.all(
            "SELECT i.loan_id, i.number FROM installments i"
            " WHERE i.merchant_id = :merchant_id AND i.collect_on <= :today"
            " AND i.status IN ('scheduled', 'due', 'overdue')"
            " AND NOT EXISTS (SELECT 1 FROM installments e WHERE e.loan_id = i.loan_id AND ("
            " e.status = 'deducting' OR (e.number < i.number AND e.status IN ('scheduled', 'due', 'overdue'))))"
            " AND NOT EXISTS (SELECT 1 FROM loans l WHERE l.id = i.loan_id AND l.collection_paused_reason IS NOT NULL)"
            " ORDER BY i.collect_on, i.loan_id LIMIT :limit",
            {"merchant_id": merchant_id, "today": today.isoformat(), "limit": limit},
        )
        return [(row["loan_id"], row["number"]) for row in rows]

    def count_to_collect(self, merchant_id: str, today: date) -> int:
        """Return how many installments are to be collected by today, whether or not they can be at this moment."""
        row = self._db.one(
            "SELECT COUNT(*) AS n FROM installments i WHERE i.merchant_id = :merchant_id"
            " AND i.collect_on <= :today AND i.status IN ('scheduled', 'due', 'overdue')",
            {"merchant_id": merchant_id, "today": today.isoformat()},
        )
        assert row is not None
        return int(row["n"])

    def to_age(self, merchant_id: str, today: date, limit: int) -> list[str]:
        """Return loans with an installment that was due before today, is not paid, and is not called overdue yet.

        Nothing turns overdue while its collection is paused.
        """
        rows = self._db.all(
            "SELECT DISTINCT i.loan_id FROM installments i JOIN loans l ON l.id = i.loan_id"
            " WHERE i.merchant_id = :merchant_id AND i.status = 'due' AND i.due_on < :today"
            " AND l.collection_paused_reason IS NULL ORDER BY i.loan_id LIMIT :limit",
            {"merchant_id": merchant_id, "today": today.isoformat(), "limit": limit},
        )
        return [row["loan_id"] for row in rows]

    def to_penalize(self, merchant_id: str, today: date, limit: int) -> list[str]:
        """Return overdue loans whose penalties were not looked at on this day."""
        rows = self._db.all(
            "SELECT id FROM loans WHERE merchant_id = :merchant_id AND status = 'overdue' AND penalized_on < :today"
            " ORDER BY penalized_on, id LIMIT :limit",
            {"merchant_id": merchant_id, "today": today.isoformat(), "limit": limit},
        )
        return [row["id"] for row in rows]

    def mark_penalized(self, loan_id: str, today: date) -> None:
        """Remember that a loan's penalties of this day are charged."""
        self._db.execute(
            "UPDATE loans SET penalized_on = :today WHERE id = :id",
            {"id": loan_id, "today": today.isoformat()},
        )

    def save_installment(
        self, installment: Installment, was: Installment, collect_on: date | None = None
    ) -> None:
        """Store an installment's next version; raises TransitionConflict when somebody else moved it first."""
        save(
            self._db,
            _SET_ROW,
            {
                "loan_id": installment.loan_id,
                "number": installment.number,
                "status": installment.status.value,
                "version": installment.version,
                "due_on": installment.due_on.isoformat(),
                "paid_minor": installment.paid_minor,
                **{column: getattr(installment, column) for column in _ROW_COLUMNS},
                "collect_on": collect_on and collect_on.isoformat(),
                "was": was.version,
            },
            "installment",
            f"{installment.loan_id}/{installment.number}",
        )
        self._foreseen.pop(installment.loan_id, None)
        if installment.loan_id in self._schedules:
            self._schedules[installment.loan_id][installment.number] = installment


def _columns(installment: Installment, merchant_id: str) -> dict[str, Any]:
    due_on = installment.due_on.isoformat()
    return {
        **installment._asdict(),
        "merchant_id": merchant_id,
        "due_on": due_on,
        "collect_on": due_on,
        "paid_minor": installment.paid_minor,
        "status": installment.status.value,
    }


def _installment(row: Row) -> Installment:
    row["due_on"] = date.fromisoformat(row["due_on"])
    row["status"] = _INSTALLMENT_STATUS[row["status"]]
    return Installment(**row)


def _loan(row: Row) -> Loan:
    values = {name: row[name] for name in _LOAN_COLUMNS}
    values |= {part: money(row[f"{part}_minor"], row["currency"]) for part in _LOAN_MONEY}
    values |= {
        "status": LoanStatus(row["status"]),
        "signed_on": date.fromisoformat(row["signed_on"]),
        "created_at": moment(row["created_at"]),
        "plan": row["plan"] and plan_of(row["plan"]),
    }
    return Loan(**values)
