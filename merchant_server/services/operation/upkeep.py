"""What a worker does between sales: end what is over, free what a crash left behind."""

from datetime import timedelta

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.deduction import Mandate, MandateStatus
from merchant_server.ports import ProviderRefused, ProviderUnavailable
from merchant_server.services.deps import Deps
from merchant_server.services.publishing import move_checkout

BATCH = 50
STUCK_AFTER_SECONDS = 30


def expire_checkouts(deps: Deps) -> int:
    """End checkouts whose time is over; return how many."""
    with deps.storage.unit_of_work() as uow:
        over = uow.checkouts.to_expire(deps.clock.now(), BATCH)
        for checkout in over:
            move_checkout(uow, deps, checkout.to(CheckoutStatus.EXPIRED), checkout)
    return len(over)


def reopen_stuck_decisions(deps: Deps) -> int:
    """Open checkouts again whose decision a crash cut off, so that the consumer can apply once more."""
    with deps.storage.unit_of_work() as uow:
        stuck = uow.decisions.stuck(deps.clock.now() - timedelta(seconds=STUCK_AFTER_SECONDS), BATCH)
        for checkout_id in stuck:
            checkout = uow.checkouts.get(checkout_id)
            assert checkout is not None
            move_checkout(uow, deps, checkout.to(CheckoutStatus.OPENED), checkout, "decision cut off")
    return len(stuck)


def cancel_orphan_mandates(deps: Deps) -> int:
    """Take back mandates that no loan needs, at the bank first; return how many were cancelled."""
    with deps.storage.reading() as uow:
        orphans = uow.mandates.orphans(BATCH)
    return sum(_cancel(deps, mandate) for mandate in orphans)


def _cancel(deps: Deps, mandate: Mandate) -> bool:
    try:
        deps.bank.cancel_mandate(reference=mandate.id)
    except ProviderUnavailable:
        return False
    except ProviderRefused:
        # The bank never heard of it, or ended it already: nothing is left to take back.
        pass
    with deps.storage.unit_of_work() as uow:
        uow.mandates.save(mandate.to(MandateStatus.CANCELLED), mandate)
    return True
