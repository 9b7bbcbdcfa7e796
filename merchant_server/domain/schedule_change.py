"""A change of a loan's schedule after it was signed: what was owed before and after, who wanted it and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fenqi.finance.money import Money
from fenqi.finance.repayment import Due


class ChangeKind(StrEnum):
    """Why a schedule changed."""

    REFUND = "refund"
    VOID = "void"
    EARLY_SETTLEMENT = "early_settlement"
    PREPAYMENT = "prepayment"
    PENALTY = "penalty"
    WAIVER = "waiver"
    EXTENSION = "extension"
    HARDSHIP = "hardship"
    WRITE_OFF = "write_off"
    REVERSAL = "reversal"
    DEDUCTION_DAY = "deduction_day"


@dataclass(frozen=True, slots=True)
class Relief:
    """What a change takes off what is owed, by part; below zero it adds (a penalty, a settlement fee)."""

    principal: Money
    interest: Money
    fee: Money
    penalty: Money

    @property
    def total(self) -> Money:
        """All parts together."""
        return self.principal + self.interest + self.fee + self.penalty

    @classmethod
    def between(cls, before: Sequence[Due], after: Sequence[Due], currency: str) -> "Relief":
        """Return what is owed less in `after` than in `before`."""
        return cls(
            *(
                Money(
                    sum(getattr(row, part) for row in before) - sum(getattr(row, part) for row in after),
                    currency,
                )
                for part in ("principal_minor", "interest_minor", "fee_minor", "penalty_minor")
            )
        )


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """One change as stored; `source_id` names the refund, quote or decision that wanted it, once per kind.

    `before` and `after` are the rows that were, and are, still owed.
    """

    id: str
    merchant_id: str
    loan_id: str
    kind: ChangeKind
    source_id: str
    actor: str
    reason: str
    before: tuple[Due, ...]
    after: tuple[Due, ...]
    relief: Relief
    at: datetime
