"""The staff's dispute pages: what waits, one dispute with both sides, and a decision with a reason.

Nobody sees or decides a dispute of their own.
"""

from collections.abc import Callable

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.dispute import DisputeStatus
from merchant_server.domain.errors import DomainError, NotFound
from merchant_server.services.deps import Deps
from merchant_server.services.disputes import finding
from merchant_server.services.disputes.closing import decide
from merchant_server.web.error_pages import status_for
from merchant_server.web.portal.dispute_words import dispute_problem, dispute_words

OUTCOMES = {"won": DisputeStatus.WON, "lost": DisputeStatus.LOST}


def _disputes(deps: Deps, name: str) -> ResponseReturnValue:
    return _show("disputes", name, disputes=finding.queue(deps))


def _dispute(deps: Deps, name: str, dispute_id: str) -> ResponseReturnValue:
    return _shown(deps, name, dispute_id, None)


def _decide(deps: Deps, name: str, dispute_id: str) -> ResponseReturnValue:
    outcome = OUTCOMES.get(request.form.get("outcome", ""), DisputeStatus.OPEN)
    try:
        decide(deps, dispute_id, outcome, reviewer=name, reason=request.form.get("reason", ""))
    except NotFound:
        raise
    except DomainError as error:
        return _shown(deps, name, dispute_id, error)
    return redirect(url_for(".dispute", dispute_id=dispute_id), 303)


def _shown(deps: Deps, name: str, dispute_id: str, error: DomainError | None) -> ResponseReturnValue:
    try:
        case = finding.case(deps, dispute_id, name)
    except NotFound:
        raise
    except DomainError as refused:
        return _show("dispute_refused", name, problem=dispute_problem(refused.code)), status_for(refused)
    told = dispute_problem(error.code) if error else ""
    page = _show("dispute", name, case=case, problem=told, typed=request.form.get("reason", ""))
    return page, status_for(error) if error else 200


def _show(template: str, name: str, **values: object) -> str:
    return render_template(f"portal/{template}.html", d=dispute_words(), name=name, here="disputes", **values)


# Path, name, view, method; the staff's pages ask who is there first.
DISPUTE_ROUTES: tuple[tuple[str, str, Callable[..., ResponseReturnValue], str], ...] = (
    ("/portal/disputes", "disputes", _disputes, "GET"),
    ("/portal/disputes/<dispute_id>", "dispute", _dispute, "GET"),
    ("/portal/disputes/<dispute_id>", "decide", _decide, "POST"),
)
