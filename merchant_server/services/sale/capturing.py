"""Claiming the money of a signed checkout, in full or in parts, and letting lapse what is not claimed."""

from datetime import timedelta

from fenqi.finance.money import Money

from merchant_server.domain.checkout import EXPIRY_WARNING_HOURS, Checkout
from merchant_server.domain.ledger import Entry, capture_postings
from merchant_server.domain.merchant import Caller
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout
from merchant_server.services.sale.checkouts import find_checkout
from merchant_server.services.sale.voiding import void
from merchant_server.services.settlement.capturing import settle_capture

BATCH = 50


def capture_checkout(
    uow: UnitOfWork, deps: Deps, caller: Caller, checkout_id: str, amount: Money | None
) -> Checkout:
    """Claim a part of the money of a signed checkout, or all that is left. Raises RuleRefused beyond that."""
    return capture(uow, deps, find_checkout(uow, caller, checkout_id), amount)


def capture(uow: UnitOfWork, deps: Deps, checkout: Checkout, amount: Money | None = None) -> Checkout:
    """Capture and book: what the merchant sold becomes payable, less its fee.

    The fee is a share of all that was captured so far, so that parts cost no more than the whole.
    """
    merchant = merchant_of(uow, checkout.merchant_id)
    captured = checkout.capture(amount)

    def fee_minor(of: Money) -> int:
        return of.minor * merchant.fee_bps // 10_000

    fee = Money(fee_minor(captured.captured) - fee_minor(checkout.captured), captured.captured.currency)
    entry = Entry(
        kind="capture",
        # The first capture is known by its checkout, a further one by the version it made.
        source_id=f"{checkout.id}:{captured.version}" if checkout.captured.minor else checkout.id,
        merchant_id=merchant.id,
        loan_id=checkout.loan_id,
        occurred_on=deps.today(uow, merchant),
        created_at=deps.clock.now(),
        postings=capture_postings(merchant.id, captured.captured - checkout.captured, fee),
    )
    uow.ledger.book(deps.ids.new("je"), entry)
    settle_capture(uow, deps, merchant, captured, captured.captured - checkout.captured, entry)
    return move_checkout(uow, deps, captured, checkout)


def warn_of_expiry(deps: Deps) -> int:
    """Tell shops a day before what they have not captured lapses; return how many were told."""
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        ending = uow.checkouts.to_warn(now + timedelta(hours=EXPIRY_WARNING_HOURS), BATCH)
        for checkout in ending:
            event = "checkout.authorization_expiring"
            move_checkout(uow, deps, checkout.announce_expiry(now), checkout, event, event)
    return len(ending)


def void_lapsed(deps: Deps) -> int:
    """Void what was not captured in time, one transaction a checkout; return how many lapsed."""
    with deps.storage.reading() as uow:
        lapsed = uow.checkouts.to_lapse(deps.clock.now(), BATCH)
    return sum(_lapse(deps, checkout_id) for checkout_id in lapsed)


def _lapse(deps: Deps, checkout_id: str) -> bool:
    with deps.storage.unit_of_work() as uow:
        checkout = uow.checkouts.get(checkout_id)
        assert checkout is not None
        until = checkout.authorized_until
        # The shop captured meanwhile.
        if until is None or until > deps.clock.now() or not checkout.uncaptured.minor:
            return False
        void(uow, deps, checkout, "expiry", "authorization lapsed")
        return True
