"""Transfers: committed with our own reference, then the bank is asked with it, then its word is booked."""

from dataclasses import replace
from datetime import timedelta

from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound
from merchant_server.domain.merchant import Merchant
from merchant_server.domain.payout import FINAL_CODES
from merchant_server.domain.settlement_postings import transfer_postings
from merchant_server.domain.transfer import Transfer, TransferKind, TransferStatus
from merchant_server.ports import BankTransfer, ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.settlement.booking import book

BATCH = 50
# How long a bank may stay silent before it is asked again.
ASK_AFTER_SECONDS = 20
# The books do not tell modes apart, and live mode needs real providers: see create_key.
MODE = "test"
_OUTCOMES = {
    "paid": TransferStatus.SUCCEEDED,
    "succeeded": TransferStatus.SUCCEEDED,
    "failed": TransferStatus.FAILED,
}


def order(
    uow: UnitOfWork,
    deps: Deps,
    merchant: Merchant,
    kind: TransferKind,
    amount: Money,
    *,
    owner_id: str,
    channel: str,
    by: str,
    loan_id: str | None = None,
) -> Transfer:
    """Commit one transfer and book that it is on its way; the worker asks the bank. Conflict while one is under way."""
    now = deps.clock.now()
    transfer = Transfer(
        id=deps.ids.new("trf"),
        merchant_id=merchant.id,
        mode=MODE,
        kind=kind,
        status=TransferStatus.PENDING,
        version=1,
        owner_id=owner_id,
        loan_id=loan_id,
        amount=amount,
        channel=channel,
        ordered_by=by,
        ordered_on=deps.today(uow, merchant),
        created_at=now,
    )
    uow.transfers.add(transfer, ask_at=now)
    _book(uow, deps, transfer, kind.value)
    _record(uow, deps, transfer, by)
    return transfer


def ask_about_transfers(deps: Deps) -> int:
    """Send what was ordered, and ask about what the bank has been silent on; return how many were asked.

    A crash between the bank's act and our commit is settled here: the reference makes a second call harmless.
    """
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        claimed = uow.transfers.claim_to_ask(now, now + timedelta(seconds=ASK_AFTER_SECONDS), BATCH)
    for transfer in claimed:
        answer = _ask(deps, transfer)
        outcome = _OUTCOMES.get(answer.status) if answer else None
        if answer is not None and outcome is not None:
            with deps.storage.unit_of_work() as uow:
                settle_transfer(uow, deps, transfer.id, outcome, answer.code)
    return len(claimed)


def _ask(deps: Deps, transfer: Transfer) -> BankTransfer | None:
    reference, channel, amount = transfer.id, transfer.channel, transfer.amount
    try:
        if transfer.kind == TransferKind.MONEY_RETURN:
            # The same reference a second time only tells what became of the first.
            return deps.bank.return_money(reference=reference, came_by=channel, amount=amount)
        if transfer.kind == TransferKind.LENDER_DRAWING:
            return deps.bank.draw(reference=reference, account=channel, amount=amount)
        found = deps.bank.find_payout(reference=reference)
        if found.status == "unknown":
            deps.bank.pay_out(reference=reference, account=channel, amount=amount)
            found = deps.bank.find_payout(reference=reference)
        return BankTransfer(reference, found.status, found.code)
    except ProviderRefused as refused:
        return BankTransfer(reference, "failed", refused.code)
    except ProviderUnavailable:
        return None


def settle_transfer(
    uow: UnitOfWork, deps: Deps, transfer_id: str, outcome: TransferStatus, code: str = ""
) -> bool:
    """Move a transfer to its outcome and book it; say False when it stood there already.

    What a failed one had taken is back where it was. Raises NotFound, TransitionNotAllowed for another outcome than
    the first.
    """
    transfer = uow.transfers.get(transfer_id)
    if transfer is None:
        raise NotFound("there is no such transfer", transfer_id=transfer_id)
    if transfer.status == outcome:
        return False
    moved = transfer.to(outcome, deps.clock.now(), code=code)
    uow.transfers.save(moved, transfer)
    _book(uow, deps, moved, f"{moved.kind}_{outcome}")
    _record(uow, deps, moved, "bank")
    if outcome == TransferStatus.FAILED and code in FINAL_CODES:
        _pause_lender(uow, moved)
    return True


def _pause_lender(uow: UnitOfWork, transfer: Transfer) -> None:
    lender = uow.settlements.lender(transfer.owner_id)
    if lender is not None and lender.account == transfer.channel:
        uow.settlements.save_lender(replace(lender, paused_code=transfer.code))


def _book(uow: UnitOfWork, deps: Deps, transfer: Transfer, kind: str) -> None:
    book(
        uow, deps, kind, transfer.id, transfer_postings(transfer), merchant_id=transfer.merchant_id,
        loan_id=transfer.loan_id, occurred_on=deps.today(uow, merchant_of(uow, transfer.merchant_id)),
    )  # fmt: skip


def _record(uow: UnitOfWork, deps: Deps, transfer: Transfer, actor: str) -> None:
    what = "ordered" if transfer.status == TransferStatus.PENDING else transfer.status.value
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=actor,
        action=f"{transfer.kind}.{what}",
        subject=transfer.id,
        merchant_id=transfer.merchant_id,
        detail={"amount": transfer.amount.to_dict(), "loan_id": transfer.loan_id, "code": transfer.code},
    )
