"""A checkout: one attempt to pay one order in installments, from the QR to the captured money."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fenqi.finance.lines import Line
from fenqi.finance.money import Money

from merchant_server.domain.amount import checked_amount
from merchant_server.domain.errors import Expired, RuleRefused
from merchant_server.domain.machine import Machine

EXPIRES_IN_SECONDS_DEFAULT = 900
# How long a merchant may take to capture what was signed, and how long before the end it is warned.
AUTHORIZED_DAYS = 7
EXPIRY_WARNING_HOURS = 24
EXPIRES_IN_SECONDS_MIN = 60
EXPIRES_IN_SECONDS_MAX = 172_800


class CheckoutStatus(StrEnum):
    """Where a checkout stands."""

    CREATED = "created"
    OPENED = "opened"
    DECIDING = "deciding"
    OFFERED = "offered"
    DECLINED = "declined"
    REFERRED = "referred"
    SIGNING = "signing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CLOSED = "closed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    VOIDED = "voided"


_S = CheckoutStatus
MACHINE = Machine(
    "checkout",
    _S.CREATED,
    {
        _S.CREATED: (_S.OPENED, _S.EXPIRED, _S.CANCELLED),
        _S.OPENED: (_S.DECIDING, _S.EXPIRED, _S.CANCELLED),
        # Back to opened when the sources gave no usable answer: nothing is lost, the consumer tries again.
        _S.DECIDING: (_S.OFFERED, _S.DECLINED, _S.REFERRED, _S.OPENED, _S.EXPIRED, _S.CANCELLED),
        _S.OFFERED: (_S.SIGNING, _S.EXPIRED, _S.CANCELLED),
        # Somebody who was refused may ask for a person to look.
        _S.DECLINED: (_S.REFERRED,),
        _S.REFERRED: (_S.OFFERED, _S.DECLINED, _S.EXPIRED, _S.CANCELLED),
        # Back to offered when the consumer picks another plan.
        _S.SIGNING: (_S.AUTHORIZED, _S.OFFERED, _S.EXPIRED, _S.CANCELLED),
        # A part voided before any capture leaves it authorized, for less.
        _S.AUTHORIZED: (_S.AUTHORIZED, _S.CAPTURED, _S.VOIDED),
        # A further part captured, or the rest voided, leaves it captured.
        _S.CAPTURED: (_S.CAPTURED, _S.CLOSED),
        _S.CLOSED: (),
        _S.EXPIRED: (),
        _S.CANCELLED: (),
        _S.VOIDED: (),
    },
)
BEFORE_SIGNATURE = frozenset({_S.CREATED, _S.OPENED, _S.DECIDING, _S.OFFERED, _S.REFERRED, _S.SIGNING})


@dataclass(frozen=True, slots=True)
class Checkout:
    """One checkout as stored. `version` counts its transitions and numbers its events."""

    id: str
    merchant_id: str
    mode: str
    status: CheckoutStatus
    version: int
    amount: Money
    reference: str
    description: str
    return_url: str | None
    plan_ids: tuple[str, ...]
    store_id: str | None
    till_id: str | None
    capture_method: str
    language: str
    token: str
    created_at: datetime
    expires_at: datetime
    captured: Money
    voided: Money
    claim_hash: str | None = None
    consumer_id: str | None = None
    decision_id: str | None = None
    plan_id: str | None = None
    agreement_id: str | None = None
    loan_id: str | None = None
    decline_code: str | None = None
    authorized_until: datetime | None = None
    expiry_announced_at: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()

    def to(self, status: CheckoutStatus, **changes: Any) -> "Checkout":
        """Return this checkout one transition later, or raise TransitionNotAllowed."""
        return replace(self, status=MACHINE.check(self.status, status), version=self.version + 1, **changes)

    def is_over(self, now: datetime) -> bool:
        """Say whether its time has passed before a signature; a signed checkout does not expire."""
        return self.status in BEFORE_SIGNATURE and now >= self.expires_at

    def refuse_if_over(self, now: datetime) -> None:
        """Raise Expired when a phone may no longer go on with it."""
        if self.status == _S.EXPIRED or self.is_over(now):
            raise Expired(
                "this payment code has expired; nothing was charged",
                hint="ask the shop for a new code",
                expired_at=self.expires_at.isoformat(),
            )

    @property
    def in_a_hand(self) -> bool:
        """Say whether a phone is on the way through it, so that a cashier asks before ending it."""
        return self.status in BEFORE_SIGNATURE and self.status != _S.CREATED

    @property
    def uncaptured(self) -> Money:
        """What was signed and is neither captured nor voided."""
        return self.amount - self.captured - self.voided

    def capture(self, amount: Money | None) -> "Checkout":
        """Return it with a part captured, or all that is left; captured + voided ≤ authorized = signed (law 4).

        Raises TransitionNotAllowed before a signature and when nothing is left, RuleRefused beyond what is left.
        """
        left = self.uncaptured
        if amount is not None:
            checked_amount(amount, self.amount.currency, "checkout", "capture")
        wanted = left if amount is None else amount
        if not left.minor or self.status not in (_S.AUTHORIZED, _S.CAPTURED):
            raise MACHINE.refusal(self.status, _S.CAPTURED)
        if wanted > left:
            raise RuleRefused(
                "cannot capture more than was signed",
                code="capture_exceeds_authorized",
                field="amount.minor",
                hint=f"capture at most {left.minor}",
                authorized_minor=self.amount.minor,
                left_minor=left.minor,
            )
        done = wanted == left
        return self.to(
            _S.CAPTURED,
            captured=self.captured + wanted,
            authorized_until=None if done else self.authorized_until,
        )

    def void(self, amount: Money | None = None) -> "Checkout":
        """Return it without a part that was not captured, or all of that; with nothing captured or left it is over.

        Raises TransitionNotAllowed before a signature and when nothing is left to void, RuleRefused beyond that.
        """
        left = self.uncaptured
        if not left.minor or self.status not in (_S.AUTHORIZED, _S.CAPTURED):
            raise MACHINE.refusal(self.status, _S.VOIDED)
        wanted = left if amount is None else checked_amount(amount, left.currency, "checkout", "void")
        if wanted > left:
            raise RuleRefused(
                "cannot void more than is not captured",
                code="void_exceeds_uncaptured",
                field="amount.minor",
                hint=f"void at most {left.minor}; refund what was captured",
                left_minor=left.minor,
            )
        if wanted < left:
            return self.to(self.status, voided=self.voided + wanted)
        status = _S.CAPTURED if self.captured.minor else _S.VOIDED
        return self.to(status, voided=self.voided + left, authorized_until=None)

    def announce_expiry(self, now: datetime) -> "Checkout":
        """Return it with the warning given that what is left will lapse."""
        return replace(self, version=self.version + 1, expiry_announced_at=now)


def expiry(created_at: datetime, seconds: int) -> datetime:
    """Return when a checkout ends; `seconds` is the merchant's choice within 60 s and 48 h."""
    if not EXPIRES_IN_SECONDS_MIN <= seconds <= EXPIRES_IN_SECONDS_MAX:
        raise RuleRefused(
            f"a checkout lives {EXPIRES_IN_SECONDS_MIN} to {EXPIRES_IN_SECONDS_MAX} seconds",
            code="field_invalid",
            field="expires_in_seconds",
            hint=f"{EXPIRES_IN_SECONDS_DEFAULT} suits a counter",
        )
    return created_at + timedelta(seconds=seconds)


# How often a till asks, and how long a state usually lasts, in seconds; afterwards the cashier asks the customer.
TILL_POLL_SECONDS: dict[CheckoutStatus, int] = {_S.DECIDING: 1, _S.REFERRED: 10}
TILL_POLL_SECONDS_DEFAULT = 2
TILL_WAIT_SECONDS: dict[CheckoutStatus, int] = {
    _S.CREATED: 180,
    _S.OPENED: 300,
    _S.DECIDING: 30,
    _S.OFFERED: 300,
    _S.SIGNING: 300,
}

# What a till shows in each state, zh-CN and en.
TILL_TEXT: dict[CheckoutStatus, tuple[str, str]] = {
    _S.CREATED: ("请顾客用手机扫码", "Ask the customer to scan the code"),
    _S.OPENED: ("顾客已扫码，正在查看方案", "Scanned: the customer is looking at the plans"),
    _S.DECIDING: ("正在审批，通常几秒钟", "Deciding, usually a few seconds"),
    _S.OFFERED: ("已通过，顾客正在选择方案", "Approved: the customer is choosing a plan"),
    _S.DECLINED: ("本次未能通过，请换一种付款方式", "Not approved this time; please take another way to pay"),
    _S.REFERRED: (
        "需要人工审核，请换一种付款方式或稍后再来",
        "Needs a human review; take another way to pay or come back later",
    ),
    _S.SIGNING: ("顾客正在阅读并签署合同", "The customer is reading and signing the agreement"),
    _S.AUTHORIZED: ("已签署，可以交付商品", "Signed: you may hand over the goods"),
    _S.CAPTURED: ("已完成，可以交付商品", "Done: you may hand over the goods"),
    _S.CLOSED: ("已完成，顾客已还清", "Done, and repaid by the customer"),
    _S.EXPIRED: ("二维码已过期，请重新生成", "The code has expired; make a new one"),
    _S.CANCELLED: ("已取消", "Cancelled"),
    _S.VOIDED: ("已撤销，未扣款", "Voided; nothing was charged"),
}
