"""Plan: the terms a merchant offers, validated once and never changed. Computes nothing; `schedule` does."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from fenqi.finance.dates import Period, parse_period
from fenqi.finance.errors import PlanError
from fenqi.finance.money import Money
from fenqi.finance.rates import Rate, rate_text
from fenqi.finance.terms import DISCLOSURES, MAX_INSTALLMENTS, METHODS, PARTIES, SHARED_TERMS, checked_terms

__all__ = ["DISCLOSURES", "MAX_INSTALLMENTS", "METHODS", "PARTIES", "Plan"]


class Plan:
    """Terms of selling in installments; immutable, hashable, equal when every term is.

    Rates are decimal strings ("0.12" is 12 % a year) and are kept as Decimal. `annual_rate` is the borrowing
    rate; `fee_rate` (of the financed amount) and `installment_fee_minor` (minor units) are taken with every
    installment; `up_front_fee_rate` (of the amount less the down payment) is paid at the start or financed;
    `early_settlement_fee_rate` (of the principal not yet due) is taken when everything is settled early,
    `penalty_annual_rate` (of the overdue amount, by the day) when an installment is paid late.
    The first `interest_free_installments` bear neither interest nor `fee_rate`. `subsidy_bps` is the share of
    `annual_rate`, in basis points, that others bear: an int for the merchant, or a mapping of merchant, brand
    and lender. `cash_back_bps`, of the same form, is the share of the financed amount that they give the consumer
    back once the loan is repaid. Raises PlanError or RateError, naming the field and what is allowed.
    """

    id: str
    installments: int
    method: str
    annual_rate: Decimal
    fee_rate: Decimal
    down_payment_rate: Decimal
    up_front_fee_rate: Decimal
    up_front_fee: str
    installment_fee_minor: int
    early_settlement_fee_rate: Decimal
    penalty_annual_rate: Decimal
    period: str
    first_due_after: str | None
    interest_free_installments: int
    subsidy_bps: tuple[tuple[str, int], ...]
    cash_back_bps: tuple[tuple[str, int], ...]
    day_count: str
    rounding: str
    remainder: str
    holiday_roll: str
    min_amount: Money | None
    max_amount: Money | None
    rate_cap: Decimal
    disclosure: str
    name: str
    _hash: int
    _json_ready: dict[str, Any]
    _nested: tuple[str, ...]

    def __init__(
        self,
        *,
        id: str,
        installments: int,
        method: str = "equal_installments",
        annual_rate: Rate = "0",
        fee_rate: Rate = "0",
        down_payment_rate: Rate = "0",
        up_front_fee_rate: Rate = "0",
        up_front_fee: str = "paid",
        installment_fee_minor: int = 0,
        early_settlement_fee_rate: Rate = "0",
        penalty_annual_rate: Rate = "0",
        period: str = "month",
        first_due_after: str | None = None,
        interest_free_installments: int = 0,
        subsidy_bps: int | Mapping[str, int] | tuple[tuple[str, int], ...] = 0,
        cash_back_bps: int | Mapping[str, int] | tuple[tuple[str, int], ...] = 0,
        day_count: str = "30/360",
        rounding: str = "half_up",
        remainder: str = "last",
        holiday_roll: str = "none",
        min_amount: Money | None = None,
        max_amount: Money | None = None,
        rate_cap: Rate = "1",
        disclosure: str = "CN",
        name: str = "",
    ) -> None:
        given = dict(locals())
        del given["self"]
        self.__dict__.update(checked_terms(given))
        self.__dict__["_hash"] = hash(tuple(self.__dict__[term] for term in _TERMS))
        ready = {term: _json_ready(term, self.__dict__[term]) for term in _TERMS}
        self.__dict__["_json_ready"] = ready
        self.__dict__["_nested"] = tuple(term for term, value in ready.items() if type(value) is dict)

    @property
    def parsed_period(self) -> Period:
        """The period between due dates, as a length and a unit."""
        return parse_period(self.period)

    @property
    def subsidized_bps(self) -> int:
        """The share of the annual rate that the consumer does not bear."""
        return sum(bps for _, bps in self.subsidy_bps)

    def changed(self, **terms: Any) -> "Plan":
        """Return the same plan with other values for some terms."""
        return Plan(**{**{term: getattr(self, term) for term in _TERMS}, **terms})

    def priced(self, *, annual_rate: Rate) -> "Plan":
        """Return the same plan at another annual rate."""
        return self.changed(annual_rate=annual_rate)

    def unsubsidized(self) -> "Plan":
        """Return the same plan with nothing spared: no subsidy and no interest-free installments."""
        return self.changed(subsidy_bps=0, interest_free_installments=0)

    def accepts(self, amount: Money) -> bool:
        """Tell whether the amount lies within this plan's limits; another currency never does."""
        low, high = self.min_amount, self.max_amount
        if low is None and high is None:
            return True
        for limit in (low, high):
            if limit is not None and limit.currency != amount.currency:
                return False
        return (low is None or low <= amount) and (high is None or amount <= high)

    def to_dict(self) -> dict[str, Any]:
        """Return every term, JSON-ready: rates as decimal strings, money as {"minor", "currency"}."""
        made = self._json_ready.copy()
        for term in self._nested:
            made[term] = dict(made[term])
        return made

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
                raise PlanError("is missing", field=needed, allowed="a plan has id and installments")
        values = dict(data)
        for term in ("min_amount", "max_amount"):
            if isinstance(values.get(term), Mapping):
                try:
                    values[term] = Money(values[term]["minor"], values[term]["currency"])
                except KeyError as missing:
                    raise PlanError(f"lacks {missing}", field=term, allowed="minor and currency") from None
        return cls(**values)

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if isinstance(other, Plan) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a plan never changes; make another with changed({name}=...)")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a plan never changes")

    def __repr__(self) -> str:
        return f"<Plan {self.id}: {self.installments} x {self.period}, {self.method} at {self.annual_rate}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan.from_dict, (self.to_dict(),)


def _json_ready(term: str, value: Any) -> Any:
    if isinstance(value, Decimal):
        return rate_text(value)
    if isinstance(value, Money):
        return value.to_dict()
    return dict(value) if term in SHARED_TERMS else value


_TERMS: Final = tuple(term for term in Plan.__annotations__ if not term.startswith("_"))
