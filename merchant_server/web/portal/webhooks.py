"""The staff's webhook pages: where merchants' events go, and every try to push them. They change nothing."""

from collections.abc import Callable

from flask import render_template
from flask.typing import ResponseReturnValue

from merchant_server.services.deps import Deps
from merchant_server.services.operation import delivery_log
from merchant_server.web.portal.webhook_words import webhook_words


def _webhooks(deps: Deps, name: str) -> ResponseReturnValue:
    return _show("webhooks", name, endpoints=delivery_log.endpoints_seen(deps))


def _webhook(deps: Deps, name: str, endpoint_id: str) -> ResponseReturnValue:
    endpoint, deliveries = delivery_log.endpoint_seen(deps, endpoint_id)
    return _show("webhook", name, endpoint=endpoint, deliveries=deliveries)


def _show(template: str, name: str, **values: object) -> str:
    return render_template(f"portal/{template}.html", d=webhook_words(), name=name, here="webhooks", **values)


# Path, name, view, method; the staff's pages ask who is there first.
WEBHOOK_ROUTES: tuple[tuple[str, str, Callable[..., ResponseReturnValue], str], ...] = (
    ("/portal/webhooks", "webhooks", _webhooks, "GET"),
    ("/portal/webhooks/<endpoint_id>", "webhook", _webhook, "GET"),
)
