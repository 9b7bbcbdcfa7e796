"""Deductions, and the bank's callbacks about them."""

from datetime import datetime

from fenqi.finance.money import Money

from merchant_server.domain.deduction import FIRST_OWN_ATTEMPT, Deduction, DeductionPurpose, DeductionStatus
from merchant_server.domain.quarantine import QuarantinedCallback
from merchant_server.ports import CallbackKnown
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, moment, save, stamp

_COLUMNS = tuple(name for name in Deduction.__dataclass_fields__ if name != "amount")


class Deductions:
    """Attempts to collect."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, deduction: Deduction, ask_at: datetime) -> None:
        """Store a deduction before the bank is asked; Conflict when one is under way for the installment."""
        row = {name: getattr(deduction, name) for name in _COLUMNS}
        row |= {
            "status": deduction.status.value,
            "purpose": deduction.purpose.value,
            "amount_minor": deduction.amount.minor,
            "currency": deduction.amount.currency,
            "requested_at": stamp(deduction.requested_at),
            "ask_at": stamp(ask_at),
        }
        insert(self._db, "deductions", row)

    def get(self, deduction_id: str) -> Deduction | None:
        """Return the deduction, locked for this transaction where the engine can, or None."""
        row = self._db.one(
            f"SELECT * FROM deductions WHERE id = :id {self._db.row_lock}", {"id": deduction_id}
        )
        return None if row is None else _deduction(row)

    def next_attempt(self, loan_id: str, installment_number: int, *, own: bool = False) -> int:
        """Return the number of the next attempt at an installment, or of the next one that the consumer asks for."""
        row = self._db.one(
            "SELECT COUNT(*) AS tried FROM deductions WHERE loan_id = :loan_id AND installment_number = :number"
            f" AND purpose {'<>' if own else '='} 'installment'",
            {"loan_id": loan_id, "number": installment_number},
        )
        assert row is not None
        return int(row["tried"]) + (FIRST_OWN_ATTEMPT if own else 1)

    def is_asked(self, loan_id: str) -> bool:
        """Say whether a deduction of the loan waits for the bank."""
        sql = "SELECT 1 AS there FROM deductions WHERE loan_id = :id AND status IN ('requested', 'pending')"
        return self._db.one(sql, {"id": loan_id}) is not None

    def under_way(self, merchant_id: str, *, sent_only: bool = False) -> int:
        """Return how many of a merchant's deductions wait for the bank; with `sent_only` those that it took on."""
        row = self._db.one(
            "SELECT COUNT(*) AS waiting FROM deductions WHERE status IN ('requested', 'pending')"
            " AND merchant_id = :id AND (status = 'pending' OR :sent_only = 0)",
            {"id": merchant_id, "sent_only": int(sent_only)},
        )
        assert row is not None
        return int(row["waiting"])

    def of_loan(self, loan_id: str) -> list[Deduction]:
        """Return a loan's deductions, oldest first."""
        rows = self._db.all("SELECT * FROM deductions WHERE loan_id = :id ORDER BY id", {"id": loan_id})
        return [_deduction(row) for row in rows]

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[Deduction]:
        """Claim deductions whose bank is to be asked now, and put off asking again until `until`."""
        rows = self._db.all(
            "UPDATE deductions SET ask_at = :until WHERE id IN ("
            "SELECT id FROM deductions WHERE status IN ('requested', 'pending') AND ask_at <= :now"
            f" ORDER BY ask_at LIMIT :limit {self._db.claim_suffix}) RETURNING *",
            {"now": stamp(now), "until": stamp(until), "limit": limit},
        )
        return [_deduction(row) for row in rows]

    def save(self, deduction: Deduction, was: Deduction) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        save(
            self._db,
            "UPDATE deductions SET status = :status, version = :version, code = :code"
            " WHERE id = :id AND version = :was",
            {
                "id": deduction.id,
                "status": deduction.status.value,
                "version": deduction.version,
                "code": deduction.code,
                "was": was.version,
            },
            "deduction",
            deduction.id,
        )


class Callbacks:
    """What the bank told us, once per event id."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def record(
        self,
        *,
        gateway_account: str,
        event_id: str,
        at: datetime,
        reference: str,
        merchant_id: str | None,
        verdict: str,
        reason: str,
        body: str,
    ) -> None:
        """Store a callback and its verdict; CallbackKnown, here or later in the block, when it was received before."""
        self._db.write(
            "INSERT INTO callbacks (gateway_account, event_id, received_at, reference, merchant_id, verdict,"
            " reason, body)"
            " VALUES (:gateway_account, :event_id, :at, :reference, :merchant_id, :verdict, :reason, :body)"
            " ON CONFLICT (gateway_account, event_id) DO NOTHING",
            {
                "gateway_account": gateway_account,
                "event_id": event_id,
                "at": stamp(at),
                "reference": reference,
                "merchant_id": merchant_id or "",
                "verdict": verdict,
                "reason": reason,
                "body": body,
            },
            _refuse_known,
        )

    def latest(self, limit: int) -> list[Row]:
        """Return the newest callbacks with their verdicts."""
        return self._db.all(
            "SELECT * FROM callbacks ORDER BY received_at DESC LIMIT :limit", {"limit": limit}
        )

    def quarantined(self, limit: int) -> list[QuarantinedCallback]:
        """Return callbacks in quarantine that nobody has handled, the oldest first, with the deductions they name."""
        rows = self._db.all(
            "SELECT * FROM callbacks WHERE verdict = 'quarantined' AND handled_at IS NULL"
            " ORDER BY received_at LIMIT :limit",
            {"limit": limit},
        )
        asked = {
            row["reference"]: self._db.one(
                "SELECT * FROM deductions WHERE id = :id", {"id": row["reference"]}
            )
            for row in rows
        }
        return [_quarantined(row, asked[row["reference"]]) for row in rows]

    def is_quarantined(self, gateway_account: str, event_id: str) -> bool:
        """Say whether this event is in quarantine, handled or not."""
        row = self._db.one(
            "SELECT verdict FROM callbacks WHERE gateway_account = :account AND event_id = :event_id",
            {"account": gateway_account, "event_id": event_id},
        )
        return row is not None and row["verdict"] == "quarantined"

    def handle(self, gateway_account: str, event_id: str, *, at: datetime, by: str, note: str) -> bool:
        """Store what was done about a quarantined callback; say False when somebody had before."""
        changed = self._db.execute(
            "UPDATE callbacks SET handled_at = :at, handled_by = :by, handled_note = :note"
            " WHERE gateway_account = :account AND event_id = :event_id AND handled_at IS NULL",
            {"at": stamp(at), "by": by, "note": note, "account": gateway_account, "event_id": event_id},
        )
        return changed == 1


def _refuse_known(stored: int) -> None:
    if not stored:
        raise CallbackKnown


def _quarantined(row: Row, asked: Row | None) -> QuarantinedCallback:
    return QuarantinedCallback(
        gateway_account=row["gateway_account"],
        event_id=row["event_id"],
        received_at=moment(row["received_at"]),
        reference=row["reference"],
        differences=tuple(row["reason"].split(", ")),
        body=row["body"],
        deduction=None if asked is None else _deduction(asked),
    )


def _deduction(row: Row) -> Deduction:
    values = {name: row[name] for name in _COLUMNS}
    values |= {
        "status": DeductionStatus(row["status"]),
        "purpose": DeductionPurpose(row["purpose"]),
        "amount": Money(row["amount_minor"], row["currency"]),
        "requested_at": moment(row["requested_at"]),
    }
    return Deduction(**values)
