"""Whether this process lives, whether it can serve, and the id that every answer carries."""

from collections.abc import Callable

from flask import Blueprint, Response, g, jsonify

from merchant_server.domain.errors import Unavailable
from merchant_server.services.deps import Deps
from merchant_server.web.context import request_id


def health_routes(deps: Deps, require_schema: Callable[[], None]) -> Blueprint:
    """Return /healthz (the process answers) and /readyz (its database can serve)."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @blueprint.get("/readyz")
    def readyz() -> Response:
        try:
            require_schema()
        except Exception as wrong:
            raise Unavailable(
                f"the database is not ready: {wrong}", hint="mend what the reason names"
            ) from wrong
        with deps.storage.reading() as uow:
            pending = uow.deliveries.pending()
            # Whoever alters the log must not be able to end all sales with it: this stays "ready".
            log = "whole" if uow.audit.alarm() is None else "altered"
        ready = {"status": "ready", "pending_deliveries": pending, "audit_log": log}
        return jsonify({**ready, "degraded": _degraded(deps)})

    return blueprint


def _degraded(deps: Deps) -> list[str]:
    """Return what works less well than it should; none of it is a reason to take the process out of service."""
    states = deps.circuits.states() if deps.circuits else {}
    return [f"{source}: its circuit is {state}" for source, state in states.items() if state != "closed"]


def name_request(response: Response) -> Response:
    """Put the request's id on its answer."""
    known = request_id()
    response.headers.extend((("Request-Id", known), ("X-Request-Id", known)))
    g.pop("request_id", None)
    return response
