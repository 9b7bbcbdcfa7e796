"""The staff's pages at /portal: reviews with a queue, a masked case and a verdict; other staff pages are beside them.

One token of the installation (FENQI_PORTAL_TOKEN) lets staff in, and each says who they are; a name that is no
reviewer sees nothing. Without a token these pages do not exist.
"""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import DomainError, NotFound, RuleRefused
from merchant_server.services.decisioning import reviewing
from merchant_server.services.deps import Deps
from merchant_server.web.error_pages import status_for
from merchant_server.web.language import language_tag
from merchant_server.web.pages import page_blueprint
from merchant_server.web.portal.complaint_words import complaint_words
from merchant_server.web.portal.complaints import COMPLAINT_ROUTES
from merchant_server.web.portal.disputes import DISPUTE_ROUTES
from merchant_server.web.portal.quarantine import QUARANTINE_ROUTES
from merchant_server.web.portal.relief import RELIEF_ROUTES
from merchant_server.web.portal.review_words import problem, words
from merchant_server.web.portal.webhooks import WEBHOOK_ROUTES

SESSION_HOURS = 8
# Where a sign-in leads besides the reviews; a form names one, never an address.
WAYS_ON = ("complaints", "disputes", "relief", "quarantine", "webhooks")
NAME, UNTIL = "reviewer", "reviewer_until"


def review_pages(deps: Deps, token: str) -> Blueprint:
    """Return the review pages; `token` is the installation's secret for staff."""
    blueprint = page_blueprint("review", __name__)
    blueprint.context_processor(lambda: {"w": words() | complaint_words(), "zh": language_tag() == "zh-CN"})

    def staff(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
        @wraps(view)
        def guarded(**path: str) -> ResponseReturnValue:
            name = _reviewer(deps)
            if name is None:
                way_on = next((each for each in WAYS_ON if request.path.startswith(url_for(f".{each}"))), "")
                return render_template("portal/sign_in.html", way_on=way_on), 401
            return view(deps, name, **path)

        return guarded

    blueprint.add_url_rule("/portal/reviews", "queue", staff(_queue), methods=["GET"])
    blueprint.add_url_rule("/portal/reviews/<review_id>", "case", staff(_case), methods=["GET"])
    blueprint.add_url_rule("/portal/reviews/<review_id>", "judge", staff(_judge), methods=["POST"])
    for path, endpoint, view, method in (
        *COMPLAINT_ROUTES,
        *DISPUTE_ROUTES,
        *RELIEF_ROUTES,
        *QUARANTINE_ROUTES,
        *WEBHOOK_ROUTES,
    ):
        blueprint.add_url_rule(path, endpoint, staff(view), methods=[method])
    blueprint.add_url_rule("/portal/sign-in", "sign_in", lambda: _sign_in(deps, token), methods=["POST"])
    blueprint.add_url_rule("/portal/sign-out", "sign_out", _sign_out, methods=["POST"])
    return blueprint


def _reviewer(deps: Deps) -> str | None:
    name, until = session.get(NAME), session.get(UNTIL)
    if not isinstance(name, str) or not isinstance(until, str):
        return None
    return name if deps.clock.now() < datetime.fromisoformat(until) else None


def _sign_in(deps: Deps, token: str) -> ResponseReturnValue:
    name = " ".join(request.form.get("name", "").split())
    given = request.form.get("token", "")
    # Both are always looked at, so that the time taken tells nothing.
    right = hmac.compare_digest(given.encode(), token.encode())
    with deps.storage.reading() as uow:
        known = uow.reviews.reviewer(name) is not None
    if not (right and known):
        way_on = request.form.get("way_on", "")
        return render_template("portal/sign_in.html", wrong=True, name=name, way_on=way_on), 401
    session[NAME] = name
    session[UNTIL] = (deps.clock.now() + timedelta(hours=SESSION_HOURS)).isoformat()
    chosen = request.form.get("way_on")
    return redirect(url_for(f".{chosen}" if chosen in WAYS_ON else ".queue"), 303)


def _sign_out() -> ResponseReturnValue:
    session.pop(NAME, None)
    session.pop(UNTIL, None)
    return redirect(url_for(".queue"), 303)


def _queue(deps: Deps, name: str) -> ResponseReturnValue:
    circuits = deps.circuits.states() if deps.circuits else {}
    return render_template(
        "portal/queue.html", reviews=reviewing.queue(deps), name=name, now=deps.clock.now(), circuits=circuits
    )


def _case(deps: Deps, name: str, review_id: str) -> ResponseReturnValue:
    return _shown(deps, name, review_id, None)


def _judge(deps: Deps, name: str, review_id: str) -> ResponseReturnValue:
    reason = request.form.get("reason", "")
    try:
        if request.form.get("verdict") == "approve":
            limit = _limit(deps, name, review_id)
            reviewing.approve(deps, review_id, reviewer=name, reason=reason, limit=limit)
        else:
            reviewing.decline(deps, review_id, reviewer=name, reason=reason)
    except NotFound:
        raise
    except DomainError as error:
        return _shown(deps, name, review_id, error)
    return redirect(url_for(".queue"), 303)


def _limit(deps: Deps, name: str, review_id: str) -> Money | None:
    text = request.form.get("limit", "").strip()
    if not text:
        return None
    currency = reviewing.case(deps, review_id, name).review.currency
    try:
        return Money.parse(text, currency)
    except FinanceError:
        raise RuleRefused("this is no amount", code="review_limit_invalid", field="limit") from None


def _shown(deps: Deps, name: str, review_id: str, error: DomainError | None) -> ResponseReturnValue:
    try:
        case = reviewing.case(deps, review_id, name)
    except NotFound:
        raise
    except DomainError as refused:
        page = render_template("portal/refused.html", problem=problem(refused.code), name=name)
        return page, status_for(refused)
    told = problem(error.code) if error else None
    page = render_template("portal/case.html", case=case, problem=told, name=name)
    return page, status_for(error) if error else 200
