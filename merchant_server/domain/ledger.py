"""The books: every posting moves one positive amount from one account to another, and is never changed.

An account's balance is what came in less what went out, so all balances of a currency sum to zero at every read.
Accounts (chart in docs/reference/ledger.md):
    bank:cash                       money at the bank
    loan:<id>:principal|interest|fee|penalty   what the consumer owes, by part
    merchant:<id>:held              signed, not yet captured (negative: owed by us)
    merchant:<id>:payable           captured, to be paid out (negative: owed by us)
    income:interest:deferred|earned    contract interest not yet, and already, earned
    income:fee:deferred|earned         the same for fees of consumers
    income:penalty:deferred|earned     the same for penalties: earned once they are paid
    income:merchant_fee             what merchants pay for the service
    income:recovery                 money for loans that were written off
    loss:credit                     principal that was written off
    consumer:<id>:refundable        money that arrived and pays nothing (negative: owed by us)
"""

from dataclasses import dataclass
from datetime import date, datetime

from fenqi.finance.money import Money
from fenqi.finance.refund import RefundEffect

from merchant_server.domain.loan import Loan
from merchant_server.domain.repayment import Repayment
from merchant_server.domain.schedule_change import Relief

CASH = "bank:cash"
INTEREST_DEFERRED, INTEREST_EARNED = "income:interest:deferred", "income:interest:earned"
FEE_DEFERRED, FEE_EARNED = "income:fee:deferred", "income:fee:earned"
PENALTY_DEFERRED, PENALTY_EARNED = "income:penalty:deferred", "income:penalty:earned"
MERCHANT_FEE = "income:merchant_fee"
RECOVERY = "income:recovery"
CREDIT_LOSS = "loss:credit"


@dataclass(frozen=True, slots=True)
class Posting:
    """One positive amount that leaves `source` and enters `target`."""

    source: str
    target: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry. `(kind, source_id)` is unique for ever: the same fact is booked once."""

    kind: str
    source_id: str
    merchant_id: str
    loan_id: str | None
    occurred_on: date
    created_at: datetime
    postings: tuple[Posting, ...]


def loan_account(loan_id: str, part: str) -> str:
    """Name the account of one part (principal, interest, fee, penalty) of a loan."""
    return f"loan:{loan_id}:{part}"


def held(merchant_id: str) -> str:
    """Name the account of what a merchant sold and has not captured."""
    return f"merchant:{merchant_id}:held"


def payable(merchant_id: str) -> str:
    """Name the account of what a merchant is to be paid."""
    return f"merchant:{merchant_id}:payable"


def refundable(consumer_id: str) -> str:
    """Name the account of money that arrived from a consumer and pays nothing."""
    return f"consumer:{consumer_id}:refundable"


def moves(*candidates: tuple[str, str, Money]) -> tuple[Posting, ...]:
    """Turn (source, target, amount) into postings; a part of zero is no posting."""
    return tuple(Posting(source, target, amount) for source, target, amount in candidates if amount.minor)


def signing_postings(loan: Loan) -> tuple[Posting, ...]:
    """The consumer owes principal, interest and fees; the merchant is owed the principal once captured."""
    return moves(
        (held(loan.merchant_id), loan_account(loan.id, "principal"), loan.principal),
        (INTEREST_DEFERRED, loan_account(loan.id, "interest"), loan.interest),
        (FEE_DEFERRED, loan_account(loan.id, "fee"), loan.fee),
    )


def capture_postings(merchant_id: str, amount: Money, merchant_fee: Money) -> tuple[Posting, ...]:
    """What was held becomes payable, less the merchant's fee."""
    return moves(
        (payable(merchant_id), held(merchant_id), amount),
        (MERCHANT_FEE, payable(merchant_id), merchant_fee),
    )


def repayment_postings(repayment: Repayment, loan: Loan, arrives_at: str = CASH) -> tuple[Posting, ...]:
    """Money arrives; the interest, fees and penalties it pays are earned; an excess stays the consumer's.

    It arrives at the bank, or is what a merchant gives out of its payable account.
    """
    penalty, fee, interest = repayment.penalty, repayment.fee, repayment.interest
    return moves(
        (loan_account(loan.id, "penalty"), arrives_at, penalty),
        (PENALTY_EARNED, PENALTY_DEFERRED, penalty),
        (loan_account(loan.id, "fee"), arrives_at, fee),
        (FEE_EARNED, FEE_DEFERRED, fee),
        (loan_account(loan.id, "interest"), arrives_at, interest),
        (INTEREST_EARNED, INTEREST_DEFERRED, interest),
        (loan_account(loan.id, "principal"), arrives_at, repayment.principal),
        (refundable(loan.consumer_id), arrives_at, repayment.excess),
    )


def recovery_postings(repayment: Repayment, loan: Loan, arrives_at: str = CASH) -> tuple[Posting, ...]:
    """Money for a loan that was written off is income; what is more than was lost stays the consumer's."""
    return moves(
        (RECOVERY, arrives_at, repayment.amount - repayment.excess),
        (refundable(loan.consumer_id), arrives_at, repayment.excess),
    )


def relief_postings(loan_id: str, relief: Relief, principal_bearer: str) -> tuple[Posting, ...]:
    """What a loan owes no more leaves its accounts; who bears the principal is named, the rest was not earned yet.

    A part below zero is a charge: it enters the loan's account.
    """
    pairs = (
        ("principal", principal_bearer, relief.principal),
        ("interest", INTEREST_DEFERRED, relief.interest),
        ("fee", FEE_DEFERRED, relief.fee),
        ("penalty", PENALTY_DEFERRED, relief.penalty),
    )
    return moves(
        *(
            (loan_account(loan_id, part), bearer, amount)
            if amount.minor > 0
            else (bearer, loan_account(loan_id, part), -amount)
            for part, bearer, amount in pairs
        )
    )


def refund_postings(loan: Loan, effect: RefundEffect, merchant_fee_returned: Money) -> tuple[Posting, ...]:
    """What a consumer had paid already is owed back to them: principal by the merchant, what it cost by us."""
    return moves(
        (refundable(loan.consumer_id), payable(loan.merchant_id), effect.to_consumer - effect.cost_returned),
        (refundable(loan.consumer_id), INTEREST_EARNED, effect.interest_returned),
        (refundable(loan.consumer_id), FEE_EARNED, effect.fee_returned),
        (refundable(loan.consumer_id), PENALTY_EARNED, effect.penalty_returned),
        (payable(loan.merchant_id), MERCHANT_FEE, merchant_fee_returned),
    )


def money_back_postings(consumer_id: str, amount: Money) -> tuple[Posting, ...]:
    """Money leaves the bank, back to the account it came from."""
    return moves((CASH, refundable(consumer_id), amount))


def reversal_of(postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
    """Return the same amounts moved back; the first entry stays as it was."""
    return tuple(Posting(each.target, each.source, each.amount) for each in postings)
