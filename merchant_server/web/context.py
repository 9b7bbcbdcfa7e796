"""What a view needs of the running application: its Deps, who is asking, and the request's id."""

import re

from flask import current_app, g
from flask.globals import app_ctx, request_ctx

from merchant_server.domain.merchant import Caller
from merchant_server.services import cause
from merchant_server.services.deps import Deps

EXTENSION = "fenqi"
# A caller's own id is taken over when it can do no harm in a log line.
_GIVEN_ID = re.compile(r"[A-Za-z0-9_.:-]{8,64}")


def deps() -> Deps:
    """Return what the application was wired with."""
    found: Deps = current_app.extensions[EXTENSION]
    return found


def begin_request() -> None:
    """Give the request its id, so that what it causes can name it."""
    cause.begin(request_id())


def end_request(_: BaseException | None = None) -> None:
    """Forget the request's id: the thread serves others next."""
    cause.begin(None)


def request_id() -> str:
    """Return this request's id, the same in the answer, the logs, every problem and the events it causes.

    It is the caller's X-Request-Id when there is a harmless one.
    """
    kept = app_ctx.g
    known: str | None = kept.get("request_id")
    if known is None:
        # From WSGI's own names: a header that is not there costs an exception by its other one.
        given = request_ctx.request.environ.get("HTTP_X_REQUEST_ID", "")
        known = kept.request_id = given if _GIVEN_ID.fullmatch(given) else deps().ids.new("req")
    return known


def caller(*scopes: str) -> Caller:
    """Return the authenticated caller. Raises Forbidden when the key carries none of `scopes`."""
    found: Caller = g.caller
    found.needs(*scopes)
    return found
