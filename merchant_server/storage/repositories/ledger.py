"""The books: entries go in once and stay; balances are sums of postings."""

from fenqi.finance.money import Money

from merchant_server.domain.ledger import MERCHANT_FEE, Entry, Posting
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, insert_all, stamp

# Accounts that each merchant, loan or consumer has one of; domain/ledger.py names them.
KINDS = (
    "loan:*:principal",
    "loan:*:interest",
    "loan:*:fee",
    "loan:*:penalty",
    "merchant:*:held",
    "merchant:*:payable",
    "merchant:*:payout",
    "merchant:*:reserve",
    "merchant:*:funded",
    "lender:*:funded",
    "lender:*:payable",
    "lender:*:payout",
    "lender:*:receivable",
    "lender:*:drawing",
    "brand:*:receivable",
    "consumer:*:refundable",
    "consumer:*:returning",
)


class Ledger:
    """Journal entries and postings."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def book(self, entry_id: str, entry: Entry) -> None:
        """Store an entry; Conflict when the same fact was booked before."""
        row = {
            "id": entry_id,
            "merchant_id": entry.merchant_id,
            "kind": entry.kind,
            "source_id": entry.source_id,
            "loan_id": entry.loan_id,
            "occurred_on": entry.occurred_on.isoformat(),
            "created_at": stamp(entry.created_at),
        }
        insert(self._db, "journal_entries", row)
        lines = [
            {
                "entry_id": entry_id,
                "line": line,
                "merchant_id": entry.merchant_id,
                "source": posting.source,
                "target": posting.target,
                "amount_minor": posting.amount.minor,
                "currency": posting.amount.currency,
            }
            for line, posting in enumerate(entry.postings, start=1)
        ]
        insert_all(self._db, "postings", lines)

    def postings_of(self, kind: str, source_id: str) -> tuple[Posting, ...]:
        """Return what was booked for a fact, or nothing."""
        rows = self._db.all(
            "SELECT p.* FROM postings p JOIN journal_entries e ON e.id = p.entry_id"
            " WHERE e.kind = :kind AND e.source_id = :source_id ORDER BY p.line",
            {"kind": kind, "source_id": source_id},
        )
        return tuple(
            Posting(row["source"], row["target"], Money(row["amount_minor"], row["currency"])) for row in rows
        )

    def balance(self, account: str, currency: str) -> Money:
        """Return what came in less what went out."""
        row = self._db.one(
            "SELECT CAST(COALESCE(SUM(CASE WHEN target = :account THEN amount_minor ELSE -amount_minor END), 0)"
            " AS BIGINT) AS balance FROM postings"
            " WHERE (target = :account OR source = :account) AND currency = :currency",
            {"account": account, "currency": currency},
        )
        assert row is not None
        return Money(row["balance"], currency)

    def trial_balance(self, merchant_id: str | None = None) -> list[tuple[str, Money]]:
        """Return every account with its balance; each currency sums to zero."""
        rows = self._db.all(
            "SELECT account, currency, CAST(SUM(amount) AS BIGINT) AS balance FROM ("
            "SELECT target AS account, currency, amount_minor AS amount FROM postings"
            " WHERE CAST(:merchant_id AS TEXT) IS NULL OR merchant_id = :merchant_id"
            " UNION ALL SELECT source, currency, -amount_minor FROM postings"
            " WHERE CAST(:merchant_id AS TEXT) IS NULL OR merchant_id = :merchant_id"
            ") moves GROUP BY account, currency ORDER BY account, currency",
            {"merchant_id": merchant_id},
        )
        return [(row["account"], Money(row["balance"], row["currency"])) for row in rows]

    def balances_by_kind(self) -> list[tuple[str, int, Money]]:
        """Return (kind of account, how many accounts, their balance); `*` stands for the id in a kind's name."""
        kinds = " ".join(f"WHEN account LIKE '{kind.replace('*', '%')}' THEN '{kind}'" for kind in KINDS)
        rows = self._db.all(
            f"SELECT CASE {kinds} ELSE account END AS kind, currency, COUNT(*) AS accounts,"
            " CAST(SUM(balance) AS BIGINT) AS balance FROM ("
            "SELECT account, currency, SUM(amount) AS balance FROM ("
            "SELECT target AS account, currency, SUM(amount_minor) AS amount FROM postings GROUP BY target, currency"
            " UNION ALL"
            " SELECT source, currency, -SUM(amount_minor) FROM postings GROUP BY source, currency"
            ") moves GROUP BY account, currency) accounts GROUP BY 1, 2 ORDER BY 2, 1",
            {},
        )
        return [(row["kind"], row["accounts"], Money(row["balance"], row["currency"])) for row in rows]

    def merchant_fee(self, loan_id: str, currency: str) -> Money:
        """Return the fee that a merchant was charged on a loan's captures."""
        row = self._db.one(
            "SELECT CAST(COALESCE(SUM(p.amount_minor), 0) AS BIGINT) AS fee FROM postings p"
            " JOIN journal_entries e ON e.id = p.entry_id WHERE e.loan_id = :loan_id AND e.kind = 'capture'"
            " AND p.source = :account AND p.currency = :currency",
            {"loan_id": loan_id, "account": MERCHANT_FEE, "currency": currency},
        )
        assert row is not None
        return Money(row["fee"], currency)

    def latest(self, limit: int) -> list[Row]:
        """Return the newest entries with their postings, one row a posting."""
        return self._db.all(
            "SELECT e.kind, e.source_id, e.loan_id, e.occurred_on, e.created_at,"
            " p.line, p.source, p.target, p.amount_minor, p.currency"
            " FROM (SELECT * FROM journal_entries ORDER BY id DESC LIMIT :limit) e"
            " JOIN postings p ON p.entry_id = e.id ORDER BY e.id DESC, p.line",
            {"limit": limit},
        )

    def loan_is_settled(self, loan_id: str, currency: str) -> bool:
        """Say whether every account of the loan is zero: only then may it be called repaid."""
        parts = ("principal", "interest", "fee", "penalty")
        return all(self.balance(f"loan:{loan_id}:{part}", currency).minor == 0 for part in parts)
