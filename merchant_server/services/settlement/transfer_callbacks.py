"""What the bank calls back about money that we send and draw: held against our own row, then settled (law 8)."""

from dataclasses import dataclass

from fenqi.finance.money import Money

from merchant_server.domain.errors import TransitionNotAllowed
from merchant_server.domain.payout import PayoutStatus
from merchant_server.domain.refund import RefundStatus
from merchant_server.domain.transfer import TransferKind, TransferStatus
from merchant_server.ports import BankCallback, UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.refunds.returning import settle_refund_money
from merchant_server.services.settlement.payouts import settle_payout
from merchant_server.services.settlement.transfers import settle_transfer

NOUNS = ("payout", "return", "drawing")
_NOUN_OF = {
    TransferKind.MONEY_RETURN: "return",
    TransferKind.LENDER_PAYOUT: "payout",
    TransferKind.LENDER_DRAWING: "drawing",
}


@dataclass(frozen=True, slots=True)
class _Ours:
    """Our own row, as a callback must describe it."""

    table: str
    noun: str
    merchant_id: str
    mode: str
    amount: Money
    mandate_id: str


def is_about_transfer(callback: BankCallback) -> bool:
    """Say whether a callback is about money that we send or draw."""
    return callback.kind.partition(".")[0] in NOUNS


def apply_transfer(uow: UnitOfWork, deps: Deps, callback: BankCallback) -> tuple[bool, str, str | None]:
    """Settle what a callback tells; return (moved, difference, merchant id).

    A difference means that nothing was done: a field differs from our row, or the bank told another outcome before.
    """
    ours = _find(uow, callback.reference)
    if ours is None:
        return False, "reference", None
    pairs = {
        "gateway_account": (callback.gateway_account, deps.bank.gateway_account),
        "mode": (callback.mode, ours.mode),
        "mandate": (callback.mandate_reference, ours.mandate_id),
        "currency": (callback.amount.currency, ours.amount.currency),
        "amount": (callback.amount.minor, ours.amount.minor),
        "kind": (callback.kind.partition(".")[0], ours.noun),
    }
    difference = ", ".join(name for name, (theirs, mine) in pairs.items() if theirs != mine)
    if difference:
        return False, difference, ours.merchant_id
    try:
        return _settle(uow, deps, ours, callback), "", ours.merchant_id
    except TransitionNotAllowed:
        return False, "outcome", ours.merchant_id


def settle_by_reference(uow: UnitOfWork, deps: Deps, reference: str) -> bool:
    """Settle a payout, a refund's money or a transfer as successful; say False when it is so already.

    Raises TransitionNotAllowed for one that failed, NotFound.
    """
    if uow.payouts.find(reference) is not None:
        return settle_payout(uow, deps, reference, PayoutStatus.PAID)
    if uow.refunds.get(reference) is not None:
        return settle_refund_money(uow, deps, reference, RefundStatus.SUCCEEDED)
    return settle_transfer(uow, deps, reference, TransferStatus.SUCCEEDED)


def _find(uow: UnitOfWork, reference: str) -> _Ours | None:
    payout = uow.payouts.find(reference)
    if payout is not None:
        return _Ours("payout", "payout", payout.merchant_id, payout.mode, payout.amount, "")
    refund = uow.refunds.get(reference)
    if refund is not None:
        loan = uow.loans.get(refund.loan_id)
        assert loan is not None
        return _Ours("refund", "return", refund.merchant_id, refund.mode, refund.to_consumer, loan.mandate_id)
    transfer = uow.transfers.get(reference)
    if transfer is None:
        return None
    noun = _NOUN_OF[transfer.kind]
    return _Ours("transfer", noun, transfer.merchant_id, transfer.mode, transfer.amount, transfer.mandate_id)


def _settle(uow: UnitOfWork, deps: Deps, ours: _Ours, callback: BankCallback) -> bool:
    worked = callback.status == "succeeded"
    if ours.table == "payout":
        outcome = PayoutStatus.PAID if worked else PayoutStatus.FAILED
        return settle_payout(uow, deps, callback.reference, outcome, callback.code)
    if ours.table == "refund":
        return settle_refund_money(
            uow, deps, callback.reference, RefundStatus(callback.status), callback.code
        )
    return settle_transfer(uow, deps, callback.reference, TransferStatus(callback.status), callback.code)
