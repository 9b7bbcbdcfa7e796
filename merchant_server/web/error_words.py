"""What error pages say: a title and what to do, for every code that a person can meet."""

from typing import Any, NamedTuple

from flask_babel import lazy_gettext

from merchant_server.web.counter_words import COUNTER_WORDS
from merchant_server.web.payment_words import PAYMENT_WORDS

_l = lazy_gettext


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
    "cookies_needed": Words(
        _l("This browser keeps no cookies."),
        _l(
            "Allow cookies for this page and open the code again: only so can we tell your phone from any other."
        ),
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
    "stated_invalid": Words(
        _l("Income and debts are amounts, or empty."),
        _l("Enter digits, for example 8000, or nothing at all."),
    ),
    "confirm_missing": Words(
        _l("Please confirm that you have read the agreement."),
        _l("Tick the box if you agree. Nothing is signed before you enter the code."),
    ),
    "stroke_malformed": Words(
        _l("The signature by hand could not be read."), _l("Draw it again, or leave it empty.")
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
WORDS |= {code: Words(*pair) for code, pair in (COUNTER_WORDS | PAYMENT_WORDS).items()}
