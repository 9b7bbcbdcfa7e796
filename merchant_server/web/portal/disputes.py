"""The dispute pages at /portal/disputes: a queue, one dispute with both sides, and a decision with a reason.

Staff come in by the sign-in of the review pages; nobody sees or decides a dispute of their own.
"""

from functools import partial

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.dispute import DisputeStatus
from merchant_server.domain.errors import DomainError, NotFound
from merchant_server.services.deps import Deps
from merchant_server.services.disputes import finding
from merchant_server.services.disputes.closing import decide
from merchant_server.web.error_pages import status_for
from merchant_server.web.language import language_tag
from merchant_server.web.pages import page_blueprint
from merchant_server.web.portal.dispute_words import PROBLEMS, TEXTS
from merchant_server.web.portal.review import staff_only
from merchant_server.web.portal.review_words import problem, words

OUTCOMES = {"won": DisputeStatus.WON, "lost": DisputeStatus.LOST}


def dispute_pages(deps: Deps) -> Blueprint:
    """Return the dispute pages; the review pages have to be there too, for the sign-in."""
    blueprint = page_blueprint("rulings", __name__)
    blueprint.context_processor(
        lambda: {"w": words(TEXTS), "zh": language_tag() == "zh-CN", "wanted": "rulings.queue"}
    )
    staff = partial(staff_only, deps)
    blueprint.add_url_rule("/portal/disputes", "queue", staff(_queue), methods=["GET"])
    blueprint.add_url_rule("/portal/disputes/<dispute_id>", "case", staff(_case), methods=["GET"])
    blueprint.add_url_rule("/portal/disputes/<dispute_id>", "decide", staff(_decide), methods=["POST"])
    return blueprint


def _queue(deps: Deps, name: str) -> ResponseReturnValue:
    """List the live disputes, those to decide first."""
    return render_template("portal/disputes.html", disputes=finding.queue(deps), name=name)


def _case(deps: Deps, name: str, dispute_id: str) -> ResponseReturnValue:
    """Show one dispute with both sides."""
    return _shown(deps, name, dispute_id, None)


def _decide(deps: Deps, name: str, dispute_id: str) -> ResponseReturnValue:
    """Decide a dispute."""
    outcome = OUTCOMES.get(request.form.get("outcome", ""), DisputeStatus.OPEN)
    try:
        decide(deps, dispute_id, outcome, reviewer=name, reason=request.form.get("reason", ""))
    except NotFound:
        raise
    except DomainError as error:
        return _shown(deps, name, dispute_id, error)
    return redirect(url_for(".case", dispute_id=dispute_id), 303)


def _shown(deps: Deps, name: str, dispute_id: str, error: DomainError | None) -> ResponseReturnValue:
    try:
        case = finding.case(deps, dispute_id, name)
    except NotFound:
        raise
    except DomainError as refused:
        told = problem(refused.code, PROBLEMS)
        return render_template("portal/refused.html", problem=told, name=name), status_for(refused)
    told_error = problem(error.code, PROBLEMS) if error else None
    typed = request.form.get("reason", "")
    page = render_template("portal/dispute.html", case=case, problem=told_error, name=name, typed=typed)
    return page, status_for(error) if error else 200
