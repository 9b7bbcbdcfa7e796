"""Which merchants have work of their day: one question for all of them, answered by the first row of an index each."""

from datetime import date, datetime, timedelta

from merchant_server.domain.merchant import Merchant
from merchant_server.domain.merchant_day import MOST_AHEAD, MerchantDay
from merchant_server.storage.engine import Connection
from merchant_server.storage.repositories.rows import made, moment

_COLLECT = (
    "(SELECT MIN(collect_on) FROM installments i"
    " WHERE i.merchant_id = m.id AND i.status IN ('scheduled', 'due', 'overdue'))"
)
_UNTOLD = (
    "(SELECT MIN(collect_on) FROM installments i"
    " WHERE i.merchant_id = m.id AND i.status = 'scheduled' AND i.noticed_for <> i.collect_on)"
)
_LATE = "(SELECT MIN(due_on) FROM installments i WHERE i.merchant_id = m.id AND i.status = 'due')"
_PENALIZED = "(SELECT MIN(penalized_on) FROM loans l WHERE l.merchant_id = m.id AND l.status = 'overdue')"
_CLOSED = "(SELECT MAX(closed_on) FROM daily_closes d WHERE d.merchant_id = m.id)"
_PAYOUT = "(SELECT next_payout_on FROM settlement_terms t WHERE t.merchant_id = m.id)"


class Days:
    """Merchants whose day has come for something."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def collecting(self, now: datetime) -> list[MerchantDay]:
        """Return merchants with something to collect, to call overdue or to charge a penalty for."""
        kinds = {"collect_on": _COLLECT, "late_on": _LATE, "penalized_on": _PENALIZED}
        days = self._days(now, kinds, "collect_on <= :last OR late_on < :last OR penalized_on < :last")
        return [day for day in days if day.collects]

    def telling(self, now: datetime, days_before: int) -> list[MerchantDay]:
        """Return merchants, as of that many days from now, with a deduction its consumer was not told of."""
        ahead = timedelta(days=days_before)
        days = self._days(now + ahead, {"untold_on": _UNTOLD}, "untold_on <= :last")
        return [day for day in days if day.tells]

    def closing(self, now: datetime) -> list[MerchantDay]:
        """Return merchants whose books of yesterday are open."""
        days = self._days(now, {"closed_on": _CLOSED}, "closed_on IS NULL OR closed_on < :before_last")
        return [day for day in days if day.closes]

    def paying_out(self, now: datetime) -> list[MerchantDay]:
        """Return merchants that are to be paid today."""
        days = self._days(now, {"payout_on": _PAYOUT}, "payout_on <= :last")
        return [day for day in days if day.pays_out]

    def _days(self, now: datetime, kinds: dict[str, str], may_be_due: str) -> list[MerchantDay]:
        """Return merchants by the last calendar day that anybody has now; a test clock is another matter."""
        last = (now + MOST_AHEAD).date()
        columns = ", ".join(f"{sql} AS {name}" for name, sql in kinds.items())
        rows = self._db.all(
            f"SELECT * FROM (SELECT m.*, COALESCE(c.offset_seconds, 0) AS offset_seconds, {columns}"
            " FROM merchants m LEFT JOIN test_clocks c ON c.merchant_id = m.id) days"
            f" WHERE offset_seconds <> 0 OR {may_be_due} ORDER BY id",
            {"last": last.isoformat(), "before_last": (last - timedelta(days=1)).isoformat()},
        )
        return [
            MerchantDay(
                made(Merchant, row, created_at=moment(row["created_at"])),
                now + timedelta(seconds=row["offset_seconds"]),
                **{name: date.fromisoformat(row[name]) for name in kinds if row[name]},
            )
            for row in rows
        ]
