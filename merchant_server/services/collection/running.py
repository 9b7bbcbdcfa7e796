"""One run of deductions from beginning to end, for an operator who watches it; the worker does the same bit by bit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from merchant_server.domain.deduction_batch import BatchProgress
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.deps import Deps

LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far today's runs are: what still waits to be requested, and what became of what was."""

    waiting: int
    settled: int
    failed: int
    open: int

    @property
    def done(self) -> int:
        """How many have their outcome."""
        return self.settled + self.failed

    @property
    def total(self) -> int:
        """How many there are in all."""
        return self.waiting + self.done + self.open


def run_collection(
    deps: Deps, tell: Callable[[RunProgress], None], *, patience_seconds: float
) -> RunProgress:
    """Request and send everything that is due, then wait for the bank's answers while it gives any.

    Begun again after a crash it goes on with the same runs. Stops when all is answered, when nothing can be sent at
    this hour, or when the bank said nothing new for `patience_seconds`.
    """
    seen, looked_at = look(deps), deps.clock.now()
    quiet_since = looked_at
    tell(seen)
    while True:
        busy = sum(request_due(deps, merchant_id) for merchant_id in _collecting(deps)) + ask_bank(deps)
        # Counting reads the whole run, so that it is not done after each part of it.
        if busy and deps.clock.now() - looked_at < timedelta(seconds=LOOK_AGAIN_SECONDS):
            continue
        now_seen, looked_at = look(deps), deps.clock.now()
        if now_seen != seen:
            seen, quiet_since = now_seen, looked_at
            tell(seen)
        if busy:
            continue
        if not seen.open or deps.clock.now() - quiet_since >= timedelta(seconds=patience_seconds):
            return seen
        deps.clock.sleep(LOOK_AGAIN_SECONDS)


def look(deps: Deps) -> RunProgress:
    """Return how far the runs of every merchant's today are."""
    with deps.storage.reading() as uow:
        waiting, runs = 0, list[BatchProgress]()
        for merchant in uow.merchants.all():
            today = deps.today(uow, merchant)
            waiting += uow.loans.count_to_collect(merchant.id, today)
            runs += uow.batches.of_day(merchant.id, today)
    return RunProgress(
        waiting,
        sum(run.settled for run in runs),
        sum(run.failed for run in runs),
        sum(run.open for run in runs),
    )


def _collecting(deps: Deps) -> list[str]:
    with deps.storage.reading() as uow:
        return [day.merchant.id for day in uow.days.collecting(deps.clock.now())]
