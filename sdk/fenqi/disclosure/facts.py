"""The figures of an offer by the names that packs use, and the conditions under which a pack shows an item.

Every figure is the schedule's own; nothing is priced here.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from fenqi.disclosure.charges import LateTerms
from fenqi.disclosure.packs import Pack, words
from fenqi.disclosure.text import Figure, exact_percent_text, figure_text, payments_text, period_text
from fenqi.finance import apr
from fenqi.finance.cash_back import cash_back_of
from fenqi.finance.dates import add_months
from fenqi.finance.money import Money, money
from fenqi.offers import Offer


class Facts(NamedTuple):
    """Figures by name, the same as text, and the conditions that hold."""

    figures: dict[str, Figure]
    texts: dict[str, str]
    conditions: frozenset[str]


CONDITIONS = frozenset(
    {
        "always",
        "costs",
        "free",
        "has_down_payment",
        "has_interest",
        "has_fees",
        "has_prepaid_fee",
        "has_subsidy",
        "has_cash_back",
        "charges_penalty",
        "charges_late_fee",
        "no_lateness_charge",
        "charges_early_settlement",
        "no_early_settlement_charge",
        "deferred_payment",
        "regulated_credit",
        "costs_or_over_four",
    }
)


def facts_of(offer: Offer, pack: Pack, language: str, names: Mapping[str, str], late: LateTerms) -> Facts:
    """Return the facts of an offer as one pack and language tell them; `names` are parties by their role."""
    figures = _money(offer) | _others(offer, pack, language)
    figures |= {**names, "penalty_annual_rate": late.penalty_annual_rate}
    figures["late_fee"] = late.late_fee or money(0, offer.amount.currency)
    texts = {name: figure_text(figure, language) for name, figure in figures.items()}
    for name in (
        "annual_rate",
        "annual_rate_before_subsidy",
        "penalty_annual_rate",
        "early_settlement_fee_rate",
    ):
        rate = figures[name]
        if isinstance(rate, Decimal):
            texts[name] = exact_percent_text(rate)
    return Facts(figures, texts, frozenset(_conditions(offer, late)))


def _money(offer: Offer) -> dict[str, Figure]:
    schedule, totals, currency = offer.schedule, offer.schedule.rows.total, offer.amount.currency
    credit = schedule.amount - schedule.down_payment
    return {
        "amount": schedule.amount,
        "down_payment": schedule.down_payment,
        "principal": schedule.principal,
        "credit": credit,
        "amount_financed": credit - schedule.paid_fee,
        "paid_fee": schedule.paid_fee,
        "total_interest": schedule.total_interest,
        "total_fee": schedule.total_fee,
        "total_cost": schedule.total_cost,
        "total_payable": schedule.total_payable,
        "scheduled": money(sum(totals), currency),
        "repaid": schedule.total_payable - schedule.down_payment,
        "per_installment": offer.per_installment,
        "first_installment": money(totals[0], currency),
        "last_installment": money(totals[-1], currency),
        "cash_back": cash_back_of(schedule.plan, schedule.principal),
        "spared": sum(schedule.subsidies.values(), start=Money(0, currency)),
    }


def _others(offer: Offer, pack: Pack, language: str) -> dict[str, Figure]:
    schedule, plan = offer.schedule, offer.plan
    own = pack.id == plan.disclosure
    return {
        "annual_cost": offer.annual_cost if own else apr.of_schedule(schedule, pack.yearly_rate),
        "annual_rate": plan.annual_rate * (10000 - plan.subsidized_bps) / 10000,
        "annual_rate_before_subsidy": plan.annual_rate,
        "early_settlement_fee_rate": plan.early_settlement_fee_rate,
        "count": len(schedule.due_dates),
        "signed_on": schedule.on,
        "first_due_on": schedule.due_dates[0],
        "last_due_on": schedule.due_dates[-1],
        "period": period_text(plan.period, language),
        "payments": payments_text(schedule.rows.total, offer.amount.currency),
        "method": str(words(language)["methods"][plan.method]),
    }


def _conditions(offer: Offer, late: LateTerms) -> set[str]:
    schedule = offer.schedule
    free = not schedule.total_cost_minor
    count = len(schedule.due_dates)
    deferred = free and count <= 12 and schedule.due_dates[-1] <= add_months(schedule.on, 12)
    tested = {
        "always": True,
        "costs": not free,
        "free": free,
        "has_down_payment": bool(schedule.down_payment_minor),
        "has_interest": bool(schedule.total_interest_minor),
        "has_fees": bool(schedule.total_fee_minor),
        "has_prepaid_fee": bool(schedule.paid_fee_minor),
        "has_subsidy": bool(schedule.plan.subsidized_bps),
        "has_cash_back": bool(schedule.plan.cash_back_bps),
        "charges_penalty": bool(late.penalty_annual_rate),
        "charges_late_fee": late.late_fee is not None,
        "no_lateness_charge": not late.penalty_annual_rate and late.late_fee is None,
        "charges_early_settlement": bool(schedule.plan.early_settlement_fee_rate),
        "no_early_settlement_charge": not schedule.plan.early_settlement_fee_rate,
        "deferred_payment": deferred,
        "regulated_credit": not deferred,
        "costs_or_over_four": not free or count > 4,
    }
    return {name for name, holds in tested.items() if holds}
