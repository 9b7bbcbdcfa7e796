"""Runs of deductions, notices before them, and payments at the bank's own page."""

from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.deduction_batch import BatchProgress
from merchant_server.domain.deduction_notice import DeductionNotice, NoticeStatus
from merchant_server.domain.payment_order import PaymentOrder, PaymentOrderStatus
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, made, moment, moved, stamp

_PROGRESS = (
    "SELECT b.*, (SELECT COUNT(*) FROM deductions d WHERE d.batch_id = b.id"
    " AND d.status IN ('succeeded', 'reversed')) AS settled,"
    " (SELECT COUNT(*) FROM deductions d WHERE d.batch_id = b.id AND d.status = 'failed') AS failed,"
    " (SELECT COUNT(*) FROM deductions d WHERE d.batch_id = b.id"
    " AND d.status IN ('requested', 'pending')) AS open FROM deduction_batches b"
)


class Batches:
    """Runs of deductions, one for a merchant's day."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def open(self, batch_id: str, merchant_id: str, mode: str, run_on: date, at: datetime) -> str:
        """Return the id of the day's run, which is `batch_id` when there was none yet."""
        named = {"merchant_id": merchant_id, "mode": mode, "run_on": run_on.isoformat()}
        self._db.execute(
            "INSERT INTO deduction_batches (id, merchant_id, mode, run_on, started_at)"
            " VALUES (:id, :merchant_id, :mode, :run_on, :at) ON CONFLICT (merchant_id, mode, run_on) DO NOTHING",
            {"id": batch_id, "at": stamp(at), **named},
        )
        row = self._db.one(
            "SELECT id FROM deduction_batches WHERE merchant_id = :merchant_id AND mode = :mode AND run_on = :run_on",
            named,
        )
        assert row is not None
        return str(row["id"])

    def latest(self, limit: int) -> list[BatchProgress]:
        """Return the newest runs of the whole installation with how far they are."""
        rows = self._db.all(
            f"{_PROGRESS} ORDER BY b.started_at DESC, b.id DESC LIMIT :limit", {"limit": limit}
        )
        return [_progress(row) for row in rows]

    def of_day(self, merchant_id: str, run_on: date) -> list[BatchProgress]:
        """Return a merchant's runs of a day with how far they are."""
        rows = self._db.all(
            f"{_PROGRESS} WHERE b.merchant_id = :merchant_id AND b.run_on = :run_on ORDER BY b.mode",
            {"merchant_id": merchant_id, "run_on": run_on.isoformat()},
        )
        return [_progress(row) for row in rows]


class Notices:
    """What consumers are told before a deduction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def to_write(self, merchant_id: str, today: date, until: date, limit: int) -> list[tuple[str, int, date]]:
        """Return (loan id, number, day) of what is to be collected after today and by `until`, not told of yet."""
        rows = self._db.all(
            "SELECT i.loan_id, i.number, i.collect_on FROM installments i JOIN loans l ON l.id = i.loan_id"
            " JOIN mandates m ON m.id = l.mandate_id"
            " WHERE i.merchant_id = :merchant_id AND i.status = 'scheduled' AND i.noticed_for <> i.collect_on"
            " AND i.collect_on > :today AND i.collect_on <= :until"
            " AND l.collection_paused_reason IS NULL AND m.status = 'active'"
            " ORDER BY i.collect_on, i.loan_id LIMIT :limit",
            {
                "merchant_id": merchant_id,
                "today": today.isoformat(),
                "until": until.isoformat(),
                "limit": limit,
            },
        )
        return [(row["loan_id"], row["number"], date.fromisoformat(row["collect_on"])) for row in rows]

    def add(self, notice: DeductionNotice, send_at: datetime) -> None:
        """Store a notice and mark its installment; Conflict when this one was told before."""
        named = {
            "loan_id": notice.loan_id,
            "installment_number": notice.installment_number,
            "collect_on": notice.collect_on.isoformat(),
        }
        insert(
            self._db,
            "deduction_notices",
            named
            | {
                "id": notice.id,
                "merchant_id": notice.merchant_id,
                "amount_minor": notice.amount.minor,
                "currency": notice.amount.currency,
                "status": notice.status.value,
                "created_at": stamp(notice.created_at),
                "send_at": stamp(send_at),
            },
        )
        self._db.execute(
            "UPDATE installments SET noticed_for = :collect_on"
            " WHERE loan_id = :loan_id AND number = :installment_number",
            named,
        )

    def claim(self, now: datetime, until: datetime, limit: int) -> list[DeductionNotice]:
        """Claim notices to be sent now, and put off another try until `until`."""
        rows = self._db.all(
            "UPDATE deduction_notices SET send_at = :until WHERE id IN ("
            "SELECT id FROM deduction_notices WHERE status = 'requested' AND send_at <= :now"
            f" ORDER BY send_at LIMIT :limit {self._db.claim_suffix}) RETURNING *",
            {"now": stamp(now), "until": stamp(until), "limit": limit},
        )
        return [_notice(row) for row in rows]

    def settle(self, notice_id: str, status: str) -> None:
        """Store what became of a notice."""
        self._db.execute(
            "UPDATE deduction_notices SET status = :status WHERE id = :id AND status = 'requested'",
            {"id": notice_id, "status": status},
        )

    def of_loan(self, loan_id: str) -> list[DeductionNotice]:
        """Return a loan's notices, oldest first."""
        rows = self._db.all(
            "SELECT * FROM deduction_notices WHERE loan_id = :id ORDER BY installment_number, collect_on",
            {"id": loan_id},
        )
        return [_notice(row) for row in rows]


class PaymentOrders:
    """Payments that somebody is to make at the bank's own page."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, order: PaymentOrder, ask_at: datetime) -> None:
        """Store an order before the bank knows of it."""
        row = {name: getattr(order, name) for name in PaymentOrder.__dataclass_fields__ if name != "amount"}
        row |= {
            "status": order.status.value,
            "amount_minor": order.amount.minor,
            "currency": order.amount.currency,
            "created_at": stamp(order.created_at),
            "expires_at": stamp(order.expires_at),
            "ask_at": stamp(ask_at),
        }
        insert(self._db, "payment_orders", row)

    def get(self, order_id: str) -> PaymentOrder | None:
        """Return the order, locked for this transaction where the engine can, or None."""
        row = self._db.one(
            f"SELECT * FROM payment_orders WHERE id = :id {self._db.row_lock}", {"id": order_id}
        )
        return None if row is None else _order(row)

    def by_token(self, token: str) -> PaymentOrder | None:
        """Return the order of a link, or None."""
        row = self._db.one("SELECT * FROM payment_orders WHERE token = :token", {"token": token})
        return None if row is None else _order(row)

    def of_loan(self, loan_id: str) -> list[PaymentOrder]:
        """Return a loan's orders, oldest first."""
        rows = self._db.all("SELECT * FROM payment_orders WHERE loan_id = :id ORDER BY id", {"id": loan_id})
        return [_order(row) for row in rows]

    def latest(self, limit: int) -> list[PaymentOrder]:
        """Return the newest orders of the whole installation."""
        rows = self._db.all("SELECT * FROM payment_orders ORDER BY id DESC LIMIT :limit", {"limit": limit})
        return [_order(row) for row in rows]

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[PaymentOrder]:
        """Claim orders whose bank is to be asked now, and put off asking again until `until`."""
        rows = self._db.all(
            "UPDATE payment_orders SET ask_at = :until WHERE id IN ("
            "SELECT id FROM payment_orders WHERE status IN ('requested', 'pending') AND ask_at <= :now"
            f" ORDER BY ask_at LIMIT :limit {self._db.claim_suffix}) RETURNING *",
            {"now": stamp(now), "until": stamp(until), "limit": limit},
        )
        return [_order(row) for row in rows]

    def save(self, order: PaymentOrder, was: PaymentOrder) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        changed = self._db.execute(
            "UPDATE payment_orders SET status = :status, version = :version, pay_url = :pay_url"
            " WHERE id = :id AND version = :was",
            {
                "id": order.id,
                "status": order.status.value,
                "version": order.version,
                "pay_url": order.pay_url,
                "was": was.version,
            },
        )
        moved(self._db, changed, "payment order", order.id)


def _progress(row: Row) -> BatchProgress:
    return made(
        BatchProgress, row, run_on=date.fromisoformat(row["run_on"]), started_at=moment(row["started_at"])
    )


def _notice(row: Row) -> DeductionNotice:
    return made(
        DeductionNotice,
        row,
        collect_on=date.fromisoformat(row["collect_on"]),
        amount=Money(row["amount_minor"], row["currency"]),
        status=NoticeStatus(row["status"]),
        created_at=moment(row["created_at"]),
    )


def _order(row: Row) -> PaymentOrder:
    return made(
        PaymentOrder,
        row,
        amount=Money(row["amount_minor"], row["currency"]),
        status=PaymentOrderStatus(row["status"]),
        created_at=moment(row["created_at"]),
        expires_at=moment(row["expires_at"]),
    )
