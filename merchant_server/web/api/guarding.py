"""What happens around every view of /v1: key, limits, version and Idempotency-Key before; headers after."""

from flask import Response, json
from flask.globals import app_ctx, request_ctx

from merchant_server.domain.errors import RateLimited, Unauthenticated
from merchant_server.services.operation.idempotency import json_bytes
from merchant_server.web import limits
from merchant_server.web.api import versions
from merchant_server.web.api.known_keys import known_keys
from merchant_server.web.bodies import idempotency_key
from merchant_server.web.context import deps

# WSGI's own name of the header: one that is not there costs an exception by its other one.
VERSION_ASKED = "HTTP_" + versions.HEADER.upper().replace("-", "_")
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
    # A look through Flask's proxies costs as much as what it finds: one look each.
    asked, kept = request_ctx.request, app_ctx.g
    if asked.method == "OPTIONS":
        return
    scheme, _, secret = asked.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated(
                "this needs a key",
                code="authentication_required",
                hint="send Authorization: Bearer sk_test_…",
            )
        kept.caller = caller = known_keys().caller(deps(), secret.strip())
    except Unauthenticated:
        limits.count_refused_key()
        raise
    try:
        kept.standing = limits.limits().keys.take(caller.key_id, deps().clock.now())
    except RateLimited as refused:
        kept.standing = refused.facts["standing"]
        raise
    kept.version = versions.chosen(asked.environ.get(VERSION_ASKED), caller.version)
    if asked.method == "POST":
        idempotency_key()


def finish(response: Response) -> Response:
    """Add version, limits and, on reads, an ETag to an answer; undo what is newer than the caller's version."""
    asked, kept, headers = request_ctx.request, app_ctx.g, response.headers
    standing, version = kept.get("standing"), kept.get("version")
    if asked.endpoint in FROM_ANY_ORIGIN:
        headers.extend(CORS)
    if standing is not None:
        headers.extend(standing.headers())
    if version is not None:
        headers.add(versions.HEADER, version)
        _undo_changes(response, version, asked.endpoint or "")
    if asked.method == "GET" and response.status_code == 200 and not response.is_streamed:
        headers.add("Cache-Control", "private, no-cache")
        headers.add("Vary", f"Authorization, {versions.HEADER}")
        response.add_etag()
        # Without a condition this would only write down what the server says anyway.
        if "HTTP_IF_NONE_MATCH" in asked.environ or "HTTP_IF_MATCH" in asked.environ:
            response.make_conditional(asked)
    return response


def _undo_changes(response: Response, version: str, endpoint: str) -> None:
    changes = versions.changes_after(version, endpoint)
    if changes and not response.is_streamed and 200 <= response.status_code < 300:
        resource = json.loads(response.get_data())
        for change in changes:
            resource = change.undo(resource)
        response.set_data(json_bytes(resource))
