"""A transfer: money beside payouts that the house orders the bank to move, to a consumer or to and from a lender.

It is committed before the bank is asked, and only what the bank says moves money in the books.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from fenqi.finance.money import Money

from merchant_server.domain.machine import Machine

AUTOMATIC, CONSUMER = "automatic", "consumer"


MANDATE_PREFIX = "mnd_"


class TransferKind(StrEnum):
    """What a transfer is for."""

    MONEY_RETURN = "money_return"
    LENDER_PAYOUT = "lender_payout"
    LENDER_DRAWING = "lender_drawing"

    @property
    def comes_in(self) -> bool:
        """Say whether the money comes to us."""
        return self == TransferKind.LENDER_DRAWING


class TransferStatus(StrEnum):
    """Where a transfer stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_T = TransferStatus
TRANSFER_MACHINE = Machine(
    "transfer", _T.PENDING, {_T.PENDING: (_T.SUCCEEDED, _T.FAILED), _T.SUCCEEDED: (), _T.FAILED: ()}
)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer as stored; `id` is the reference the bank knows it by, `ordered_on` the merchant's date.

    `owner_id` is the consumer or the lender. `channel` is the mandate or the payment by which the money came that goes
    back, or the lender's account.
    """

    id: str
    merchant_id: str
    mode: str
    kind: TransferKind
    status: TransferStatus
    version: int
    owner_id: str
    loan_id: str | None
    amount: Money
    channel: str = field(repr=False)
    ordered_by: str
    ordered_on: date
    created_at: datetime
    settled_at: datetime | None = None
    code: str = ""

    @property
    def mandate_id(self) -> str:
        """The mandate whose account gets its money back; empty for a payment's, and for lenders."""
        return self.channel if self.channel.startswith(MANDATE_PREFIX) else ""

    def to(self, status: TransferStatus, at: datetime, *, code: str = "") -> "Transfer":
        """Return it one transition later, or raise TransitionNotAllowed."""
        checked = TRANSFER_MACHINE.check(self.status, status)
        return replace(self, status=checked, version=self.version + 1, settled_at=at, code=code)
