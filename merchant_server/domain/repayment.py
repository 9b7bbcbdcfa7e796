"""A repayment: money that arrived for a loan, and the parts of the rows that it paid."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fenqi.finance.money import Money, money
from fenqi.finance.repayment import Due


class RepaymentKind(StrEnum):
    """What brought the money."""

    DEDUCTION = "deduction"
    PAYMENT = "payment"
    SETTLEMENT = "settlement"
    REFUND = "refund"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Repayment:
    """One repayment as stored; `id` is the reference of the deduction or payment that brought it.

    `portions` say what each installment received; `excess` paid nothing and is the consumer's.
    """

    id: str
    merchant_id: str
    loan_id: str
    kind: RepaymentKind
    amount: Money
    excess: Money
    portions: tuple[Due, ...]
    received_at: datetime
    reversed_at: datetime | None = None

    @property
    def principal(self) -> Money:
        """The principal it paid."""
        return self._part("principal_minor")

    @property
    def interest(self) -> Money:
        """The interest it paid."""
        return self._part("interest_minor")

    @property
    def fee(self) -> Money:
        """The fees of installments it paid."""
        return self._part("fee_minor")

    @property
    def penalty(self) -> Money:
        """The penalties it paid."""
        return self._part("penalty_minor")

    @property
    def agreed(self) -> Money:
        """What it paid of the agreed total: principal, interest and fees."""
        return self.principal + self.interest + self.fee

    def reversed(self, at: datetime) -> "Repayment":
        """Return it taken back by the bank."""
        return replace(self, reversed_at=at)

    def _part(self, name: str) -> Money:
        return money(sum([getattr(portion, name) for portion in self.portions]), self.amount.currency)
