"""Early settlement: what settles a loan on one day, kept as it was shown, and good until that day is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fenqi.finance.money import Money
from fenqi.finance.repayment import Due, Payoff, payoff, settled_rows
from fenqi.finance.schedule import Schedule

from merchant_server.domain.errors import RuleRefused


@dataclass(frozen=True, slots=True)
class SettlementQuote:
    """One quote as stored: what is owed now (`before`) and what settles it (`after`, the plan's charge included).

    It is good until the business day `on` is over, and while the loan owes what it owed.
    """

    id: str
    merchant_id: str
    mode: str
    loan_id: str
    on: date
    before: tuple[Due, ...]
    after: tuple[Due, ...]
    early_settlement_fee: Money
    created_at: datetime
    expires_at: datetime

    @property
    def total(self) -> Money:
        """The amount to pay."""
        return self._sum("total_minor", self.after)

    @property
    def principal(self) -> Money:
        """The principal in it."""
        return self._sum("principal_minor", self.after)

    @property
    def interest(self) -> Money:
        """The interest up to the day."""
        return self._sum("interest_minor", self.after)

    @property
    def fee(self) -> Money:
        """The fees of installments in it, without the charge for settling early."""
        return self._sum("fee_minor", self.after) - self.early_settlement_fee

    @property
    def penalty(self) -> Money:
        """The penalties in it."""
        return self._sum("penalty_minor", self.after)

    @property
    def given_back(self) -> Money:
        """The interest and fees to come that are not owed any more."""
        return self._sum("total_minor", self.before) - self.total + self.early_settlement_fee

    def refuse_unless_good(self, owed: Sequence[Due], now: datetime) -> None:
        """Raise RuleRefused when its day is over (quote_lapsed) or the loan owes something else (quote_stale)."""
        if now >= self.expires_at:
            raise RuleRefused(
                "this quote has lapsed; nothing was paid",
                code="quote_lapsed",
                hint="look at the new amount and confirm it",
                expired_at=self.expires_at.isoformat(),
            )
        if tuple(owed) != self.before:
            raise RuleRefused(
                "the loan changed since this quote; nothing was paid",
                code="quote_stale",
                hint="look at the new amount and confirm it",
            )

    def _sum(self, part: str, rows: Sequence[Due]) -> Money:
        return Money(sum(getattr(row, part) for row in rows), self.early_settlement_fee.currency)


def settling(
    schedule: Schedule, agreed: Sequence[Due], owed: Sequence[Due], on: date
) -> tuple[tuple[Due, ...], Payoff]:
    """Return what each row owes when everything is settled on a day, and the sums.

    The plan's charge is put on the first row.
    """
    found = payoff(schedule, owed, on, agreed=agreed)
    rows = list(settled_rows(schedule, owed, on, agreed=agreed))
    rows[0] = rows[0]._replace(fee_minor=rows[0].fee_minor + found.early_settlement_fee.minor)
    return tuple(rows), found


def end_of_day(on: date, time_zone: str) -> datetime:
    """Return the instant at which a business day is over."""
    return datetime.combine(on + timedelta(days=1), time.min, ZoneInfo(time_zone))
