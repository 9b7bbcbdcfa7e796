"""A statement: what changed one account over some days, under headings that sum to its balance. Computes nothing new.

Seen from the owner's side: an amount above zero is theirs, one below is taken off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fenqi.finance.money import Money

HEADINGS = (
    "captured", "merchant_fee", "subsidy", "cash_back", "refunded", "reserve_held", "reserve_released", "funded",
    "principal_repaid", "interest", "payout", "payout_returned", "drawn", "drawing_returned", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Movement:
    """One posting that touched the account: its entry, the account on the other side, the amount with its sign."""

    entry_id: str
    line: int
    occurred_on: date
    kind: str
    counter_account: str
    loan_id: str | None
    reference: str
    amount: Money

    @property
    def heading(self) -> str:
        """Under which heading it is told; what is not known is `other`, so that sums are always whole."""
        there, theirs = self.counter_account, self.amount.minor > 0
        if there == "income:merchant_fee":
            return "merchant_fee"
        if there == "income:subsidy":
            return "subsidy"
        if there.startswith("income:interest:"):
            return "interest"
        last = there.rpartition(":")[2]
        if last == "reserve":
            return "reserve_released" if theirs else "reserve_held"
        if last == "payout":
            return "payout_returned" if theirs else "payout"
        if last == "drawing":
            return "drawn" if theirs else "drawing_returned"
        if self.kind.startswith("cash_back"):
            return "cash_back"
        if self.kind == "capture":
            return "captured"
        if self.kind == "funding":
            return "funded"
        if self.kind == "share":
            return "principal_repaid"
        return "refunded" if self.kind.startswith("refund") else "other"


@dataclass(frozen=True, slots=True)
class Statement:
    """One account of one owner over some days. `opening` and every amount are of one currency."""

    owner: str
    owner_name: str
    account: str
    first: date
    last: date
    opening: Money
    movements: tuple[Movement, ...]

    @property
    def closing(self) -> Money:
        """What is owed at the end of the last day."""
        return sum((each.amount for each in self.movements), self.opening)

    @property
    def totals(self) -> tuple[tuple[str, Money], ...]:
        """Every heading that moved, with its sum, in the order of HEADINGS."""
        return totals_of(self.movements, self.opening.currency)


def totals_of(movements: Sequence[Movement], currency: str) -> tuple[tuple[str, Money], ...]:
    """Return (heading, sum) of every heading that moved."""
    found: dict[str, Money] = {}
    for each in movements:
        found[each.heading] = found.get(each.heading, Money(0, currency)) + each.amount
    return tuple((heading, found[heading]) for heading in HEADINGS if heading in found)
