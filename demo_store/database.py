"""The store's own SQLite file: its tables, and one connection a unit of work. Nothing of fenqi's is kept here."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

BUSY_TIMEOUT_SECONDS = 5

migrations = Migrations("demo_store")


@migrations()
def m001_shop(db: Database) -> None:
    """Products, orders with their lines, the webhook inbox, cached plans, and single facts."""
    db.table("products").create(
        {
            "sku": str, "position": int, "category": str, "picture": str, "price_minor": int, "currency": str,
            "name_zh": str, "name_en": str, "tagline_zh": str, "tagline_en": str, "story_zh": str, "story_en": str,
        },
        pk="sku",
        not_null={"position", "picture", "price_minor", "currency", "name_zh", "name_en"},
    )  # fmt: skip
    db.table("orders").create(
        {
            "number": int, "id": str, "intent": str, "channel": str, "status": str, "amount_minor": int,
            "currency": str, "description": str, "plan_ids": str, "store_id": str, "till_id": str,
            "created_at": str, "updated_at": str, "checkout_id": str, "checkout_url": str, "checkout_status": str,
            "checkout_sequence": int, "till_text": str, "plan_id": str, "loan_id": str, "expires_at": str,
        },
        pk="number",
        not_null={"id", "intent", "channel", "status", "amount_minor", "currency", "created_at", "updated_at"},
        defaults={"checkout_sequence": 0},
    )  # fmt: skip
    db.table("orders").create_index(["id"], unique=True)
    db.table("orders").create_index(["intent"], unique=True)
    db.table("orders").create_index(["till_id", "number"])
    db.table("order_lines").create(
        {
            "order_id": str, "position": int, "sku": str, "name_zh": str, "name_en": str,
            "quantity": int, "unit_price_minor": int,
        },
        pk=("order_id", "position"),
        foreign_keys=[("order_id", "orders", "id")],
    )  # fmt: skip
    db.table("webhook_inbox").create(
        {
            "webhook_id": str, "type": str, "aggregate_id": str, "sequence": int,
            "received_at": str, "outcome": str, "body": str,
        },
        pk="webhook_id",
    )  # fmt: skip
    db.table("plans").create({"id": str, "position": int, "terms": str}, pk="id")
    db.table("facts").create({"name": str, "value": str}, pk="name")


@migrations()
def m_returns(db: Database) -> None:
    """What customers return, and what events say about its refunds."""
    db.table("returns").create(
        {"preview_id": str, "order_id": str, "quantities": str, "refund_id": str, "created_at": str},
        pk="preview_id",
    )
    db.table("returns").create_index(["order_id"])
    db.table("refunds").create(
        {
            "id": str, "order_id": str, "status": str, "amount_minor": int, "to_customer_minor": int,
            "currency": str, "sequence": int,
        },
        pk="id",
    )  # fmt: skip
    db.table("refunds").create_index(["order_id"])


def migrate(path: str) -> None:
    """Create or upgrade the file at `path`; safe to repeat."""
    if path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with opened(path) as db:
        migrations.apply(db)


@contextmanager
def opened(path: str) -> Iterator[Database]:
    """Yield a connection of the calling thread's own and close it; statements commit by themselves."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        yield Database(connection, execute_plugins=False)
    finally:
        connection.close()


@contextmanager
def writing(path: str) -> Iterator[Database]:
    """Yield a connection inside one write transaction: all of it is kept, or none."""
    with opened(path) as db:
        db.conn.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.conn.execute("ROLLBACK")
            raise
        db.conn.execute("COMMIT")
