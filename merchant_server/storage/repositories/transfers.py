"""Transfers to consumers and lenders, and what is kept for consumers."""

from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.payout import FINAL_CODES
from merchant_server.domain.transfer import Transfer, TransferKind, TransferStatus
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, made, maybe_moment, moment, moved, stamp

# What a loan's entries left in its owner's account, less what refunds that are under way will send.
_KEPT = (
    "SELECT l.id AS loan_id, l.currency, MAX(e.occurred_on) AS moved_on, CAST(COALESCE(SUM("
    "CASE WHEN p.source = 'consumer:' || l.consumer_id || ':refundable' THEN p.amount_minor ELSE -p.amount_minor END"
    "), 0) - COALESCE((SELECT SUM(r.to_consumer_minor) FROM refunds r WHERE r.loan_id = l.id"
    " AND r.status = 'pending'), 0) AS BIGINT) AS kept_minor FROM loans l"
    " JOIN postings p ON p.source = 'consumer:' || l.consumer_id || ':refundable'"
    " OR p.target = 'consumer:' || l.consumer_id || ':refundable'"
    " JOIN journal_entries e ON e.id = p.entry_id AND e.loan_id = l.id"
)
_REFUSED = ", ".join(f"'{code}'" for code in sorted(FINAL_CODES))


class Transfers:
    """Money to consumers, and to and from lenders."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, transfer: Transfer, ask_at: datetime) -> None:
        """Store a new transfer, before the bank is asked; Conflict while another one of its kind is under way."""
        row = {name: getattr(transfer, name) for name in Transfer.__dataclass_fields__ if name != "amount"}
        row |= {
            "kind": transfer.kind.value,
            "status": transfer.status.value,
            "amount_minor": transfer.amount.minor,
            "currency": transfer.amount.currency,
            "ordered_on": transfer.ordered_on.isoformat(),
            "created_at": stamp(transfer.created_at),
            "ask_at": stamp(ask_at),
        }
        insert(self._db, "transfers", row)

    def get(self, transfer_id: str) -> Transfer | None:
        """Return the transfer, locked for this transaction where the engine can, or None."""
        row = self._db.one(f"SELECT * FROM transfers WHERE id = :id {self._db.row_lock}", {"id": transfer_id})
        return None if row is None else _transfer(row)

    def of_owner(self, owner_id: str, merchant_id: str | None = None) -> list[Transfer]:
        """Return a consumer's or a lender's transfers, oldest first."""
        rows = self._db.all(
            "SELECT * FROM transfers WHERE owner_id = :id"
            " AND (CAST(:merchant_id AS TEXT) IS NULL OR merchant_id = :merchant_id) ORDER BY id",
            {"id": owner_id, "merchant_id": merchant_id},
        )
        return [_transfer(row) for row in rows]

    def of_loan(self, loan_id: str) -> list[Transfer]:
        """Return a loan's transfers, oldest first."""
        rows = self._db.all(
            "SELECT t.* FROM loans l JOIN transfers t ON t.owner_id = l.consumer_id AND t.loan_id = l.id"
            " WHERE l.id = :id ORDER BY t.id",
            {"id": loan_id},
        )
        return [_transfer(row) for row in rows]

    def under_way(self, merchant_id: str, owner_id: str, kind: TransferKind) -> bool:
        """Say whether such a transfer waits for the bank."""
        row = self._db.one(
            "SELECT 1 AS there FROM transfers WHERE merchant_id = :merchant_id AND owner_id = :owner_id"
            " AND kind = :kind AND status = 'pending'",
            {"merchant_id": merchant_id, "owner_id": owner_id, "kind": kind.value},
        )
        return row is not None

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[Transfer]:
        """Claim transfers whose bank is to be asked now, and put off asking again until `until`."""
        rows = self._db.all(
            "UPDATE transfers SET ask_at = :until WHERE id IN ("
            "SELECT id FROM transfers WHERE status = 'pending' AND ask_at <= :now"
            f" ORDER BY ask_at LIMIT :limit {self._db.claim_suffix}) RETURNING *",
            {"now": stamp(now), "until": stamp(until), "limit": limit},
        )
        return [_transfer(row) for row in rows]

    def pending(self, merchant_id: str) -> int:
        """Return how many of a merchant's transfers, and of its refunds' money, wait for the bank."""
        row = self._db.one(
            "SELECT (SELECT COUNT(*) FROM transfers WHERE merchant_id = :id AND status = 'pending')"
            " + (SELECT COUNT(*) FROM refunds WHERE merchant_id = :id AND status = 'pending') AS waiting",
            {"id": merchant_id},
        )
        assert row is not None
        return int(row["waiting"])

    def save(self, transfer: Transfer, was: Transfer) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        changed = self._db.execute(
            "UPDATE transfers SET status = :status, version = :version, code = :code, settled_at = :at"
            " WHERE id = :id AND version = :was",
            {
                "id": transfer.id,
                "status": transfer.status.value,
                "version": transfer.version,
                "code": transfer.code,
                "at": transfer.settled_at and stamp(transfer.settled_at),
                "was": was.version,
            },
        )
        moved(self._db, changed, "transfer", transfer.id)

    def returnable(self, loan_id: str) -> Money:
        """Return what came in for a loan, pays nothing and is not on its way back; below zero when we are owed."""
        row = self._db.one(
            "SELECT l.currency, COALESCE(k.kept_minor, 0) AS kept_minor FROM loans l LEFT JOIN"
            f" ({_KEPT} WHERE l.id = :id GROUP BY l.id, l.currency) k ON k.loan_id = l.id WHERE l.id = :id",
            {"id": loan_id},
        )
        assert row is not None
        return Money(row["kept_minor"], row["currency"])

    def to_return(self, merchant_id: str, kept_until: date) -> list[str]:
        """Return ids of loans whose kept money has not moved after a day, and that no bank refused for good."""
        rows = self._db.all(
            f"SELECT k.loan_id FROM ({_KEPT} WHERE l.id IN ("
            "SELECT loan_id FROM repayments WHERE merchant_id = :merchant_id AND excess_minor > 0"
            " UNION SELECT loan_id FROM cash_backs WHERE merchant_id = :merchant_id"
            " UNION SELECT loan_id FROM refunds WHERE merchant_id = :merchant_id AND status = 'failed')"
            " GROUP BY l.id, l.currency) k WHERE k.kept_minor > 0 AND k.moved_on <= :day"
            " AND NOT EXISTS (SELECT 1 FROM transfers t WHERE t.loan_id = k.loan_id"
            f" AND (t.status = 'pending' OR t.code IN ({_REFUSED}))) ORDER BY k.loan_id",
            {"merchant_id": merchant_id, "day": kept_until.isoformat()},
        )
        return [row["loan_id"] for row in rows]

    def ways_back(self, loan_id: str) -> list[tuple[str, Money]]:
        """Return by which mandates and payments money came that paid nothing, newest first, and what may go back so."""
        rows = self._db.all(
            "SELECT w.way, w.currency, w.excess_minor - COALESCE((SELECT SUM(t.amount_minor) FROM transfers t"
            " WHERE t.loan_id = :id AND t.kind = 'money_return' AND t.channel = w.way AND t.status <> 'failed'), 0)"
            " AS left_minor FROM (SELECT COALESCE(d.mandate_id, o.id, l.mandate_id) AS way, r.currency,"
            " SUM(r.excess_minor) AS excess_minor, MAX(r.received_at) AS newest_at FROM repayments r"
            " JOIN loans l ON l.id = r.loan_id LEFT JOIN deductions d ON d.id = r.id"
            " LEFT JOIN payment_orders o ON o.id = r.id"
            " WHERE r.loan_id = :id AND r.excess_minor > 0 AND r.reversed_at IS NULL"
            " GROUP BY COALESCE(d.mandate_id, o.id, l.mandate_id), r.currency) w ORDER BY w.newest_at DESC, w.way DESC",
            {"id": loan_id},
        )
        left = [(row["way"], Money(int(row["left_minor"]), row["currency"])) for row in rows]
        return [(way, money) for way, money in left if money.minor > 0]


def _transfer(row: Row) -> Transfer:
    return made(
        Transfer,
        row,
        kind=TransferKind(row["kind"]),
        status=TransferStatus(row["status"]),
        amount=Money(row["amount_minor"], row["currency"]),
        ordered_on=date.fromisoformat(row["ordered_on"]),
        created_at=moment(row["created_at"]),
        settled_at=maybe_moment(row["settled_at"]),
    )
