"""/v1: JSON for merchants. Every route needs a key, a scope, and on POST an Idempotency-Key."""

from fenqi.wire import ProblemSchema
from flask import Flask
from flask_smorest import Api

from merchant_server.web import limits
from merchant_server.web.api import (
    checkouts,
    deliveries,
    disputes,
    events,
    guarding,
    keys,
    loans,
    offers,
    payouts,
    plans,
    refunds,
    repaying,
    stores,
    test_clock,
    test_clocks,
    tills,
    webhook_endpoints,
)
from merchant_server.web.api.describing import describe
from merchant_server.web.limits import Limits

BLUEPRINTS = (
    checkouts.blp,
    offers.blp,
    plans.blp,
    loans.blp,
    refunds.blp,
    repaying.blp,
    disputes.blp,
    payouts.blp,
    events.blp,
    webhook_endpoints.blp,
    deliveries.blp,
    stores.blp,
    tills.blp,
    keys.blp,
    test_clock.blp,
    test_clocks.blp,
)
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


def register(app: Flask, limited: Limits) -> None:
    """Add /v1 and its description to an application."""
    app.config.update(OPENAPI)
    app.extensions[limits.EXTENSION] = limited
    api = ProblemApi(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    describe(api.spec)


for each in BLUEPRINTS:
    each.before_request(guarding.admit)
    each.after_request(guarding.finish)
