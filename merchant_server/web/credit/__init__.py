"""How much could I spend? The pages below /credit, for a person without a cart; they work without scripts."""

from collections.abc import Callable
from functools import partial, wraps

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from merchant_server.domain.errors import DomainError, TransitionConflict, Unauthenticated
from merchant_server.services.deps import Deps
from merchant_server.web import error_pages
from merchant_server.web.credit import views
from merchant_server.web.credit.browser import Browser
from merchant_server.web.pages import page_blueprint

View = Callable[[Browser], ResponseReturnValue]
# Name, path, the view that shows it, and the view that takes its form.
ROUTES: tuple[tuple[str, str, View, View | None], ...] = (
    ("start", "/credit", views.start, views.send_code),
    ("code", "/credit/code", views.code, views.check),
    ("apply", "/credit/apply", views.person, views.decide),
    ("answer", "/credit/answer", views.answer, views.ask_for_review),
)


def credit_pages(deps: Deps, *, secure: bool) -> Blueprint:
    """Return the pages below /credit. `secure` says that visitors come by https."""
    blueprint = page_blueprint("credit", __name__)
    browser = Browser(deps, secure)
    for name, path, shown, taken in ROUTES:
        blueprint.add_url_rule(path, name, _bound(shown, browser), methods=["GET"])
        if taken is not None:
            blueprint.add_url_rule(path, f"{name}_form", _bound(taken, browser), methods=["POST"])
    blueprint.add_url_rule("/credit/leave", "leave", _bound(views.go_away, browser), methods=["POST"])
    blueprint.before_request(_remember_way_out)
    blueprint.register_error_handler(Unauthenticated, _come_in)
    blueprint.register_error_handler(DomainError, _refused)
    return blueprint


def _bound(view: View, browser: Browser) -> Callable[[], ResponseReturnValue]:
    @wraps(view)
    def bound() -> ResponseReturnValue:
        return view(browser)

    return bound


def _remember_way_out() -> None:
    g.way_out, g.way_out_words = partial(url_for, ".start"), _l("Back to the start")


def _come_in(_error: Unauthenticated) -> ResponseReturnValue:
    """Lead somebody whose visit is over to the start, and say why when they had been in."""
    return redirect(url_for(".start", over="1" if request.cookies else None), 303)


def _refused(error: DomainError) -> ResponseReturnValue:
    """Lead a form that came twice to the answer; show any other refusal."""
    if isinstance(error, TransitionConflict):
        return redirect(url_for(".answer"), 303)
    return error_pages.from_domain(error)
