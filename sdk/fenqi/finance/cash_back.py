"""What a plan gives back of a repaid loan, and who bears it. Books nothing; lowers no price and no rate."""

from typing import Final

from fenqi.finance.errors import AmountError
from fenqi.finance.money import Money, money
from fenqi.finance.plan import Plan
from fenqi.finance.rounding import divide

__all__ = ["cash_back_of", "share_cash_back"]

_WHOLE_BPS: Final = 10_000


def cash_back_of(plan: Plan, principal: Money) -> Money:
    """Return what is given back of a repaid principal, rounded as the plan rounds. Raises AmountError below zero."""
    if principal.minor < 0:
        raise AmountError("must not be below zero", field="principal", allowed="zero or more")
    if not plan.cash_back_bps:
        return money(0, principal.currency)
    bps = sum(each for _, each in plan.cash_back_bps)
    return money(divide(principal.minor * bps, _WHOLE_BPS, plan.rounding), principal.currency)


def share_cash_back(plan: Plan, whole: Money) -> dict[str, Money]:
    """Return what merchant, brand and lender bear of a cash-back; the parts sum to the whole."""
    shares = plan.cash_back_bps
    if not shares:
        return {}
    parts = whole.allocate([bps for _, bps in shares], remainder="largest")
    return {party: part for (party, _), part in zip(shares, parts, strict=True)}
