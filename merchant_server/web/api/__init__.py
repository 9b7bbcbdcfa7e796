"""/v1: JSON for merchants. Every route needs a key, a scope, and on POST an Idempotency-Key."""

import threading
from typing import Any

from fenqi.wire import ProblemSchema
from flask import Flask, Response, json
from flask_smorest import Api, Blueprint

from merchant_server.web import limits
from merchant_server.web.api import (
    checkouts,
    deliveries,
    disputes,
    events,
    guarding,
    keys,
    known_keys,
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
from merchant_server.web.api.known_keys import KnownKeys
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
    """flask-smorest without its own error bodies: web/problems.py answers every refusal, and this describes them.

    The description is made when it is first read, so that a server starts without it.
    """

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask) -> None:
        self._making = threading.Lock()
        self._description: dict[str, Any] | None = None
        super().__init__(app)

    def _register_error_handlers(self) -> None:
        return

    def _register_responses(self) -> None:
        # Every response that flask-smorest registers by itself is a refusal.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = "application/problem+json"
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE

    def register_blueprint(self, blp: Blueprint, **options: Any) -> None:
        """Add a blueprint's routes to the application."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp, **options)

    def description(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        with self._making:
            if self._description is None:
                for each in BLUEPRINTS:
                    each.register_views_in_doc(self, self._app, self.spec, name=each.name, parameters=None)
                    self.spec.tag({"name": each.name, "description": each.description})
                describe(self.spec)
                self._description = self.spec.to_dict()
            return self._description

    def _openapi_json(self) -> Response:
        return Response(
            json.dumps(self.description(), indent=2, sort_keys=False), mimetype="application/json"
        )


def register(app: Flask, limited: Limits, known: KnownKeys) -> None:
    """Add /v1 and its description to an application."""
    app.config.update(OPENAPI)
    app.extensions[limits.EXTENSION] = limited
    app.extensions[known_keys.EXTENSION] = known
    api = ProblemApi(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)


for each in BLUEPRINTS:
    each.before_request(guarding.admit)
    each.after_request(guarding.finish)
