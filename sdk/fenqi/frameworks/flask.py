"""A webhook receiver for Flask. With Flask-WTF: `csrf.exempt(blueprint)`, because fenqi sends no CSRF token."""

from typing import Any

from flask import Blueprint, Response, request

from fenqi.frameworks.receiving import Handler, receive


def webhook_blueprint(
    path: str = "/webhooks/fenqi", name: str = "fenqi_webhooks", **options: Any
) -> Blueprint:
    """Return a blueprint that takes events in; options as for `receive`: secret, handler, inbox, drop_stale."""
    blueprint = Blueprint(name, __name__)

    @blueprint.post(path)
    def take() -> Response:
        # Raw bytes, before anything parses them: the signature is over these.
        done = receive(request.get_data(cache=False, parse_form_data=False), request.headers, **options)
        return Response(done.text, done.status, done.headers)

    return blueprint


__all__ = ["Handler", "webhook_blueprint"]
