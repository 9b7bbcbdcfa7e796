"""The phone's hold on a checkout: the first phone that opens a code holds it, and no other (law 9)."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.offers import Offer, quote

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.errors import NotFound, RuleRefused, TransitionConflict
from merchant_server.domain.merchant import Merchant, Store
from merchant_server.domain.workdays import calendar_of
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout

# The yearly cost as people read it: hundredths of a percent. Finer differences are rounding of cents.
SHOWN_RATE = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Visit:
    """What a phone may see before any personal data: the shop, the amount, and every plan with its whole cost."""

    checkout: Checkout
    merchant: Merchant
    store: Store | None
    offers: tuple[Offer, ...]
    today: date


def open_link(deps: Deps, token: str, claim: str) -> Visit:
    """Open a short link as the phone that holds `claim`, taking hold of a checkout that nobody opened.

    Raises NotFound, Expired, or RuleRefused (checkout_claimed) when another phone was first.
    """
    with deps.storage.reading() as uow:
        checkout = _by_token(uow, token)
        if checkout.status != CheckoutStatus.CREATED:
            return _visit(uow, deps, _held(checkout, deps, claim))
    checkout.refuse_if_over(deps.clock.now())
    _take_hold(deps, token, claim)
    with deps.storage.reading() as uow:
        return _visit(uow, deps, held_checkout(uow, deps, token, claim))


def _take_hold(deps: Deps, token: str, claim: str) -> None:
    try:
        with deps.storage.unit_of_work() as uow:
            checkout = _by_token(uow, token)
            if checkout.status == CheckoutStatus.CREATED:
                opened = checkout.to(CheckoutStatus.OPENED, claim_hash=claim_hash(claim))
                move_checkout(uow, deps, opened, checkout)
    except TransitionConflict:
        # Another phone or the till moved it in the same instant; the next read says what holds.
        return


def look_at_link(deps: Deps, token: str) -> Visit:
    """Show a link to something that is no phone in a hand (a preview, a prefetch): it takes no hold."""
    with deps.storage.reading() as uow:
        return _visit(uow, deps, _by_token(uow, token))


def held_checkout(uow: UnitOfWork, deps: Deps, token: str, claim: str) -> Checkout:
    """Return the checkout that this phone holds. Raises NotFound, Expired or RuleRefused (checkout_claimed)."""
    return _held(_by_token(uow, token), deps, claim)


def _held(checkout: Checkout, deps: Deps, claim: str) -> Checkout:
    if checkout.claim_hash is None or not hmac.compare_digest(checkout.claim_hash, claim_hash(claim)):
        checkout.refuse_if_over(deps.clock.now())
        if checkout.status == CheckoutStatus.CANCELLED:
            raise RuleRefused("the shop cancelled this payment", code="checkout_cancelled")
        raise RuleRefused(
            "this code is already open on another phone",
            code="checkout_claimed",
            hint="go on with that phone, or ask the shop for a new code",
        )
    return checkout


def claim_hash(claim: str) -> str:
    """Return what is stored of a phone's hold."""
    return hashlib.sha256(claim.encode()).hexdigest()


def _by_token(uow: UnitOfWork, token: str) -> Checkout:
    checkout = uow.checkouts.by_token(token)
    if checkout is None:
        raise NotFound("there is no such payment", hint="scan the code again, or ask the shop for a new one")
    return checkout


def _visit(uow: UnitOfWork, deps: Deps, checkout: Checkout) -> Visit:
    merchant = merchant_of(uow, checkout.merchant_id)
    today = deps.today(uow, merchant)
    stores = uow.merchants.stores(merchant.id) if checkout.store_id else []
    store = next((store for store in stores if store.id == checkout.store_id), None)
    plans = [p for p in uow.merchants.plans(merchant.id, checkout.mode) if p.id in checkout.plan_ids]
    offers = offers_for(deps, checkout.amount, plans, today)
    return Visit(checkout, merchant, store, offers, today)


def offers_for(deps: Deps, amount: Money, plans: Iterable[Plan], today: date) -> tuple[Offer, ...]:
    """Price an amount under each plan that can carry it, cheapest a year first, then shortest, then by id.

    A plan above the legal cap, or with an installment below one minor unit, is not offered.
    """
    return _offers_for(amount, tuple(plans), today, deps.rate_cap)


# Plans and offers never change; a phone's pages, and every sale of the same amount that day, ask for the same ones.
@lru_cache(maxsize=512)
def _offers_for(amount: Money, plans: tuple[Plan, ...], today: date, cap: Decimal) -> tuple[Offer, ...]:
    offers = [offer for plan in plans for offer in _priced(amount, plan, today)]
    legal = [offer for offer in offers if offer.annual_cost <= cap]
    return tuple(
        sorted(
            legal,
            key=lambda offer: (
                offer.annual_cost.quantize(SHOWN_RATE),
                offer.plan.installments,
                offer.plan.id,
            ),
        )
    )


def _priced(amount: Money, plan: Plan, today: date) -> tuple[Offer, ...]:
    try:
        return quote(amount, [plan], today, is_holiday=calendar_of(plan, amount.currency))
    except FinanceError:
        return ()
