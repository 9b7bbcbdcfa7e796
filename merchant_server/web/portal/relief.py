"""The staff's pages of relief: what waits for a second person, one proposal beside its loan, and a new one."""

from collections.abc import Callable

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import DomainError, NotFound, RuleRefused
from merchant_server.domain.relief_proposal import TERMS, ReliefKind
from merchant_server.services.collection import proposals
from merchant_server.services.collection.relief_cases import ReliefCase, relief_case, relief_queue
from merchant_server.services.deps import Deps
from merchant_server.web.error_pages import status_for
from merchant_server.web.portal.relief_words import relief_problem, relief_words

TYPED = ("loan_id", "kind", "size", "reason")
TYPED_CHARACTERS_MAX = 500


def _relief(deps: Deps, name: str) -> ResponseReturnValue:
    return _listed(deps, name, None)


def _propose(deps: Deps, name: str) -> ResponseReturnValue:
    try:
        loan_id, kind = request.form.get("loan_id", "").strip(), _kind(request.form.get("kind", ""))
        terms = _terms(deps, loan_id, kind, request.form.get("size", "").strip())
        proposals.propose(deps, loan_id, kind, terms, reason=request.form.get("reason", ""), by=name)
    except DomainError as error:
        return _listed(deps, name, error)
    return redirect(url_for(".relief", said="proposed"), 303)


def _proposal(deps: Deps, name: str, proposal_id: str) -> ResponseReturnValue:
    return _shown(deps, name, proposal_id, None)


def _decide(deps: Deps, name: str, proposal_id: str) -> ResponseReturnValue:
    grants = request.form.get("verdict") == "grant"
    try:
        if grants:
            proposals.approve(deps, proposal_id, by=name)
        else:
            proposals.reject(deps, proposal_id, by=name)
    except NotFound:
        raise
    except DomainError as error:
        return _shown(deps, name, proposal_id, error)
    return redirect(url_for(".relief", said="granted" if grants else "turned_down"), 303)


def _kind(chosen: str) -> ReliefKind:
    try:
        return ReliefKind(chosen)
    except ValueError:
        raise RuleRefused(
            "there is no such kind", code="kind_unknown", field="kind", hint="choose one"
        ) from None


def _terms(deps: Deps, loan_id: str, kind: ReliefKind, typed: str) -> dict[str, int]:
    """Return what was typed as the terms of a kind; a waiver is typed as money. Raises RuleRefused."""
    needed = TERMS[kind]
    if needed is None:
        return {}
    if kind == ReliefKind.WAIVER:
        try:
            return {needed[0]: Money.parse(typed, proposals.currency_of(deps, loan_id)).minor}
        except FinanceError:
            return {}
    return {needed[0]: int(typed)} if typed.isascii() and typed.isdigit() and len(typed) < 4 else {}


def _size(case: ReliefCase) -> tuple[str, int | Money] | None:
    """Return how much is proposed: the word for it, and the number or the money."""
    for unit, value in case.proposal.terms.items():
        return unit, Money(value, case.loan.principal.currency) if unit == "minor" else value
    return None


def _listed(deps: Deps, name: str, error: DomainError | None) -> ResponseReturnValue:
    typed = {field: request.form.get(field, "")[:TYPED_CHARACTERS_MAX] for field in TYPED}
    said = request.args.get("said", "")
    page = _show(
        "relief", name, cases=[(each, _size(each)) for each in relief_queue(deps)], kinds=list(ReliefKind),
        problem=relief_problem(error) if error else "", typed=typed,
        said=said if said in ("proposed", "granted", "turned_down") else "",
    )  # fmt: skip
    return page, status_for(error) if error else 200


def _shown(deps: Deps, name: str, proposal_id: str, error: DomainError | None) -> ResponseReturnValue:
    try:
        case = relief_case(deps, proposal_id, name)
    except NotFound:
        raise
    except DomainError as refused:
        return _show("relief_refused", name, problem=relief_problem(refused)), status_for(refused)
    told = relief_problem(error) if error else ""
    page = _show("relief_case", name, case=case, size=_size(case), problem=told)
    return page, status_for(error) if error else 200


def _show(template: str, name: str, **values: object) -> str:
    return render_template(f"portal/{template}.html", r=relief_words(), name=name, here="relief", **values)


# Path, name, view, method; the staff's pages ask who is there first.
RELIEF_ROUTES: tuple[tuple[str, str, Callable[..., ResponseReturnValue], str], ...] = (
    ("/portal/relief", "relief", _relief, "GET"),
    ("/portal/relief", "propose", _propose, "POST"),
    ("/portal/relief/<proposal_id>", "proposal", _proposal, "GET"),
    ("/portal/relief/<proposal_id>", "decide_relief", _decide, "POST"),
)
