"""The staff's complaint pages: what waits and until when, one complaint, and the answer that closes it."""

from collections.abc import Callable

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.complaint import TEXT_CHARACTERS_MAX
from merchant_server.domain.errors import DomainError, NotFound
from merchant_server.services.deps import Deps
from merchant_server.services.person.complaints import answer_complaint, complaint_case, complaint_desk
from merchant_server.web.error_pages import status_for
from merchant_server.web.portal.complaint_words import complaint_problem, time_left

ANSWER_FIELDS = {"answer_zh": "zh-CN", "answer_en": "en"}


def _complaints(deps: Deps, name: str) -> ResponseReturnValue:
    return render_template(
        "portal/complaints.html", desk=complaint_desk(deps), time_left=time_left, name=name, here="complaints"
    )


def _complaint(deps: Deps, name: str, complaint_id: str) -> ResponseReturnValue:
    return _shown(deps, name, complaint_id, None)


def _answer(deps: Deps, name: str, complaint_id: str) -> ResponseReturnValue:
    texts = {language: request.form.get(field, "") for field, language in ANSWER_FIELDS.items()}
    try:
        answer_complaint(deps, complaint_id, texts, staff=name)
    except NotFound:
        raise
    except DomainError as error:
        return _shown(deps, name, complaint_id, error)
    return redirect(url_for(".complaint", complaint_id=complaint_id, closed="1"), 303)


def _shown(deps: Deps, name: str, complaint_id: str, error: DomainError | None) -> ResponseReturnValue:
    here = {"name": name, "here": "complaints", "time_left": time_left}
    try:
        case = complaint_case(deps, complaint_id, name)
    except NotFound:
        raise
    except DomainError as refused:
        told = complaint_problem(refused.code)
        return render_template("portal/complaint_refused.html", problem=told, **here), status_for(refused)
    told = complaint_problem(error.code) if error else ""
    typed = {field: request.form.get(field, "")[:TEXT_CHARACTERS_MAX] for field in ANSWER_FIELDS}
    page = render_template(
        "portal/complaint.html",
        case=case,
        problem=told,
        typed=typed,
        characters_max=TEXT_CHARACTERS_MAX,
        **here,
    )
    return page, status_for(error) if error else 200


# Path, name, view, method; the staff's pages ask who is there first.
COMPLAINT_ROUTES: tuple[tuple[str, str, Callable[..., ResponseReturnValue], str], ...] = (
    ("/portal/complaints", "complaints", _complaints, "GET"),
    ("/portal/complaints/<complaint_id>", "complaint", _complaint, "GET"),
    ("/portal/complaints/<complaint_id>", "answer", _answer, "POST"),
)
