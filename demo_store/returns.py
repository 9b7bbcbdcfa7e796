"""Goods that come back: what a customer wants to return, and what fenqi says was refunded.

A return is asked for here; that it was refunded is believed only from a verified event.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fenqi import Event, Money
from sqlite_utils import Database

from demo_store.clock import Clock
from demo_store.database import opened, writing
from demo_store.orders import Order, OrderLine


@dataclass(frozen=True, slots=True)
class KnownRefund:
    """A refund of an order as the newest event told it. status: pending, succeeded or failed."""

    id: str
    order_id: str
    status: str
    amount: Money
    to_customer: Money


@dataclass(frozen=True, slots=True)
class ReturnableLine:
    """A line of an order, and how many of it can still come back."""

    line: OrderLine
    left: int


class ReturnBook:
    """Reads and writes returns and refunds in the store's own database."""

    def __init__(self, path: str, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def offer(self, order: Order, preview_id: str, quantities: dict[str, int]) -> None:
        """Remember which goods a preview is about; nothing comes back yet."""
        row = {
            "preview_id": preview_id,
            "order_id": order.id,
            "quantities": json.dumps(quantities, sort_keys=True),
            "refund_id": "",
            "created_at": self._clock().isoformat(),
        }
        with writing(self._path) as db:
            db.table("returns").insert(row, pk="preview_id", ignore=True)

    def belongs(self, order: Order, preview_id: str) -> bool:
        """Say whether a preview was made for this order."""
        with opened(self._path) as db:
            statement = "SELECT 1 FROM returns WHERE preview_id = ? AND order_id = ?"
            return next(db.query(statement, [preview_id, order.id]), None) is not None

    def take(self, preview_id: str, refund_id: str) -> None:
        """Remember that the goods of a preview come back, and the refund that pays for them."""
        with writing(self._path) as db:
            db.conn.execute("UPDATE returns SET refund_id = ? WHERE preview_id = ?", [refund_id, preview_id])

    def returnable(self, order: Order, lines: Sequence[OrderLine]) -> list[ReturnableLine]:
        """Return the order's lines with what can still come back of each."""
        with opened(self._path) as db:
            statement = "SELECT quantities FROM returns WHERE order_id = ? AND refund_id <> ''"
            taken = [json.loads(row["quantities"]) for row in db.query(statement, [order.id])]
        return [
            ReturnableLine(line, line.quantity - sum(each.get(line.sku, 0) for each in taken))
            for line in lines
        ]

    def refunds(self, order_ids: Sequence[str]) -> list[KnownRefund]:
        """Return what is known of the refunds of some orders, oldest first."""
        marks = ", ".join("?" for _ in order_ids)
        with opened(self._path) as db:
            statement = f"SELECT * FROM refunds WHERE order_id IN ({marks}) ORDER BY id"  # noqa: S608
            return [_refund(row) for row in db.query(statement, list(order_ids))]

    def is_waited_for(self, order: Order) -> bool:
        """Say whether a refund is under way, or was asked for and no event has told of it yet."""
        statement = (
            "SELECT 1 FROM returns r LEFT JOIN refunds f ON f.id = r.refund_id"
            " WHERE r.order_id = ? AND r.refund_id <> '' AND (f.id IS NULL OR f.status = 'pending')"
        )
        with opened(self._path) as db:
            return next(db.query(statement, [order.id]), None) is not None


def apply_refund(db: Database, event: Event, mode: str) -> str:
    """Store what an event says about a refund, inside the inbox's transaction; return what became of it."""
    data = event.data
    order = next(db.query("SELECT * FROM orders WHERE checkout_id = ?", [data.get("checkout_id")]), None)
    if order is None:
        return "ignored"
    amount, back = data.get("amount") or {}, data.get("to_consumer") or {}
    ours = data.get("loan_id") == order["loan_id"] and event.mode == mode
    if not ours or amount.get("currency") != order["currency"] or amount["minor"] > order["amount_minor"]:
        return "mismatched"
    known = next(db.query("SELECT sequence FROM refunds WHERE id = ?", [event.aggregate.id]), None)
    if known is not None and event.aggregate.sequence <= known["sequence"]:
        return "stale"
    row = {
        "id": event.aggregate.id,
        "order_id": order["id"],
        "status": str(data.get("status", "")),
        "amount_minor": amount["minor"],
        "to_customer_minor": back.get("minor", 0),
        "currency": order["currency"],
        "sequence": event.aggregate.sequence,
    }
    db.table("refunds").insert(row, pk="id", replace=True)
    return "applied"


def refunded(order: Order, refunds: Sequence[KnownRefund]) -> str:
    """Return how much of an order was refunded: "" for nothing, partly or fully."""
    total = sum(each.amount.minor for each in refunds if each.order_id == order.id)
    return "" if not total else "fully" if total >= order.amount.minor else "partly"


def _refund(row: dict[str, Any]) -> KnownRefund:
    return KnownRefund(
        row["id"],
        row["order_id"],
        row["status"],
        Money(row["amount_minor"], row["currency"]),
        Money(row["to_customer_minor"], row["currency"]),
    )
