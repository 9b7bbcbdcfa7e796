"""A loan: the debt under one signed agreement. Its rows are installments; what is charged is the stored row."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from fenqi.finance.money import Money, money
from fenqi.finance.plan import Plan
from fenqi.finance.schedule import Schedule, build_schedule

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.machine import Machine
from merchant_server.domain.workdays import calendar_of, is_workday, next_workday


class LoanStatus(StrEnum):
    """Where a loan stands."""

    ACTIVE = "active"
    OVERDUE = "overdue"
    REPAID = "repaid"
    WRITTEN_OFF = "written_off"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


class SuspensionReason(StrEnum):
    """Why an operator lets the collection of a loan rest."""

    HARDSHIP = "hardship"
    OPERATOR = "operator"


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
    collection_suspended_reason: str | None = None

    @property
    def total_payable(self) -> Money:
        """Principal, interest and fees together, as agreed."""
        return money(self.principal.minor + self.interest.minor + self.fee.minor, self.principal.currency)

    @property
    def relieved(self) -> Money:
        """What of the agreed total is not owed any more, without having been paid."""
        parts = self.relieved_principal.minor + self.relieved_interest.minor + self.relieved_fee.minor
        return money(parts, self.principal.currency)

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
        calendar = calendar_of(self.plan, self.principal.currency)
        return build_schedule(self.plan, self.principal, self.signed_on, is_holiday=calendar)

    def collection_day(self, day: date) -> date:
        """Return `day`, or the next workday when it is a holiday and the plan keeps due dates off holidays."""
        currency = self.principal.currency
        if self.plan is None or self.plan.holiday_roll == "none" or is_workday(day, currency):
            return day
        return next_workday(day, currency)

    def paused(self, reason: str) -> "Loan":
        """Return it one version later with nothing collected, for this reason before any that an operator gave."""
        return replace(self, version=self.version + 1, collection_paused_reason=reason)

    def resumed(self, reason: str) -> "Loan":
        """Return it one version later, collected again unless the pause has another reason."""
        kept = (
            self.collection_suspended_reason
            if self.collection_paused_reason == reason
            else self.collection_paused_reason
        )
        return replace(self, version=self.version + 1, collection_paused_reason=kept)

    def suspended(self, reason: SuspensionReason) -> "Loan":
        """Return it one version later with nothing collected until an operator resumes it; a dispute stays named.

        Raises RuleRefused (already_suspended).
        """
        if self.collection_suspended_reason is not None:
            raise RuleRefused(
                f"the collection is suspended already: {self.collection_suspended_reason}",
                code="already_suspended",
                hint="resume it first to give another reason",
                loan_id=self.id,
            )
        return replace(
            self,
            version=self.version + 1,
            collection_suspended_reason=reason.value,
            collection_paused_reason=self.collection_paused_reason or reason.value,
        )

    def unsuspended(self) -> "Loan":
        """Return it one version later, collected again unless a dispute pauses it. Raises RuleRefused."""
        ended = self.collection_suspended_reason
        if ended is None:
            raise RuleRefused(
                "no operator suspended this collection",
                code="not_suspended",
                hint="a pause by a dispute ends with the dispute",
                loan_id=self.id,
            )
        kept = None if self.collection_paused_reason == ended else self.collection_paused_reason
        return replace(
            self,
            version=self.version + 1,
            collection_suspended_reason=None,
            collection_paused_reason=kept,
        )

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
