"""Refund previews and refunds."""

from datetime import datetime

from fenqi.finance.lines import ReturnedLine
from fenqi.finance.money import Money
from fenqi.finance.refund import RefundEffect

from merchant_server.domain.refund import Refund, RefundPreview, RefundStatus, Strategy
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import (
    insert,
    lines_from_text,
    lines_text,
    moment,
    moved,
    rows_from_text,
    rows_text,
    stamp,
)

_EFFECT_MONEY = {
    "principal_relieved_minor": "principal_relieved",
    "interest_given_back_minor": "interest_given_back",
    "fee_given_back_minor": "fee_given_back",
    "interest_returned_minor": "interest_returned",
    "fee_returned_minor": "fee_returned",
    "penalty_returned_minor": "penalty_returned",
}
_REFUND_MONEY = ("amount", "to_consumer", "from_merchant", "interest_given_back")


class Refunds:
    """Goods taken back, and the money that goes with them."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add_preview(self, preview: RefundPreview) -> None:
        """Store what was shown."""
        effect = preview.effect
        insert(
            self._db,
            "refund_previews",
            {
                "id": preview.id,
                "merchant_id": preview.merchant_id,
                "mode": preview.mode,
                "loan_id": preview.loan_id,
                "loan_version": preview.loan_version,
                "refunded_before_minor": preview.refunded_before.minor,
                "strategy": preview.strategy.value,
                "amount_minor": effect.amount.minor,
                "currency": effect.amount.currency,
                **{column: getattr(effect, name).minor for column, name in _EFFECT_MONEY.items()},
                "owed_paid_minor": effect.owed_paid.minor,
                "merchant_fee_returned_minor": preview.merchant_fee_returned.minor,
                "before": rows_text(effect.before),
                "after": rows_text(effect.after),
                "paid": rows_text(effect.paid),
                "created_at": stamp(preview.created_at),
                "expires_at": stamp(preview.expires_at),
                "lines": lines_text(preview.lines),
            },
        )

    def preview(self, preview_id: str) -> RefundPreview | None:
        """Return the preview, or None."""
        row = self._db.one("SELECT * FROM refund_previews WHERE id = :id", {"id": preview_id})
        return None if row is None else _preview(row)

    def committed_previews(self, loan_id: str) -> list[RefundPreview]:
        """Return what a loan's refunds had shown, oldest first."""
        rows = self._db.all(
            "SELECT p.* FROM refund_previews p JOIN refunds r ON r.preview_id = p.id"
            " WHERE r.loan_id = :id ORDER BY r.id",
            {"id": loan_id},
        )
        return [_preview(row) for row in rows]

    def add(self, refund: Refund, ask_at: datetime) -> None:
        """Store a refund; Conflict when its preview was committed before."""
        row = {
            name: getattr(refund, name) for name in Refund.__dataclass_fields__ if name not in _REFUND_MONEY
        }
        row |= {f"{name}_minor": getattr(refund, name).minor for name in _REFUND_MONEY}
        row |= {
            "status": refund.status.value,
            "strategy": refund.strategy.value,
            "currency": refund.amount.currency,
            "created_at": stamp(refund.created_at),
            "ask_at": stamp(ask_at),
            "lines": lines_text(refund.lines),
        }
        insert(self._db, "refunds", row)

    def get(self, refund_id: str) -> Refund | None:
        """Return the refund, locked for this transaction where the engine can, or None."""
        row = self._db.one(f"SELECT * FROM refunds WHERE id = :id {self._db.row_lock}", {"id": refund_id})
        return None if row is None else _refund(row)

    def of_preview(self, preview_id: str) -> Refund | None:
        """Return what a preview was committed as, or None."""
        row = self._db.one("SELECT * FROM refunds WHERE preview_id = :id", {"id": preview_id})
        return None if row is None else _refund(row)

    def of_loan(self, loan_id: str) -> list[Refund]:
        """Return a loan's refunds, oldest first."""
        rows = self._db.all("SELECT * FROM refunds WHERE loan_id = :id ORDER BY id", {"id": loan_id})
        return [_refund(row) for row in rows]

    def page(
        self,
        merchant_id: str,
        mode: str,
        *,
        before: str | None,
        limit: int,
        loan_id: str | None,
        status: str | None,
    ) -> list[Refund]:
        """Return up to `limit` of a merchant's refunds, newest first, older than `before`."""
        rows = self._db.all(
            "SELECT * FROM refunds WHERE merchant_id = :merchant_id AND mode = :mode AND id < :before"
            " AND (CAST(:loan_id AS TEXT) IS NULL OR loan_id = :loan_id)"
            " AND (CAST(:status AS TEXT) IS NULL OR status = :status) ORDER BY id DESC LIMIT :limit",
            {
                "merchant_id": merchant_id,
                "mode": mode,
                "before": before or "rfd_~",
                "loan_id": loan_id,
                "status": status,
                "limit": limit,
            },
        )
        return [_refund(row) for row in rows]

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[Refund]:
        """Claim refunds whose money is to be sent or asked for now, and put off asking again until `until`."""
        rows = self._db.all(
            "UPDATE refunds SET ask_at = :until WHERE id IN ("
            "SELECT id FROM refunds WHERE status = 'pending' AND ask_at <= :now"
            f" ORDER BY ask_at LIMIT :limit {self._db.claim_suffix}) RETURNING *",
            {"now": stamp(now), "until": stamp(until), "limit": limit},
        )
        return [_refund(row) for row in rows]

    def save(self, refund: Refund, was: Refund) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        changed = self._db.execute(
            "UPDATE refunds SET status = :status, version = :version, code = :code"
            " WHERE id = :id AND version = :was",
            {
                "id": refund.id,
                "status": refund.status.value,
                "version": refund.version,
                "code": refund.code,
                "was": was.version,
            },
        )
        moved(self._db, changed, "refund", refund.id)


def _preview(row: Row) -> RefundPreview:
    def money(column: str) -> Money:
        return Money(row[column], row["currency"])

    effect = RefundEffect(
        amount=money("amount_minor"),
        before=rows_from_text(row["before"]),
        after=rows_from_text(row["after"]),
        paid=rows_from_text(row["paid"]),
        **{name: money(column) for column, name in _EFFECT_MONEY.items()},
    )
    return RefundPreview(
        id=row["id"],
        merchant_id=row["merchant_id"],
        mode=row["mode"],
        loan_id=row["loan_id"],
        loan_version=row["loan_version"],
        refunded_before=money("refunded_before_minor"),
        strategy=Strategy(row["strategy"]),
        effect=effect,
        merchant_fee_returned=money("merchant_fee_returned_minor"),
        created_at=moment(row["created_at"]),
        expires_at=moment(row["expires_at"]),
        lines=lines_from_text(ReturnedLine, row["lines"]),
    )


def _refund(row: Row) -> Refund:
    values = {name: row[name] for name in Refund.__dataclass_fields__ if name not in _REFUND_MONEY}
    values |= {name: Money(row[f"{name}_minor"], row["currency"]) for name in _REFUND_MONEY}
    values |= {
        "status": RefundStatus(row["status"]),
        "strategy": Strategy(row["strategy"]),
        "created_at": moment(row["created_at"]),
        "lines": lines_from_text(ReturnedLine, row["lines"]),
    }
    return Refund(**values)
