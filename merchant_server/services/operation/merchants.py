"""Setting up who sells: merchants and plans, and by which keys; places, keys and webhooks have rooms of their own."""

from fenqi.finance.plan import Plan

from merchant_server.domain.errors import NotFound, RuleRefused, TransitionConflict
from merchant_server.domain.merchant import Caller, Merchant, checked_place
from merchant_server.domain.penalty import highest_rate
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.operation.api_keys import NewKey, authenticate, create_key, revoke_key
from merchant_server.services.operation.places import create_store, create_till
from merchant_server.services.sale.disclosing import required_pack

__all__ = [
    "NewKey",
    "authenticate",
    "create_key",
    "create_merchant",
    "create_store",
    "create_till",
    "currency_of_till",
    "put_plan",
    "revoke_key",
]


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


def currency_of_till(deps: Deps, till_id: str) -> str:
    """Return the currency of the merchant whose till this is. Raises NotFound."""
    with deps.storage.reading() as uow:
        for merchant in uow.merchants.all():
            if till_id in {till.id for till in uow.merchants.tills(merchant.id)}:
                return merchant.currency
    raise NotFound("there is no such till", till_id=till_id)
