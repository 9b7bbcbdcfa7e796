"""Events out: each endpoint's due deliveries are claimed, pushed, and marked; a bad receiver hurts nobody else.

A healthy endpoint is served in batches that grow. While one is pushed, the one before it is marked and the one after it
claimed in one commit, so that a receiver that answers well never waits for a disk; whoever fails falls back to one try
at a time.
"""

import secrets
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import timedelta

from merchant_server.domain.event import next_try
from merchant_server.ports import Delivery, Endpoint, Sent, Tried
from merchant_server.services.deps import Deps
from merchant_server.services.operation.webhooks import disable_gone

# Claimed at once for an endpoint that answers well. A worker that dies may have sent two batches that are not marked.
BATCH_MAX = 50
GROWTH = 5
# Threads that endpoints which failed last time may hold together.
SUSPECTS_MAX = 6
# Pushes to one endpoint in one go; then the others that wait for a thread have their turn.
TURN = 500
# A batch ends after so long, whatever is left of it: with the slowest allowed answer on top it is within the lease.
BATCH_SECONDS = 8.0
# A batch that was claimed ahead is pushed only when the one before it took no longer than this.
AHEAD_SECONDS = 5.0
# Longer than waiting ahead and a batch can take together, so that nothing is claimed twice while it is pushed; what a
# worker that died had claimed waits no longer than this.
LEASE_SECONDS = 30
GONE = 410


class Courier:
    """Serves each endpoint in a thread of its own, without waiting for one that is still being served.

    Endpoints that failed last time are suspects: together they get few of the threads, so that many receivers that
    hang do not stand in the way of those that answer.
    """

    def __init__(self, deps: Deps, pool: ThreadPoolExecutor) -> None:
        self._deps, self._pool = deps, pool
        self._under_way: dict[str, Future[_Turn]] = {}
        self._suspects: set[str] = set()

    def push_due(self) -> int:
        """Begin with every endpoint that has something due and is not being served; return what ended since."""
        ended = self._ended()
        with self._deps.storage.reading() as uow:
            due = uow.deliveries.due_endpoints(self._deps.clock.now())
        for endpoint_id in due:
            if endpoint_id not in self._under_way and self._has_place(endpoint_id):
                self._under_way[endpoint_id] = self._pool.submit(_serve, self._deps, self._pool, endpoint_id)
        return ended

    def _has_place(self, endpoint_id: str) -> bool:
        return endpoint_id not in self._suspects or len(self._suspects & set(self._under_way)) < SUSPECTS_MAX

    def finish(self) -> int:
        """Wait for everything that was begun; return how many were tried."""
        wait(self._under_way.values())
        return self._ended()

    def _ended(self) -> int:
        ended = [each for each in self._under_way.items() if each[1].done()]
        for endpoint_id, _ in ended:
            del self._under_way[endpoint_id]
        tried = 0
        for endpoint_id, future in ended:
            turn = future.result()
            tried += turn.tried
            if turn.well:
                self._suspects.discard(endpoint_id)
            else:
                self._suspects.add(endpoint_id)
        return tried


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one turn of an endpoint came to: how many were tried, and whether the last one was answered well."""

    tried: int
    well: bool


@dataclass(frozen=True, slots=True)
class _Claim:
    """What was claimed for an endpoint, as it was at that moment."""

    endpoint: Endpoint
    deliveries: Sequence[Delivery]


@dataclass(frozen=True, slots=True)
class _Batch:
    """What became of one claim. `gone` says that the receiver wants nothing any more."""

    tries: Sequence[Tried]
    untried: Sequence[Delivery]
    seconds: float
    gone: bool = False

    @property
    def well(self) -> bool:
        return not self.gone and not self.untried and all(tried.delivered for tried in self.tries)


def _serve(deps: Deps, pool: ThreadPoolExecutor, endpoint_id: str) -> _Turn:
    """Push batch after batch, until nothing is due, one fails, or others must have their turn."""
    size, tried, well = 1, 0, True
    unmarked: list[_Batch] = []
    claim = _settle(deps, endpoint_id, [], size)
    while claim.deliveries:
        size = min(size * GROWTH, BATCH_MAX)
        ahead = None
        if tried and tried + len(claim.deliveries) < TURN:
            ahead = pool.submit(_settle, deps, endpoint_id, unmarked, size)
        batch = _push(deps, claim)
        tried, well = tried + len(batch.tries), batch.well
        # Cancelled is what found no thread while the batch was pushed; then it is done here and now.
        if ahead is not None and not ahead.cancel():
            following, unmarked = ahead.result(), []
            if well and batch.seconds <= AHEAD_SECONDS:
                claim, unmarked = following, [batch]
                continue
            batch = replace(batch, untried=(*batch.untried, *following.deliveries))
        claim = _settle(deps, endpoint_id, [*unmarked, batch], size if well and tried < TURN else 0)
        unmarked = []
    if unmarked:
        _settle(deps, endpoint_id, unmarked, 0)
    return _Turn(tried, well)


def _settle(deps: Deps, endpoint_id: str, done: Sequence[_Batch], size: int) -> _Claim:
    """Mark what was done and claim up to `size` more, in one commit."""
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        for batch in done:
            uow.deliveries.record(batch.tries)
            uow.deliveries.release(batch.untried, now)
            if batch.gone:
                disable_gone(uow, deps, endpoint_id)
        endpoint = uow.endpoints.get(endpoint_id)
        assert endpoint is not None
        until = now + timedelta(seconds=LEASE_SECONDS)
        claimed = uow.deliveries.claim(endpoint_id, now, until, size) if size else []
    return _Claim(endpoint, claimed)


def _push(deps: Deps, claim: _Claim) -> _Batch:
    """Push one after the other; stop at the first that fails, and when the batch has taken long enough."""
    tries: list[Tried] = []
    seconds = 0.0
    for position, delivery in enumerate(claim.deliveries):
        now = deps.clock.now()
        sent = deps.sender.send(
            url=claim.endpoint.url,
            secret=claim.endpoint.signing_secrets(now),
            message_id=delivery.event_id,
            timestamp=now,
            body=delivery.body.encode(),
        )
        seconds += sent.seconds
        tries.append(_tried(deps, delivery, sent))
        if sent.status == GONE or not tries[-1].delivered or seconds > BATCH_SECONDS:
            return _Batch(tries, claim.deliveries[position + 1 :], seconds, gone=sent.status == GONE)
    return _Batch(tries, [], seconds)


def _tried(deps: Deps, delivery: Delivery, sent: Sent) -> Tried:
    now = deps.clock.now()
    delivered = 200 <= sent.status < 300
    again_at = None
    if not delivered and sent.status != GONE:
        again_at = next_try(delivery.attempts, now, _jitter(), sent.retry_after_seconds)
    return Tried(
        delivery_id=delivery.id,
        attempt=delivery.attempts,
        at=now,
        took_ms=round(sent.seconds * 1000),
        status=sent.status,
        reason="" if delivered else (sent.reason or f"HTTP {sent.status}")[:200],
        delivered=delivered,
        again_at=again_at,
    )


def _jitter() -> float:
    return secrets.randbelow(1000) / 1000
