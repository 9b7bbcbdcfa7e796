"""The consumer's pages on the phone, from the scanned link to the signed agreement; they work without scripts."""

from collections.abc import Callable
from functools import partial, wraps

from flask import Blueprint, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import DomainError
from merchant_server.services.deps import Deps
from merchant_server.web import error_pages
from merchant_server.web.consumer import choosing, opening, signing
from merchant_server.web.consumer.arrival import (
    COOKIE_ASKED,
    CookieFirst,
    Site,
    StepElsewhere,
    ask_for_cookie,
    moved_on,
)
from merchant_server.web.pages import page_blueprint

View = Callable[[Site, str], ResponseReturnValue]
# Page, the path below /p/<token>, the view that shows it, and the view that takes its form.
ROUTES: tuple[tuple[str, str, View, View | None], ...] = (
    ("start", "", opening.start, None),
    ("phone", "/phone", opening.phone, opening.send_code),
    ("code", "/code", opening.code, opening.check_code),
    ("apply", "/apply", opening.person, opening.decide),
    ("decision", "/decision", choosing.decision, choosing.ask_a_person),
    ("plan", "/plan", choosing.plan, choosing.choose),
    ("agreement", "/agreement", signing.agreement, signing.send_code),
    ("sign", "/sign", signing.sign, signing.put_signature),
    ("done", "/done", signing.done, None),
    ("document", "/agreement.pdf", signing.document, None),
    ("evidence", "/evidence.zip", signing.evidence, None),
)


def consumer_pages(deps: Deps, *, secure: bool) -> Blueprint:
    """Return the pages below /p/<token>. `secure` says that phones come by https."""
    blueprint = page_blueprint("consumer", __name__)
    site = Site(deps, secure)
    for name, path, shown, taken in ROUTES:
        blueprint.add_url_rule(f"/p/<token>{path}", name, _bound(shown, site), methods=["GET"])
        if taken is not None:
            blueprint.add_url_rule(f"/p/<token>{path}", f"{name}_form", _bound(taken, site), methods=["POST"])
    blueprint.before_request(_remember_way_out)
    blueprint.register_error_handler(StepElsewhere, _go_there)
    blueprint.register_error_handler(CookieFirst, partial(_ask, site))
    blueprint.register_error_handler(DomainError, _refused)
    return blueprint


def _bound(view: View, site: Site) -> Callable[[str], ResponseReturnValue]:
    @wraps(view)
    def bound(token: str) -> ResponseReturnValue:
        return view(site, token)

    return bound


def _remember_way_out() -> None:
    g.way_out = partial(url_for, ".start", **(request.view_args or {}))


def _ask(site: Site, _: CookieFirst) -> ResponseReturnValue:
    where = url_for(".start", **{**(request.view_args or {}), COOKIE_ASKED: "1"})
    return ask_for_cookie(site, make_response(redirect(where, 303)))


def _go_there(elsewhere: StepElsewhere) -> ResponseReturnValue:
    return redirect(url_for(f".{elsewhere.page}", **(request.view_args or {})), 303)


def _refused(error: DomainError) -> ResponseReturnValue:
    """Lead a form that came too late to where the payment stands now; show any other refusal."""
    if request.method == "POST" and moved_on(error):
        return redirect(g.way_out(), 303)
    return error_pages.from_domain(error)
