"""An installment: one due row of a loan, the parts that are owed, and what each has received."""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Installment:
    """One due row of a loan: the parts that are owed under the present schedule, and what each has received."""

    loan_id: str
    number: int
    due_on: date
    principal: Money
    interest: Money
    fee: Money
    penalty: Money
    principal_paid: Money
    interest_paid: Money
    fee_paid: Money
    penalty_paid: Money
    status: InstallmentStatus
    version: int

    @classmethod
    def scheduled(
        cls, loan_id: str, number: int, due_on: date, *, principal: Money, interest: Money, fee: Money
    ) -> "Installment":
        """Return a new row of which nothing is paid."""
        nothing = Money(0, principal.currency)
        return cls(
            loan_id, number, due_on, principal, interest, fee, nothing, nothing, nothing, nothing, nothing,
            InstallmentStatus.SCHEDULED, 1,
        )  # fmt: skip

    @property
    def total(self) -> Money:
        """What is to be paid in all, without penalties."""
        return self._money(self.principal.minor + self.interest.minor + self.fee.minor)

    @property
    def paid(self) -> Money:
        """What arrived of the total, without penalties."""
        return self._money(self.principal_paid.minor + self.interest_paid.minor + self.fee_paid.minor)

    @property
    def outstanding(self) -> Money:
        """What is still to be paid, penalties included."""
        owed = self.principal.minor + self.interest.minor + self.fee.minor + self.penalty.minor
        arrived = self.principal_paid.minor + self.interest_paid.minor + self.fee_paid.minor
        return self._money(owed - arrived - self.penalty_paid.minor)

    @property
    def is_open(self) -> bool:
        """Whether something may still be paid on it."""
        return self.status in OPEN_INSTALLMENTS

    def agreed(self) -> Due:
        """Return what was to be paid in all, part by part."""
        return Due(
            self.number, self.due_on, self.principal.minor, self.interest.minor, self.fee.minor,
            self.penalty.minor, self.principal.currency,
        )  # fmt: skip

    def due(self) -> Due:
        """Return what is still owed, part by part."""
        return Due(
            self.number,
            self.due_on,
            self.principal.minor - self.principal_paid.minor,
            self.interest.minor - self.interest_paid.minor,
            self.fee.minor - self.fee_paid.minor,
            self.penalty.minor - self.penalty_paid.minor,
            self.principal.currency,
        )

    def to(self, status: InstallmentStatus) -> "Installment":
        """Return it one transition later, or raise TransitionNotAllowed."""
        return replace(self, status=INSTALLMENT_MACHINE.check(self.status, status), version=self.version + 1)

    def receive(self, portion: Due) -> "Installment":
        """Return it with a portion paid, and called paid when nothing is left."""
        received = self._with_paid(portion, 1)
        if received.outstanding.minor:
            return received
        return replace(received, status=INSTALLMENT_MACHINE.check(self.status, InstallmentStatus.PAID))

    def give_up(self, portion: Due, today: date) -> "Installment":
        """Return it with a portion taken back by the bank; when it had been paid it is owed again, late or to come."""
        reopened = self._with_paid(portion, -1)
        return reopened if self.is_open else replace(reopened, status=self._reopened(today))

    def restored(self, more: Due, today: date) -> "Installment":
        """Return it owing more by each part of `more`: what an undone change had taken off it, or less when negative.

        A row that was over is open again when it owes something.
        """
        parts = ("principal", "interest", "fee", "penalty")
        changed = replace(
            self,
            version=self.version + 1,
            due_on=more.due_on,
            **{part: getattr(self, part) + self._money(getattr(more, f"{part}_minor")) for part in parts},
        )
        if changed.outstanding.minor:
            return changed if self.is_open else replace(changed, status=self._reopened(today))
        paid = changed.paid.minor + changed.penalty_paid.minor
        over = InstallmentStatus.PAID if paid else InstallmentStatus.REPLACED
        return replace(
            changed, status=over if over == self.status else INSTALLMENT_MACHINE.check(self.status, over)
        )

    def waiting(self, today: date) -> InstallmentStatus:
        """Return where it stands while nothing is being deducted: to come, due on this day, or late."""
        if self.due_on > today:
            return InstallmentStatus.SCHEDULED
        return InstallmentStatus.OVERDUE if self.due_on < today else InstallmentStatus.DUE

    def _reopened(self, today: date) -> InstallmentStatus:
        wanted = InstallmentStatus.SCHEDULED if self.due_on > today else InstallmentStatus.OVERDUE
        return INSTALLMENT_MACHINE.check(self.status, wanted)

    def reshaped(self, owed: Due | None, gone: InstallmentStatus) -> "Installment":
        """Return it owing what a new schedule says; when that is nothing, it is paid or what `gone` names."""
        parts = ("principal", "interest", "fee", "penalty")
        left = {part: getattr(owed, f"{part}_minor") if owed else 0 for part in parts}
        changed = replace(
            self,
            version=self.version + 1,
            due_on=owed.due_on if owed else self.due_on,
            **{part: getattr(self, f"{part}_paid") + self._money(left[part]) for part in parts},
        )
        if changed.outstanding.minor:
            if changed.due_on <= self.due_on or self.status == InstallmentStatus.SCHEDULED:
                return changed
            # It has more time, so it waits for its new day.
            return replace(
                changed, status=INSTALLMENT_MACHINE.check(self.status, InstallmentStatus.SCHEDULED)
            )
        over = InstallmentStatus.PAID if self.paid.minor + self.penalty_paid.minor else gone
        return replace(changed, status=INSTALLMENT_MACHINE.check(self.status, over))

    def _with_paid(self, portion: Due, sign: int) -> "Installment":
        return replace(
            self,
            version=self.version + 1,
            principal_paid=self.principal_paid + self._money(sign * portion.principal_minor),
            interest_paid=self.interest_paid + self._money(sign * portion.interest_minor),
            fee_paid=self.fee_paid + self._money(sign * portion.fee_minor),
            penalty_paid=self.penalty_paid + self._money(sign * portion.penalty_minor),
        )

    def _money(self, minor: int) -> Money:
        return money(minor, self.principal.currency)
