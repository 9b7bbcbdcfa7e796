"""Orders and their states. An order is paid only when a verified event says so; a page never pays one."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from fenqi import Money

from demo_store.clock import Clock
from demo_store.database import opened, writing


class OrderStatus(StrEnum):
    """pending (no checkout yet) → awaiting_payment → paid | cancelled | expired | refused."""

    PENDING = "pending"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"


ENDED_UNPAID = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REFUSED})

# Any other checkout state leaves the order waiting, so a state that fenqi adds later cannot pay or end one.
_STATUS_OF_CHECKOUT = {
    "authorized": OrderStatus.PAID,
    "captured": OrderStatus.PAID,
    "closed": OrderStatus.PAID,
    "declined": OrderStatus.REFUSED,
    "expired": OrderStatus.EXPIRED,
    "cancelled": OrderStatus.CANCELLED,
    "voided": OrderStatus.CANCELLED,
}


def status_of_checkout(checkout_status: str) -> OrderStatus:
    """Return the order's state for a checkout's state."""
    return _STATUS_OF_CHECKOUT.get(checkout_status, OrderStatus.AWAITING_PAYMENT)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One product of an order, at the price it had then."""

    sku: str
    name_zh: str
    name_en: str
    quantity: int
    unit_price: Money


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """What the customer or the cashier asked for. Two equal drafts of one form are one order."""

    channel: str
    amount: Money
    description: str = ""
    plan_ids: tuple[str, ...] = ()
    store_id: str = ""
    till_id: str = ""
    lines: tuple[OrderLine, ...] = ()

    def intent(self, form_token: str, attempt: int) -> str:
        """Return the digest that is equal for a form sent twice and different for anything else."""
        parts = [
            form_token,
            attempt,
            self.channel,
            self.amount.to_dict(),
            self.plan_ids,
            self.store_id,
            self.till_id,
        ]
        parts.append([[line.sku, line.quantity, line.unit_price.minor] for line in self.lines])
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Order:
    """A stored order. `expires_at` is on this store's clock, whatever clock fenqi runs on."""

    number: int
    id: str
    channel: str
    status: OrderStatus
    amount: Money
    description: str
    plan_ids: tuple[str, ...]
    store_id: str
    till_id: str
    created_at: datetime
    updated_at: datetime
    checkout_id: str
    checkout_url: str
    checkout_status: str
    checkout_sequence: int
    till_text: dict[str, str]
    plan_id: str
    loan_id: str
    expires_at: datetime | None

    @property
    def display_number(self) -> str:
        """The number that people say to each other."""
        return f"XM-{self.number:06d}"

    @property
    def session_short_id(self) -> str:
        """The last eight characters of the checkout's id, to compare across the counter."""
        return self.checkout_id[-8:].upper()


class OrderBook:
    """Reads and writes orders in the store's own database."""

    def __init__(self, path: str, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def open_order(self, draft: OrderDraft, form_token: str, new_id: str) -> Order:
        """Return the order of this form, making it once; a form sent again after an end makes a new one."""
        with writing(self._path) as db:
            attempt = 0
            while True:
                intent = draft.intent(form_token, attempt)
                found = next(db.query("SELECT * FROM orders WHERE intent = ?", [intent]), None)
                if found is None:
                    return _order(_insert(db, draft, intent, new_id, self._clock().isoformat()))
                order = _order(found)
                if order.status not in ENDED_UNPAID:
                    return order
                attempt += 1

    def attach_checkout(self, order_id: str, checkout: Any) -> Order:
        """Remember the checkout that fenqi opened; an event that came first is not overwritten."""
        now = self._clock()
        expires_at = now + (checkout.expires_at - checkout.created_at)
        with writing(self._path) as db:
            db.conn.execute(
                "UPDATE orders SET checkout_id = ?, checkout_url = ?, expires_at = ?, updated_at = ?,"
                " status = CASE status WHEN 'pending' THEN 'awaiting_payment' ELSE status END"
                " WHERE id = ? AND coalesce(checkout_url, '') = ''",
                [checkout.id, checkout.url, expires_at.isoformat(), now.isoformat(), order_id],
            )
            return _order(next(db.query("SELECT * FROM orders WHERE id = ?", [order_id])))

    def find(self, order_id: str) -> Order | None:
        """Return the order, or None."""
        with opened(self._path) as db:
            row = next(db.query("SELECT * FROM orders WHERE id = ?", [order_id]), None)
        return _order(row) if row else None

    def lines(self, order_id: str) -> list[OrderLine]:
        """Return the order's lines as they were sold."""
        statement = (
            "SELECT l.*, o.currency FROM order_lines l JOIN orders o ON o.id = l.order_id"
            " WHERE l.order_id = ? ORDER BY l.position"
        )
        with opened(self._path) as db:
            rows = list(db.query(statement, [order_id]))
        return [
            OrderLine(
                row["sku"], row["name_zh"], row["name_en"], row["quantity"],
                Money(row["unit_price_minor"], row["currency"]),
            )
            for row in rows
        ]  # fmt: skip

    def several(self, order_ids: Sequence[str]) -> list[Order]:
        """Return those of the named orders that exist, newest first."""
        marks = ", ".join("?" for _ in order_ids)
        with opened(self._path) as db:
            statement = f"SELECT * FROM orders WHERE id IN ({marks}) ORDER BY number DESC"  # noqa: S608
            return [_order(row) for row in db.query(statement, list(order_ids))]

    def recent_at(self, till_id: str, limit: int = 6) -> list[Order]:
        """Return the newest sales of one till that got as far as a QR."""
        with opened(self._path) as db:
            statement = (
                "SELECT * FROM orders WHERE till_id = ? AND checkout_url <> '' ORDER BY number DESC LIMIT ?"
            )
            return [_order(row) for row in db.query(statement, [till_id, limit])]


def _insert(db: Any, draft: OrderDraft, intent: str, new_id: str, now: str) -> dict[str, Any]:
    db.table("orders").insert(
        {
            "id": new_id, "intent": intent, "channel": draft.channel, "status": OrderStatus.PENDING.value,
            "amount_minor": draft.amount.minor, "currency": draft.amount.currency,
            "description": draft.description, "plan_ids": json.dumps(draft.plan_ids),
            "store_id": draft.store_id, "till_id": draft.till_id, "created_at": now, "updated_at": now,
        }
    )  # fmt: skip
    rows = [
        {
            "order_id": new_id, "position": position, "sku": line.sku, "name_zh": line.name_zh,
            "name_en": line.name_en, "quantity": line.quantity, "unit_price_minor": line.unit_price.minor,
        }
        for position, line in enumerate(draft.lines, 1)
    ]  # fmt: skip
    if rows:
        db.table("order_lines").insert_all(rows)
    stored: dict[str, Any] = next(db.query("SELECT * FROM orders WHERE id = ?", [new_id]))
    return stored


def _order(row: dict[str, Any]) -> Order:
    return Order(
        number=row["number"],
        id=row["id"],
        channel=row["channel"],
        status=OrderStatus(row["status"]),
        amount=Money(row["amount_minor"], row["currency"]),
        description=row["description"] or "",
        plan_ids=tuple(json.loads(row["plan_ids"] or "[]")),
        store_id=row["store_id"] or "",
        till_id=row["till_id"] or "",
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        checkout_id=row["checkout_id"] or "",
        checkout_url=row["checkout_url"] or "",
        checkout_status=row["checkout_status"] or "",
        checkout_sequence=row["checkout_sequence"] or 0,
        till_text=json.loads(row["till_text"] or "{}"),
        plan_id=row["plan_id"] or "",
        loan_id=row["loan_id"] or "",
        expires_at=datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None,
    )
