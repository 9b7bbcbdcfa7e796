"""Builds the store: the only place that wires its parts together."""

import secrets
from collections.abc import Callable

from fenqi import Client
from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from demo_store import (
    catalog,
    counter_payment,
    database,
    language,
    offline_till,
    returning,
    shop,
    till,
    webhook,
    widget,
)
from demo_store.clock import Clock, system_clock
from demo_store.inbox import WebhookInbox
from demo_store.live import LiveCheckouts
from demo_store.orders import OrderBook
from demo_store.payments import PaymentUnavailableError
from demo_store.plans import PlanShelf
from demo_store.returns import ReturnBook
from demo_store.settings import Settings
from demo_store.wiring import EXTENSION, Shop

# No form-action: the "pay" form is answered by a redirect to fenqi's pages, which browsers count as its action.
CONTENT_SECURITY_POLICY = "; ".join(
    ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
)
MAX_FORM_BYTES = 1024 * 1024


def create_app(
    settings: Settings,
    client: Client | None = None,
    clock: Clock | None = None,
    new_token: Callable[[], str] | None = None,
) -> Flask:
    """Return the store as a WSGI app, its database migrated and its shelf stocked.

    `client` reaches fenqi, `clock` tells UTC, `new_token` makes unguessable words; each has a real default.
    """
    app = Flask("demo_store")
    database.migrate(settings.database)
    parts = _parts(settings, client, clock or system_clock, new_token or (lambda: secrets.token_hex(8)))
    parts.catalog.stock_shelf()
    app.extensions[EXTENSION] = parts
    app.config.update(
        SECRET_KEY=settings.secret_key or _kept_secret(settings.database),
        SESSION_COOKIE_NAME="xiaoman_session",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
    )
    CSRFProtect(app).exempt(webhook.blueprint)
    language.install(app, settings.timezone)
    for blueprint in (
        shop.blueprint,
        returning.blueprint,
        till.blueprint,
        counter_payment.blueprint,
        offline_till.blueprint,
        webhook.blueprint,
        widget.blueprint,
    ):
        app.register_blueprint(blueprint)
    _install_errors(app)
    app.after_request(_harden)
    return app


def _parts(settings: Settings, client: Client | None, clock: Clock, new_token: Callable[[], str]) -> Shop:
    client = client or Client(api_key=settings.api_key, base_url=settings.base_url)
    return Shop(
        settings=settings,
        client=client,
        clock=clock,
        new_token=new_token,
        catalog=catalog.Catalog(settings.database),
        orders=OrderBook(settings.database, clock),
        inbox=WebhookInbox(settings.database, clock, settings.mode),
        plans=PlanShelf(settings, client, clock),
        live=LiveCheckouts(client, settings.max_streams),
        returns=ReturnBook(settings.database, clock),
    )


def _kept_secret(path: str) -> str:
    """Return the cookie key, made at the first start and kept, so that a restart loses no cart."""
    with database.writing(path) as db:
        db.table("facts").insert(
            {"name": "secret_key", "value": secrets.token_hex(32)}, pk="name", ignore=True
        )
        row = next(db.query("SELECT value FROM facts WHERE name = 'secret_key'"))
    return str(row["value"])


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _install_errors(app: Flask) -> None:
    def unavailable(error: PaymentUnavailableError) -> tuple[str, int, dict[str, str]]:
        app.logger.warning("fenqi is unavailable: %s", error)
        at_till = request.path.startswith("/till")
        return render_template("unavailable.html", at_till=at_till), 503, {"Retry-After": "10"}

    def form_expired(_error: CSRFError) -> tuple[str, int]:
        return render_template("error.html", status=400, kind="form"), 400

    def http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
        if error.code is None or error.code < 400:
            return error
        kind = {404: "missing", 405: "method", 413: "large"}.get(error.code, "other")
        page = render_template("error.html", status=error.code, kind=kind)
        return page, error.code

    app.register_error_handler(PaymentUnavailableError, unavailable)
    app.register_error_handler(CSRFError, form_expired)
    app.register_error_handler(HTTPException, http_error)
