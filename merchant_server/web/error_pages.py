"""Errors as pages: what went wrong, and what to do, in both languages. Developers' messages are never shown."""

import logging
import traceback
from typing import Any

from flask import Blueprint, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from merchant_server.domain.errors import DomainError
from merchant_server.web.context import request_id
from merchant_server.web.error_words import GENERAL, WORDS, Words
from merchant_server.web.language import LOCALES, language_tag
from merchant_server.web.problems import STATUS

log = logging.getLogger(__name__)

STATUS_BY_CODE = {
    "checkout_claimed": 409,
    "checkout_cancelled": 410,
    "checkout_voided": 410,
    "agreement_replaced": 409,
    "code_rate_limited": 429,
    "codes_paused": 503,
}
HTTP_CODES = {
    400: "request_malformed",
    403: "foreign_form",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    429: "rate_limited",
}


def words_for(code: str, facts: dict[str, Any] | None = None) -> Words:
    """Return what a person may read about an error code, in the request's language."""
    return WORDS.get(code, GENERAL).filled(facts or {})


def status_for(error: DomainError) -> int:
    """Return the HTTP status of a refusal: by its code where that says more, else by its class."""
    by_class = next((STATUS[each] for each in type(error).__mro__ if each in STATUS), 422)
    return STATUS_BY_CODE.get(error.code, by_class)


def retry_header(error: DomainError) -> dict[str, str]:
    """Return when to try again, for an answer that says so."""
    seconds = error.facts.get("retry_after_seconds")
    return {} if seconds is None else {"Retry-After": str(seconds)}


def error_page(
    status: int, code: str, facts: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> ResponseReturnValue:
    """Return a page that says what happened and what to do, first in the reader's language, then in the other."""
    other = next(tag for tag in LOCALES if tag != language_tag())
    with force_locale(LOCALES[other]):
        other_words = words_for(code, facts)
    page = render_template(
        "error.html",
        status=status,
        code=code,
        words=words_for(code, facts),
        other={"tag": other, "words": other_words},
        request_id=request_id(),
        back=g.way_out() if "way_out" in g else None,
        again=request.path if status == 503 and request.method == "GET" else None,
    )
    return make_response(page, status, headers or {})


def from_domain(error: DomainError) -> ResponseReturnValue:
    """Show a refusal."""
    return error_page(status_for(error), error.code, error.facts, retry_header(error))


def from_csrf(_error: CSRFError) -> ResponseReturnValue:
    """Show that a form lost its session."""
    return error_page(400, "form_expired")


def from_http(error: HTTPException) -> ResponseReturnValue:
    """Show a refusal of the framework; a redirect stays what it is."""
    if error.code is None or error.code < 400:
        return error.get_response()
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return error_page(error.code, HTTP_CODES.get(error.code, "refused"), headers=kept)


def from_bug(error: Exception) -> ResponseReturnValue:
    """Show a mistake of ours. The log gets its place but not its message, which may hold what somebody typed."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s in request %s at %s\n%s", type(error).__name__, request_id(), request.endpoint, where)
    return error_page(500, "internal")


def install(blueprint: Blueprint) -> None:
    """Answer every error of a blueprint's views with a page."""
    blueprint.register_error_handler(DomainError, from_domain)
    blueprint.register_error_handler(CSRFError, from_csrf)
    blueprint.register_error_handler(HTTPException, from_http)
    blueprint.register_error_handler(Exception, from_bug)
