"""Payouts: committed with our own reference, then the bank is asked with it, then its word is booked."""

from dataclasses import replace
from datetime import timedelta

from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound
from merchant_server.domain.event import Fact
from merchant_server.domain.ledger import payable
from merchant_server.domain.merchant import Caller
from merchant_server.domain.payout import FINAL_CODES, Payout, PayoutStatus, SettlementTerms
from merchant_server.domain.settlement_postings import (
    failed_postings,
    paid_postings,
    payout_postings,
    release_postings,
)
from merchant_server.domain.workdays import is_workday, next_workday, ripe_before
from merchant_server.ports import BankPayout, ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.resources import payout_resource
from merchant_server.services.settlement.booking import book
from merchant_server.services.settlement.lending import settle_with_lenders
from merchant_server.services.settlement.sharing import share_repayments

BATCH = 50
# How long a bank may stay silent before it is asked again.
ASK_AFTER_SECONDS = 20
# The books do not tell modes apart, and live mode needs real providers: see create_key.
MODE = "test"


def pay_out_due(deps: Deps) -> int:
    """Share with funders, release reserves and commit payouts where the day has come; return how much was done."""
    with deps.storage.reading() as uow:
        due = [day.merchant.id for day in uow.days.paying_out(deps.clock.now())]
    if not due:
        return 0
    # What consumers repaid of a merchant's own money is payable to it, so it is shared out first.
    while share_repayments(deps):
        pass
    return sum(_pay_out(deps, merchant_id) for merchant_id in due)


def _pay_out(deps: Deps, merchant_id: str) -> int:
    with deps.storage.unit_of_work() as uow:
        merchant = merchant_of(uow, merchant_id)
        today = deps.today(uow, merchant)
        terms = uow.settlements.terms(merchant_id, locked=True)
        if terms is None or terms.next_payout_on > today:
            return 0
        following = next_workday(today, merchant.currency)
        done = _release(uow, deps, merchant_id)
        if is_workday(today, merchant.currency):
            done += settle_with_lenders(uow, deps, merchant)
            done += _commit(uow, deps, terms) if terms.pays else 0
        moved = replace(terms, version=terms.version + 1, next_payout_on=following)
        uow.settlements.put_terms(moved, terms)
        return done + 1


def _release(uow: UnitOfWork, deps: Deps, merchant_id: str) -> int:
    today = deps.today(uow, merchant_of(uow, merchant_id))
    over = uow.payouts.to_release(merchant_id, today, 1_000)
    for entry_id, amount in over:
        book(
            uow, deps, "reserve_release", entry_id, release_postings(merchant_id, amount),
            merchant_id=merchant_id, occurred_on=today,
        )  # fmt: skip
        uow.payouts.released(entry_id, deps.clock.now())
    return len(over)


def _commit(uow: UnitOfWork, deps: Deps, terms: SettlementTerms) -> int:
    """Commit one payout of all that is ripe; below the minimum, or below zero, everything waits for the next day."""
    merchant = merchant_of(uow, terms.merchant_id)
    today = deps.today(uow, merchant)
    edge = ripe_before(today, terms.payout_days, merchant.currency)
    lines = uow.payouts.unpaid(merchant.id, payable(merchant.id), merchant.currency, edge)
    amount = sum((owed for _, owed in lines), Money(0, merchant.currency))
    if amount < terms.minimum or terms.payout_account is None:
        return 0
    payout = Payout(
        id=deps.ids.new("pyt"),
        merchant_id=merchant.id,
        mode=MODE,
        status=PayoutStatus.PENDING,
        version=1,
        amount=amount,
        account=terms.payout_account,
        payout_on=today,
        created_at=deps.business_now(uow, merchant.id),
    )
    uow.payouts.add(payout, lines, ask_at=deps.clock.now())
    _book(uow, deps, payout, "payout")
    _publish(uow, deps, payout, "payout.created")
    return 1


def ask_about_payouts(deps: Deps) -> int:
    """Send what was committed, and ask about what the bank has been silent on; return how many were asked.

    A crash between the bank's act and our commit is settled here: the reference makes a second call harmless.
    """
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        claimed = uow.payouts.claim_to_ask(now, now + timedelta(seconds=ASK_AFTER_SECONDS), BATCH)
    for payout in claimed:
        answer = _ask(deps, payout)
        if answer is not None and answer.status in ("paid", "failed"):
            with deps.storage.unit_of_work() as uow:
                settle_payout(uow, deps, payout.id, PayoutStatus(answer.status), answer.code)
    return len(claimed)


def _ask(deps: Deps, payout: Payout) -> BankPayout | None:
    try:
        found = deps.bank.find_payout(reference=payout.id)
        if found.status != "unknown":
            return found
        deps.bank.pay_out(reference=payout.id, account=payout.account, amount=payout.amount)
        return deps.bank.find_payout(reference=payout.id)
    except ProviderRefused as refused:
        return BankPayout(payout.id, "failed", refused.code)
    except ProviderUnavailable:
        return None


def settle_payout(uow: UnitOfWork, deps: Deps, payout_id: str, outcome: PayoutStatus, code: str = "") -> bool:
    """Move a payout to its outcome and book it; say False when it stood there already.

    A failed one is payable again by a new entry. Raises TransitionNotAllowed for another outcome than the first.
    """
    payout = uow.payouts.get(payout_id)
    if payout is None:
        raise NotFound("there is no such payout", payout_id=payout_id)
    if payout.status == outcome:
        return False
    moved = payout.to(outcome, deps.business_now(uow, payout.merchant_id), code=code)
    uow.payouts.save(moved, payout, deps.clock.now())
    _book(uow, deps, moved, f"payout_{outcome}")
    _publish(uow, deps, moved, f"payout.{outcome}")
    if outcome == PayoutStatus.FAILED and code in FINAL_CODES:
        terms = uow.settlements.terms(payout.merchant_id, locked=True)
        if terms is not None and terms.payout_account == payout.account:
            paused = replace(terms, version=terms.version + 1, paused_code=code)
            uow.settlements.put_terms(paused, terms)
    return True


def _book(uow: UnitOfWork, deps: Deps, payout: Payout, kind: str) -> None:
    postings = {"payout": payout_postings, "payout_paid": paid_postings, "payout_failed": failed_postings}
    book(
        uow, deps, kind, payout.id, postings[kind](payout.merchant_id, payout.amount),
        merchant_id=payout.merchant_id, occurred_on=deps.today(uow, merchant_of(uow, payout.merchant_id)),
    )  # fmt: skip


def _publish(uow: UnitOfWork, deps: Deps, payout: Payout, event: str) -> None:
    fact = Fact(
        id=deps.ids.new("evt"),
        merchant_id=payout.merchant_id,
        mode=payout.mode,
        type=event,
        aggregate_type="payout",
        aggregate_id=payout.id,
        aggregate_sequence=payout.version,
        created_at=deps.business_now(uow, payout.merchant_id),
        data=payout_resource(payout),
    )
    uow.events.append(fact, due_at=deps.clock.now())


def find_payout(uow: UnitOfWork, caller: Caller, payout_id: str) -> Payout:
    """Return the caller's payout, or raise NotFound; another merchant's is not found either."""
    payout = uow.payouts.find(payout_id)
    if payout is None or (payout.merchant_id, payout.mode) != (caller.merchant_id, caller.mode):
        raise NotFound("there is no such payout", hint="check the id, and that the key is of the same mode")
    return payout
