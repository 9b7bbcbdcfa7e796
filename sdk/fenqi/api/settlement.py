"""`client.payouts`, `client.statements` and `client.balance()`: what the merchant is paid. Computes no money."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

from marshmallow import ValidationError

from fenqi.api.intent import path_id
from fenqi.api.pages import Page, checked_limit
from fenqi.api.resources import Payout
from fenqi.api.transport import Transport
from fenqi.errors import InvalidArgument, NotFenqi
from fenqi.finance.money import Money
from fenqi.wire import BalanceSchema, PayoutStatementSchema, StatementSchema

_PATH = "/v1/payouts"
_STATEMENT, _PAYOUT_STATEMENT, _BALANCE = StatementSchema(), PayoutStatementSchema(), BalanceSchema()


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting: an amount above zero is yours, one below is taken off."""

    entry_id: str
    occurred_on: date
    heading: str
    loan_id: str | None
    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Statement:
    """What you were owed over some days: opening and all lines make closing."""

    account: str
    first: date
    last: date
    opening: Money
    closing: Money
    totals: Mapping[str, Money]
    lines: tuple[StatementLine, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a statement's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = _load(_STATEMENT, raw)
        lines = tuple(StatementLine(**line) for line in loaded.pop("lines"))
        return cls(**{k: v for k, v in loaded.items() if k in cls.__dataclass_fields__}, lines=lines, raw=raw)


@dataclass(frozen=True, slots=True)
class PayoutStatement:
    """What one payout is made of; its lines sum to `amount`."""

    payout_id: str
    amount: Money
    totals: Mapping[str, Money]
    lines: tuple[StatementLine, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read its JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = _load(_PAYOUT_STATEMENT, raw)
        lines = tuple(StatementLine(**line) for line in loaded["lines"])
        return cls(loaded["payout_id"], loaded["amount"], loaded["totals"], lines, raw=raw)


@dataclass(frozen=True, slots=True)
class Balance:
    """What you are owed now: payable, kept back as a reserve, and on its way to your bank."""

    payable: Money
    reserve: Money
    on_its_way: Money


class Payouts:
    """Payouts to the merchant whose key the client holds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def retrieve(self, payout_id: str) -> Payout:
        """Return a payout as it stands now. Raises NotFoundError."""
        return Payout.from_dict(
            self._transport.call("GET", f"{_PATH}/{path_id(payout_id, 'payout_id')}").body
        )

    def list(
        self, *, status: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[Payout]:
        """Return payouts, newest first; iterating the page goes on through all later pages."""
        query = {"status": status, "limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, _PATH, query, Payout.from_dict)

    def statement(self, payout_id: str) -> PayoutStatement:
        """Return what a payout is made of, line by line. Raises NotFoundError."""
        path = f"{_PATH}/{path_id(payout_id, 'payout_id')}/statement"
        return PayoutStatement.from_dict(self._transport.call("GET", path).body)


class Statements:
    """Statements of what the merchant is owed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def retrieve(self, first: date, last: date, *, account: str = "payable") -> Statement:
        """Return the statement from one day to another, both within, at most 366 days.

        account: payable, reserve (kept back), or funded (your own money in loans). Raises InvalidArgument.
        """
        if not isinstance(first, date) or not isinstance(last, date):
            raise InvalidArgument("Expected datetime.date.", field="first")
        query = {"from": first.isoformat(), "to": last.isoformat(), "account": account}
        return Statement.from_dict(self._transport.call("GET", "/v1/statements", query=query).body)

    def balance(self) -> Balance:
        """Return what the merchant is owed now."""
        loaded = _load(_BALANCE, self._transport.call("GET", "/v1/balance").body)
        return Balance(loaded["payable"], loaded["reserve"], loaded["on_its_way"])


def _load(schema: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(raw)
    except ValidationError:
        kind = type(schema).__name__.removesuffix("Schema").lower()
        raise NotFenqi(
            f"The answer is no {kind} that this SDK understands.",
            hint="Check base_url and the server's version.",
        ) from None
    return loaded
