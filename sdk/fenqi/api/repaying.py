"""Repaying of the client: what settles a loan today, and links to pay a part of it at the bank's own page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self

from fenqi.api.reading import RAW, known, load
from fenqi.finance.money import Money
from fenqi.wire import PaymentOrderSchema, SettlementQuoteSchema

_QUOTE, _ORDER = SettlementQuoteSchema(), PaymentOrderSchema()


@dataclass(frozen=True, slots=True)
class SettlementQuote:
    """What settles a loan on the day `on`, and of what that consists; `given_back` is not owed any more then."""

    id: str
    mode: str
    loan_id: str
    on: date
    total: Money
    principal: Money
    interest: Money
    fee: Money
    penalty: Money
    early_settlement_fee: Money
    given_back: Money
    created_at: datetime
    expires_at: datetime
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a quote's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_QUOTE, raw)), raw=raw)


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """A link to pay a part of a loan. `status` is requested, pending (the bank's page is open), paid or expired."""

    id: str
    mode: str
    loan_id: str
    status: str
    amount: Money
    url: str = field(repr=False)
    created_at: datetime
    expires_at: datetime
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read an order's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_ORDER, raw)), raw=raw)
