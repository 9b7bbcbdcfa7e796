"""What a refused customer may ask the shop for instead: less, longer, or more paid on collection.

fenqi sends the customer back to the return page with the wish in its query, which anybody can type. So it is held
against the shop's own order and plans, and a new checkout is made, which is decided anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fenqi import Money

from demo_store.orders import Order, OrderDraft, OrderLine, OrderStatus
from demo_store.wiring import Shop

KINDS: Final = ("smaller_amount", "longer_term", "bigger_down_payment")
NAMES: Final = ("fenqi_counter_offer", "fenqi_amount_minor", "fenqi_plan_id")


@dataclass(frozen=True, slots=True)
class Wish:
    """The order in other terms: `amount` in installments under `plan_id`, and `rest` when the goods are collected."""

    kind: str
    amount: Money
    rest: Money
    plan_id: str
    installments: int


def read_wish(parts: Shop, order: Order, named: Mapping[str, str]) -> Wish | None:
    """Return the wish that a query or a form names, or None for one that this shop would not agree to."""
    kind, minor = named.get("fenqi_counter_offer", ""), named.get("fenqi_amount_minor", "")
    if order.status is not OrderStatus.REFUSED or kind not in KINDS:
        return None
    if not (minor.isascii() and minor.isdigit() and len(minor) <= 15):
        return None
    amount = Money(int(minor), order.amount.currency)
    if not 0 < amount.minor <= order.amount.minor:
        return None
    offers = {offer.plan.id: offer for offer in parts.plans.offers(amount)}
    offer = offers.get(named.get("fenqi_plan_id", ""))
    if offer is None:
        return None
    return Wish(kind, amount, order.amount - amount, offer.plan.id, offer.plan.installments)


def named_in(query: Mapping[str, str]) -> dict[str, str]:
    """Return what of a query names a wish, for the addresses by which its page looks again."""
    return {name: query[name] for name in NAMES if name in query}


def draft_of(order: Order, lines: list[OrderLine], wish: Wish) -> OrderDraft:
    """Return the order anew in the wished terms: the same goods, another amount in installments."""
    return OrderDraft(
        order.channel,
        wish.amount,
        description=order.description,
        plan_ids=(wish.plan_id,),
        lines=tuple(lines),
    )


def to_collect(order: Order, lines: list[OrderLine]) -> Money:
    """Return what is paid when the goods are collected: their price less what is in installments."""
    goods = sum((line.unit_price * line.quantity for line in lines), Money(0, order.amount.currency))
    return Money(max(goods.minor - order.amount.minor, 0), order.amount.currency)
