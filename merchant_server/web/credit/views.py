"""The views of /credit: number, code, person, answer. A page at the wrong step leads to the right one."""

from flask import request
from flask.typing import ResponseReturnValue

from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.errors import DomainError, Unauthenticated
from merchant_server.services.decisioning import preapproval
from merchant_server.services.decisioning.preapproval import CURRENCY, Answer, Standing
from merchant_server.services.decisioning.preapproval_visits import ask_for_code, check_code, leave
from merchant_server.services.sale.persons import CONSENTS, parse_stated
from merchant_server.web.credit.browser import Browser, go
from merchant_server.web.language import language_tag

# The page where each standing is at home.
PAGE_OF = {Standing.PHONE_UNPROVEN: "code", Standing.PROVEN: "apply"}
FIELDS = ("name", "id_number", "income", "debts")


def start(browser: Browser) -> ResponseReturnValue:
    """Say what a line is and ask for a number; lead somebody who is on the way to where they stand."""
    try:
        found = preapproval.answer(browser.deps, browser.token())
    except Unauthenticated:
        return browser.show("phone", over=bool(request.args.get("over")))
    if found.standing == Standing.PHONE_UNPROVEN:
        return browser.show("phone")
    return go(PAGE_OF.get(found.standing, "answer"))


def send_code(browser: Browser) -> ResponseReturnValue:
    """Send a code to the number that was entered, known or not."""
    number = request.form.get("phone", "")
    try:
        token = ask_for_code(browser.deps, number, language_tag(), address=request.remote_addr)
    except DomainError as error:
        return browser.show_refusal(error, "phone", number=number)
    return browser.remember(go("code"), token)


def code(browser: Browser) -> ResponseReturnValue:
    """Ask for the code."""
    return _elsewhere(browser, "code") or browser.show("code")


def check(browser: Browser) -> ResponseReturnValue:
    """Verify the number by the code."""
    try:
        token = check_code(browser.deps, browser.token(), request.form.get("code", ""))
    except DomainError as error:
        return browser.show_refusal(error, "code")
    return browser.remember(go("apply"), token)


def person(browser: Browser) -> ResponseReturnValue:
    """Ask who applies, and for the consents; none is ticked."""
    return _elsewhere(browser, "apply") or browser.show("apply", ticked=(), currency=CURRENCY)


def decide(browser: Browser) -> ResponseReturnValue:
    """Decide, and go to the answer."""
    typed = {name: request.form.get(name, "") for name in FIELDS}
    ticked = tuple(consent for consent in CONSENTS if consent in request.form.getlist("consent"))
    try:
        preapproval.preapprove(
            browser.deps,
            browser.token(),
            name=typed["name"],
            id_number=typed["id_number"],
            consents=ticked,
            circumstances=Circumstances(
                device=browser.device(),
                address=request.remote_addr or "",
                income_minor=parse_stated(typed["income"], CURRENCY, "income"),
                debts_minor=parse_stated(typed["debts"], CURRENCY, "debts"),
            ),
            language=language_tag(),
        )
    except DomainError as error:
        if error.code == "phone_unverified":
            return browser.forget(go("start"))
        return browser.show_refusal(error, "apply", **typed, ticked=ticked, currency=CURRENCY)
    return go("answer")


def answer(browser: Browser) -> ResponseReturnValue:
    """Show what may be spent and until when, or why nothing may and what would change it."""
    found = preapproval.answer(browser.deps, browser.token())
    if found.standing in PAGE_OF:
        return go(PAGE_OF[found.standing])
    tag = language_tag()
    reasons = [{"text": each.text(tag), "change": each.change(tag)} for each in found.told.reasons]
    return browser.show("answer", answer=found, reasons=reasons, share=_share(found))


def _share(found: Answer) -> int:
    """Return the drawn part of the line that is left, in thousandths."""
    return found.left.minor * 1000 // found.limit.minor if found.limit.minor else 0


def ask_for_review(browser: Browser) -> ResponseReturnValue:
    """Send a refusal to a person; sending it again changes nothing."""
    preapproval.ask_a_person(browser.deps, browser.token())
    return go("answer")


def go_away(browser: Browser) -> ResponseReturnValue:
    """End the visit; the line remains."""
    leave(browser.deps, browser.token())
    return browser.forget(go("start"))


def _elsewhere(browser: Browser, here: str) -> ResponseReturnValue | None:
    standing = preapproval.answer(browser.deps, browser.token()).standing
    fitting = PAGE_OF.get(standing, "answer")
    return None if fitting == here else go(fitting)
