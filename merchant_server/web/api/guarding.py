"""What happens around every view of /v1: key, limits, version and Idempotency-Key before; headers after."""

from flask import Response, g, json, request

from merchant_server.domain.errors import RateLimited, Unauthenticated
from merchant_server.services.operation.idempotency import json_bytes
from merchant_server.web import limits
from merchant_server.web.api import versions
from merchant_server.web.api.known_keys import known_keys
from merchant_server.web.bodies import idempotency_key
from merchant_server.web.context import deps

# What a publishable key may read from a page of any origin: prices are no secret, and no cookie counts here.
FROM_ANY_ORIGIN = ("offers.listing", "plans.listing")
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Fenqi-Version, X-Request-Id",
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Max-Age": "86400",
}


def admit() -> None:
    """Let a request through that has a good key and is within its limits, or raise why not."""
    if request.method == "OPTIONS":
        return
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated(
                "this needs a key",
                code="authentication_required",
                hint="send Authorization: Bearer sk_test_…",
            )
        g.caller = known_keys().caller(deps(), secret.strip())
    except Unauthenticated:
        limits.count_refused_key()
        raise
    try:
        g.standing = limits.limits().keys.take(g.caller.key_id, deps().clock.now())
    except RateLimited as refused:
        g.standing = refused.facts["standing"]
        raise
    g.version = versions.chosen(request.headers.get(versions.HEADER), g.caller.version)
    if request.method == "POST":
        idempotency_key()


def finish(response: Response) -> Response:
    """Add version, limits and, on reads, an ETag to an answer; undo what is newer than the caller's version."""
    if request.endpoint in FROM_ANY_ORIGIN:
        response.headers.update(CORS)
    if g.get("standing") is not None:
        response.headers.update(g.standing.headers())
    if "version" in g:
        response.headers[versions.HEADER] = g.version
        _undo_changes(response)
    if request.method == "GET" and response.status_code == 200 and not response.is_streamed:
        response.headers["Cache-Control"] = "private, no-cache"
        response.vary.update(("Authorization", versions.HEADER))
        response.add_etag()
        response.make_conditional(request)
    return response


def _undo_changes(response: Response) -> None:
    if response.is_streamed or not 200 <= response.status_code < 300:
        return
    changes = versions.changes_after(g.version, request.endpoint or "")
    if changes:
        resource = json.loads(response.get_data())
        for change in changes:
            resource = change.undo(resource)
        response.set_data(json_bytes(resource))
