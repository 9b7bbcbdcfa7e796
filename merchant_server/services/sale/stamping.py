"""Timestamps that come later: asked for in the background until the authority answers, and put into the signature."""

from merchant_server.domain.agreement import stamp_again_at
from merchant_server.domain.errors import Erased, TransitionConflict
from merchant_server.ports import ProviderUnavailable
from merchant_server.services.deps import Deps
from merchant_server.services.sale.evidence import record_stamped

BATCH = 20


def stamp_pending(deps: Deps) -> int:
    """Ask for the timestamps that signatures wait for; return how many came. The first silence ends the pass."""
    with deps.storage.reading() as uow:
        waiting = uow.agreements.to_stamp(deps.clock.now(), BATCH)
    done = 0
    for agreement_id in waiting:
        try:
            done += _stamp(deps, agreement_id)
        except ProviderUnavailable:
            _put_off(deps, waiting[waiting.index(agreement_id) :])
            break
        except Erased:
            _put_off(deps, [agreement_id])
        except TransitionConflict:
            continue
    return done


def _stamp(deps: Deps, agreement_id: str) -> bool:
    with deps.storage.reading() as uow:
        agreement = uow.agreements.get(agreement_id)
    if agreement is None or not agreement.awaits_timestamp or agreement.signed_pdf is None:
        return False
    now = deps.clock.now()
    stamped = agreement.stamp(deps.signer.stamp(agreement.signed_pdf, at=now))
    with deps.storage.unit_of_work() as uow:
        uow.agreements.save_stamp(stamped, agreement)
        record_stamped(uow, deps, stamped, agreement, now)
    return True


def _put_off(deps: Deps, agreement_ids: list[str]) -> None:
    """Try these again later; each waits longer the more often it was tried."""
    with deps.storage.unit_of_work() as uow:
        for agreement_id in agreement_ids:
            tries = uow.agreements.timestamp_tries(agreement_id)
            uow.agreements.put_off_stamp(agreement_id, tries + 1, stamp_again_at(tries, deps.clock.now()))
