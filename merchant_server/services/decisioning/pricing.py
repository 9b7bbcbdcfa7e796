"""Plans at a person's price: what a grade takes off, which plans its conditions allow, and the nearest yes."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from fenqi.finance.currencies import exponent_of
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.offers import Offer

from merchant_server.domain.decision import CounterOffer, Decision, Features, Outcome, Price
from merchant_server.ports import CreditPolicy
from merchant_server.services.decisioning.live import answer
from merchant_server.services.deps import Deps
from merchant_server.services.sale.claims import offers_for

MONTH_DAYS = 28
"""Two monthly installments are never due within 28 days; four weekly ones are."""
DOWN_PAYMENT_PERCENTS = (10, 20, 30, 40, 50)
PROBES_MAX = 12
AMOUNT_REASONS = ("amount_over_limit", "not_affordable", "price_over_cap")


def discounted(annual_rate: Decimal, rate_discount: Decimal) -> Decimal:
    """Return a plan's rate at a grade's price: never above what was advertised, never below zero."""
    return max(annual_rate - rate_discount, Decimal(0))


def month_burden(offer: Offer) -> int:
    """Return the most that falls due within a month under an offer, in minor units."""
    rows = [(row.due_on, row.total.minor) for row in offer.schedule.installments]
    window = timedelta(days=MONTH_DAYS)
    sums, start, running = [], 0, 0
    for due_on, total in rows:
        running += total
        while due_on - rows[start][0] >= window:
            running -= rows[start][1]
            start += 1
        sums.append(running)
    return max(sums, default=0)


def cost_bps(offer: Offer) -> int:
    """Return an offer's yearly all-in cost in basis points, rounded up: a cap is never passed by rounding."""
    return int((offer.annual_cost * 10_000).to_integral_value(ROUND_CEILING))


def gentlest(offers: Iterable[Offer]) -> Offer | None:
    """Return the offer that asks least a month, and of those the cheapest, or None without offers."""
    return min(offers, key=lambda offer: (month_burden(offer), offer.annual_cost), default=None)


def priced_offers(
    deps: Deps, decision: Decision, amount: Money, plans: Iterable[Plan], today: date
) -> tuple[Offer, ...]:
    """Return the plans that a decision's conditions allow, at its price, cheapest a year first.

    The order is by yearly all-in cost and then by length, and by nothing that a merchant could pay for.
    """
    cheaper = [
        plan.priced(annual_rate=discounted(plan.annual_rate, decision.rate_discount)) for plan in plans
    ]
    return tuple(offer for offer in offers_for(deps, amount, cheaper, today) if allows(decision, offer))


def allows(decision: Decision, offer: Offer) -> bool:
    """Say whether an offer is within a decision's price cap and monthly bound."""
    bound = decision.installment_max_minor
    return cost_bps(offer) <= decision.rate_cap_bps and (bound is None or month_burden(offer) <= bound)


def prices(offers: Iterable[Offer]) -> tuple[Price, ...]:
    """Return what is kept of the offers that a yes came with."""
    return tuple(Price(offer.plan.id, offer.plan.annual_rate, offer.annual_cost) for offer in offers)


class CounterOffers:
    """The search for the nearest yes to a refusal that was about the amount: each find is a yes of the policy."""

    def __init__(
        self, deps: Deps, policy: CreditPolicy, features: Features, plans: Iterable[Plan], today: date
    ) -> None:
        self._deps, self._policy, self._features, self._today = deps, policy, features, today
        self._plans = tuple(plans)
        self._whole = 10 ** exponent_of(features.currency)

    def search(self, decision: Decision, plan_ids: tuple[str, ...]) -> tuple[CounterOffer, ...]:
        """Return a smaller amount, another plan and a bigger down payment, those that exist.

        `plan_ids` are the plans that were refused; a longer term is looked for among the merchant's others.
        """
        if decision.outcome != Outcome.DECLINE or decision.reasons[0] not in AMOUNT_REASONS:
            return ()
        refused = [plan for plan in self._plans if plan.id in plan_ids]
        others = sorted(
            (plan for plan in self._plans if plan.id not in plan_ids), key=lambda plan: plan.installments
        )
        found = [self._smaller(decision, refused), self._longer(others), self._bigger_down_payment(refused)]
        return tuple(offer for offer in found if offer is not None)

    def _smaller(self, decision: Decision, plans: list[Plan]) -> CounterOffer | None:
        amount, whole = self._features.amount_minor, self._whole
        low, high, best = 0, (amount - 1) // whole, None
        guess = (decision.counter_offer_minor or 0) // whole or high // 2
        for _ in range(PROBES_MAX):
            offer = self._probe("smaller_amount", guess * whole, 0, plans) if guess else None
            if offer is not None:
                low, best = guess, offer
                if guess == (decision.counter_offer_minor or 0) // whole:
                    break
            else:
                high = guess - 1
            if low >= high:
                break
            guess = (low + high + 1) // 2
        return best

    def _longer(self, plans: list[Plan]) -> CounterOffer | None:
        found = (self._probe("longer_term", self._features.amount_minor, 0, [plan]) for plan in plans)
        return next((offer for offer in found if offer is not None), None)

    def _bigger_down_payment(self, plans: list[Plan]) -> CounterOffer | None:
        amount = self._features.amount_minor
        for percent in DOWN_PAYMENT_PERCENTS:
            down = -(-amount * percent // (100 * self._whole)) * self._whole
            if down < amount and (offer := self._probe("bigger_down_payment", amount - down, down, plans)):
                return offer
        return None

    def _probe(self, kind: str, amount_minor: int, down_minor: int, plans: list[Plan]) -> CounterOffer | None:
        money = Money(amount_minor, self._features.currency)
        offer = gentlest(offers_for(self._deps, money, plans, self._today))
        if offer is None:
            return None
        changes = {
            "amount_minor": amount_minor,
            "down_payment_minor": down_minor,
            "installment_minor": month_burden(offer),
            "annual_cost_bps": cost_bps(offer),
        }
        if answer(self._policy, self._features.changed(changes)).outcome != Outcome.APPROVE:
            return None
        return CounterOffer(
            kind, amount_minor, down_minor, offer.plan.id, changes["installment_minor"], changes
        )
