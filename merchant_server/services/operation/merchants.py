"""Setting up who sells: merchants, stores, tills, keys, plans and webhook endpoints."""

import base64
import secrets
from dataclasses import dataclass
from typing import Any

from fenqi.finance.plan import Plan

from merchant_server.domain.errors import NotFound, RuleRefused, TransitionConflict, Unauthenticated
from merchant_server.domain.merchant import (
    KEY_PREFIXES,
    SCOPES,
    ApiKey,
    Caller,
    Merchant,
    Store,
    Till,
    checked_place,
    key_hash,
)
from merchant_server.domain.penalty import highest_rate
from merchant_server.ports import Endpoint, UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.sale.disclosing import required_pack

ENDPOINTS_MAX = 10


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at birth: the only moment its secret is known."""

    key: ApiKey
    secret: str


def create_merchant(
    deps: Deps,
    *,
    name: str,
    legal_name: str,
    category: str,
    currency: str,
    time_zone: str,
    fee_bps: int,
    place: str | None = None,
) -> Merchant:
    """Store a new merchant. `place` is where it sells; by default the country of its currency."""
    merchant = Merchant(
        id=deps.ids.new("mer"),
        name=name,
        legal_name=legal_name,
        category=category,
        currency=currency,
        time_zone=time_zone,
        fee_bps=fee_bps,
        created_at=deps.clock.now(),
        place=checked_place(place, currency),
    )
    with deps.storage.unit_of_work() as uow:
        uow.merchants.add(merchant)
    return merchant


def create_store(deps: Deps, merchant_id: str, name: str) -> Store:
    """Store a new store of a merchant."""
    store = Store(deps.ids.new("sto"), merchant_id, name)
    with deps.storage.unit_of_work() as uow:
        uow.merchants.add_store(store)
    return store


def create_till(deps: Deps, merchant_id: str, store_id: str, name: str) -> Till:
    """Store a new till of a store."""
    till = Till(deps.ids.new("til"), merchant_id, store_id, name)
    with deps.storage.unit_of_work() as uow:
        uow.merchants.add_till(till)
    return till


def create_key(deps: Deps, merchant_id: str, mode: str = "test", scopes: tuple[str, ...] = SCOPES) -> NewKey:
    """Make a secret key; only its hash is kept. Raises RuleRefused for live keys while providers are sandboxes."""
    if mode != "test":
        raise RuleRefused(
            "this installation has sandbox providers only, so it has no live mode",
            code="live_unavailable",
            hint="configure real providers before making live keys",
        )
    secret = KEY_PREFIXES["secret", mode] + deps.ids.token(32)
    key = ApiKey(deps.ids.new("key"), merchant_id, mode, scopes, secret[-4:], deps.clock.now())
    with deps.storage.unit_of_work() as uow:
        uow.merchants.add_key(key, key_hash(secret))
        uow.audit.add(
            deps.ids.new("aud"),
            at=deps.clock.now(),
            actor="operator",
            action="key.created",
            subject=key.id,
            merchant_id=merchant_id,
        )
    return NewKey(key, secret)


def authenticate(deps: Deps, secret: str) -> Caller:
    """Return who holds this key. Raises Unauthenticated (key_invalid, key_revoked)."""
    with deps.storage.reading() as uow:
        key = uow.merchants.key_by_hash(key_hash(secret))
    if key is None:
        raise Unauthenticated(
            "this key is not known here",
            code="key_invalid",
            hint="check the key, and that it is of this installation",
        )
    if key.revoked_at is not None:
        raise Unauthenticated(
            f"the key that ends in {key.hint} was revoked", code="key_revoked", hint="use its successor"
        )
    return Caller(key.merchant_id, key.mode, key.id, key.scopes)


def revoke_key(deps: Deps, key_id: str) -> None:
    """End a key at once, on every process. Raises NotFound."""
    with deps.storage.unit_of_work() as uow:
        if not uow.merchants.revoke_key(key_id, deps.clock.now()):
            raise NotFound("there is no such live key", key_id=key_id)
        uow.audit.add(
            deps.ids.new("aud"), at=deps.clock.now(), actor="operator", action="key.revoked", subject=key_id
        )


def put_plan(uow: UnitOfWork, deps: Deps, caller: Caller, plan: Plan) -> Plan:
    """Store a plan, once: the same plan again changes nothing, other terms need another id.

    Raises RuleRefused for terms that this installation cannot service yet and for another disclosure than the
    merchant's place asks for, TransitionConflict for a taken id.
    """
    known = {each.id: each for each in uow.merchants.plans(caller.merchant_id, caller.mode)}
    if plan.id in known:
        if known[plan.id] == plan:
            return plan
        raise TransitionConflict(
            f"there is a plan {plan.id!r} with other terms",
            field="id",
            hint="agreements name plans by id, so give the new terms a new id",
        )
    for term in ("down_payment_rate", "up_front_fee_rate"):
        if getattr(plan, term):
            raise RuleRefused(
                f"this installation does not collect money at the sale, so {term} must be 0",
                code="plan_term_unsupported",
                field=term,
                hint="take the down payment at the till and finance the rest",
            )
    most = highest_rate(plan, deps.rate_cap)
    if plan.penalty_annual_rate > most:
        raise RuleRefused(
            f"a penalty of {plan.penalty_annual_rate} a year is more than the {most} that is allowed",
            code="penalty_over_cap",
            field="penalty_annual_rate",
            hint=f"at most {most}",
            most=str(most),
        )
    required_pack(merchant_of(uow, caller.merchant_id), plan)
    uow.merchants.add_plan(caller.merchant_id, caller.mode, plan, deps.clock.now())
    return plan


def create_endpoint(uow: UnitOfWork, deps: Deps, caller: Caller, draft: dict[str, Any]) -> Endpoint:
    """Store a webhook endpoint with a fresh secret (Standard Webhooks, 32 random bytes)."""
    existing = uow.endpoints.of_merchant(caller.merchant_id, caller.mode)
    if len(existing) >= ENDPOINTS_MAX:
        raise RuleRefused(
            f"a merchant has at most {ENDPOINTS_MAX} endpoints",
            code="too_many_endpoints",
            hint="delete one first",
        )
    endpoint = Endpoint(
        id=deps.ids.new("whe"),
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        url=draft["url"],
        event_types=tuple(draft["events"]),
        secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        status="active",
        created_at=deps.clock.now(),
    )
    uow.endpoints.add(endpoint)
    return endpoint


def delete_endpoint(uow: UnitOfWork, caller: Caller, endpoint_id: str) -> None:
    """Delete an endpoint; what was queued for it is not sent. Raises NotFound."""
    endpoint = uow.endpoints.get(endpoint_id)
    if (
        endpoint is None
        or (endpoint.merchant_id, endpoint.mode) != (caller.merchant_id, caller.mode)
        or endpoint.status == "deleted"
    ):
        raise NotFound("there is no such endpoint")
    uow.endpoints.set_status(endpoint_id, "deleted")


def currency_of_till(deps: Deps, till_id: str) -> str:
    """Return the currency of the merchant whose till this is. Raises NotFound."""
    with deps.storage.reading() as uow:
        for merchant in uow.merchants.all():
            if till_id in {till.id for till in uow.merchants.tills(merchant.id)}:
                return merchant.currency
    raise NotFound("there is no such till", till_id=till_id)
