"""What operators see of webhooks: where events go, how the last pushes went, and every try of each. Changes nothing.

An address is shown without its query, which may hold a shop's secret.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from merchant_server.domain.errors import NotFound
from merchant_server.ports import AttemptRecord, DeliveryRecord, Endpoint, UnitOfWork
from merchant_server.services.deps import Deps

ENDPOINTS_MAX = 200
DELIVERIES_MAX = 30
ATTEMPTS_MAX = 20


@dataclass(frozen=True, slots=True)
class EndpointSight:
    """Where events go, whose it is, and how the newest push went."""

    id: str
    merchant_name: str
    mode: str
    address: str
    status: str
    reason: str
    newest: DeliveryRecord | None


@dataclass(frozen=True, slots=True)
class DeliverySight:
    """One delivery with its tries, newest first."""

    record: DeliveryRecord
    attempts: tuple[AttemptRecord, ...]


def endpoints_seen(deps: Deps) -> list[EndpointSight]:
    """Return the newest endpoints of all merchants that are not deleted."""
    with deps.storage.reading() as uow:
        return [_sight(uow, each) for each in uow.endpoints.newest(ENDPOINTS_MAX)]


def endpoint_seen(deps: Deps, endpoint_id: str) -> tuple[EndpointSight, list[DeliverySight]]:
    """Return an endpoint and its newest deliveries with every try of them. Raises NotFound."""
    with deps.storage.reading() as uow:
        endpoint = uow.endpoints.get(endpoint_id)
        if endpoint is None or endpoint.status == "deleted":
            raise NotFound("there is no such endpoint")
        records = uow.deliveries.page(endpoint_id, before=None, limit=DELIVERIES_MAX, status=None)
        deliveries = [
            DeliverySight(each, tuple(uow.deliveries.attempts(each.id, before=None, limit=ATTEMPTS_MAX)))
            for each in records
        ]
        return _sight(uow, endpoint), deliveries


def _sight(uow: UnitOfWork, endpoint: Endpoint) -> EndpointSight:
    merchant = uow.merchants.get(endpoint.merchant_id)
    newest = uow.deliveries.page(endpoint.id, before=None, limit=1, status=None)
    parts = urlsplit(endpoint.url)
    return EndpointSight(
        id=endpoint.id,
        merchant_name=merchant.name if merchant else endpoint.merchant_id,
        mode=endpoint.mode,
        address=f"{parts.scheme}://{parts.netloc}{parts.path}",
        status=endpoint.status,
        reason=endpoint.reason,
        newest=newest[0] if newest else None,
    )
