"""The bank's settlement files: which were read, and each line once; and our own rows to hold them against."""

from collections.abc import Iterable
from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.reconciliation import BankLine, Booking, OurRow
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, moment, stamp

# What the bank's file calls each entry that moves money there; an index of the schema has the same kinds.
_FILE_KINDS = {
    "repayment": "deduction",
    "reversal": "reversal",
    "payout_paid": "payout",
    "money_back": "return",
    "money_return_succeeded": "return",
    "lender_payout_succeeded": "payout",
    "lender_drawing_succeeded": "drawing",
}
_AT_BANK = f"e.kind IN ({', '.join(repr(kind) for kind in _FILE_KINDS)})"
# What the books have of a request: money that the bank's account gained or lost for it.
_BOOKED = (
    "SELECT e.kind, e.created_at, CAST(SUM(p.amount_minor) AS BIGINT) AS minor, p.currency FROM journal_entries e"
    f" JOIN postings p ON p.entry_id = e.id WHERE {_AT_BANK}"
    " AND (p.source = 'bank:cash' OR p.target = 'bank:cash') AND e.source_id = :id"
    " GROUP BY e.id, e.kind, e.created_at, p.currency"
)
_OURS = (
    "SELECT id, 'deduction' AS kind, status, amount_minor, currency FROM deductions"
    " WHERE id = :id AND gateway_account = :account"
    " UNION ALL SELECT id, 'payout', status, amount_minor, currency FROM payouts WHERE id = :id"
    " UNION ALL SELECT id, 'return', status, to_consumer_minor, currency FROM refunds"
    " WHERE id = :id AND to_consumer_minor > 0"
    " UNION ALL SELECT id, CASE kind WHEN 'money_return' THEN 'return' WHEN 'lender_payout' THEN 'payout'"
    " ELSE 'drawing' END, status, amount_minor, currency FROM transfers WHERE id = :id"
    " UNION ALL SELECT id, 'payment', status, amount_minor, currency FROM payment_orders"
    " WHERE id = :id AND gateway_account = :account"
)


class BankFiles:
    """What the bank's files said."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def known(self, digest: str) -> bool:
        """Say whether a file with these bytes was read before."""
        sql = "SELECT 1 AS known FROM bank_files WHERE digest = :digest"
        return self._db.one(sql, {"digest": digest}) is not None

    def add(
        self, digest: str, gateway_account: str, covers_on: date, at: datetime, good: int, bad: int
    ) -> None:
        """Store that a file was read; Conflict when it was before."""
        row = {
            "digest": digest,
            "gateway_account": gateway_account,
            "covers_on": covers_on.isoformat(),
            "received_at": stamp(at),
            "good_lines": good,
            "bad_lines": bad,
        }
        insert(self._db, "bank_files", row)

    def add_line(self, gateway_account: str, digest: str, line: BankLine) -> bool:
        """Store one line; say False when an earlier line of any file was about the same thing."""
        return (
            self._db.execute(
                "INSERT INTO bank_file_lines (gateway_account, kind, reference, digest, line, amount_minor, currency,"
                " booked_at) VALUES (:account, :kind, :reference, :digest, :line, :minor, :currency, :booked_at)"
                " ON CONFLICT (gateway_account, kind, reference) DO NOTHING",
                {
                    "account": gateway_account,
                    "kind": line.kind,
                    "reference": line.reference,
                    "digest": digest,
                    "line": line.number,
                    "minor": line.amount.minor,
                    "currency": line.amount.currency,
                    "booked_at": stamp(line.booked_at),
                },
            )
            == 1
        )

    def told(self, gateway_account: str, digest: str, lines: Iterable[BankLine]) -> set[tuple[str, str]]:
        """Return (kind, reference) of these lines that another file told before."""
        found = set()
        for line in lines:
            row = self._db.one(
                "SELECT digest FROM bank_file_lines WHERE gateway_account = :account AND kind = :kind"
                " AND reference = :reference",
                {"account": gateway_account, "kind": line.kind, "reference": line.reference},
            )
            if row is not None and row["digest"] != digest:
                found.add((line.kind, line.reference))
        return found

    def told_of(self, gateway_account: str, references: Iterable[str]) -> set[tuple[str, str]]:
        """Return (kind, reference) of what any file told about these references."""
        found = set()
        for reference in references:
            rows = self._db.all(
                "SELECT kind FROM bank_file_lines WHERE gateway_account = :account AND reference = :reference",
                {"account": gateway_account, "reference": reference},
            )
            found |= {(row["kind"], reference) for row in rows}
        return found

    def ours(self, gateway_account: str, references: Iterable[str]) -> dict[str, OurRow]:
        """Return our own rows by reference; what is not ours is left out."""
        found = {}
        for reference in references:
            row = self._db.one(_OURS, {"id": reference, "account": gateway_account})
            if row is not None:
                found[reference] = self._row(row)
        return found

    def settled(self, gateway_account: str, first: datetime, last: datetime) -> list[OurRow]:
        """Return our rows whose money was booked from one instant until before another."""
        rows = self._db.all(
            f"SELECT DISTINCT e.source_id FROM journal_entries e WHERE {_AT_BANK}"
            " AND e.created_at >= :first AND e.created_at < :last ORDER BY e.source_id",
            {"first": stamp(first), "last": stamp(last)},
        )
        return list(self.ours(gateway_account, [row["source_id"] for row in rows]).values())

    def _row(self, row: Row) -> OurRow:
        booked = self._db.all(_BOOKED, {"id": row["id"]})
        return OurRow(
            reference=row["id"],
            kind=row["kind"],
            status=row["status"],
            amount=Money(row["amount_minor"], row["currency"]),
            booked={
                _file_kind(each["kind"], row["kind"]): Booking(
                    Money(each["minor"], each["currency"]), moment(each["created_at"])
                )
                for each in booked
            },
        )


def _file_kind(entry_kind: str, kind: str) -> str:
    """Return what the file calls an entry: a repayment came by a deduction, or by a payment at the bank's page."""
    return kind if entry_kind == "repayment" else _FILE_KINDS[entry_kind]
