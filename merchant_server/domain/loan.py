"""A loan: the debt under one signed agreement. Its rows are installments; what is charged is the stored row."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
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
        """Return it one version later with nothing collected, for this reason beside those that are there."""
        return self._paused_for({*self.pauses, reason})

    def resumed(self, reason: str) -> "Loan":
        """Return it one version later without this reason, collected again unless there is another one."""
        return self._paused_for(set(self.pauses) - {reason})

    @property
    def pauses(self) -> tuple[str, ...]:
        """Why nothing is collected, each reason one word; empty while it is collected."""
        return tuple((self.collection_paused_reason or "").split())

    def _paused_for(self, reasons: set[str]) -> "Loan":
        return replace(
            self, version=self.version + 1, collection_paused_reason=" ".join(sorted(reasons)) or None
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
