"""What giving up a part of a signed checkout would do, worked out before it is done. Pure facts."""

from dataclasses import dataclass

from fenqi.finance.money import Money
from fenqi.finance.recomputation import Recomputed
from fenqi.finance.repayment import Due

from merchant_server.domain.checkout import Checkout


@dataclass(frozen=True, slots=True)
class VoidPreview:
    """One preview; `loan_sequence` is the version of the loan that it was worked out for."""

    checkout: Checkout
    loan_sequence: int
    amount: Money
    before: tuple[Due, ...]
    change: Recomputed
