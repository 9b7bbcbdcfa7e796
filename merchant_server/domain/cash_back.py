"""A cash-back: what a plan gives its consumer back of a loan that was repaid. It moves no money by itself."""

from dataclasses import dataclass

from fenqi.finance.cash_back import cash_back_of
from fenqi.finance.money import Money

from merchant_server.domain.loan import Loan, LoanStatus


@dataclass(frozen=True, slots=True)
class CashBack:
    """What is booked of one loan's cash-back, at the plan's basis points when it was first earned."""

    loan_id: str
    merchant_id: str
    version: int
    bps: int
    amount: Money


def promised(loan: Loan, price: Money, kept: Money) -> Money:
    """Return the cash-back that a loan earns once it is repaid.

    `price` is what was signed, `kept` what of it was neither voided nor refunded: the principal counts in proportion,
    and never more of it than is repaid.
    """
    if loan.plan is None:
        return Money(0, loan.principal.currency)
    counted = min(
        loan.principal.minor * kept.minor // price.minor, (loan.principal - loan.relieved_principal).minor
    )
    return cash_back_of(loan.plan, Money(max(0, counted), loan.principal.currency))


def earned(loan: Loan, price: Money, kept: Money) -> Money:
    """Return the cash-back that a loan has earned: what was promised, and nothing before it is repaid."""
    return (
        promised(loan, price, kept) if loan.status == LoanStatus.REPAID else Money(0, loan.principal.currency)
    )
