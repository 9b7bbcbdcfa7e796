"""Events out: each endpoint's due deliveries are claimed, pushed, and marked; a bad receiver hurts nobody else."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from merchant_server.domain.event import next_try
from merchant_server.ports import Delivery, Endpoint, Sent
from merchant_server.services.deps import Deps

BATCH = 20
# Longer than a batch of the slowest allowed answers, so that no delivery is claimed twice while it is pushed.
LEASE_SECONDS = 600
GONE = 410


def deliver_due(deps: Deps, pool: ThreadPoolExecutor) -> int:
    """Push what is due to every endpoint, side by side; return how many were tried."""
    with deps.storage.reading() as uow:
        endpoints = uow.deliveries.due_endpoints(deps.clock.now())
    return sum(pool.map(lambda endpoint_id: _serve(deps, endpoint_id), endpoints))


def _serve(deps: Deps, endpoint_id: str) -> int:
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        endpoint = uow.endpoints.get(endpoint_id)
        claimed = uow.deliveries.claim(endpoint_id, now, now + timedelta(seconds=LEASE_SECONDS), BATCH)
    assert endpoint is not None
    for delivery in claimed:
        _push(deps, endpoint, delivery)
    return len(claimed)


def _push(deps: Deps, endpoint: Endpoint, delivery: Delivery) -> None:
    sent = deps.sender.send(
        url=endpoint.url,
        secret=endpoint.secret,
        message_id=delivery.event_id,
        timestamp=deps.clock.now(),
        body=delivery.body.encode(),
    )
    with deps.storage.unit_of_work() as uow:
        if 200 <= sent.status < 300:
            uow.deliveries.delivered(delivery.id, deps.clock.now(), sent.status)
        elif sent.status == GONE:
            uow.endpoints.set_status(endpoint.id, "disabled")
        else:
            again_at = next_try(delivery.attempts, deps.clock.now(), _jitter(), sent.retry_after_seconds)
            uow.deliveries.failed(delivery.id, sent.status, _reason(sent), again_at)


def _reason(sent: Sent) -> str:
    return (sent.reason or f"HTTP {sent.status}")[:200]


def _jitter() -> float:
    return secrets.randbelow(1000) / 1000
