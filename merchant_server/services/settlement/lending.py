"""Lenders pay their part of what merchants sold, and get what consumers repaid: once a workday, per merchant."""

from fenqi.finance.money import Money

from merchant_server.domain.merchant import Merchant
from merchant_server.domain.payout import Lender
from merchant_server.domain.settlement_postings import transfer_accounts
from merchant_server.domain.transfer import AUTOMATIC, TransferKind
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.settlement.transfers import order


def settle_with_lenders(uow: UnitOfWork, deps: Deps, merchant: Merchant) -> int:
    """Order what a merchant's lenders owe and are owed; return how many transfers were ordered.

    A lender without an account waits, and so does what is ordered while another transfer is under way.
    """
    done = 0
    for lender in uow.settlements.lenders_of(merchant.id):
        if not lender.settles:
            continue
        for kind in (TransferKind.LENDER_DRAWING, TransferKind.LENDER_PAYOUT):
            done += _order(uow, deps, merchant, lender, kind)
    return done


def _order(uow: UnitOfWork, deps: Deps, merchant: Merchant, lender: Lender, kind: TransferKind) -> bool:
    assert lender.account is not None
    account, _ = transfer_accounts(kind, lender.id)
    balance = uow.settlements.moved_for(account, merchant.id, lender.currency)
    amount = balance if kind.comes_in else Money(0, lender.currency) - balance
    if amount.minor <= 0 or uow.transfers.under_way(merchant.id, lender.id, kind):
        return False
    order(uow, deps, merchant, kind, amount, owner_id=lender.id, channel=lender.account, by=AUTOMATIC)
    return True
