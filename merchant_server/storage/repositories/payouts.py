"""Payouts with the entries they are made of, and what is kept back as a reserve."""

from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.payout import Payout, PayoutStatus
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, insert_all, maybe_moment, moment, moved, stamp

# What was sold ripens before it is paid out; whatever else touches the account counts at once.
RIPENING = "('capture', 'subsidy', 'reserve', 'funding')"


class Payouts:
    """What merchants are paid."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def unpaid(
        self, merchant_id: str, account: str, currency: str, ripe_before: date
    ) -> list[tuple[str, Money]]:
        """Return (entry id, what it owes the merchant) of every ripe entry that no payout has, oldest first."""
        rows = self._db.all(
            "SELECT e.id, CAST(SUM(CASE WHEN p.source = :account THEN p.amount_minor ELSE -p.amount_minor END)"
            " AS BIGINT) AS owed FROM postings p JOIN journal_entries e ON e.id = p.entry_id"
            " LEFT JOIN payout_lines l ON l.entry_id = e.id"
            " WHERE (p.source = :account OR p.target = :account) AND p.currency = :currency"
            " AND e.merchant_id = :merchant_id AND l.entry_id IS NULL AND e.kind <> 'payout'"
            f" AND (e.kind NOT IN {RIPENING} OR e.occurred_on < :ripe_before)"
            " GROUP BY e.id ORDER BY e.id",
            {
                "account": account,
                "currency": currency,
                "merchant_id": merchant_id,
                "ripe_before": ripe_before.isoformat(),
            },
        )
        return [(row["id"], Money(row["owed"], currency)) for row in rows]

    def add(self, payout: Payout, lines: list[tuple[str, Money]], ask_at: datetime) -> None:
        """Store a new payout with its lines and its first transition, before the bank is asked."""
        row = {name: getattr(payout, name) for name in Payout.__dataclass_fields__ if name != "amount"}
        row |= {
            "status": payout.status.value,
            "amount_minor": payout.amount.minor,
            "currency": payout.amount.currency,
            "payout_on": payout.payout_on.isoformat(),
            "created_at": stamp(payout.created_at),
            "ask_at": stamp(ask_at),
        }
        insert(self._db, "payouts", row)
        told = [
            {
                "entry_id": entry_id,
                "payout_id": payout.id,
                "merchant_id": payout.merchant_id,
                "amount_minor": owed.minor,
            }
            for entry_id, owed in lines
        ]
        insert_all(self._db, "payout_lines", told)
        self._transition(payout, None, payout.created_at)

    def get(self, payout_id: str) -> Payout | None:
        """Return the payout, locked for this transaction where the engine can, or None."""
        row = self._db.one(f"SELECT * FROM payouts WHERE id = :id {self._db.row_lock}", {"id": payout_id})
        return None if row is None else _payout(row)

    def find(self, payout_id: str) -> Payout | None:
        """Return the payout as this snapshot has it, or None."""
        row = self._db.one("SELECT * FROM payouts WHERE id = :id", {"id": payout_id})
        return None if row is None else _payout(row)

    def page(
        self, merchant_id: str, mode: str, *, before: str | None, limit: int, status: str | None
    ) -> list[Payout]:
        """Return up to `limit` of a merchant's payouts, newest first, older than `before`."""
        rows = self._db.all(
            "SELECT * FROM payouts WHERE merchant_id = :merchant_id AND mode = :mode AND id < :before"
            " AND (CAST(:status AS TEXT) IS NULL OR status = :status) ORDER BY id DESC LIMIT :limit",
            {
                "merchant_id": merchant_id,
                "mode": mode,
                "before": before or "pyt_~",
                "status": status,
                "limit": limit,
            },
        )
        return [_payout(row) for row in rows]

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[Payout]:
        """Claim payouts whose bank is to be asked now, and put off asking again until `until`."""
        rows = self._db.all(
            "UPDATE payouts SET ask_at = :until WHERE id IN ("
            "SELECT id FROM payouts WHERE status = 'pending' AND ask_at <= :now"
            f" ORDER BY ask_at LIMIT :limit {self._db.claim_suffix}) RETURNING *",
            {"now": stamp(now), "until": stamp(until), "limit": limit},
        )
        return [_payout(row) for row in rows]

    def pending(self, merchant_id: str) -> int:
        """Return how many of a merchant's payouts wait for the bank."""
        row = self._db.one(
            "SELECT COUNT(*) AS waiting FROM payouts WHERE merchant_id = :id AND status = 'pending'",
            {"id": merchant_id},
        )
        assert row is not None
        return int(row["waiting"])

    def save(self, payout: Payout, was: Payout, at: datetime) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        changed = self._db.execute(
            "UPDATE payouts SET status = :status, version = :version, code = :code, settled_at = :at"
            " WHERE id = :id AND version = :was",
            {
                "id": payout.id,
                "status": payout.status.value,
                "version": payout.version,
                "code": payout.code,
                "at": payout.settled_at and stamp(payout.settled_at),
                "was": was.version,
            },
        )
        moved(self._db, changed, "payout", payout.id)
        self._transition(payout, was, at)

    def _transition(self, payout: Payout, was: Payout | None, at: datetime) -> None:
        row = {
            "aggregate_id": payout.id,
            "version": payout.version,
            "merchant_id": payout.merchant_id,
            "from_state": was and was.status.value,
            "to_state": payout.status.value,
            "reason": f"payout.{payout.status}",
            "at": stamp(at),
        }
        insert(self._db, "transitions", row)

    def keep_back(self, entry_id: str, merchant_id: str, amount: Money, release_on: date) -> None:
        """Note when a reserve is to be released."""
        row = {
            "entry_id": entry_id,
            "merchant_id": merchant_id,
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "release_on": release_on.isoformat(),
        }
        insert(self._db, "reserves", row)

    def to_release(self, merchant_id: str, today: date, limit: int) -> list[tuple[str, Money]]:
        """Return (entry id, amount) of reserves whose time is over, oldest first."""
        rows = self._db.all(
            "SELECT entry_id, amount_minor, currency FROM reserves WHERE merchant_id = :merchant_id"
            f" AND released_at IS NULL AND release_on <= :today ORDER BY release_on, entry_id LIMIT :limit"
            f" {self._db.claim_suffix}",
            {"merchant_id": merchant_id, "today": today.isoformat(), "limit": limit},
        )
        return [(row["entry_id"], Money(row["amount_minor"], row["currency"])) for row in rows]

    def released(self, entry_id: str, at: datetime) -> None:
        """Note that a reserve was released; raises TransitionConflict when somebody else did so first."""
        changed = self._db.execute(
            "UPDATE reserves SET released_at = :at WHERE entry_id = :id AND released_at IS NULL",
            {"id": entry_id, "at": stamp(at)},
        )
        moved(self._db, changed, "reserve", entry_id)


def _payout(row: Row) -> Payout:
    values = {name: row[name] for name in Payout.__dataclass_fields__ if name != "amount"}
    values |= {
        "status": PayoutStatus(row["status"]),
        "amount": Money(row["amount_minor"], row["currency"]),
        "payout_on": date.fromisoformat(row["payout_on"]),
        "created_at": moment(row["created_at"]),
        "settled_at": maybe_moment(row["settled_at"]),
    }
    return Payout(**values)
