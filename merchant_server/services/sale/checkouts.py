"""What a merchant does with checkouts: create, look up, cancel."""

from collections.abc import Mapping
from typing import Any

from fenqi.finance.lines import Line
from fenqi.finance.money import Money

from merchant_server.domain.checkout import Checkout, CheckoutStatus, expiry
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.merchant import Caller, Merchant
from merchant_server.domain.order_lines import order_lines
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout, publish_checkout
from merchant_server.services.sale.claims import offers_for

LANGUAGE_DEFAULT = "zh-CN"


def create_checkout(uow: UnitOfWork, deps: Deps, caller: Caller, draft: Mapping[str, Any]) -> Checkout:
    """Store a new checkout from a loaded CheckoutDraftSchema. Raises RuleRefused."""
    merchant = merchant_of(uow, caller.merchant_id)
    now = deps.clock.now()
    plan_ids = _plans_that_fit(uow, deps, merchant, caller.mode, draft)
    till_id = _till_of(caller, draft)
    store_id = _place(uow, merchant, draft["store_id"], till_id)
    checkout = Checkout(
        id=deps.ids.new("chk"),
        merchant_id=merchant.id,
        mode=caller.mode,
        status=CheckoutStatus.CREATED,
        version=1,
        amount=draft["amount"],
        reference=draft["reference"],
        description=draft["description"],
        return_url=draft["return_url"],
        plan_ids=plan_ids,
        store_id=store_id,
        till_id=till_id,
        capture_method=draft["capture"],
        language=draft["language"] or LANGUAGE_DEFAULT,
        token=deps.ids.token(16),
        created_at=now,
        expires_at=expiry(now, draft["expires_in_seconds"]),
        voided=Money(0, merchant.currency),
        captured=Money(0, draft["amount"].currency),
        metadata=dict(draft["metadata"]),
        lines=order_lines([Line(**each) for each in draft.get("lines") or ()], draft["amount"]),
    )
    uow.checkouts.add(checkout)
    publish_checkout(uow, deps, checkout)
    return checkout


def _plans_that_fit(
    uow: UnitOfWork, deps: Deps, merchant: Merchant, mode: str, draft: Mapping[str, Any]
) -> tuple[str, ...]:
    plans = {plan.id: plan for plan in uow.merchants.plans(merchant.id, mode)}
    wanted = draft["plan_ids"] or list(plans)
    for plan_id in wanted:
        if plan_id not in plans:
            raise RuleRefused(
                f"there is no plan {plan_id!r}",
                code="field_invalid",
                field="plan_ids",
                hint="GET /v1/plans lists your plans",
            )
    if draft["amount"].currency != merchant.currency:
        raise RuleRefused(
            f"this merchant sells in {merchant.currency}",
            code="currency_not_supported",
            field="amount.currency",
            hint=f"send an amount in {merchant.currency}",
        )
    # Exactly what a phone would be offered, so that no code leads to an empty page.
    today = deps.today(uow, merchant)
    offers = offers_for(deps, draft["amount"], [plans[plan_id] for plan_id in wanted], today)
    offered = {offer.plan.id for offer in offers}
    fitting = tuple(plan_id for plan_id in wanted if plan_id in offered)
    if not fitting:
        raise RuleRefused(
            "no plan takes this amount",
            code="no_plan_fits",
            field="amount.minor",
            hint="look at the bounds, the length and the yearly cost of your plans, or add a plan",
        )
    return fitting


def _till_of(caller: Caller, draft: Mapping[str, Any]) -> str | None:
    """Return the till that sells: a till's own key sells at that till and at no other."""
    wanted: str | None = draft["till_id"]
    if caller.till_id is not None and wanted not in (None, caller.till_id):
        raise RuleRefused(
            "this key sells at its own till only",
            code="till_unknown",
            field="till_id",
            hint="leave till_id out",
        )
    return caller.till_id or wanted


def _place(uow: UnitOfWork, merchant: Merchant, store_id: str | None, till_id: str | None) -> str | None:
    """Return the store that sells. Raises RuleRefused for a till or store that is unknown or closed."""
    if store_id is None and till_id is None:
        return None
    open_stores = {store.id for store in uow.merchants.stores(merchant.id) if store.status == "open"}
    if till_id is not None:
        tills = {till.id: till for till in uow.merchants.tills(merchant.id) if till.status == "open"}
        if till_id not in tills or store_id not in (None, tills[till_id].store_id):
            raise RuleRefused(
                "there is no such open till in this store", code="till_unknown", field="till_id"
            )
        store_id = tills[till_id].store_id
    if store_id is not None and store_id not in open_stores:
        raise RuleRefused("there is no such open store", code="store_unknown", field="store_id")
    return store_id


def find_checkout(uow: UnitOfWork, caller: Caller, checkout_id: str) -> Checkout:
    """Return the caller's checkout, or raise NotFound; another merchant's is not found either."""
    checkout = uow.checkouts.get(checkout_id)
    if (
        checkout is None
        or (checkout.merchant_id, checkout.mode) != (caller.merchant_id, caller.mode)
        or caller.till_id not in (None, checkout.till_id)
    ):
        raise NotFound("there is no such checkout", hint="check the id, and that the key is of the same mode")
    return checkout


def cancel_checkout(
    uow: UnitOfWork, deps: Deps, caller: Caller, checkout_id: str, *, confirmed: bool = True
) -> Checkout:
    """End a checkout that is not signed. Cancelling it again changes nothing.

    Raises RuleRefused (cancel_needs_confirm) when a phone has opened it and nobody confirmed.
    """
    checkout = find_checkout(uow, caller, checkout_id)
    if checkout.status == CheckoutStatus.CANCELLED:
        return checkout
    if checkout.in_a_hand and not confirmed:
        raise RuleRefused(
            "a customer's phone has opened this checkout",
            code="cancel_needs_confirm",
            field="confirm",
            hint="ask the cashier, then send confirm: true",
            status=checkout.status.value,
        )
    return move_checkout(uow, deps, checkout.to(CheckoutStatus.CANCELLED), checkout)
