"""What a till sold without network, in one SQLite file on the till: every sale before its code is shown."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from fenqi.finance.money import Money
from fenqi.till.errors import TillRefused

_SCHEMA = """
CREATE TABLE IF NOT EXISTS offline_sales (
    id TEXT PRIMARY KEY,
    reference TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    url TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    day TEXT NOT NULL,
    status TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    checkout_id TEXT
)
"""
_BUSY_SECONDS = 10.0


class SaleStatus(StrEnum):
    """Where the till believes a sale to stand. `settled`: the server knows of the signature, too."""

    SHOWN = "shown"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    SETTLED = "settled"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class OfflineSale:
    """One sale made without network. Hand the goods over at `confirmed` or `settled`, never before."""

    id: str
    reference: str
    amount: Money
    url: str
    issued_at: datetime
    status: SaleStatus
    tries: int
    checkout_id: str | None


class Journal:
    """The file. Several processes of one till may share it; writers wait for each other."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or create the file. Raises TillRefused (journal_unavailable)."""
        self._path = os.fspath(path)
        with self.writing() as rows:
            rows.execute(_SCHEMA)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open one durable transaction. Raises TillRefused (journal_unavailable)."""
        try:
            connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error
        connection.row_factory = sqlite3.Row
        with contextlib.closing(connection):
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._unavailable(error) from error
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def add(self, rows: sqlite3.Connection, sale: OfflineSale, day: date) -> None:
        """Write a new sale down."""
        rows.execute(
            "INSERT INTO offline_sales (id, reference, amount_minor, currency, url, issued_at, day, status)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                sale.id, sale.reference, sale.amount.minor, sale.amount.currency, sale.url,
                sale.issued_at.astimezone(UTC).isoformat(), day.isoformat(), sale.status.value,
            ),
        )  # fmt: skip

    def change(
        self,
        rows: sqlite3.Connection,
        sale_id: str,
        status: SaleStatus,
        *,
        tries: int | None = None,
        checkout_id: str | None = None,
    ) -> OfflineSale:
        """Store what became of a sale and return it."""
        rows.execute(
            "UPDATE offline_sales SET status = ?, tries = COALESCE(?, tries),"
            " checkout_id = COALESCE(?, checkout_id) WHERE id = ?",
            (status.value, tries, checkout_id, sale_id),
        )
        return self.get(rows, sale_id)

    def get(self, rows: sqlite3.Connection, sale_id: str) -> OfflineSale:
        """Return a sale. Raises TillRefused (offline_sale_unknown)."""
        row = rows.execute("SELECT * FROM offline_sales WHERE id = ?", (sale_id,)).fetchone()
        if row is None:
            raise TillRefused(
                "This till did not make that sale.",
                code="offline_sale_unknown",
                hint="Look for the till that showed the code.",
            )
        return _sale(row)

    def by_reference(self, rows: sqlite3.Connection, reference: str) -> OfflineSale | None:
        """Return the newest sale of an order, or None."""
        row = rows.execute(
            "SELECT * FROM offline_sales WHERE reference = ? ORDER BY issued_at DESC, rowid DESC",
            (reference,),
        ).fetchone()
        return None if row is None else _sale(row)

    def unfinished(self, rows: sqlite3.Connection) -> list[OfflineSale]:
        """Return what the server has not been asked about to the end, oldest first."""
        statement = (
            "SELECT * FROM offline_sales WHERE status IN ('shown', 'confirmed')"
            " OR (status = 'cancelled' AND checkout_id IS NULL) ORDER BY issued_at, rowid"
        )
        return [_sale(row) for row in rows.execute(statement)]

    def newest(self, rows: sqlite3.Connection, limit: int) -> list[OfflineSale]:
        """Return the newest sales."""
        statement = "SELECT * FROM offline_sales ORDER BY issued_at DESC, rowid DESC LIMIT ?"
        return [_sale(row) for row in rows.execute(statement, (limit,))]

    def sold_on(self, rows: sqlite3.Connection, day: date) -> tuple[int, int]:
        """Return how many sales of a day may still count at the server, and their sum in minor units."""
        row: Any = rows.execute(
            "SELECT COUNT(*), COALESCE(SUM(amount_minor), 0) FROM offline_sales WHERE day = ? AND status <> 'lapsed'",
            (day.isoformat(),),
        ).fetchone()
        return int(row[0]), int(row[1])

    def _unavailable(self, error: sqlite3.Error) -> TillRefused:
        return TillRefused(f"The journal {self._path} cannot be used: {error}.", code="journal_unavailable")


def _sale(row: sqlite3.Row) -> OfflineSale:
    return OfflineSale(
        id=row["id"],
        reference=row["reference"],
        amount=Money(row["amount_minor"], row["currency"]),
        url=row["url"],
        issued_at=datetime.fromisoformat(row["issued_at"]),
        status=SaleStatus(row["status"]),
        tries=row["tries"],
        checkout_id=row["checkout_id"],
    )
