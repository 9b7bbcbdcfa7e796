"""Refunds of the client: what they and voids would do, doing them, and looking them up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from fenqi.api.intent import path_id
from fenqi.api.pages import Page, checked_limit
from fenqi.api.reading import RAW, known, load
from fenqi.api.transport import Transport
from fenqi.finance.lines import ReturnedLine
from fenqi.finance.money import Money
from fenqi.wire import RefundPreviewSchema, RefundSchema, VoidPreviewSchema

_REFUND, _REFUND_PREVIEW, _VOID_PREVIEW = RefundSchema(), RefundPreviewSchema(), VoidPreviewSchema()
_PATH = "/v1/refunds"


@dataclass(frozen=True, slots=True)
class OwedRow:
    """What is still owed of one installment."""

    number: int
    due_on: date
    principal: Money
    interest: Money
    fee: Money
    penalty: Money
    total: Money


@dataclass(frozen=True, slots=True)
class VoidPreview:
    """What giving up a part of a signed checkout would do. Give it to `client.checkouts.void(preview=...)`."""

    mode: str
    checkout_id: str
    loan_id: str
    loan_sequence: int
    amount: Money
    interest_given_back: Money
    fee_given_back: Money
    before: tuple[OwedRow, ...]
    after: tuple[OwedRow, ...]
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a preview's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, _with_rows(load(_VOID_PREVIEW, raw))), raw=raw)


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """What a refund would do. Give it to `client.loans.refund(preview=...)` until it expires or the loan changes."""

    id: str
    mode: str
    loan_id: str
    strategy: str
    amount: Money
    to_consumer: Money
    from_merchant: Money
    merchant_fee_returned: Money
    principal_relieved: Money
    interest_given_back: Money
    fee_given_back: Money
    before: tuple[OwedRow, ...]
    after: tuple[OwedRow, ...]
    created_at: datetime
    expires_at: datetime
    lines: tuple[ReturnedLine, ...] = ()
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a preview's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, _with_rows(load(_REFUND_PREVIEW, raw))), raw=raw)


@dataclass(frozen=True, slots=True)
class Refund:
    """Goods taken back. `status` is pending while money is on its way to the consumer, then succeeded or failed."""

    id: str
    mode: str
    status: str
    loan_id: str
    checkout_id: str
    preview_id: str
    strategy: str
    amount: Money
    to_consumer: Money
    from_merchant: Money
    interest_given_back: Money
    reference: str
    code: str | None
    created_at: datetime
    sequence: int
    lines: tuple[ReturnedLine, ...] = ()
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a refund's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = load(_REFUND, raw)
        loaded["lines"] = tuple(ReturnedLine(**line) for line in loaded["lines"])
        return cls(**known(cls, loaded), raw=raw)


class Refunds:
    """Goods taken back; make them with `client.loans.refund`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def retrieve(self, refund_id: str) -> Refund:
        """Return a refund as it stands now. Raises NotFoundError."""
        return Refund.from_dict(
            self._transport.call("GET", f"{_PATH}/{path_id(refund_id, 'refund_id')}").body
        )

    def list(
        self,
        *,
        loan_id: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Refund]:
        """Return refunds, newest first; iterating the page goes on through all later pages."""
        query = {"loan_id": loan_id, "status": status, "limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, _PATH, query, Refund.from_dict)


def _with_rows(loaded: dict[str, Any]) -> dict[str, Any]:
    for name in ("before", "after"):
        loaded[name] = tuple(OwedRow(**row) for row in loaded[name])
    if "lines" in loaded:
        loaded["lines"] = tuple(ReturnedLine(**line) for line in loaded["lines"])
    return loaded
