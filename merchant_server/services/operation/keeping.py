"""What a worker does for operators: forget deliveries that arrived long ago, make room, and look at the laws."""

import logging
from datetime import timedelta
from functools import partial

from merchant_server.ports import StoredCheckup
from merchant_server.services.deps import Deps
from merchant_server.services.operation.doctor import check
from merchant_server.services.operation.steps import tried

log = logging.getLogger(__name__)
FORGET_BATCH = 500
CHECKUP_EVERY = timedelta(hours=1)
_CHORE = "checkup"


def forget_deliveries(deps: Deps) -> int:
    """Delete a batch of deliveries that were received longer ago than they are kept; return how many."""
    before = deps.clock.now() - timedelta(days=deps.deliveries_kept_days)
    with deps.storage.reading() as uow:
        if not uow.operations.has_deliveries(before):
            return 0
    with deps.storage.unit_of_work() as uow:
        return uow.operations.forget_deliveries(before, FORGET_BATCH)


def check_up(deps: Deps) -> int:
    """Once an hour, by one worker, make room for months to come, read the laws of the house and keep the result.

    Returns how often that was. The reading is one snapshot and holds nobody up. What breaks a law is named in the log,
    without personal data.
    """
    now = deps.clock.now()
    with deps.storage.reading() as uow:
        if not uow.people.chore_is_due(_CHORE, now - CHECKUP_EVERY):
            return 0
    with deps.storage.unit_of_work() as uow:
        if not uow.people.take_chore(_CHORE, now - CHECKUP_EVERY, now):
            return 0
    tried(partial(deps.storage.make_room, now))
    found = check(deps)
    for breach in found.breaches:
        log.error("a law is broken", extra={"law": breach.law, "subject": breach.subject})
    imbalance_minor = sum(money.minor for _, money in found.balances)
    with deps.storage.unit_of_work() as uow:
        uow.operations.keep_checkup(StoredCheckup(now, len(found.breaches), imbalance_minor))
    return 1
