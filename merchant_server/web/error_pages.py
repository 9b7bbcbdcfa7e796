"""Errors as pages: what went wrong, and what to do, in both languages. Developers' messages are never shown."""

import logging
import traceback
from typing import Any, NamedTuple

from flask import Blueprint, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, lazy_gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from merchant_server.domain.errors import DomainError
from merchant_server.web.context import request_id
from merchant_server.web.language import LOCALES, language_tag
from merchant_server.web.payment_words import PAYMENT_WORDS
from merchant_server.web.problems import STATUS

log = logging.getLogger(__name__)
_l = lazy_gettext

STATUS_BY_CODE = {
    "checkout_claimed": 409,
    "checkout_cancelled": 410,
    "checkout_voided": 410,
    "agreement_replaced": 409,
    "code_rate_limited": 429,
    "codes_paused": 503,
}
HTTP_CODES = {
    400: "request_malformed",
    403: "foreign_form",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    429: "rate_limited",
}


class Words(NamedTuple):
    """A refusal in words: what happened, and what to do. `%(name)s` stands for a fact of the error."""

    title: Any
    advice: Any

    def filled(self, facts: dict[str, Any]) -> "Words":
        """Return them in the request's language, with the facts put in."""
        texts = (str(text) for text in self)
        return Words(*(text % facts if "%(" in text else text for text in texts))


def _newest(title: Any) -> Words:
    return Words(title, _l("Ask for a new code and enter the newest one."))


GENERAL = Words(
    _l("This step did not work."), _l("Nothing was charged. Go back to the payment and try once more.")
)
INTERNAL = Words(
    _l("Something went wrong on our side."),
    _l("Nothing was lost. Try again in a moment; if it happens again, tell us the request number below."),
)
WORDS: dict[str, Words] = {
    "not_found": Words(
        _l("There is nothing at this address."),
        _l("Scan the code again, or ask the shop for a new one."),
    ),
    "checkout_expired": Words(
        _l("This payment code has expired."),
        _l("Nothing was signed and nothing was charged. Ask the shop for a new code."),
    ),
    "checkout_claimed": Words(
        _l("This code is already open on another phone or in another browser."),
        _l(
            "Go on where you opened it first. If that was not you, ask the shop for a new code. "
            "If it was this browser, allow cookies for this page."
        ),
    ),
    "checkout_cancelled": Words(
        _l("The shop cancelled this payment."),
        _l("Nothing was charged. Ask the shop for a new code if you still want to buy."),
    ),
    "checkout_voided": Words(
        _l("This purchase was called off after signing."),
        _l("Nothing will be charged. Ask the shop if you have questions."),
    ),
    "transition_not_allowed": Words(
        _l("This step is over."), _l("Go back to the payment to go on from where it stands.")
    ),
    "step_out_of_order": Words(
        _l("This step is over."), _l("Go back to the payment to go on from where it stands.")
    ),
    "conflict": Words(
        _l("Something else changed this payment at the same moment."),
        _l("Go back to the payment to see where it stands."),
    ),
    "phone_invalid": Words(
        _l("This is not a mobile number."), _l("Enter 11 digits, for example 138 0013 8000.")
    ),
    "phone_unverified": Words(
        _l("Your phone number is not verified yet."), _l("Enter it, and then the code that we send.")
    ),
    "code_missing": Words(_l("No code was sent for this."), _l("Ask for a code first.")),
    "code_wrong": Words(
        _l("The code is wrong."), _l("Look at the newest text message and enter its 6 digits.")
    ),
    "code_expired": _newest(_l("This code has expired.")),
    "code_exhausted": _newest(_l("The code was wrong five times.")),
    "code_used": _newest(_l("This code was already used.")),
    "code_rate_limited": Words(
        _l("Too many codes were asked for."),
        _l("Use the newest code, or ask for another one in %(minutes_left)s minutes."),
    ),
    "codes_paused": Words(
        _l("No text messages are sent at the moment, because too many were asked for."),
        _l("Please try again in %(minutes_left)s minutes."),
    ),
    "person_erased": Words(
        _l("This person's data was erased."),
        _l("It was erased because the person wished so. Nobody can read it any more."),
    ),
    "my_nobody": Words(
        _l("Nothing is kept under this number and this end of an id number."),
        _l("Ask for a new code with the number that you applied with, and look at your id card."),
    ),
    "complaint_empty": Words(_l("The complaint is empty."), _l("Say in a few words what went wrong.")),
    "complaint_too_long": Words(
        _l("The complaint is too long."),
        _l("Shorten it to %(characters_max)s characters, or write a second one."),
    ),
    "complaint_unreadable": Words(
        _l("The complaint holds invisible characters."), _l("Type it anew, without pasting.")
    ),
    "complaints_open": Words(
        _l("Several complaints of yours wait for an answer already."), _l("We answer those first.")
    ),
    "sms_unavailable": Words(
        _l("The text message could not be sent."),
        _l("Wait a moment and ask for a new code, or use another number."),
    ),
    "name_invalid": Words(_l("This is not a name."), _l("Enter your name as it is on your id card.")),
    "id_number_invalid": Words(
        _l("This id number is not right."), _l("Check its 18 characters against your id card.")
    ),
    "consent_missing": Words(
        _l("We need each of the three consents for a decision."),
        _l("Tick them if you agree. If not, you can pay the shop in another way."),
    ),
    "plan_unknown": Words(_l("No plan is chosen."), _l("Choose one of the plans.")),
    "account_unknown": Words(_l("No bank account is chosen."), _l("Choose one of your accounts.")),
    "bank_unavailable": Words(
        _l("The bank does not answer at the moment."),
        _l("Nothing was charged. Wait a moment and try again."),
    ),
    "timestamp_unavailable": Words(
        _l("Your signature cannot be timestamped at the moment."),
        _l("Nothing was signed. Wait a moment and ask for a new code."),
    ),
    "signing_unavailable": Words(
        _l("The agreement cannot be signed at the moment."),
        _l("Nothing was signed. You can pay the shop in another way."),
    ),
    "clock_unsteady": Words(
        _l("Our clock is being set right."), _l("Nothing was signed. Wait a moment and try again.")
    ),
    "mandate_refused": Words(
        _l("The bank does not allow deductions from this account."),
        _l("Nothing was signed. Go back to the plans and choose another account."),
    ),
    "reading_time": Words(
        _l("Please read the agreement first."), _l("You can go on in %(seconds_left)s seconds.")
    ),
    "disclosure_pack_wrong": Words(
        _l("This plan cannot be sold here."),
        _l(
            "Its costs are not disclosed as the law here asks. Choose another plan, or pay the shop in another way."
        ),
    ),
    "disclosure_place_unknown": Words(
        _l("This plan cannot be sold here."), _l("Please pay the shop in another way.")
    ),
    "agreement_replaced": Words(
        _l("You chose another plan in the meantime."),
        _l("Read the agreement that is shown now; only it counts."),
    ),
    "agreement_altered": Words(
        _l("The document is not the one that you were shown."),
        _l("Nothing was signed. Choose the plan again to get a fresh agreement."),
    ),
    "approval_expired": Words(
        _l("The approval has expired."), _l("Ask the shop for a new code and apply again; it takes seconds.")
    ),
    "amount_over_limit": Words(
        _l("The amount is more than what is left of your credit line."),
        _l("Pay back some of what you owe, or pay the shop in another way."),
    ),
    "rate_over_cap": Words(
        _l("This plan costs more a year than the law allows."), _l("Choose another plan.")
    ),
    "agreement_unprintable": Words(
        _l("The agreement cannot be printed with these details."),
        _l(
            "Nothing was signed. A rare character in a name can be why. Please pay the shop in another way and tell us."
        ),
    ),
    "unavailable": Words(
        _l("A service that we need does not answer."), _l("Nothing was charged. Wait a moment and try again.")
    ),
    "form_expired": Words(
        _l("This form lay open too long."),
        _l("Nothing was sent. Go back to the payment and fill it in again; cookies must be allowed."),
    ),
    "request_malformed": Words(
        _l("The browser sent something that we cannot read."), _l("Load the page again.")
    ),
    "foreign_form": Words(
        _l("This form came from another site."),
        _l("Nothing was done. Open the payment from the shop's code."),
    ),
    "method_not_allowed": Words(_l("This page cannot do that."), _l("Go back to the payment.")),
    "body_too_large": Words(_l("That is too much to send."), _l("Shorten what you entered.")),
    "rate_limited": Words(_l("That was too fast."), _l("Wait a minute and try again.")),
    "internal": INTERNAL,
}

WORDS |= {code: Words(*texts) for code, texts in PAYMENT_WORDS.items()}


def words_for(code: str, facts: dict[str, Any] | None = None) -> Words:
    """Return what a person may read about an error code, in the request's language."""
    return WORDS.get(code, GENERAL).filled(facts or {})


def status_for(error: DomainError) -> int:
    """Return the HTTP status of a refusal: by its code where that says more, else by its class."""
    by_class = next((STATUS[each] for each in type(error).__mro__ if each in STATUS), 422)
    return STATUS_BY_CODE.get(error.code, by_class)


def retry_header(error: DomainError) -> dict[str, str]:
    """Return when to try again, for an answer that says so."""
    seconds = error.facts.get("retry_after_seconds")
    return {} if seconds is None else {"Retry-After": str(seconds)}


def error_page(
    status: int, code: str, facts: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> ResponseReturnValue:
    """Return a page that says what happened and what to do, first in the reader's language, then in the other."""
    other = next(tag for tag in LOCALES if tag != language_tag())
    with force_locale(LOCALES[other]):
        other_words = words_for(code, facts)
    page = render_template(
        "error.html",
        status=status,
        code=code,
        words=words_for(code, facts),
        other={"tag": other, "words": other_words},
        request_id=request_id(),
        back=g.get("way_out"),
        again=request.path if status == 503 and request.method == "GET" else None,
    )
    return make_response(page, status, headers or {})


def from_domain(error: DomainError) -> ResponseReturnValue:
    """Show a refusal."""
    return error_page(status_for(error), error.code, error.facts, retry_header(error))


def from_csrf(_error: CSRFError) -> ResponseReturnValue:
    """Show that a form lost its session."""
    return error_page(400, "form_expired")


def from_http(error: HTTPException) -> ResponseReturnValue:
    """Show a refusal of the framework; a redirect stays what it is."""
    if error.code is None or error.code < 400:
        return error.get_response()
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return error_page(error.code, HTTP_CODES.get(error.code, "refused"), headers=kept)


def from_bug(error: Exception) -> ResponseReturnValue:
    """Show a mistake of ours. The log gets its place but not its message, which may hold what somebody typed."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s in request %s at %s\n%s", type(error).__name__, request_id(), request.endpoint, where)
    return error_page(500, "internal")


def install(blueprint: Blueprint) -> None:
    """Answer every error of a blueprint's views with a page."""
    blueprint.register_error_handler(DomainError, from_domain)
    blueprint.register_error_handler(CSRFError, from_csrf)
    blueprint.register_error_handler(HTTPException, from_http)
    blueprint.register_error_handler(Exception, from_bug)
