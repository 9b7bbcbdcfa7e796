"""A deduction: one attempt to collect one installment under a mandate. Money moves only when the bank says so."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from fenqi.finance.money import Money

from merchant_server.domain.machine import Machine

ATTEMPTS_MAX = 6


class DeductionStatus(StrEnum):
    """Where a deduction stands."""

    REQUESTED = "requested"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVERSED = "reversed"


_D = DeductionStatus
DEDUCTION_MACHINE = Machine(
    "deduction",
    _D.REQUESTED,
    {
        _D.REQUESTED: (_D.PENDING, _D.SUCCEEDED, _D.FAILED),
        _D.PENDING: (_D.SUCCEEDED, _D.FAILED),
        _D.SUCCEEDED: (_D.REVERSED,),
        # A late success after a reported failure is money that arrived: it is booked, never dropped.
        _D.FAILED: (_D.SUCCEEDED,),
        _D.REVERSED: (),
    },
)

# The bank's codes after which asking again can help; anything else stops collection until a person looks.
RETRYABLE_CODES = frozenset({"insufficient_funds", "bank_busy", "daily_limit"})
# Days to wait before the next attempt, by how many were made; published in the reference.
RETRY_AFTER_DAYS = (1, 2, 3, 5, 7)


class DeductionPurpose(StrEnum):
    """What a deduction is for: the installment that fell due, or what the consumer asked for.

    A payment pays what is owed, the oldest first; a settlement pays everything by its quote; shorter and smaller pay
    ahead, and say how the rows to come change.
    """

    INSTALLMENT = "installment"
    PAYMENT = "payment"
    SETTLEMENT = "settlement"
    SHORTER = "shorter"
    SMALLER = "smaller"


LIVE_DEDUCTIONS = (DeductionStatus.REQUESTED, DeductionStatus.PENDING)
# Attempts that a consumer asked for are counted apart, so that they use up none of an installment's.
FIRST_OWN_ATTEMPT = 1001


@dataclass(frozen=True, slots=True)
class Deduction:
    """One deduction as stored; `id` is the reference the bank knows it by."""

    id: str
    merchant_id: str
    mode: str
    loan_id: str
    installment_number: int
    attempt: int
    mandate_id: str
    gateway_account: str
    amount: Money
    status: DeductionStatus
    version: int
    requested_at: datetime
    code: str = ""
    purpose: DeductionPurpose = DeductionPurpose.INSTALLMENT
    quote_id: str | None = None
    batch_id: str | None = None

    @property
    def is_own(self) -> bool:
        """Say whether the consumer asked for it, under a mandate for exactly this amount."""
        return self.purpose != DeductionPurpose.INSTALLMENT

    def to(self, status: DeductionStatus, *, code: str = "") -> "Deduction":
        """Return it one transition later, or raise TransitionNotAllowed."""
        checked = DEDUCTION_MACHINE.check(self.status, status)
        return replace(self, status=checked, version=self.version + 1, code=code or self.code)


def retry_after_days(attempt: int, code: str) -> int | None:
    """Return how many days after a failed attempt the next one is due, or None when there is none."""
    if code not in RETRYABLE_CODES or attempt >= ATTEMPTS_MAX:
        return None
    return RETRY_AFTER_DAYS[min(attempt, len(RETRY_AFTER_DAYS)) - 1]


def retry_after_reversal_days(attempt: int) -> int:
    """Return how many days after the bank took a repayment back the next attempt is due; it is asked less and less."""
    return RETRY_AFTER_DAYS[min(attempt, len(RETRY_AFTER_DAYS)) - 1]


class MandateStatus(StrEnum):
    """Where a mandate stands."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_M = MandateStatus
MANDATE_MACHINE = Machine(
    "mandate",
    _M.PENDING,
    {
        _M.PENDING: (_M.ACTIVE, _M.CANCELLED),
        _M.ACTIVE: (_M.SUSPENDED, _M.CANCELLED, _M.EXPIRED),
        _M.SUSPENDED: (_M.ACTIVE, _M.CANCELLED, _M.EXPIRED),
        _M.CANCELLED: (),
        _M.EXPIRED: (),
    },
)


@dataclass(frozen=True, slots=True)
class Mandate:
    """The right to deduct from one bank account for one loan; `id` is the reference the bank knows it by."""

    id: str
    merchant_id: str
    mode: str
    checkout_id: str
    consumer_id: str
    status: MandateStatus
    version: int
    gateway_account: str
    account_token: str = field(repr=False)
    account_label: str = field(repr=False)
    cap: Money
    created_at: datetime
    revoked_at: datetime | None = None

    def to(self, status: MandateStatus) -> "Mandate":
        """Return it one transition later, or raise TransitionNotAllowed."""
        return replace(self, status=MANDATE_MACHINE.check(self.status, status), version=self.version + 1)

    def revoke(self, now: datetime) -> "Mandate":
        """Return it taken back by its owner: nothing more is asked of the bank, which is told next.

        Raises TransitionNotAllowed when it is over.
        """
        moved = self if self.status == MandateStatus.SUSPENDED else self.to(MandateStatus.SUSPENDED)
        return replace(moved, version=self.version + 1, revoked_at=now)
