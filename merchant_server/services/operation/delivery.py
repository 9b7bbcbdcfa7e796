"""Events out: each endpoint's due deliveries are claimed, pushed, and marked; a bad receiver hurts nobody else."""

import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from merchant_server.domain.event import next_try
from merchant_server.ports import Delivery, Endpoint, Sent, UnitOfWork
from merchant_server.services.deps import Deps

# Pushes to one endpoint in one go; then the others that wait for a thread have their turn.
BATCH = 50
# Longer than the slowest allowed answer, so that nothing is claimed twice while it is pushed; what a worker that
# died had claimed waits no longer than this.
LEASE_SECONDS = 30
GONE = 410


class Courier:
    """Serves each endpoint in a thread of its own, without waiting for one that is still being served."""

    def __init__(self, deps: Deps, pool: ThreadPoolExecutor) -> None:
        self._deps, self._pool = deps, pool
        self._under_way: dict[str, Future[int]] = {}

    def push_due(self) -> int:
        """Begin with every endpoint that has something due and is not being served; return what ended since."""
        ended = [each for each in self._under_way.items() if each[1].done()]
        for endpoint_id, _ in ended:
            del self._under_way[endpoint_id]
        with self._deps.storage.reading() as uow:
            due = uow.deliveries.due_endpoints(self._deps.clock.now())
        for endpoint_id in due:
            if endpoint_id not in self._under_way:
                self._under_way[endpoint_id] = self._pool.submit(_serve, self._deps, endpoint_id)
        return sum(future.result() for _, future in ended)


def deliver_due(deps: Deps, pool: ThreadPoolExecutor) -> int:
    """Push what is due to every endpoint, side by side, and wait for all; return how many were tried."""
    with deps.storage.reading() as uow:
        endpoints = uow.deliveries.due_endpoints(deps.clock.now())
    return sum(pool.map(lambda endpoint_id: _serve(deps, endpoint_id), endpoints))


def _serve(deps: Deps, endpoint_id: str) -> int:
    """Push one delivery after the other, until none is due or one fails; each mark claims the next in its commit."""
    with deps.storage.unit_of_work() as uow:
        endpoint = uow.endpoints.get(endpoint_id)
        assert endpoint is not None
        claimed = _claim(uow, deps, endpoint)
    tried = 0
    while claimed is not None:
        sent = deps.sender.send(
            url=endpoint.url,
            secret=endpoint.secret,
            message_id=claimed.event_id,
            timestamp=deps.clock.now(),
            body=claimed.body.encode(),
        )
        tried += 1
        with deps.storage.unit_of_work() as uow:
            taken = _mark(uow, deps, endpoint, claimed, sent)
            claimed = _claim(uow, deps, endpoint) if taken and tried < BATCH else None
    return tried


def _claim(uow: UnitOfWork, deps: Deps, endpoint: Endpoint) -> Delivery | None:
    now = deps.clock.now()
    claimed = uow.deliveries.claim(endpoint.id, now, now + timedelta(seconds=LEASE_SECONDS), 1)
    return claimed[0] if claimed else None


def _mark(uow: UnitOfWork, deps: Deps, endpoint: Endpoint, delivery: Delivery, sent: Sent) -> bool:
    now = deps.clock.now()
    if 200 <= sent.status < 300:
        uow.deliveries.delivered(delivery.id, now, sent.status)
        return True
    if sent.status == GONE:
        uow.endpoints.set_status(endpoint.id, "disabled")
    else:
        again_at = next_try(delivery.attempts, now, _jitter(), sent.retry_after_seconds)
        uow.deliveries.failed(delivery, sent.status, _reason(sent), again_at)
    return False


def _reason(sent: Sent) -> str:
    return (sent.reason or f"HTTP {sent.status}")[:200]


def _jitter() -> float:
    return secrets.randbelow(1000) / 1000
