"""/v1: JSON for merchants. Every route needs a key, a scope, and on POST an Idempotency-Key."""

from fenqi.wire import ProblemSchema
from flask import Flask, g, request
from flask_smorest import Api

from merchant_server.domain.errors import Unauthenticated
from merchant_server.services.operation.merchants import authenticate
from merchant_server.web.api import (
    checkouts,
    events,
    loans,
    payouts,
    plans,
    refunds,
    test_clock,
    test_clocks,
    webhook_endpoints,
)
from merchant_server.web.bodies import idempotency_key
from merchant_server.web.context import deps

BLUEPRINTS = (
    checkouts.blp, plans.blp, loans.blp, refunds.blp, payouts.blp, events.blp, webhook_endpoints.blp,
    test_clock.blp, test_clocks.blp,
)  # fmt: skip
OPENAPI = {
    "API_TITLE": "fenqi",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/v1",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": "Sell in installments. Amounts are integers in minor units; errors are RFC 9457 problems."
        },
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    },
}


class ProblemApi(Api):
    """flask-smorest without its own error bodies: web/problems.py answers every refusal, and this describes them."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        return

    def _register_responses(self) -> None:
        # Every response that flask-smorest registers by itself is a refusal.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = "application/problem+json"
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def register(app: Flask) -> None:
    """Add /v1 and its description to an application."""
    app.config.update(OPENAPI)
    api = ProblemApi(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)


def _authenticate() -> None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated(
            "this needs a key", code="authentication_required", hint="send Authorization: Bearer sk_test_…"
        )
    g.caller = authenticate(deps(), secret.strip())
    if request.method == "POST":
        idempotency_key()


for each in BLUEPRINTS:
    each.before_request(_authenticate)
