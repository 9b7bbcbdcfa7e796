"""The pages of the decision: waiting, a refusal in words, or the choice of a plan and an account."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import DomainError
from merchant_server.services.decisioning.explaining import explain
from merchant_server.services.decisioning.reviewing import ask_for_review
from merchant_server.services.sale.choosing import choices, prepare_agreement
from merchant_server.web.consumer.arrival import Site, arrive, claim, show, show_refusal, witness
from merchant_server.web.consumer.cards import card, nearest_yes
from merchant_server.web.consumer.steps import Page
from merchant_server.web.consumer.way_back import way_back, with_wish
from merchant_server.web.language import language_tag


def decision(site: Site, token: str) -> ResponseReturnValue:
    """Show that the decision is under way, or why it is not a yes and what would change it."""
    visit = arrive(site, token, Page.DECISION)
    told, tag = explain(site.deps, token, claim(site)), language_tag()
    reasons = [{"text": each.text(tag), "change": each.change(tag)} for each in told.reasons]
    back, currency = way_back(visit.checkout.return_url), visit.checkout.amount.currency
    offers = [
        {"words": nearest_yes(offer, currency), "url": with_wish(back, offer) if back else None}
        for offer in told.counter_offers
    ]
    return show("decision", Page.DECISION, visit, reasons=reasons, offers=offers, told=told, back=back)


def ask_a_person(site: Site, token: str) -> ResponseReturnValue:
    """Send a refusal to a person; sending it again changes nothing."""
    arrive(site, token, Page.DECISION)
    ask_for_review(site.deps, token, claim(site))
    return redirect(url_for(".decision", token=token), 303)


def plan(site: Site, token: str) -> ResponseReturnValue:
    """Show the plans at the person's own price, and their accounts; nothing is chosen for them."""
    visit = arrive(site, token, Page.PLAN)
    return show("plan", Page.PLAN, visit, **_choice(site, token))


def choose(site: Site, token: str) -> ResponseReturnValue:
    """Draw up the agreement for what was chosen."""
    visit = arrive(site, token, Page.PLAN)
    plan_id, account = request.form.get("plan_id", ""), request.form.get("account_token", "")
    try:
        prepare_agreement(
            site.deps,
            token,
            claim(site),
            plan_id=plan_id,
            account_token=account,
            language=language_tag(),
            witness=witness(),
        )
    except DomainError as error:
        if error.code not in ("plan_unknown", "account_unknown"):
            raise
        chosen = {"plan_id": plan_id, "account": account}
        return show_refusal(error, "plan", Page.PLAN, visit, chosen=chosen, **_choice(site, token))
    return redirect(url_for(".agreement", token=token), 303)


def _choice(site: Site, token: str) -> dict[str, object]:
    choice = choices(site.deps, token, claim(site))
    cards = [card(offer) for offer in choice.offers]
    return {"cards": cards, "accounts": choice.accounts, "line_left": choice.line_left}
