"""Prices for a shop's own pages: what an amount would cost under the merchant's plans today. Stores nothing."""

from collections.abc import Sequence

from fenqi.finance.money import Money
from fenqi.offers import Offer

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.merchant import Caller
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.sale.claims import offers_for


def priced_offers(
    deps: Deps, caller: Caller, amount_minor: int, currency: str, plan_ids: Sequence[str] | None
) -> tuple[Offer, ...]:
    """Return the offers for an amount in minor units, exactly as a phone would be shown them.

    Raises RuleRefused for a currency that the merchant does not sell in, and for an unknown plan.
    """
    with deps.storage.reading() as uow:
        merchant = merchant_of(uow, caller.merchant_id)
        plans = {plan.id: plan for plan in uow.merchants.plans(merchant.id, caller.mode)}
        today = deps.today(uow, merchant)
    if currency != merchant.currency:
        raise RuleRefused(
            f"this merchant sells in {merchant.currency}",
            code="currency_not_supported",
            field="currency",
            hint=f"send an amount in {merchant.currency}",
        )
    for plan_id in plan_ids or ():
        if plan_id not in plans:
            raise RuleRefused(
                "there is no such plan",
                code="field_invalid",
                field="plan_ids",
                hint="GET /v1/plans lists your plans",
            )
    wanted = [plans[plan_id] for plan_id in plan_ids] if plan_ids else list(plans.values())
    return offers_for(deps, Money(amount_minor, currency), wanted, today)
