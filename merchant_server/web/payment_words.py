"""What pages say when a payment of one's own is refused: what happened, and what to do. Only words are here."""

from typing import Any

from flask_babel import lazy_gettext as _l

PAYMENT_WORDS: dict[str, tuple[Any, Any]] = {
    "quote_lapsed": (
        _l("The day of this amount is over. Nothing was paid."),
        _l("Look at the new amount and confirm it."),
    ),
    "quote_stale": (
        _l("The loan changed in the meantime. Nothing was paid."),
        _l("Look at the new amount and confirm it."),
    ),
    "nothing_owed": (_l("Nothing is owed on this loan."), _l("There is nothing to pay.")),
    "deduction_in_flight": (
        _l("The bank is carrying out a payment of this loan right now."),
        _l("Come back once it is done; it takes seconds, at most a day."),
    ),
    "capture_open": (
        _l("A part of this purchase is not delivered yet."),
        _l("You can pay it early once the shop has delivered it, or called it off."),
    ),
    "payment_exceeds_owed": (
        _l("This is more than you owe."),
        _l("Enter at most %(most)s."),
    ),
    "payment_too_small": (_l("This amount is too small."), _l("Enter more than %(least)s.")),
    "amount_invalid": (_l("This is not an amount."), _l("Enter it in digits, for example 100.00.")),
    "deduction_day_invalid": (
        _l("Not every month has this day."),
        _l("Choose one from 1 to 28, or the last day."),
    ),
    "deduction_day_fixed": (
        _l("The day of this loan cannot be moved."),
        _l("It is not paid once a month."),
    ),
    "deduction_day_moved": (
        _l("The day was moved not long ago."),
        _l("You can move it again from %(again_on)s."),
    ),
    "payment_link_expired": (
        _l("This payment link is over. Nothing was taken."),
        _l("Ask for a new one."),
    ),
    "plan_not_recorded": (
        _l("This loan is too old to be computed here."),
        _l("Write to us below your loan, and a person will work it out."),
    ),
}
