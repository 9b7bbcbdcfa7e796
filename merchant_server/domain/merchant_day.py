"""A merchant's present day, and the days since which its daily work waits."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from merchant_server.domain.merchant import Merchant

# Kiribati's day begins first; no merchant without a test clock is further ahead.
MOST_AHEAD = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class MerchantDay:
    """A merchant, the instant by its test clock, and since when each kind of work waits; None where there is none.

    `collect_on` is when an installment is to be collected, `untold_on` the same of one whose consumer was not told,
    `late_on` the due day of one that is not paid, `penalized_on` when penalties were last looked at, `closed_on` the
    last day that the books are closed for, `payout_on` when the merchant is to be paid.
    """

    merchant: Merchant
    now: datetime
    collect_on: date | None = None
    untold_on: date | None = None
    late_on: date | None = None
    penalized_on: date | None = None
    closed_on: date | None = None
    payout_on: date | None = None

    @property
    def today(self) -> date:
        """The merchant's business date, in its own time zone."""
        return self.now.astimezone(ZoneInfo(self.merchant.time_zone)).date()

    @property
    def collects(self) -> bool:
        """Whether something may be collected today, turn overdue, or cost a penalty."""
        today = self.today
        return (
            (self.collect_on is not None and self.collect_on <= today)
            or (self.late_on is not None and self.late_on < today)
            or (self.penalized_on is not None and self.penalized_on < today)
        )

    @property
    def tells(self) -> bool:
        """Whether a deduction until today was not told of."""
        return self.untold_on is not None and self.untold_on <= self.today

    @property
    def closes(self) -> bool:
        """Whether yesterday's books are open."""
        return self.closed_on is None or self.closed_on < self.today - timedelta(days=1)

    @property
    def pays_out(self) -> bool:
        """Whether the merchant's payout day has come."""
        return self.payout_on is not None and self.payout_on <= self.today
