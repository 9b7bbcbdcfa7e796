"""Cash-back that a plan promised: the consumer's own money once the loan is repaid. Orders no transfer.

It waits in the consumer's refundable account and goes home as any money that is kept there.
"""

from dataclasses import replace

from fenqi.finance.cash_back import share_cash_back
from fenqi.finance.money import Money

from merchant_server.domain.cash_back import CashBack, earned, promised
from merchant_server.domain.ledger import Posting
from merchant_server.domain.loan import Loan
from merchant_server.domain.settlement_postings import cash_back_postings
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.settlement.booking import book


def settle_cash_back(uow: UnitOfWork, deps: Deps, loan: Loan) -> None:
    """Book what a loan that its caller has locked earned since, or take back what it earns no more.

    Taken back is at most what still waits with us: what went home is not called back.
    """
    if loan.plan is None or not loan.plan.cash_back_bps:
        return
    was = uow.settlements.cash_back(loan.id)
    before = was.amount if was else Money(0, loan.principal.currency)
    after = earned(loan, *_bought(uow, loan))
    if after < before:
        waiting = max(uow.transfers.returnable(loan.id), Money(0, before.currency))
        after = max(after, before - waiting)
    if after == before:
        return
    row = was or CashBack(
        loan.id, loan.merchant_id, 0, sum(bps for _, bps in loan.plan.cash_back_bps), before
    )
    row = replace(row, version=row.version + 1, amount=after)
    uow.settlements.put_cash_back(row, was)
    _book(uow, deps, loan, row, before)


def promised_cash_back(uow: UnitOfWork, loan: Loan) -> Money:
    """Return what a loan's consumer gets back once it is repaid, as things stand."""
    if loan.plan is None or not loan.plan.cash_back_bps:
        return Money(0, loan.principal.currency)
    return promised(loan, *_bought(uow, loan))


def _bought(uow: UnitOfWork, loan: Loan) -> tuple[Money, Money]:
    """Return the price that was signed, and what of it was neither voided nor refunded."""
    checkout = uow.checkouts.get(loan.checkout_id)
    assert checkout is not None
    refunded = sum(refund.amount.minor for refund in uow.refunds.of_loan(loan.id))
    kept = checkout.amount.minor - checkout.voided.minor - refunded
    return checkout.amount, Money(max(0, kept), checkout.amount.currency)


def _book(uow: UnitOfWork, deps: Deps, loan: Loan, row: CashBack, before: Money) -> None:
    assert loan.plan is not None
    funder = uow.settlements.funder_of_loan(loan.id)
    postings: tuple[Posting, ...] = cash_back_postings(
        loan.merchant_id,
        loan.consumer_id,
        funder,
        share_cash_back(loan.plan, before),
        share_cash_back(loan.plan, row.amount),
    )
    source_id, today = f"{loan.id}/{row.version}", deps.today(uow, merchant_of(uow, loan.merchant_id))
    if row.amount > before:
        book(
            uow, deps, "cash_back", source_id, postings,
            merchant_id=loan.merchant_id, loan_id=loan.id, occurred_on=today,
        )  # fmt: skip
    else:
        book(
            uow, deps, "cash_back_taken", source_id, postings,
            merchant_id=loan.merchant_id, loan_id=loan.id, occurred_on=today,
        )  # fmt: skip
