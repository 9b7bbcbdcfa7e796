"""A loan: the debt under one signed agreement, and its installments. What is charged is the stored row."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from fenqi.finance.money import Money

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.machine import Machine


class LoanStatus(StrEnum):
    """Where a loan stands."""

    ACTIVE = "active"
    OVERDUE = "overdue"
    REPAID = "repaid"
    WRITTEN_OFF = "written_off"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


_L = LoanStatus
LOAN_MACHINE = Machine(
    "loan",
    _L.ACTIVE,
    {
        _L.ACTIVE: (_L.OVERDUE, _L.REPAID, _L.REFUNDED, _L.CANCELLED),
        _L.OVERDUE: (_L.ACTIVE, _L.REPAID, _L.WRITTEN_OFF, _L.REFUNDED),
        # A bank can take a repayment back after the loan was closed by it.
        _L.REPAID: (_L.OVERDUE, _L.ACTIVE),
        _L.WRITTEN_OFF: (_L.REPAID,),
        _L.REFUNDED: (),
        _L.CANCELLED: (),
    },
)


class InstallmentStatus(StrEnum):
    """Where an installment stands."""

    SCHEDULED = "scheduled"
    DUE = "due"
    DEDUCTING = "deducting"
    PAID = "paid"
    OVERDUE = "overdue"
    WAIVED = "waived"
    REFUNDED = "refunded"
    REPLACED = "replaced"


_I = InstallmentStatus
INSTALLMENT_MACHINE = Machine(
    "installment",
    _I.SCHEDULED,
    {
        _I.SCHEDULED: (_I.DUE, _I.WAIVED, _I.REFUNDED, _I.REPLACED, _I.PAID),
        _I.DUE: (_I.DEDUCTING, _I.OVERDUE, _I.PAID, _I.WAIVED, _I.REFUNDED, _I.REPLACED),
        _I.DEDUCTING: (_I.PAID, _I.DUE, _I.OVERDUE),
        _I.OVERDUE: (_I.DEDUCTING, _I.PAID, _I.WAIVED, _I.REFUNDED, _I.REPLACED),
        # Only a reversal by the bank reopens a paid installment.
        _I.PAID: (_I.OVERDUE, _I.DUE, _I.REFUNDED),
        _I.WAIVED: (),
        _I.REFUNDED: (),
        _I.REPLACED: (),
    },
)
OPEN_INSTALLMENTS = frozenset({_I.SCHEDULED, _I.DUE, _I.DEDUCTING, _I.OVERDUE})


@dataclass(frozen=True, slots=True)
class Installment:
    """One due row of a loan: the parts agreed, and what has been paid of their sum."""

    loan_id: str
    number: int
    due_on: date
    principal: Money
    interest: Money
    fee: Money
    paid: Money
    status: InstallmentStatus
    version: int

    @property
    def total(self) -> Money:
        """What is to be paid in all."""
        return self.principal + self.interest + self.fee

    @property
    def unpaid(self) -> Money:
        """What is still to be paid."""
        return self.total - self.paid

    def to(self, status: InstallmentStatus, *, paid: Money | None = None) -> "Installment":
        """Return it one transition later, or raise TransitionNotAllowed."""
        checked = INSTALLMENT_MACHINE.check(self.status, status)
        return replace(
            self, status=checked, version=self.version + 1, paid=self.paid if paid is None else paid
        )


@dataclass(frozen=True, slots=True)
class Loan:
    """One loan as stored. `paid` counts what the consumer repaid of `total_payable`."""

    id: str
    merchant_id: str
    mode: str
    checkout_id: str
    agreement_id: str
    consumer_id: str
    mandate_id: str
    plan_id: str
    reference: str
    status: LoanStatus
    version: int
    principal: Money
    interest: Money
    fee: Money
    paid: Money
    signed_on: date
    created_at: datetime

    @property
    def total_payable(self) -> Money:
        """Principal, interest and fees together, as agreed."""
        return self.principal + self.interest + self.fee

    @property
    def outstanding(self) -> Money:
        """What is still owed."""
        return self.total_payable - self.paid

    def next(self, status: LoanStatus | None = None, *, paid: Money | None = None) -> "Loan":
        """Return it one version later, with the state moved when `status` names another one."""
        moved = (
            self.status
            if status in (None, self.status)
            else LOAN_MACHINE.check(self.status, LoanStatus(status))
        )
        if paid is not None and paid > self.total_payable:
            raise RuleRefused("a loan cannot be paid beyond its total", code="overpaid", loan_id=self.id)
        return replace(self, status=moved, version=self.version + 1, paid=self.paid if paid is None else paid)
