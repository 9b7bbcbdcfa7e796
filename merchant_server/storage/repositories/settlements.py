"""Settlement terms of merchants, lenders, whose money each loan is, and the lines that statements are made of."""

from datetime import date
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.cash_back import CashBack
from merchant_server.domain.payout import HOUSE, Lender, SettlementTerms
from merchant_server.domain.statement import Movement
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, made, moment, moved, stamp

_TERMS = ("merchant_id", "version", "payout_account", "payout_days", "reserve_bps", "reserve_days", "funder",
          "paused_code")  # fmt: skip
# From the owner's side: what leaves an account that owes them is theirs.
_MOVEMENTS = (
    "SELECT e.id AS entry_id, p.line, e.occurred_on, e.kind, e.loan_id, c.reference,"
    " CASE WHEN p.source = :account THEN p.target ELSE p.source END AS counter_account,"
    " CASE WHEN p.source = :account THEN p.amount_minor ELSE -p.amount_minor END AS amount_minor, p.currency"
    " FROM postings p JOIN journal_entries e ON e.id = p.entry_id"
    " LEFT JOIN loans l ON l.id = e.loan_id LEFT JOIN checkouts c ON c.id = l.checkout_id"
)


class Settlements:
    """Who is paid how, and whose money loans are."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def terms(self, merchant_id: str, *, locked: bool = False) -> SettlementTerms | None:
        """Return a merchant's terms, `locked` for this transaction where the engine can, or None."""
        # The lock is of the terms alone: a merchant's row is read by everybody.
        lock = f"{self._db.row_lock} OF t" if locked and self._db.row_lock else ""
        row = self._db.one(
            "SELECT t.*, m.currency FROM settlement_terms t JOIN merchants m ON m.id = t.merchant_id"
            f" WHERE t.merchant_id = :id {lock}",
            {"id": merchant_id},
        )
        return None if row is None else _settlement_terms(row)

    def put_terms(self, terms: SettlementTerms, was: SettlementTerms | None) -> None:
        """Store new or changed terms; raises TransitionConflict when somebody else changed them first."""
        row = {name: getattr(terms, name) for name in _TERMS}
        row |= {"minimum_minor": terms.minimum.minor, "next_payout_on": terms.next_payout_on.isoformat()}
        if was is None:
            insert(self._db, "settlement_terms", row)
            return
        sets = ", ".join(f"{name} = :{name}" for name in row if name != "merchant_id")
        sql = f"UPDATE settlement_terms SET {sets} WHERE merchant_id = :merchant_id AND version = :was"
        moved(self._db, self._db.execute(sql, row | {"was": was.version}), "settlement", terms.merchant_id)

    def add_lender(self, lender: Lender) -> None:
        """Store a new lender."""
        row = {name: getattr(lender, name) for name in Lender.__dataclass_fields__}
        insert(self._db, "lenders", row | {"created_at": stamp(lender.created_at)})

    def lender(self, lender_id: str) -> Lender | None:
        """Return the lender, or None."""
        row = self._db.one("SELECT * FROM lenders WHERE id = :id", {"id": lender_id})
        return None if row is None else _lender(row)

    def save_lender(self, lender: Lender) -> None:
        """Store a lender's share, account and pause anew."""
        self._db.execute(
            "UPDATE lenders SET interest_bps = :bps, account = :account, paused_code = :code WHERE id = :id",
            {
                "id": lender.id,
                "bps": lender.interest_bps,
                "account": lender.account,
                "code": lender.paused_code,
            },
        )

    def lenders_of(self, merchant_id: str) -> list[Lender]:
        """Return the lenders whose money is in a merchant's loans."""
        rows = self._db.all(
            "SELECT n.* FROM lenders n WHERE EXISTS (SELECT 1 FROM loan_funding f JOIN loans l ON l.id = f.loan_id"
            " WHERE f.funder = 'lender:' || n.id AND l.merchant_id = :merchant_id) ORDER BY n.id",
            {"merchant_id": merchant_id},
        )
        return [_lender(row) for row in rows]

    def moved_for(self, account: str, merchant_id: str, currency: str) -> Money:
        """Return an account's balance in one merchant's books; where parts of it are owed to us it is positive."""
        row = self._db.one(
            "SELECT CAST(COALESCE(SUM(CASE WHEN target = :account THEN amount_minor ELSE -amount_minor END), 0)"
            " AS BIGINT) AS balance FROM postings WHERE (target = :account OR source = :account)"
            " AND merchant_id = :merchant_id AND currency = :currency",
            {"account": account, "merchant_id": merchant_id, "currency": currency},
        )
        assert row is not None
        return Money(row["balance"], currency)

    def set_plan_funder(self, merchant_id: str, mode: str, plan_id: str, funder: str | None) -> bool:
        """Say whose money a plan's loans are, unlike its merchant's others; say whether there is such a plan."""
        return (
            self._db.execute(
                "UPDATE plans SET funder = :funder WHERE merchant_id = :merchant_id AND mode = :mode AND id = :id",
                {"funder": funder, "merchant_id": merchant_id, "mode": mode, "id": plan_id},
            )
            == 1
        )

    def funder_of_plan(self, merchant_id: str, mode: str, plan_id: str) -> str:
        """Return whose money loans of a plan are: the plan's own word, its merchant's, else the house's."""
        row = self._db.one(
            "SELECT COALESCE(MAX(p.funder), MAX(t.funder)) AS funder FROM merchants m"
            " LEFT JOIN settlement_terms t ON t.merchant_id = m.id"
            " LEFT JOIN plans p ON p.merchant_id = m.id AND p.mode = :mode AND p.id = :plan_id"
            " WHERE m.id = :merchant_id",
            {"merchant_id": merchant_id, "mode": mode, "plan_id": plan_id},
        )
        return HOUSE if row is None or row["funder"] is None else str(row["funder"])

    def fund(self, loan_id: str, merchant_id: str, funder: str, interest_bps: int) -> None:
        """Fix whose money a loan is; later captures of the same loan change nothing."""
        self._db.execute(
            "INSERT INTO loan_funding (loan_id, merchant_id, funder, interest_bps)"
            " VALUES (:loan_id, :merchant_id, :funder, :bps) ON CONFLICT (loan_id) DO NOTHING",
            {"loan_id": loan_id, "merchant_id": merchant_id, "funder": funder, "bps": interest_bps},
        )

    def funder_of_loan(self, loan_id: str) -> str:
        """Return whose money a loan is; the house's until a capture says otherwise."""
        row = self._db.one("SELECT funder FROM loan_funding WHERE loan_id = :id", {"id": loan_id})
        return HOUSE if row is None else str(row["funder"])

    def cash_back(self, loan_id: str) -> CashBack | None:
        """Return what is booked of a loan's cash-back, or None before any was."""
        row = self._db.one("SELECT * FROM cash_backs WHERE loan_id = :id", {"id": loan_id})
        return (
            None if row is None else made(CashBack, row, amount=Money(row["amount_minor"], row["currency"]))
        )

    def put_cash_back(self, cash_back: CashBack, was: CashBack | None) -> None:
        """Store new or changed cash-back; raises TransitionConflict when somebody else changed it first."""
        row = {name: getattr(cash_back, name) for name in ("loan_id", "merchant_id", "version", "bps")}
        row |= {"amount_minor": cash_back.amount.minor}
        if was is None:
            insert(self._db, "cash_backs", row | {"currency": cash_back.amount.currency})
            return
        sql = (
            "UPDATE cash_backs SET version = :version, amount_minor = :amount_minor"
            " WHERE loan_id = :loan_id AND version = :was"
        )
        moved(self._db, self._db.execute(sql, row | {"was": was.version}), "cash_back", cash_back.loan_id)

    def unshared(self, limit: int) -> list[dict[str, Any]]:
        """Return entries about funded loans that were not shared with the funder yet, oldest first.

        Each has principal_minor and interest_minor: what reached the bank, or came off the merchant's money.
        """
        reached = "({other} = 'bank:cash' OR {other} LIKE 'merchant:%')"
        signed = (
            "CAST(SUM(CASE WHEN p.source = 'loan:' || f.loan_id || ':{part}' AND "
            + reached.format(other="p.target")
            + " THEN p.amount_minor WHEN p.target = 'loan:' || f.loan_id || ':{part}' AND "
            + reached.format(other="p.source")
            + " THEN -p.amount_minor ELSE 0 END) AS BIGINT) AS {part}_minor"
        )
        return self._db.all(
            "SELECT e.id AS entry_id, e.merchant_id, e.loan_id, f.funder, f.interest_bps, e.occurred_on, l.currency,"
            f" {signed.format(part='principal')}, {signed.format(part='interest')}"
            " FROM loan_funding f JOIN loans l ON l.id = f.loan_id"
            " JOIN journal_entries e ON e.loan_id = f.loan_id JOIN postings p ON p.entry_id = e.id"
            " LEFT JOIN funding_shares s ON s.entry_id = e.id WHERE s.entry_id IS NULL"
            " AND e.kind NOT IN ('signing', 'capture', 'subsidy', 'reserve', 'reserve_release', 'funding', 'share',"
            " 'cash_back', 'cash_back_taken')"
            " GROUP BY e.id, e.merchant_id, e.loan_id, f.funder, f.interest_bps, e.occurred_on, l.currency"
            " ORDER BY e.id LIMIT :limit",
            {"limit": limit},
        )

    def shared(self, entry_id: str, merchant_id: str, share_entry_id: str | None) -> None:
        """Note that an entry was shared; Conflict when it was before."""
        row = {"entry_id": entry_id, "merchant_id": merchant_id, "share_entry_id": share_entry_id}
        insert(self._db, "funding_shares", row)

    def balance_before(self, account: str, currency: str, day: date) -> Money:
        """Return what an account owed its owner at the beginning of a day."""
        row = self._db.one(
            "SELECT CAST(COALESCE(SUM(CASE WHEN p.source = :account THEN p.amount_minor ELSE -p.amount_minor END), 0)"
            " AS BIGINT) AS owed FROM postings p JOIN journal_entries e ON e.id = p.entry_id"
            " WHERE (p.source = :account OR p.target = :account) AND p.currency = :currency AND e.occurred_on < :day",
            {"account": account, "currency": currency, "day": day.isoformat()},
        )
        assert row is not None
        return Money(row["owed"], currency)

    def movements(self, account: str, currency: str, first: date, last: date) -> list[Movement]:
        """Return what changed an account from one day to another, both within, oldest first."""
        rows = self._db.all(
            f"{_MOVEMENTS} WHERE (p.source = :account OR p.target = :account) AND p.currency = :currency"
            " AND e.occurred_on BETWEEN :first AND :last ORDER BY e.occurred_on, e.id, p.line",
            {
                "account": account,
                "currency": currency,
                "first": first.isoformat(),
                "last": last.isoformat(),
            },
        )
        return [_movement(row) for row in rows]

    def movements_of_payout(self, account: str, payout_id: str) -> list[Movement]:
        """Return what a payout is made of, oldest first."""
        rows = self._db.all(
            f"{_MOVEMENTS} JOIN payout_lines x ON x.entry_id = e.id AND x.payout_id = :payout_id"
            " WHERE p.source = :account OR p.target = :account ORDER BY e.occurred_on, e.id, p.line",
            {"account": account, "payout_id": payout_id},
        )
        return [_movement(row) for row in rows]


def _lender(row: Row) -> Lender:
    return made(Lender, row, created_at=moment(row["created_at"]))


def _movement(row: Row) -> Movement:
    return Movement(
        entry_id=row["entry_id"],
        line=row["line"],
        occurred_on=date.fromisoformat(row["occurred_on"]),
        kind=row["kind"],
        counter_account=row["counter_account"],
        loan_id=row["loan_id"],
        reference=row["reference"] or "",
        amount=Money(row["amount_minor"], row["currency"]),
    )


def _settlement_terms(row: Row) -> SettlementTerms:
    return SettlementTerms(
        **{name: row[name] for name in _TERMS},
        minimum=Money(row["minimum_minor"], row["currency"]),
        next_payout_on=date.fromisoformat(row["next_payout_on"]),
    )
