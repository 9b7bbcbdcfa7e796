"""Money that came in and pays nothing goes back the way it came: when its owner asks, an operator does, or in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.loan import Loan
from merchant_server.domain.merchant import Merchant
from merchant_server.domain.payout import FINAL_CODES
from merchant_server.domain.transfer import AUTOMATIC, CONSUMER, Transfer, TransferKind, TransferStatus
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.settlement.transfers import order


@dataclass(frozen=True, slots=True)
class KeptMoney:
    """A person's own money: what waits with us, and what is on its way back, by currency.

    `is_refused` says that the bank takes no more of what waits for the account it came from.
    """

    waiting: tuple[Money, ...]
    on_its_way: tuple[Money, ...]
    is_refused: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of one loan, and its next way back: never more by a way than came by it, the rest to the mandate.

    `is_behind` says that other money of the loan is on its way, for one goes after the other, and `is_refused` that the
    bank takes no more by the next way.
    """

    loan: Loan
    amount: Money
    next_way: str
    next_amount: Money
    is_behind: bool
    is_refused: bool


def kept_money(uow: UnitOfWork, consumer_id: str, loans: Sequence[Loan]) -> KeptMoney:
    """Return what is kept for a person whose loans these are."""
    kept = _all_kept(uow, loans)
    going = [
        each.amount for each in uow.transfers.of_owner(consumer_id) if each.status == TransferStatus.PENDING
    ]
    refused = bool(kept) and all(each.is_refused for each in kept)
    return KeptMoney(_by_currency([each.amount for each in kept]), _by_currency(going), refused)


def holds_money_of(uow: UnitOfWork, loan_id: str) -> bool:
    """Say whether money of a loan's owner waits with us, or is on its way back."""
    going = any(each.status == TransferStatus.PENDING for each in uow.transfers.of_loan(loan_id))
    return going or uow.transfers.returnable(loan_id).minor > 0


def _by_currency(amounts: Sequence[Money]) -> tuple[Money, ...]:
    sums: dict[str, Money] = {}
    for each in amounts:
        sums[each.currency] = sums.get(each.currency, Money(0, each.currency)) + each
    return tuple(sums[currency] for currency in sorted(sums))


def return_own_money(deps: Deps, consumer_id: str) -> list[Transfer]:
    """Order back what is kept for a person, one transfer a loan: what came another way than the newest follows later,
    and so does what came while a transfer is on its way.

    Raises RuleRefused: nothing_to_return, or return_refused when the bank takes no money for the account any more.
    """
    with deps.storage.unit_of_work() as uow:
        loans = [uow.loans.locked(each) for each in uow.people.ids("loans", consumer_id)]
        kept = _all_kept(uow, [loan for loan in loans if loan is not None])
        free = [each for each in kept if not each.is_behind]
        refused = [each for each in free if each.is_refused]
        if refused and len(refused) == len(kept):
            raise RuleRefused(
                "the bank takes no money for this account any more",
                code="return_refused",
                hint="write to us, and say which account of yours it may go to",
            )
        made = [_order(uow, deps, each, by=CONSUMER) for each in free if each not in refused]
        if not made:
            raise _nothing()
        return made


def return_money_of_loan(deps: Deps, loan_id: str, *, by: str) -> Transfer:
    """Order back what is kept for a loan's owner, whatever the bank said before; `by` is an operator.

    Raises NotFound, RuleRefused (nothing_to_return, also while other money of the loan is on its way).
    """
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        if loan is None:
            raise NotFound("there is no such loan", loan_id=loan_id)
        kept = _kept(uow, loan)
        if kept is None or kept.is_behind:
            raise _nothing()
        return _order(uow, deps, kept, by=f"operator {by}")


def return_kept(deps: Deps, merchant: Merchant) -> int:
    """Order back what has been kept for long enough, once a business day; return how many transfers were ordered."""
    if not deps.return_after_days:
        return 0
    with deps.storage.unit_of_work() as uow:
        until = deps.today(uow, merchant) - timedelta(days=deps.return_after_days)
        waiting = uow.transfers.to_return(merchant.id, until)
        for loan_id in waiting:
            loan = uow.loans.locked(loan_id)
            assert loan is not None
            kept = _kept(uow, loan)
            assert kept is not None
            _order(uow, deps, kept, by=AUTOMATIC)
    return len(waiting)


def _all_kept(uow: UnitOfWork, loans: Sequence[Loan]) -> list[_Kept]:
    return [kept for loan in loans if (kept := _kept(uow, loan)) is not None]


def _kept(uow: UnitOfWork, loan: Loan) -> _Kept | None:
    """Return what is kept for a loan's owner and how it goes back next; None when nothing is."""
    kept = uow.transfers.returnable(loan.id)
    if kept.minor <= 0:
        return None
    ways, tries = uow.transfers.ways_back(loan.id), uow.transfers.of_loan(loan.id)
    way, most = ways[0] if ways else (loan.mandate_id, kept)
    going = any(each.status == TransferStatus.PENDING for each in tries)
    last = next((each for each in reversed(tries) if each.channel == way), None)
    refused = last is not None and last.status == TransferStatus.FAILED and last.code in FINAL_CODES
    return _Kept(loan, kept, way, min(kept, most), going, refused)


def _order(uow: UnitOfWork, deps: Deps, kept: _Kept, *, by: str) -> Transfer:
    loan = kept.loan
    return order(
        uow, deps, merchant_of(uow, loan.merchant_id), TransferKind.MONEY_RETURN, kept.next_amount,
        owner_id=loan.consumer_id, loan_id=loan.id, channel=kept.next_way, by=by,
    )  # fmt: skip


def _nothing() -> RuleRefused:
    return RuleRefused(
        "nothing is kept that could go back now",
        code="nothing_to_return",
        hint="what is on its way arrives within days",
    )
