"""Checks the terms of a plan, one by one and against each other. Every refusal names the term and what is allowed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from fenqi.finance.dates import DAY_COUNTS, HOLIDAY_ROLLS, parse_period
from fenqi.finance.errors import FinanceError, PlanError, shown
from fenqi.finance.money import Money
from fenqi.finance.rates import parse_rate

METHODS: Final = ("equal_installments", "equal_principal", "flat_fee", "interest_only", "bullet")
DISCLOSURES: Final = ("CN", "EU", "UK", "US")
PARTIES: Final = ("merchant", "brand", "lender")
# Terms that say what share each party bears, in basis points.
SHARED_TERMS: Final = ("subsidy_bps", "cash_back_bps")
MAX_INSTALLMENTS: Final = 600
_HIGHEST_RATES: Final = {
    "fee_rate": "0.2",
    "up_front_fee_rate": "0.5",
    "down_payment_rate": "0.99",
    "early_settlement_fee_rate": "0.05",
    "penalty_annual_rate": "1",
}
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "method": METHODS,
    "day_count": DAY_COUNTS,
    "rounding": ("half_up", "half_even"),
    "remainder": ("last", "first"),
    "up_front_fee": ("paid", "financed"),
    "holiday_roll": HOLIDAY_ROLLS,
    "disclosure": DISCLOSURES,
}


def checked_terms(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan's terms in their lasting form: rates as Decimal, periods spelled one way, shares sorted.

    Raises PlanError or RateError.
    """
    terms = dict(given)
    _check_text(terms)
    _check_counts(terms)
    _read_rates(terms)
    for term in ("period", "first_due_after"):
        if terms[term] is not None or term == "period":
            terms[term] = str(parse_period(_hashable(terms[term], term), term))
    for term in SHARED_TERMS:
        terms[term] = _shares(terms[term], term)
    _check_limits(terms["min_amount"], terms["max_amount"])
    return terms


def _hashable(value: Any, term: str) -> Any:
    if not isinstance(value, str):
        raise PlanError(
            f"{shown(value)} is no period", field=term, allowed='text such as "month" or "45 days"'
        )
    return value


def _check_text(terms: Mapping[str, Any]) -> None:
    if not isinstance(terms["id"], str) or not 1 <= len(terms["id"]) <= 64:
        raise PlanError(f"{shown(terms['id'])} is no plan id", field="id", allowed="1 to 64 characters")
    if not isinstance(terms["name"], str) or len(terms["name"]) > 200:
        raise PlanError("is no short text", field="name", allowed="up to 200 characters")
    for term, allowed in _CHOICES.items():
        if terms[term] not in allowed:
            raise PlanError(f"{shown(terms[term])} is unknown", field=term, allowed=", ".join(allowed))


def _check_counts(terms: Mapping[str, Any]) -> None:
    _check_int(terms, "installments", 1, MAX_INSTALLMENTS)
    _check_int(terms, "interest_free_installments", 0, terms["installments"])
    _check_int(terms, "installment_fee_minor", 0, 10**12)


def _check_int(terms: Mapping[str, Any], term: str, low: int, high: int) -> None:
    value = terms[term]
    if type(value) is not int or not low <= value <= high:
        raise PlanError(f"{shown(value)} is no whole number in range", field=term, allowed=f"{low} to {high}")


def _read_rates(terms: dict[str, Any]) -> None:
    terms["rate_cap"] = parse_rate(terms["rate_cap"], "rate_cap", highest=Decimal(100))
    terms["annual_rate"] = parse_rate(terms["annual_rate"], "annual_rate", highest=terms["rate_cap"])
    for term, highest in _HIGHEST_RATES.items():
        terms[term] = parse_rate(terms[term], term, highest=Decimal(highest))
    if terms["method"] == "flat_fee" and terms["annual_rate"]:
        raise PlanError("must be 0: flat_fee charges fee_rate", field="annual_rate", allowed="0")


def _shares(value: Any, term: str) -> tuple[tuple[str, int], ...]:
    """Return who bears what share, in basis points; a bare int is the merchant's share."""
    allowed = "0 to 10000 in all, by " + ", ".join(PARTIES)
    if type(value) is int:
        value = {"merchant": value} if value else {}
    try:
        shares = dict(value)
    except (TypeError, ValueError):
        raise PlanError(f"{shown(value)} is no share", field=term, allowed=allowed) from None
    for party, bps in shares.items():
        if party not in PARTIES or type(bps) is not int or not 0 <= bps <= 10000:
            raise PlanError(f"{shown({party: bps})} is no share", field=term, allowed=allowed)
    if sum(shares.values()) > 10000:
        raise PlanError("shares exceed the whole", field=term, allowed=allowed)
    return tuple((party, shares[party]) for party in PARTIES if shares.get(party))


def _check_limits(low: Any, high: Any) -> None:
    for term, value in (("min_amount", low), ("max_amount", high)):
        if value is not None and (not isinstance(value, Money) or value.minor < 0):
            raise PlanError(f"{shown(value)} is no amount", field=term, allowed="Money, zero or more")
    if low is None or high is None:
        return
    try:
        ordered = low <= high
    except FinanceError:
        allowed = f"an amount in {high.currency}"
        raise PlanError("has another currency than max_amount", field="min_amount", allowed=allowed) from None
    if not ordered:
        raise PlanError("exceeds max_amount", field="min_amount", allowed=f"at most {high}")
