"""Daily closes, and the interest that they accrue."""

from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.accrual import AccruingRow, DailyClose
from merchant_server.storage.engine import Connection
from merchant_server.storage.repositories.rows import insert, stamp


class Closes:
    """Days whose books are closed."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def latest(self, merchant_id: str, *, hold: bool = False) -> DailyClose | None:
        """Return a merchant's last close, or None; with `hold` nobody else closes its books in this transaction."""
        if hold:
            self._db.hold(f"close {merchant_id}")
        row = self._db.one(
            "SELECT * FROM daily_closes WHERE merchant_id = :id ORDER BY closed_on DESC LIMIT 1",
            {"id": merchant_id},
        )
        if row is None:
            return None
        amount = Money(row["accrued_minor"], row["currency"])
        return DailyClose(row["merchant_id"], date.fromisoformat(row["closed_on"]), amount, row["entry_id"])

    def add(self, close: DailyClose, at: datetime) -> None:
        """Store a close; Conflict when the day was closed before."""
        row = {
            "merchant_id": close.merchant_id,
            "closed_on": close.closed_on.isoformat(),
            "accrued_minor": close.accrued.minor,
            "currency": close.accrued.currency,
            "entry_id": close.entry_id,
            "at": stamp(at),
        }
        insert(self._db, "daily_closes", row)

    def accruing(self, merchant_id: str, on: date) -> list[AccruingRow]:
        """Return the open installments of live loans whose period had begun before the end of a day."""
        rows = self._db.all(
            "SELECT * FROM (SELECT i.loan_id, i.number, i.status, i.due_on, i.currency, i.interest_minor,"
            " i.interest_paid_minor, COALESCE(LAG(i.due_on) OVER (PARTITION BY i.loan_id ORDER BY i.number),"
            " l.signed_on) AS begins_on FROM installments i JOIN loans l ON l.id = i.loan_id"
            " WHERE i.merchant_id = :merchant_id AND l.status IN ('active', 'overdue')) periods"
            " WHERE status IN ('scheduled', 'due', 'deducting', 'overdue') AND begins_on < :on"
            " AND interest_minor > interest_paid_minor",
            {"merchant_id": merchant_id, "on": on.isoformat()},
        )
        return [
            AccruingRow(
                date.fromisoformat(row["begins_on"]),
                date.fromisoformat(row["due_on"]),
                Money(row["interest_minor"], row["currency"]),
                Money(row["interest_paid_minor"], row["currency"]),
            )
            for row in rows
        ]
