"""What every page shares: assets, templates, security headers, CSRF, languages, error pages. No use case is here."""

from collections.abc import Iterable
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import HTTPException

from merchant_server.web import error_pages, language, problems

HERE = Path(__file__).parent
TEXTS = HERE / "texts"
ASSETS = "/assets"
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # The token is in the address: no other site may learn it.
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


def set_up_pages(app: Flask, *, secure: bool, exempt: Iterable[Blueprint] = ()) -> None:
    """Give an app its pages' assets, templates, languages and CSRF protection.

    `secure` says that visitors come by https. `exempt` are blueprints that no browser form posts to (the API and
    callbacks). The app's SECRET_KEY signs the session, which holds nothing but the CSRF secret.
    """
    app.config.update(
        SESSION_COOKIE_NAME="__Host-fenqi_session" if secure else "fenqi_session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        # A page may lie open as long as its checkout lives; the session bounds the token.
        WTF_CSRF_TIME_LIMIT=None,
        # It wants a Referer, which our own policy withholds; refuse_foreign_posts stands in for it.
        WTF_CSRF_SSL_STRICT=False,
    )
    protection = CSRFProtect(app)
    for blueprint in exempt:
        protection.exempt(blueprint)
    Babel(
        app,
        default_locale=language.LOCALES[language.LANGUAGE_DEFAULT],
        default_translation_directories=str(TEXTS),
        locale_selector=language.locale_name,
    )
    app.register_error_handler(404, _lost)
    app.register_error_handler(405, _lost)
    app.jinja_env.filters |= language.FILTERS
    app.jinja_env.globals |= {"_": language.translated, "asset": asset}
    app.context_processor(language.texts_of_page)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(
        Blueprint(
            "pages",
            __name__,
            static_folder=str(HERE / "static"),
            static_url_path=ASSETS,
            template_folder=str(HERE / "templates"),
        )
    )


def asset(name: str) -> str:
    """Return the address of a file that pages use."""
    return f"{request.script_root}{ASSETS}/{name}"


def page_blueprint(name: str, import_name: str) -> Blueprint:
    """Return a blueprint whose views are pages: guarded, in two languages, and with pages for errors."""
    blueprint = Blueprint(name, import_name)
    blueprint.before_request(refuse_foreign_posts)
    blueprint.before_request(language.switch_language)
    blueprint.after_request(language.say_language)
    blueprint.after_request(harden)
    error_pages.install(blueprint)
    return blueprint


def _lost(error: HTTPException) -> ResponseReturnValue:
    """Answer an address or a method that no view has: with a page for a browser, with a problem for a program."""
    kinds = request.accept_mimetypes
    if kinds["text/html"] <= kinds["application/json"]:
        return problems.from_http(error)
    return harden(language.say_language(make_response(error_pages.from_http(error))))


def refuse_foreign_posts() -> None:
    """Refuse a form that another site sent. The CSRF token is the first guard; this one needs no session.

    Under our referrer policy browsers send `Origin: null` for a form of our own, so Sec-Fetch-Site decides where it
    is sent. Only hosts are compared: behind a proxy that ends TLS the scheme seen here can be another.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "null")
    if site is None:
        foreign = origin != "null" and origin.partition("://")[2] != request.host
    else:
        foreign = site not in ("same-origin", "none")
    if foreign:
        abort(403)


def harden(response: Response) -> Response:
    """Add the headers that every page carries; a view that set one itself keeps it."""
    its_own = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - these are no mapping
    for name, value in HEADERS.items():
        if name.lower() not in its_own:
            response.headers.add(name, value)
    return response
