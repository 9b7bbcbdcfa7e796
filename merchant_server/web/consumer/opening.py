"""The pages before the decision: what is bought and what it costs, then the phone, then the person."""

from threading import Lock

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.errors import DomainError
from merchant_server.services.sale.approval import CONSENTS, apply
from merchant_server.services.sale.claims import Visit
from merchant_server.services.sale.codes import check_phone_code, send_phone_code
from merchant_server.services.sale.persons import parse_stated
from merchant_server.web.consumer.arrival import Site, arrive, claim, show, show_refusal, witness
from merchant_server.web.consumer.cards import plan_list
from merchant_server.web.consumer.steps import PAGES, Page
from merchant_server.web.language import language_tag, locale_name

# The first page holds no form: drawn from equal values it is the same, for a phone that reloads it or comes back.
SHOWN_MAX = 64
RestsOn = tuple[Visit, str, str, str]
_SHOWN: dict[str, tuple[RestsOn, str]] = {}
_KEEPING = Lock()


def start(site: Site, token: str) -> ResponseReturnValue:
    """Show shop, amount, and every plan with its whole cost, before anything personal is asked."""
    visit = arrive(site, token, Page.START)
    rests_on = (visit, site.deps.lender_name, language_tag(), request.script_root)
    known, page = _SHOWN.get(token, (None, ""))
    if known != rests_on:
        plans = plan_list(visit.offers, locale_name()) if visit.offers else ""
        page = show("start", Page.START, visit, plan_list=plans, lender=site.deps.lender_name)
        _keep(token, rests_on, page)
    return page


def _keep(token: str, rests_on: RestsOn, page: str) -> None:
    with _KEEPING:
        while len(_SHOWN) >= SHOWN_MAX:
            del _SHOWN[next(iter(_SHOWN))]
        _SHOWN[token] = rests_on, page


def phone(site: Site, token: str) -> ResponseReturnValue:
    """Ask for a phone number."""
    return show("phone", Page.PHONE, arrive(site, token, Page.PHONE))


def send_code(site: Site, token: str) -> ResponseReturnValue:
    """Send a code to the number that was entered."""
    visit = arrive(site, token, Page.PHONE)
    number = request.form.get("phone", "")
    try:
        send_phone_code(site.deps, token, claim(site), number, language_tag(), address=request.remote_addr)
    except DomainError as error:
        return show_refusal(error, "phone", Page.PHONE, visit, number=number)
    return redirect(url_for(".code", token=token), 303)


def code(site: Site, token: str) -> ResponseReturnValue:
    """Ask for the code."""
    return show("code", Page.CODE, arrive(site, token, Page.CODE))


def check_code(site: Site, token: str) -> ResponseReturnValue:
    """Verify the number by the code. A code that was right before, on a second tap, is right now."""
    visit = arrive(site, token, Page.CODE)
    try:
        check_phone_code(site.deps, token, claim(site), request.form.get("code", ""))
    except DomainError as error:
        if error.code != "code_used":
            return show_refusal(error, "code", Page.CODE, visit)
    return redirect(url_for(".apply", token=token), 303)


def person(site: Site, token: str) -> ResponseReturnValue:
    """Ask who applies, and for the consents; none is ticked."""
    visit = arrive(site, token, Page.APPLY)
    return show("apply", Page.APPLY, visit, lender=site.deps.lender_name, ticked=())


def decide(site: Site, token: str) -> ResponseReturnValue:
    """Apply, and go to where the decision leads."""
    visit = arrive(site, token, Page.APPLY)
    typed = {name: request.form.get(name, "") for name in ("name", "id_number", "income", "debts")}
    currency = visit.checkout.amount.currency
    ticked = tuple(consent for consent in CONSENTS if consent in request.form.getlist("consent"))
    try:
        whence = Circumstances(
            device=claim(site),
            address=request.remote_addr or "",
            income_minor=parse_stated(typed["income"], currency, "income"),
            debts_minor=parse_stated(typed["debts"], currency, "debts"),
        )
        decided = apply(
            site.deps,
            token,
            claim(site),
            name=typed["name"],
            id_number=typed["id_number"],
            consents=ticked,
            witness=witness(confirmed=True),
            circumstances=whence,
        )
    except DomainError as error:
        if error.code == "phone_unverified":
            return redirect(url_for(".phone", token=token), 303)
        more = {"ticked": ticked, "lender": site.deps.lender_name}
        return show_refusal(error, "apply", Page.APPLY, visit, **typed, **more)
    return redirect(url_for(f".{PAGES[decided.status][0]}", token=token), 303)
