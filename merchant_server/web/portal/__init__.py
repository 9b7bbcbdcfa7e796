"""The sandbox desk at /desk: what happens behind a sale, live, with the clock and the faults to turn.

It asks nobody for a password: whoever reaches a sandbox installation may look, for all it shows is invented.
app.py registers it in sandbox installations only, and FENQI_DESK=off takes it away.
"""

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import RuleRefused
from merchant_server.ports import SandboxWindow
from merchant_server.services.deps import Deps
from merchant_server.services.operation import desk
from merchant_server.web.pages import page_blueprint
from merchant_server.web.portal.drawings import TEMPLATE_DRAWINGS
from merchant_server.web.portal.panels import draw, version_of
from merchant_server.web.portal.words import TEMPLATE_WORDS

STEPS = {"day": {"days": 1}, "month": {"months": 1}}
FAULTS: dict[str, dict[str, int | bool]] = {
    "hold": {"hold_callbacks": True},
    "flow": {"hold_callbacks": False},
    "drop": {"drop_next": 1},
    "forge": {"forge_next": 1},
    "delay_300": {"callback_delay_ms": 300},
    "delay_5000": {"callback_delay_ms": 5_000},
    "delay_30000": {"callback_delay_ms": 30_000},
    "none": {"hold_callbacks": False, "drop_next": 0, "forge_next": 0, "callback_delay_ms": 300},
}
Choice = TypeVar("Choice")


def desk_pages(deps: Deps, window: SandboxWindow) -> Blueprint:
    """Return the desk's pages. `window` is where the sandbox program can be seen."""
    blueprint = page_blueprint("desk", __name__)
    reader = desk.BooksReader(deps)
    blueprint.context_processor(lambda: TEMPLATE_WORDS | TEMPLATE_DRAWINGS)
    routes: tuple[tuple[str, str, Callable[..., ResponseReturnValue], str], ...] = (
        ("/desk", "page", lambda: _page(deps, window, reader), "GET"),
        ("/desk/panels", "panels", lambda: _panels(deps, window, reader), "GET"),
        ("/desk/clock", "clock", lambda: _turn_clock(deps), "POST"),
        ("/desk/faults", "faults", lambda: _turn_faults(window), "POST"),
        ("/desk/callbacks/<event_id>", "resend", lambda event_id: _resend(window, event_id), "POST"),
    )
    for path, name, view, method in routes:
        blueprint.add_url_rule(path, name, view, methods=[method])
    return blueprint


def _page(deps: Deps, window: SandboxWindow, reader: desk.BooksReader) -> ResponseReturnValue:
    live = request.args.get("live") != "off"
    return render_template("desk/desk.html", panels=draw(deps, window, reader), live=live)


def _panels(deps: Deps, window: SandboxWindow, reader: desk.BooksReader) -> Response:
    panels = draw(deps, window, reader)
    response = make_response(render_template("desk/panels.html", panels=panels))
    response.set_etag(version_of(panels))
    response.make_conditional(request)
    return response


def _turn_clock(deps: Deps) -> ResponseReturnValue:
    step = _chosen(STEPS, "step")
    desk.turn_clock(deps, request.form.get("merchant", ""), **step)
    return _back("clock")


def _turn_faults(window: SandboxWindow) -> ResponseReturnValue:
    desk.turn_dials(window, _chosen(FAULTS, "fault"))
    return _back("faults")


def _resend(window: SandboxWindow, event_id: str) -> ResponseReturnValue:
    desk.resend_callback(window, event_id)
    return _back("bank")


def _chosen(table: dict[str, Choice], field: str) -> Choice:
    """Return what a button stands for. Raises RuleRefused (choice_unknown)."""
    name = request.form.get(field, "")
    if name not in table:
        hint = f"send one of {', '.join(table)}"
        raise RuleRefused(f"{field} is not on the desk", code="choice_unknown", field=field, hint=hint)
    return table[name]


def _back(panel: str) -> ResponseReturnValue:
    return redirect(url_for("desk.page", _anchor=panel), 303)
