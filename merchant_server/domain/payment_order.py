"""A payment order: an amount of a loan that somebody is to pay at the bank's own page, opened by a link or its QR."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from fenqi.finance.money import Money

from merchant_server.domain.errors import Expired
from merchant_server.domain.machine import Machine

LIFE_SECONDS_DEFAULT = 1_800


class PaymentOrderStatus(StrEnum):
    """Where a payment order stands: `pending` once the bank knows it."""

    REQUESTED = "requested"
    PENDING = "pending"
    PAID = "paid"
    EXPIRED = "expired"


_O = PaymentOrderStatus
PAYMENT_ORDER_MACHINE = Machine(
    "payment order",
    _O.REQUESTED,
    {
        _O.REQUESTED: (_O.PENDING, _O.PAID, _O.EXPIRED),
        _O.PENDING: (_O.PAID, _O.EXPIRED),
        # What the bank took in the last second is money that arrived: it is booked, never dropped.
        _O.EXPIRED: (_O.PAID,),
        _O.PAID: (),
    },
)
LIVE_ORDERS = frozenset({_O.REQUESTED, _O.PENDING})


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """One order as stored; `id` is the reference the bank knows it by, `token` what its link ends in.

    `expires_at` is wall time: the bank's page is no part of a test clock.
    """

    id: str
    merchant_id: str
    mode: str
    loan_id: str
    token: str = field(repr=False)
    gateway_account: str
    amount: Money
    status: PaymentOrderStatus
    version: int
    opened_by: str
    created_at: datetime
    expires_at: datetime
    pay_url: str | None = field(default=None, repr=False)

    def to(self, status: PaymentOrderStatus, *, pay_url: str | None = None) -> "PaymentOrder":
        """Return it one transition later, or raise TransitionNotAllowed."""
        moved = PAYMENT_ORDER_MACHINE.check(self.status, status)
        return replace(self, status=moved, version=self.version + 1, pay_url=pay_url or self.pay_url)

    def is_over(self, now: datetime) -> bool:
        """Say whether it can be paid no more, without having been."""
        late = self.status in LIVE_ORDERS and now >= self.expires_at
        return late or self.status == PaymentOrderStatus.EXPIRED

    def refuse_if_over(self, now: datetime) -> None:
        """Raise Expired when it can be paid no more."""
        if self.is_over(now):
            raise Expired(
                "this payment link is over",
                code="payment_link_expired",
                hint="ask for a new one; nothing was taken",
            )
