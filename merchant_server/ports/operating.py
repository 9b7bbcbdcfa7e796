"""What operators see of a running installation, and what they let it forget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from merchant_server.domain.merchant_day import MerchantDay


@dataclass(frozen=True, slots=True)
class StoredCheckup:
    """What the checker found at a time. `imbalance_minor` is the sum of all accounts, 0 by law."""

    at: datetime
    breaches: int
    imbalance_minor: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at the work that waits and the work of the last hour. Seconds are wall time."""

    deliveries_pending: int
    outbox_lag_seconds: float
    installments_due: int
    deductions_unanswered: int
    deductions: Mapping[str, int]
    decisions: Mapping[str, int]
    decision_seconds: tuple[float, ...]
    checkup: StoredCheckup | None


class Days(Protocol):
    """Merchants whose day has come for something; each is asked once for all of them."""

    def collecting(self, now: datetime) -> list[MerchantDay]:
        """Return merchants with something to collect, to call overdue or to charge a penalty for."""
        ...

    def telling(self, now: datetime, days_before: int) -> list[MerchantDay]:
        """Return merchants, as of that many days from now, with a deduction its consumer was not told of."""
        ...

    def closing(self, now: datetime) -> list[MerchantDay]:
        """Return merchants whose books of yesterday are open."""
        ...

    def paying_out(self, now: datetime) -> list[MerchantDay]:
        """Return merchants that are to be paid today."""
        ...


class Operations(Protocol):
    """Figures for operators, and the end of what nobody needs any more."""

    def figures(self, now: datetime) -> Figures:
        """Return what waits now and what the last hour did; every query is served by an index."""
        ...

    def has_deliveries(self, before: datetime) -> bool:
        """Say whether a delivery that was received before a time is still kept."""
        ...

    def forget_deliveries(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` deliveries that were received before a time; return how many. Events stay."""
        ...

    def keep_checkup(self, checkup: StoredCheckup) -> None:
        """Store what the checker found."""
        ...
