"""A loan: the debt under one signed agreement, and its installments. What is charged is the stored row."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.finance.repayment import Due
from fenqi.finance.schedule import Schedule, build_schedule

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
        _L.REFUNDED: (_L.OVERDUE, _L.ACTIVE),
        # What still arrives is a recovery; the loan stays what it is.
        _L.WRITTEN_OFF: (),
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
        return self.principal + self.interest + self.fee

    @property
    def paid(self) -> Money:
        """What arrived of the total, without penalties."""
        return self.principal_paid + self.interest_paid + self.fee_paid

    @property
    def outstanding(self) -> Money:
        """What is still to be paid, penalties included."""
        return self.total - self.paid + self.penalty - self.penalty_paid

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
            (self.principal - self.principal_paid).minor,
            (self.interest - self.interest_paid).minor,
            (self.fee - self.fee_paid).minor,
            (self.penalty - self.penalty_paid).minor,
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
        return Money(minor, self.principal.currency)


@dataclass(frozen=True, slots=True)
class Loan:
    """One loan as stored: what was agreed, what was paid of it, and what is not owed any more (`relieved_...`).

    Relief is what refunds, early settlement, waivers and write-offs took off; a settlement fee lowers the fee's.
    """

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
    penalty: Money
    penalty_paid: Money
    relieved_principal: Money
    relieved_interest: Money
    relieved_fee: Money
    signed_on: date
    created_at: datetime
    plan: Plan | None = None
    collection_paused_reason: str | None = None

    @property
    def total_payable(self) -> Money:
        """Principal, interest and fees together, as agreed."""
        return self.principal + self.interest + self.fee

    @property
    def relieved(self) -> Money:
        """What of the agreed total is not owed any more, without having been paid."""
        return self.relieved_principal + self.relieved_interest + self.relieved_fee

    @property
    def outstanding(self) -> Money:
        """What is still owed, penalties included."""
        return self.total_payable - self.relieved - self.paid + self.penalty - self.penalty_paid

    def schedule(self) -> Schedule:
        """Return the schedule as it was signed: the plan at this loan's price. Raises RuleRefused on older loans."""
        if self.plan is None:
            raise RuleRefused(
                "this loan is older than its plan's record, so its schedule cannot be computed anew",
                code="plan_not_recorded",
                hint="let a person of the lender change it",
                loan_id=self.id,
            )
        return build_schedule(self.plan, self.principal, self.signed_on)

    def paused(self, reason: str) -> "Loan":
        """Return it one version later with nothing collected; a pause that is there already keeps its reason."""
        return replace(
            self, version=self.version + 1, collection_paused_reason=self.collection_paused_reason or reason
        )

    def resumed(self, reason: str) -> "Loan":
        """Return it one version later, collected again unless the pause has another reason."""
        kept = self.collection_paused_reason if self.collection_paused_reason != reason else None
        return replace(self, version=self.version + 1, collection_paused_reason=kept)

    def next(self, status: LoanStatus | None = None, **changes: Money) -> "Loan":
        """Return it one version later, with the state moved when `status` names another one.

        `changes` are new values of paid, penalty, penalty_paid and relieved_...; raises RuleRefused when more would
        be paid than is owed.
        """
        moved = (
            self.status
            if status in (None, self.status)
            else LOAN_MACHINE.check(self.status, LoanStatus(status))
        )
        later = replace(self, status=moved, version=self.version + 1, **changes)  # type: ignore[arg-type]
        if later.paid > later.total_payable - later.relieved or later.penalty_paid > later.penalty:
            raise RuleRefused("a loan cannot be paid beyond what is owed", code="overpaid", loan_id=self.id)
        return later
