"""`client.offers`: what an amount costs today under the merchant's plans, computed by the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self

from fenqi.api.reading import RAW, known, load
from fenqi.api.transport import Transport
from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.wire import OfferSchema

_OFFER = OfferSchema()


@dataclass(frozen=True, slots=True)
class OfferRow:
    """One row of an offer's schedule."""

    number: int
    due_on: date
    principal: Money
    interest: Money
    fee: Money
    total: Money


@dataclass(frozen=True, slots=True)
class PricedOffer:
    """One amount under one plan with its whole cost; binds nobody. `raw` is what `<fenqi-offers>` renders.

    `cash_back` is given back once the loan is repaid; None from a server that does not say.
    """

    plan: Plan
    amount: Money
    down_payment: Money
    up_front_fee: Money
    per_installment: Money
    total_payable: Money
    total_cost: Money
    annual_cost: Decimal
    installments: tuple[OfferRow, ...]
    cash_back: Money | None = None
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read an offer's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = load(_OFFER, raw)
        currency = loaded["amount"].currency
        loaded["annual_cost"] = Decimal(loaded["annual_cost"])
        loaded["installments"] = tuple(
            OfferRow(
                number=row["number"],
                due_on=row["due_on"],
                **{part: Money(row[part], currency) for part in ("principal", "interest", "fee", "total")},
            )
            for row in loaded["installments"]
        )
        return cls(**known(cls, loaded), raw=raw)


class Offers:
    """Prices of the merchant whose key the client holds; a publishable key is enough."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, amount: Money, plan_ids: Sequence[str] | None = None) -> tuple[PricedOffer, ...]:
        """Price an amount under each plan that takes it, cheapest a year first. Raises InvalidRequestError."""
        if not isinstance(amount, Money):
            raise InvalidArgument(f"Expected fenqi.Money, got {type(amount).__name__}.", field="amount")
        query = {
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "plan_ids": None if plan_ids is None else ",".join(plan_ids),
        }
        body = self._transport.call("GET", "/v1/offers", query=query).body
        return tuple(PricedOffer.from_dict(row) for row in body.get("data", ()))
