"""An offer as a card: what each installment costs, in words. Every figure comes from the offer; none is made here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from fenqi.finance.money import Money
from fenqi.offers import Offer
from flask import render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from markupsafe import Markup

from merchant_server.domain.decision import CounterOffer
from merchant_server.web.language import money_text

_l = lazy_gettext
METHODS = {
    "equal_installments": _l("Equal installments"),
    "equal_principal": _l("Equal principal"),
    "flat_fee": _l("Equal principal with a flat fee"),
    "interest_only": _l("Interest first, principal at the end"),
    "bullet": _l("All at the end"),
}
PERIODS = {"month": _l("monthly"), "week": _l("weekly"), "half_month": _l("twice a month")}
BAR_UNITS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One installment as shown."""

    number: int
    due_on: date | str
    principal: Money
    interest: Money
    fee: Money
    total: Money


@dataclass(frozen=True, slots=True)
class Card:
    """One offer as shown. `bar_units` is the goods' share of all that is paid, of BAR_UNITS."""

    offer: Offer
    rows: tuple[Row, ...]
    headline: str
    exception: str
    rhythm: str
    method: str
    has_fee: bool
    bar_units: int


def card(offer: Offer) -> Card:
    """Return what to show of an offer, in the request's language."""
    rows = tuple(
        Row(row.number, row.due_on, row.principal, row.interest, row.fee, row.total)
        for row in offer.schedule.installments
    )
    headline, exception = payments_text([row.total for row in rows])
    return Card(
        offer=offer,
        rows=rows,
        headline=headline,
        exception=exception,
        rhythm=str(PERIODS.get(offer.plan.period, "")),
        method=method_text(offer.plan.method),
        has_fee=any(row.fee.minor for row in rows),
        bar_units=bar_units(offer.amount, offer.total_payable),
    )


# Shops sell the same things again and again: the same amount under the same plans on the same day.
@lru_cache(maxsize=256)
def plan_list(offers: tuple[Offer, ...], locale: str) -> Markup:
    """Return the page's part that shows offers, in the language `locale`, which must be the request's."""
    shown = render_template("consumer/_plan_list.html", cards=[card(offer) for offer in offers])
    return Markup(shown)  # noqa: S704 - Jinja has escaped it


def method_text(method: str) -> str:
    """Return how a plan is repaid, in words."""
    return str(METHODS[method])


def payments_text(totals: Sequence[Money]) -> tuple[str, str]:
    """Return the payments in short ("12 × ¥355.31"), and what differs from that ("last ¥355.29")."""
    regular = max(totals, key=totals.count)
    odd = [place for place, total in enumerate(totals) if total != regular]
    short = f"{len(totals)} × {money_text(regular)}"
    if not odd:
        return short, ""
    if odd == [len(totals) - 1]:
        return short, _("the last one %(money)s", money=money_text(totals[-1]))
    if odd == [0]:
        return short, _("the first one %(money)s", money=money_text(totals[0]))
    return (
        ngettext("%(num)d installment", "%(num)d installments", len(totals)),
        _("from %(first)s to %(last)s", first=money_text(totals[0]), last=money_text(totals[-1])),
    )


def bar_units(part: Money, whole: Money) -> int:
    """Return a part's share of the drawn bar, in whole units; a cost of anything at all stays visible."""
    if part == whole:
        return BAR_UNITS
    return min(part.minor * BAR_UNITS // whole.minor, BAR_UNITS - 12)


def terms_rows(terms: dict[str, Any]) -> tuple[Row, ...]:
    """Return the installments of an agreement's terms."""
    return tuple(
        Row(
            number=row["number"],
            due_on=row["due_on"],
            **{name: _money(row[name]) for name in ("principal", "interest", "fee", "total")},
        )
        for row in terms["installments"]
    )


def _money(data: dict[str, Any]) -> Money:
    return Money(data["minor"], data["currency"])


def nearest_yes(offer: CounterOffer, currency: str) -> str:
    """Return a counter-offer in words."""
    amount = money_text(Money(offer.amount_minor, currency))
    each = money_text(Money(offer.installment_minor, currency))
    if offer.kind == "longer_term":
        return _("A longer plan: the whole amount, with at most %(each)s a month.", each=each)
    if offer.kind == "bigger_down_payment":
        down = money_text(Money(offer.down_payment_minor, currency))
        return _("Pay %(down)s at the shop now, and %(amount)s in installments.", down=down, amount=amount)
    return _("A smaller amount: up to %(amount)s in installments.", amount=amount)
