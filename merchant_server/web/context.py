"""What a view needs of the running application: its Deps, and who is asking."""

from flask import current_app, g

from merchant_server.domain.merchant import Caller
from merchant_server.services.deps import Deps

EXTENSION = "fenqi"


def deps() -> Deps:
    """Return what the application was wired with."""
    found: Deps = current_app.extensions[EXTENSION]
    return found


def request_id() -> str:
    """Return this request's id, the same in the answer, the logs and every problem."""
    return str(g.setdefault("request_id", deps().ids.new("req")))


def caller(scope: str) -> Caller:
    """Return the authenticated caller. Raises Forbidden when the key lacks `scope`."""
    found: Caller = g.caller
    found.needs(scope)
    return found
