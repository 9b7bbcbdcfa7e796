"""The desk's panels as pieces of HTML, each with a version that changes only when what it shows changes."""

import hashlib
from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask_wtf.csrf import generate_csrf

from merchant_server.ports import SandboxWindow
from merchant_server.services.deps import Deps
from merchant_server.services.operation import desk

NAMES = ("clock", "inbox", "faults", "aside", "loans", "bank", "books", "events", "magic")
TIME_ZONE_DEFAULT = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, drawn."""

    name: str
    html: str
    version: str


def draw(deps: Deps, window: SandboxWindow, reader: desk.BooksReader) -> dict[str, Panel]:
    """Return every panel in the request's language."""
    seen = _seen(deps, window, reader)
    token = generate_csrf()
    return {name: _panel(name, token, seen) for name in NAMES}


def version_of(panels: dict[str, Panel]) -> str:
    """Return one version for all panels together, for an ETag."""
    return hashlib.sha256("".join(panel.version for panel in panels.values()).encode()).hexdigest()[:32]


def _seen(deps: Deps, window: SandboxWindow, reader: desk.BooksReader) -> dict[str, Any]:
    house, sandbox = desk.look_at_house(deps), desk.look_at_sandbox(window)
    return {
        "house": house,
        "sandbox": sandbox,
        "labels": desk.account_labels(deps, sandbox.bookings) if sandbox else {},
        "books": reader.read(),
        "circuits": deps.circuits.states() if deps.circuits else {},
        "time_zone": house.clocks[0].merchant.time_zone if house.clocks else TIME_ZONE_DEFAULT,
    }


def _panel(name: str, token: str, seen: dict[str, Any]) -> Panel:
    html = render_template(f"desk/{name}.html", **seen)
    # The forms' token is new at every request; it is no news to whoever looks.
    told = html.replace(token, "")
    return Panel(name, html, hashlib.sha256(told.encode()).hexdigest()[:16])
