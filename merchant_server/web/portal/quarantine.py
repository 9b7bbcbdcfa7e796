"""The staff's page of callbacks in quarantine: what the bank said beside what we asked, what to do, and done."""

from collections.abc import Callable

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import DomainError, NotFound
from merchant_server.services.collection.quarantine import handle, quarantined
from merchant_server.services.deps import Deps
from merchant_server.web.error_pages import status_for
from merchant_server.web.portal.relief_words import (
    advice_for,
    field_words,
    heading_for,
    relief_problem,
    relief_words,
)


def _quarantine(deps: Deps, name: str) -> ResponseReturnValue:
    return _shown(deps, name, None)


def _handle(deps: Deps, name: str) -> ResponseReturnValue:
    account, event_id = request.form.get("gateway_account", ""), request.form.get("event_id", "")
    try:
        handle(deps, account, event_id, note=request.form.get("note", ""), by=name)
    except NotFound:
        raise
    except DomainError as error:
        return _shown(deps, name, error)
    return redirect(url_for(".quarantine", handled="1"), 303)


def _shown(deps: Deps, name: str, error: DomainError | None) -> ResponseReturnValue:
    page = render_template(
        "portal/quarantine.html", r=relief_words(), name=name, here="quarantine", callbacks=quarantined(deps),
        fields=field_words(), advice=advice_for,
        headings=_headings, problem=relief_problem(error) if error else "", at=request.form.get("event_id", ""),
        typed=request.form.get("note", "")[:500], handled=request.args.get("handled") == "1",
    )  # fmt: skip
    return page, status_for(error) if error else 200


def _headings(differences: tuple[str, ...]) -> str:
    return " · ".join(dict.fromkeys(heading_for(each) for each in differences))


# Path, name, view, method; the staff's pages ask who is there first.
QUARANTINE_ROUTES: tuple[tuple[str, str, Callable[..., ResponseReturnValue], str], ...] = (
    ("/portal/quarantine", "quarantine", _quarantine, "GET"),
    ("/portal/quarantine", "handle_callback", _handle, "POST"),
)
