"""An installment: one due row of a loan, the parts that are owed, and what each has received."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from fenqi.finance.money import Money, money
from fenqi.finance.repayment import Due

from merchant_server.domain.machine import Machine


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
        # A consumer can pay before the day: the row is being deducted, and scheduled again when that fails.
        _I.SCHEDULED: (_I.DUE, _I.DEDUCTING, _I.WAIVED, _I.REFUNDED, _I.REPLACED, _I.PAID),
        _I.DUE: (_I.DEDUCTING, _I.SCHEDULED, _I.OVERDUE, _I.PAID, _I.WAIVED, _I.REFUNDED, _I.REPLACED),
        _I.DEDUCTING: (_I.PAID, _I.SCHEDULED, _I.DUE, _I.OVERDUE),
        # An extension moves the day, so that what was late is not late any more.
        _I.OVERDUE: (_I.DEDUCTING, _I.SCHEDULED, _I.PAID, _I.WAIVED, _I.REFUNDED, _I.REPLACED),
        # Only a reversal by the bank reopens a paid installment, and what a settlement had replaced.
        _I.PAID: (_I.OVERDUE, _I.DUE, _I.SCHEDULED, _I.REFUNDED),
        _I.WAIVED: (),
        _I.REFUNDED: (),
        _I.REPLACED: (_I.SCHEDULED, _I.OVERDUE),
    },
)
OPEN_INSTALLMENTS = frozenset({_I.SCHEDULED, _I.DUE, _I.DEDUCTING, _I.OVERDUE})


class Installment(NamedTuple):
    """One due row of a loan: the parts that are owed under the present schedule, and what each has received.

    Parts are in minor units of `currency`, as in the rows they come from.
    """

    loan_id: str
    number: int
    due_on: date
    principal_minor: int
    interest_minor: int
    fee_minor: int
    penalty_minor: int
    principal_paid_minor: int
    interest_paid_minor: int
    fee_paid_minor: int
    penalty_paid_minor: int
    currency: str
    status: InstallmentStatus
    version: int

    @classmethod
    def scheduled(
        cls, loan_id: str, number: int, due_on: date, *, principal: Money, interest: Money, fee: Money
    ) -> "Installment":
        """Return a new row of which nothing is paid."""
        return cls(
            loan_id, number, due_on, principal.minor, interest.minor, fee.minor, 0, 0, 0, 0, 0, principal.currency,
            InstallmentStatus.SCHEDULED, 1,
        )  # fmt: skip

    @property
    def principal(self) -> Money:
        """The principal that is owed in all."""
        return money(self.principal_minor, self.currency)

    @property
    def interest(self) -> Money:
        """The interest that is owed in all."""
        return money(self.interest_minor, self.currency)

    @property
    def fee(self) -> Money:
        """The fee that is owed in all."""
        return money(self.fee_minor, self.currency)

    @property
    def penalty(self) -> Money:
        """The penalties that are owed in all."""
        return money(self.penalty_minor, self.currency)

    @property
    def principal_paid(self) -> Money:
        """What arrived of the principal."""
        return money(self.principal_paid_minor, self.currency)

    @property
    def interest_paid(self) -> Money:
        """What arrived of the interest."""
        return money(self.interest_paid_minor, self.currency)

    @property
    def fee_paid(self) -> Money:
        """What arrived of the fee."""
        return money(self.fee_paid_minor, self.currency)

    @property
    def penalty_paid(self) -> Money:
        """What arrived of the penalties."""
        return money(self.penalty_paid_minor, self.currency)

    @property
    def total(self) -> Money:
        """What is to be paid in all, without penalties."""
        return money(self.total_minor, self.currency)

    @property
    def paid(self) -> Money:
        """What arrived of the total, without penalties."""
        return money(self.paid_minor, self.currency)

    @property
    def outstanding(self) -> Money:
        """What is still to be paid, penalties included."""
        return money(self.outstanding_minor, self.currency)

    @property
    def total_minor(self) -> int:
        """`total` in minor units."""
        return self.principal_minor + self.interest_minor + self.fee_minor

    @property
    def paid_minor(self) -> int:
        """`paid` in minor units."""
        return self.principal_paid_minor + self.interest_paid_minor + self.fee_paid_minor

    @property
    def outstanding_minor(self) -> int:
        """`outstanding` in minor units."""
        return self.total_minor - self.paid_minor + self.penalty_minor - self.penalty_paid_minor

    @property
    def is_open(self) -> bool:
        """Whether something may still be paid on it."""
        return self.status in OPEN_INSTALLMENTS

    def agreed(self) -> Due:
        """Return what was to be paid in all, part by part."""
        return Due(
            self.number, self.due_on, self.principal_minor, self.interest_minor, self.fee_minor, self.penalty_minor,
            self.currency,
        )  # fmt: skip

    def due(self) -> Due:
        """Return what is still owed, part by part."""
        return Due(
            self.number,
            self.due_on,
            self.principal_minor - self.principal_paid_minor,
            self.interest_minor - self.interest_paid_minor,
            self.fee_minor - self.fee_paid_minor,
            self.penalty_minor - self.penalty_paid_minor,
            self.currency,
        )

    def to(self, status: InstallmentStatus) -> "Installment":
        """Return it one transition later, or raise TransitionNotAllowed."""
        return self.next()._replace(status=INSTALLMENT_MACHINE.check(self.status, status))

    def next(self) -> "Installment":
        """Return its next version."""
        return self._replace(version=self.version + 1)

    def receive(self, portion: Due) -> "Installment":
        """Return it with a portion paid, and called paid when nothing is left."""
        received = self._with_paid(portion, 1)
        return received if received.outstanding_minor else received._now(InstallmentStatus.PAID)

    def give_up(self, portion: Due, today: date) -> "Installment":
        """Return it with a portion taken back by the bank; when it had been paid it is owed again, late or to come."""
        reopened = self._with_paid(portion, -1)
        return reopened if self.is_open else reopened._reopened(today)

    def restored(self, more: Due, today: date) -> "Installment":
        """Return it owing more by each part of `more`: what an undone change had taken off it, or less when negative.

        A row that was over is open again when it owes something.
        """
        changed = self._owing(
            more.due_on,
            self.principal_minor + more.principal_minor,
            self.interest_minor + more.interest_minor,
            self.fee_minor + more.fee_minor,
            self.penalty_minor + more.penalty_minor,
        )
        if changed.outstanding_minor:
            return changed if self.is_open else changed._reopened(today)
        paid = changed.paid_minor + changed.penalty_paid_minor
        over = InstallmentStatus.PAID if paid else InstallmentStatus.REPLACED
        return changed if over == self.status else changed._now(over)

    def waiting(self, today: date) -> InstallmentStatus:
        """Return where it stands while nothing is being deducted: to come, due on this day, or late."""
        if self.due_on > today:
            return InstallmentStatus.SCHEDULED
        return InstallmentStatus.OVERDUE if self.due_on < today else InstallmentStatus.DUE

    def reshaped(self, owed: Due | None, gone: InstallmentStatus) -> "Installment":
        """Return it owing what a new schedule says; when that is nothing, it is paid or what `gone` names."""
        changed = self._owing(
            owed.due_on if owed else self.due_on,
            self.principal_paid_minor + (owed.principal_minor if owed else 0),
            self.interest_paid_minor + (owed.interest_minor if owed else 0),
            self.fee_paid_minor + (owed.fee_minor if owed else 0),
            self.penalty_paid_minor + (owed.penalty_minor if owed else 0),
        )
        if changed.outstanding_minor:
            if changed.due_on <= self.due_on or self.status == InstallmentStatus.SCHEDULED:
                return changed
            # It has more time, so it waits for its new day.
            return changed._now(InstallmentStatus.SCHEDULED)
        return changed._now(InstallmentStatus.PAID if self.paid_minor + self.penalty_paid_minor else gone)

    def _now(self, status: InstallmentStatus) -> "Installment":
        return self._replace(status=INSTALLMENT_MACHINE.check(self.status, status))

    def _reopened(self, today: date) -> "Installment":
        return self._now(InstallmentStatus.SCHEDULED if self.due_on > today else InstallmentStatus.OVERDUE)

    def _owing(self, due_on: date, principal: int, interest: int, fee: int, penalty: int) -> "Installment":
        return self._replace(
            version=self.version + 1,
            due_on=due_on,
            principal_minor=principal,
            interest_minor=interest,
            fee_minor=fee,
            penalty_minor=penalty,
        )

    def _with_paid(self, portion: Due, sign: int) -> "Installment":
        return self._replace(
            version=self.version + 1,
            principal_paid_minor=self.principal_paid_minor + sign * portion.principal_minor,
            interest_paid_minor=self.interest_paid_minor + sign * portion.interest_minor,
            fee_paid_minor=self.fee_paid_minor + sign * portion.fee_minor,
            penalty_paid_minor=self.penalty_paid_minor + sign * portion.penalty_minor,
        )
