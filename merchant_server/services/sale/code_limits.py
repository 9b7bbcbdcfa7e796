"""The budget of text messages: each code is counted by number, person and network, and in the installation's hour."""

from datetime import timedelta

from merchant_server.domain.address import address_prefix
from merchant_server.domain.code_limits import (
    LONGEST_SECONDS,
    hour_of,
    refuse_over_budget,
    refuse_too_many,
)
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps


def spend_code(
    uow: UnitOfWork,
    deps: Deps,
    purpose: str,
    phone_index: str,
    *,
    consumer_id: str | None = None,
    address: str | None = None,
) -> None:
    """Count one code in the caller's transaction. Raises RuleRefused (code_rate_limited, codes_paused) with the wait.

    A number's codes are counted by purpose, so that asking to sign in does not use up those for a purchase.
    """
    now = deps.clock.now()
    prefix = address_prefix(address)
    address_index = uow.code_sends.address_index(prefix) if prefix else None
    uow.code_sends.hold(phone_index, consumer_id, address_index)
    since = now - timedelta(seconds=LONGEST_SECONDS)
    refuse_too_many("number", uow.code_sends.times("number", phone_index, since, purpose), now)
    if consumer_id is not None:
        refuse_too_many("person", uow.code_sends.times("person", consumer_id, since), now)
    if address_index is not None:
        refuse_too_many("address", uow.code_sends.times("address", address_index, since), now)
    hour = hour_of(now)
    sent = uow.code_sends.count_hour(hour)
    refuse_over_budget(sent, deps.codes_per_hour, now)
    uow.code_sends.add(
        deps.ids.new("snd"),
        purpose=purpose,
        phone_index=phone_index,
        consumer_id=consumer_id,
        address_index=address_index,
        at=now,
    )
    if sent == deps.codes_per_hour and uow.code_sends.open_breaker(hour, now):
        uow.audit.add(
            deps.ids.new("aud"),
            at=now,
            actor="limits",
            action="codes.paused",
            subject=hour,
            detail={"sent": sent},
        )
