"""The books as a SQLite file of its own. Only the columns named here leave: none of them holds personal data."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from merchant_server.storage.engine import Connection, Engine, Row

BATCH = 2_000
# Table: its columns, and the ones that order it. Free texts of merchants stay behind: they may name people.
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "merchants": (("id", "category", "currency", "time_zone", "fee_bps", "created_at"), ("id",)),
    "lenders": (("id", "currency", "interest_bps", "created_at"), ("id",)),
    "loans": (
        ("id", "merchant_id", "mode", "checkout_id", "plan_id", "status", "principal_minor", "interest_minor",
         "fee_minor", "penalty_minor", "paid_minor", "penalty_paid_minor", "relieved_principal_minor",
         "relieved_interest_minor", "relieved_fee_minor", "currency", "signed_on", "created_at"),
        ("id",),
    ),
    "installments": (
        ("loan_id", "number", "merchant_id", "due_on", "principal_minor", "interest_minor", "fee_minor",
         "penalty_minor", "paid_minor", "principal_paid_minor", "interest_paid_minor", "fee_paid_minor",
         "penalty_paid_minor", "currency", "status"),
        ("loan_id", "number"),
    ),
    "deductions": (
        ("id", "merchant_id", "mode", "loan_id", "installment_number", "attempt", "amount_minor", "currency",
         "status", "code", "requested_at"),
        ("id",),
    ),
    "payouts": (
        ("id", "merchant_id", "mode", "status", "amount_minor", "currency", "code", "payout_on", "created_at",
         "settled_at"),
        ("id",),
    ),
    "journal_entries": (
        ("id", "merchant_id", "kind", "source_id", "loan_id", "occurred_on", "created_at"), ("id",),
    ),
    "postings": (
        ("entry_id", "line", "merchant_id", "source", "target", "amount_minor", "currency"), ("entry_id", "line"),
    ),
    "payout_lines": (("entry_id", "payout_id", "amount_minor"), ("entry_id",)),
}  # fmt: skip
FOREIGN = (
    ("loans", "merchant_id", "merchants", "id"),
    ("installments", "loan_id", "loans", "id"),
    ("deductions", "loan_id", "loans", "id"),
    ("payouts", "merchant_id", "merchants", "id"),
    ("journal_entries", "loan_id", "loans", "id"),
    ("postings", "entry_id", "journal_entries", "id"),
    ("payout_lines", "entry_id", "journal_entries", "id"),
    ("payout_lines", "payout_id", "payouts", "id"),
)
INDEXES = (("postings", "source"), ("postings", "target"), ("journal_entries", "kind"), ("loans", "status"))
VIEWS = {
    "trial_balance": "SELECT account, currency, SUM(amount_minor) AS balance_minor FROM ("
    "SELECT target AS account, currency, amount_minor FROM postings"
    " UNION ALL SELECT source, currency, -amount_minor FROM postings) GROUP BY account, currency",
    "loan_statement": "SELECT e.loan_id, e.id AS entry_id, p.line, e.occurred_on, e.kind, p.source, p.target,"
    " p.amount_minor, p.currency FROM journal_entries e JOIN postings p ON p.entry_id = e.id"
    " WHERE e.loan_id IS NOT NULL ORDER BY e.loan_id, e.occurred_on, e.id, p.line",
    "portfolio": "SELECT merchant_id, mode, currency, status, COUNT(*) AS loans,"
    " SUM(principal_minor) AS principal_minor, SUM(penalty_minor) AS penalty_minor,"
    " SUM(paid_minor + penalty_paid_minor) AS paid_minor,"
    " SUM(relieved_principal_minor + relieved_interest_minor + relieved_fee_minor) AS relieved_minor,"
    " SUM(principal_minor + interest_minor + fee_minor + penalty_minor - paid_minor - penalty_paid_minor"
    " - relieved_principal_minor - relieved_interest_minor - relieved_fee_minor) AS outstanding_minor"
    " FROM loans GROUP BY merchant_id, mode, currency, status",
}


def export_books(engine: Engine, path: Path, progress: Callable[[int, int], None]) -> dict[str, int]:
    """Write the file, whole or not at all, from one snapshot; return how many rows each table has.

    `progress` is told (rows done, rows in all). The file is readable by its owner only.
    """
    import sqlite_utils  # loads pandas where that is installed: not for every command's start

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    counts: dict[str, int] = {}
    try:
        books = sqlite_utils.Database(str(draft))
        with engine.reading() as connection:
            total = sum(_count(connection, table) for table in TABLES)
            done = 0
            for table, (columns, key) in TABLES.items():
                kinds = {name: _kind(name) for name in columns}
                books.table(table).create(kinds, pk=key[0] if len(key) == 1 else key)
                counts[table] = 0
                for rows in _batches(connection, table, columns, key):
                    books.table(table).insert_all(rows)
                    counts[table] += len(rows)
                    done += len(rows)
                    progress(done, total)
        books.add_foreign_keys(FOREIGN)
        for table, column in INDEXES:
            books.table(table).create_index([column])
        for name, sql in VIEWS.items():
            books.create_view(name, sql)
        books.vacuum()
        books.close()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return counts


def _kind(column: str) -> type:
    whole = column.endswith(("_minor", "_bps", "_number")) or column in ("number", "line", "attempt")
    return int if whole else str


def _count(connection: Connection, table: str) -> int:
    row = connection.one(f"SELECT COUNT(*) AS rows FROM {table}")
    assert row is not None
    return int(row["rows"])


def _batches(
    connection: Connection, table: str, columns: tuple[str, ...], key: tuple[str, ...]
) -> Iterator[list[Row]]:
    """Yield a table's rows in the order of its key, a page at a time, so that memory stays flat."""
    names, order = ", ".join(columns), ", ".join(key)
    marks = ", ".join(f":{name}" for name in key)
    rows = connection.all(f"SELECT {names} FROM {table} ORDER BY {order} LIMIT :limit", {"limit": BATCH})
    while rows:
        yield rows
        last = {name: rows[-1][name] for name in key}
        rows = connection.all(
            f"SELECT {names} FROM {table} WHERE ({order}) > ({marks}) ORDER BY {order} LIMIT :limit",
            last | {"limit": BATCH},
        )
