"""Plan: the terms a merchant offers, validated once and never changed. Computes nothing; `schedule` does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Final

from fenqi.finance.dates import DAY_COUNTS, HOLIDAY_ROLLS, Period, parse_period
from fenqi.finance.errors import FinanceError, PlanError, shown
from fenqi.finance.money import Money
from fenqi.finance.rates import Rate, parse_rate, rate_text

METHODS: Final = ("equal_installments", "equal_principal", "flat_fee", "interest_only", "bullet")
DISCLOSURES: Final = ("CN", "EU", "UK", "US")
MAX_INSTALLMENTS: Final = 600
PARTIES: Final = ("merchant", "brand", "lender")
_RATES: Final = ("annual_rate", "fee_rate", "down_payment_rate", "up_front_fee_rate", "rate_cap")
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "method": METHODS,
    "day_count": DAY_COUNTS,
    "rounding": ("half_up", "half_even"),
    "remainder": ("last", "first"),
    "up_front_fee": ("paid", "financed"),
    "holiday_roll": HOLIDAY_ROLLS,
    "disclosure": DISCLOSURES,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Terms of selling in installments.

    Rates are decimal strings ("0.12" is 12 % a year) and are kept as Decimal. `annual_rate` is the borrowing
    rate; `fee_rate` (of the financed amount) and `installment_fee_minor` (minor units) are taken with every
    installment; `up_front_fee_rate` (of the amount less the down payment) is paid at the start or financed.
    The first `interest_free_installments` bear neither interest nor `fee_rate`. `subsidy_bps` is the share of
    `annual_rate`, in basis points, that others bear: an int for the merchant, or a mapping of merchant, brand
    and lender. Raises PlanError or RateError, naming the field and what is allowed.
    """

    id: str
    installments: int
    method: str = "equal_installments"
    annual_rate: Rate = Decimal(0)
    fee_rate: Rate = Decimal(0)
    down_payment_rate: Rate = Decimal(0)
    up_front_fee_rate: Rate = Decimal(0)
    up_front_fee: str = "paid"
    installment_fee_minor: int = 0
    period: str = "month"
    first_due_after: str | None = None
    interest_free_installments: int = 0
    subsidy_bps: Any = ()
    day_count: str = "30/360"
    rounding: str = "half_up"
    remainder: str = "last"
    holiday_roll: str = "none"
    min_amount: Money | None = None
    max_amount: Money | None = None
    rate_cap: Rate = Decimal(1)
    disclosure: str = "CN"
    name: str = ""
    _hash: int = field(default=0, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_text(self)
        for term in _RATES:
            object.__setattr__(self, term, parse_rate(getattr(self, term), term))
        _check_counts(self)
        _check_rates(self)
        for term in ("period", "first_due_after"):
            text = getattr(self, term)
            if text is not None:
                object.__setattr__(self, term, str(parse_period(text, term)))
        object.__setattr__(self, "subsidy_bps", _subsidy(self.subsidy_bps))
        _check_limits(self)
        object.__setattr__(self, "_hash", hash(tuple(getattr(self, term) for term in _TERMS)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def parsed_period(self) -> Period:
        """The period between due dates, as a count and a unit."""
        return parse_period(self.period)

    @property
    def subsidized_bps(self) -> int:
        """The share of the annual rate that the consumer does not bear."""
        return sum(bps for _, bps in self.subsidy_bps)

    def priced(self, *, annual_rate: Rate) -> "Plan":
        """Return the same plan at another annual rate."""
        return replace(self, annual_rate=annual_rate)

    def unsubsidized(self) -> "Plan":
        """Return the same plan with nothing spared: no subsidy and no interest-free installments."""
        return replace(self, subsidy_bps=(), interest_free_installments=0)

    def accepts(self, amount: Money) -> bool:
        """Tell whether the amount lies within this plan's limits; another currency never does."""
        low, high = self.min_amount, self.max_amount
        for limit in (low, high):
            if limit is not None and limit.currency != amount.currency:
                return False
        return (low is None or low <= amount) and (high is None or amount <= high)

    def to_dict(self) -> dict[str, Any]:
        """Return every term, JSON-ready: rates as decimal strings, money as {"minor", "currency"}."""
        data: dict[str, Any] = {}
        for term in _TERMS:
            value = getattr(self, term)
            if isinstance(value, Decimal):
                value = rate_text(value)
            elif isinstance(value, Money):
                value = value.to_dict()
            elif term == "subsidy_bps":
                value = dict(value)
            data[term] = value
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Plan":
        """Read what `to_dict` wrote; missing terms take their defaults. Raises PlanError for unknown ones."""
        if not isinstance(data, Mapping):
            raise PlanError("is no mapping", field="plan", allowed="what Plan.to_dict returns")
        unknown = sorted(str(key) for key in data if key not in _TERMS)
        if unknown:
            raise PlanError("is unknown", field=unknown[0], allowed=", ".join(_TERMS))
        for needed in ("id", "installments"):
            if needed not in data:
                raise PlanError("is missing", field=needed)
        values = dict(data)
        for term in ("min_amount", "max_amount"):
            if isinstance(values.get(term), Mapping):
                try:
                    values[term] = Money(values[term]["minor"], values[term]["currency"])
                except KeyError as missing:
                    raise PlanError(f"lacks {missing}", field=term, allowed="minor and currency") from None
        return cls(**values)


_TERMS: Final = tuple(term.name for term in fields(Plan) if term.init)


def _check_text(plan: Plan) -> None:
    if not isinstance(plan.id, str) or not 1 <= len(plan.id) <= 64:
        raise PlanError(f"{shown(plan.id)} is no plan id", field="id", allowed="1 to 64 characters")
    if not isinstance(plan.name, str) or len(plan.name) > 200:
        raise PlanError("is no short text", field="name", allowed="up to 200 characters")
    for term, allowed in _CHOICES.items():
        value = getattr(plan, term)
        if value not in allowed:
            raise PlanError(f"{shown(value)} is unknown", field=term, allowed=", ".join(allowed))


def _check_int(plan: Plan, term: str, low: int, high: int) -> None:
    value = getattr(plan, term)
    if type(value) is not int or not low <= value <= high:
        raise PlanError("is no whole number in range", field=term, allowed=f"{low} to {high}")


def _check_counts(plan: Plan) -> None:
    _check_int(plan, "installments", 1, MAX_INSTALLMENTS)
    _check_int(plan, "interest_free_installments", 0, plan.installments)
    _check_int(plan, "installment_fee_minor", 0, 10**12)


def _check_rates(plan: Plan) -> None:
    for term, highest in (("rate_cap", Decimal(100)), ("annual_rate", Decimal(plan.rate_cap))):
        _check_rate(plan, term, highest)
    for term, highest_text in (
        ("fee_rate", "0.2"),
        ("up_front_fee_rate", "0.5"),
        ("down_payment_rate", "0.99"),
    ):
        _check_rate(plan, term, Decimal(highest_text))
    if plan.method == "flat_fee" and plan.annual_rate:
        raise PlanError("must be 0: flat_fee charges fee_rate", field="annual_rate", allowed="0")


def _check_rate(plan: Plan, term: str, highest: Decimal) -> None:
    parse_rate(getattr(plan, term), term, highest=highest)


def _subsidy(value: Any) -> tuple[tuple[str, int], ...]:
    allowed = "0 to 10000 in all, by " + ", ".join(PARTIES)
    if type(value) is int:
        value = {"merchant": value} if value else {}
    try:
        shares = dict(value)
    except (TypeError, ValueError):
        raise PlanError("is no share", field="subsidy_bps", allowed=allowed) from None
    for party, bps in shares.items():
        if party not in PARTIES or type(bps) is not int or not 0 <= bps <= 10000:
            raise PlanError(f"{shown(party)}: {shown(bps)} is no share", field="subsidy_bps", allowed=allowed)
    if sum(shares.values()) > 10000:
        raise PlanError("shares exceed the whole", field="subsidy_bps", allowed=allowed)
    return tuple((party, shares[party]) for party in PARTIES if shares.get(party))


def _check_limits(plan: Plan) -> None:
    for term in ("min_amount", "max_amount"):
        value = getattr(plan, term)
        if value is not None and (not isinstance(value, Money) or value.minor < 0):
            raise PlanError("is no amount", field=term, allowed="Money, zero or more")
    if plan.min_amount is not None and plan.max_amount is not None:
        try:
            ordered = plan.min_amount <= plan.max_amount
        except FinanceError:
            raise PlanError("has another currency than max_amount", field="min_amount") from None
        if not ordered:
            raise PlanError("exceeds max_amount", field="min_amount", allowed=f"at most {plan.max_amount}")
