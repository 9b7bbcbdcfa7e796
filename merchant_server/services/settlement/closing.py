"""The daily close: interest is earned by the day, in one entry a merchant and day; what was paid is trued up.

After it, what has been kept for consumers for long enough is ordered back.
"""

from datetime import timedelta

from fenqi.finance.money import Money

from merchant_server.domain.accrual import DailyClose, accrued
from merchant_server.domain.ledger import INTEREST_DEFERRED, INTEREST_EARNED, moves
from merchant_server.domain.merchant import Merchant
from merchant_server.services.deps import Deps
from merchant_server.services.settlement.booking import book
from merchant_server.services.settlement.money_returns import return_kept


def close_days(deps: Deps) -> int:
    """Close yesterday for every merchant that it is not closed for; return how much was done.

    A repayment books its interest as earned at once, so a close moves the difference between what the days have
    earned and nobody has paid, and the same of the close before. Days that were skipped come in one entry.
    """
    with deps.storage.reading() as uow:
        open_books = [day.merchant for day in uow.days.closing(deps.clock.now())]
    return sum(_end_day(deps, merchant) for merchant in open_books)


def _end_day(deps: Deps, merchant: Merchant) -> int:
    closed = _close(deps, merchant)
    return closed + (return_kept(deps, merchant) if closed else 0)


def _close(deps: Deps, merchant: Merchant) -> bool:
    with deps.storage.unit_of_work() as uow:
        last = uow.closes.latest(merchant.id, hold=True)
        yesterday = deps.today(uow, merchant) - timedelta(days=1)
        if last is not None and last.closed_on >= yesterday:
            return False
        nothing = Money(0, merchant.currency)
        rows = uow.closes.accruing(merchant.id, yesterday)
        now_accrued = sum((accrued(row, yesterday) for row in rows), nothing)
        change = now_accrued - (nothing if last is None else last.accrued)
        earned, deferred = INTEREST_EARNED, INTEREST_DEFERRED
        postings = moves((earned, deferred, change) if change.minor > 0 else (deferred, earned, -change))
        entry_id = book(
            uow, deps, "accrual", f"{merchant.id}/{yesterday}", postings,
            merchant_id=merchant.id, occurred_on=yesterday,
        )  # fmt: skip
        uow.closes.add(DailyClose(merchant.id, yesterday, now_accrued, entry_id), deps.clock.now())
        return True
