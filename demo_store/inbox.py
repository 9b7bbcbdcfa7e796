"""Events that fenqi sent: each kept once, and applied to its order in the same transaction."""

import json

from fenqi import Event
from sqlite_utils import Database

from demo_store.clock import Clock
from demo_store.database import writing
from demo_store.orders import OrderStatus, status_of_checkout
from demo_store.returns import apply_refund


class WebhookInbox:
    """Keeps each event once and applies it to its order in the same transaction."""

    def __init__(self, path: str, clock: Clock, mode: str) -> None:
        self._path, self._clock, self._mode = path, clock, mode

    def receive(self, webhook_id: str, event: Event) -> str:
        """Store one verified event and apply it; return what became of it.

        applied, duplicate (this id was handled), stale (a newer state is known), ignored (not about an order
        of ours) or mismatched (genuine, but for another checkout, amount, currency or mode: kept, no effect).
        """
        row = {
            "webhook_id": webhook_id,
            "type": event.type,
            "aggregate_id": event.aggregate.id,
            "sequence": event.aggregate.sequence,
            "received_at": self._clock().isoformat(),
            "body": json.dumps(dict(event.raw), ensure_ascii=False),
        }
        with writing(self._path) as db:
            if next(db.query("SELECT 1 FROM webhook_inbox WHERE webhook_id = ?", [webhook_id]), None):
                return "duplicate"
            outcome = "ignored"
            if event.data.get("object") == "checkout":
                outcome = self._apply(db, event)
            elif event.data.get("object") == "refund":
                outcome = apply_refund(db, event, self._mode)
            db.table("webhook_inbox").insert(row | {"outcome": outcome})
            return outcome

    def _apply(self, db: Database, event: Event) -> str:
        data, sequence = event.data, event.aggregate.sequence
        order = next(db.query("SELECT * FROM orders WHERE id = ?", [data.get("reference")]), None)
        if order is None:
            return "ignored"
        amount = {"minor": order["amount_minor"], "currency": order["currency"]}
        ours = order["checkout_id"] in (None, "", data.get("id"))
        if not ours or data.get("amount") != amount or event.mode != self._mode:
            return "mismatched"
        if sequence <= order["checkout_sequence"]:
            return "stale"
        checkout_status = str(data.get("status", ""))
        status = status_of_checkout(checkout_status)
        if order["status"] == OrderStatus.PAID and checkout_status != "voided":
            status = OrderStatus.PAID
        db.conn.execute(
            "UPDATE orders SET status = ?, checkout_id = ?, checkout_status = ?, checkout_sequence = ?, till_text = ?,"
            " plan_id = coalesce(?, plan_id), loan_id = coalesce(?, loan_id), updated_at = ? WHERE id = ?",
            [
                status.value,
                data.get("id"),
                checkout_status,
                sequence,
                json.dumps((data.get("till") or {}).get("text") or {}, ensure_ascii=False),
                data.get("plan_id"),
                data.get("loan_id"),
                self._clock().isoformat(),
                order["id"],
            ],
        )
        return "applied"
