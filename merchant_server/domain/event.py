"""An event: a fact that happened to one aggregate, numbered without gaps per aggregate and per merchant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from merchant_server.domain.machine import Machine

# Seconds before each further try, of the Standard Webhooks specification: about 75 hours in all.
RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)


@dataclass(frozen=True, slots=True)
class Fact:
    """What a service says happened; storage gives it its place in the merchant's sequence.

    `data` is the aggregate's public resource, without personal data; `request_id` the request that caused it, if one
    did.
    """

    id: str
    merchant_id: str
    mode: str
    type: str
    aggregate_type: str
    aggregate_id: str
    aggregate_sequence: int
    created_at: datetime
    data: dict[str, Any]
    request_id: str | None = None


class DeliveryStatus(StrEnum):
    """Where the push of one event to one endpoint stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


DELIVERY_MACHINE = Machine(
    "delivery",
    DeliveryStatus.PENDING,
    {
        DeliveryStatus.PENDING: (DeliveryStatus.DELIVERED, DeliveryStatus.DEAD),
        DeliveryStatus.DELIVERED: (DeliveryStatus.PENDING,),
        DeliveryStatus.DEAD: (DeliveryStatus.PENDING,),
    },
)


def next_try(
    attempts_made: int, now: datetime, jitter: float, retry_after_seconds: int | None
) -> datetime | None:
    """Return when to try again after `attempts_made` tries, or None when the delivery is dead.

    `jitter` is between 0 and 1 and adds up to a fifth, so that receivers are not hit in step.
    """
    if attempts_made > len(RETRY_SECONDS):
        return None
    wait = RETRY_SECONDS[attempts_made - 1]
    wait = max(wait, min(retry_after_seconds or 0, 86_400))
    return now + timedelta(seconds=wait + int(wait * jitter) // 5)
