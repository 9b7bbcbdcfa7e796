"""A person's own page: what they owe and signed, and what they can do about it and about their data. No scripts."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from merchant_server.domain.errors import Unauthenticated
from merchant_server.services.deps import Deps
from merchant_server.web.my import data, days, disputes, entering, loans, paying
from merchant_server.web.my.room import Room
from merchant_server.web.pages import page_blueprint

# Name, path, method, view. Every view but those of `entering` first asks who is there.
ROUTES: tuple[tuple[str, str, str, Callable[..., ResponseReturnValue]], ...] = (
    ("home", "/my", "GET", entering.home),
    ("phone", "/my/phone", "POST", entering.send_code),
    ("code", "/my/code", "GET", entering.code),
    ("code_form", "/my/code", "POST", entering.check_code),
    ("leave", "/my/leave", "POST", entering.leave_page),
    ("loan", "/my/loans/<loan_id>", "GET", loans.loan),
    ("document", "/my/agreements/<agreement_id>.pdf", "GET", loans.document),
    ("revoke", "/my/loans/<loan_id>/mandate", "GET", loans.ask_to_revoke),
    ("revoke_form", "/my/loans/<loan_id>/mandate", "POST", loans.revoke),
    ("dispute", "/my/loans/<loan_id>/dispute", "GET", disputes.ask),
    ("dispute_form", "/my/loans/<loan_id>/dispute", "POST", disputes.send),
    ("withdraw", "/my/loans/<loan_id>/dispute/withdrawal", "GET", disputes.ask_to_withdraw),
    ("withdraw_form", "/my/loans/<loan_id>/dispute/withdrawal", "POST", disputes.take_back),
    ("ask_quote", "/my/loans/<loan_id>/settlement", "POST", paying.ask_quote),
    ("settlement", "/my/loans/<loan_id>/settlement/<quote_id>", "GET", paying.settlement),
    ("settle", "/my/loans/<loan_id>/settlement/<quote_id>", "POST", paying.settle),
    ("payment", "/my/loans/<loan_id>/payment", "GET", paying.payment),
    ("pay", "/my/loans/<loan_id>/payment", "POST", paying.pay),
    ("return_money", "/my/money", "POST", loans.return_money),
    ("day", "/my/loans/<loan_id>/day", "GET", days.choose),
    ("move_day", "/my/loans/<loan_id>/day", "POST", days.move),
    ("data", "/my/data", "GET", data.data),
    ("copy_json", "/my/data.json", "POST", data.copy_json),
    ("copy_pdf", "/my/data.pdf", "POST", data.copy_pdf),
    ("erase", "/my/erasure", "POST", data.erase),
    ("complaints", "/my/complaints", "GET", data.complaints),
    ("complain", "/my/complaints", "POST", data.complain),
)


def my_pages(deps: Deps, *, secure: bool) -> Blueprint:
    """Return the pages below /my. `secure` says that visitors come by https."""
    blueprint = page_blueprint("my", __name__)
    room = Room(deps, secure)
    for name, path, method, view in ROUTES:
        blueprint.add_url_rule(path, name, _bound(view, room), methods=[method])
    blueprint.before_request(_remember_way_out)
    blueprint.register_error_handler(Unauthenticated, _sign_in)
    return blueprint


def _bound(view: Callable[..., ResponseReturnValue], room: Room) -> Callable[..., ResponseReturnValue]:
    @wraps(view)
    def bound(**named: Any) -> ResponseReturnValue:
        return view(room, **named)

    return bound


def _remember_way_out() -> None:
    g.way_out, g.way_out_words = partial(url_for, ".home"), _l("Back to my page")


def _sign_in(_error: Unauthenticated) -> ResponseReturnValue:
    """Lead somebody whose visit is over to the way in, and say why when they had been in."""
    return redirect(url_for(".home", over="1" if request.cookies else None), 303)
