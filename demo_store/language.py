"""Which language a page speaks, and how money, rates, dates and times look in it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_percent
from fenqi import Money
from flask import Flask, Response, g, request, session, url_for
from flask_babel import Babel, get_locale

TAGS = ("zh-CN", "en")
NAMES = {"zh-CN": "中文", "en": "English"}
_LOCALES = {"zh-CN": "zh_Hans_CN", "en": "en"}


def language_tag() -> str:
    """Return "zh-CN" or "en": the visible switch wins, then the browser's wish, then Chinese."""
    if "language_tag" not in g:
        g.language_tag = _chosen_tag()
    tag: str = g.language_tag
    return tag


def _chosen_tag() -> str:
    asked = request.args.get("lang")
    if asked in TAGS:
        session["language"] = asked
    if session.get("language") in TAGS:
        return str(session["language"])
    for wish, _quality in request.accept_languages:
        if wish.lower().startswith("zh"):
            return "zh-CN"
        if wish.lower().startswith("en"):
            return "en"
    return "zh-CN"


def locale_name() -> str:
    """Return the name that Babel and the message folders use; `zh-CN` is `zh_Hans_CN` there."""
    return _LOCALES[language_tag()]


def current_locale() -> Locale:
    """Return the locale of this request."""
    return get_locale() or Locale.parse("zh_Hans_CN")


def money_text(amount: Money) -> str:
    """Write money exactly, in the style of the page's language: ¥3,999.00."""
    return format_currency(Decimal(amount.decimal_text), amount.currency, locale=current_locale())


def rate_text(rate: Decimal) -> str:
    """Write a fraction as a percentage with two decimals: 12.00%."""
    return format_percent(rate, format="0.00%", locale=current_locale())


def date_text(day: date) -> str:
    """Write a calendar date in full."""
    return format_date(day, format="long", locale=current_locale())


def short_date_text(day: date) -> str:
    """Write a calendar date for a table."""
    return format_date(day, format="medium", locale=current_locale())


def language_links() -> list[dict[str, Any]]:
    """Return the switch: one link a language to the page at hand (the front page after a POST)."""
    arguments = dict(request.view_args or {})
    endpoint = request.endpoint
    if endpoint is None or request.method not in ("GET", "HEAD") or endpoint.endswith((".stream", ".state")):
        endpoint, arguments = "shop.home", {}
    query = request.args.to_dict(flat=False) if endpoint == request.endpoint else {}
    links = []
    for tag in TAGS:
        address = url_for(endpoint, **{**query, **arguments, "lang": tag})
        links.append({"tag": tag, "name": NAMES[tag], "address": address, "current": tag == language_tag()})
    return links


def install(app: Flask, timezone: str) -> None:
    """Give the app its two languages and the filters that its templates use."""
    Babel(
        app,
        default_locale="zh_Hans_CN",
        default_timezone=timezone,
        default_translation_directories="texts",
        locale_selector=locale_name,
    )

    zone = ZoneInfo(timezone)

    def time_text(moment: datetime) -> str:
        return format_datetime(moment, format="medium", tzinfo=zone, locale=current_locale())

    def clock_text(moment: datetime) -> str:
        return format_time(moment, format="short", tzinfo=zone, locale=current_locale())

    app.jinja_env.filters |= {
        "clock": clock_text,
        "money": money_text,
        "rate": rate_text,
        "day": date_text,
        "short_day": short_date_text,
        "time": time_text,
    }
    app.context_processor(lambda: {"language": language_tag(), "language_links": language_links})

    @app.after_request
    def say_language(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.content_language.add(language_tag())
            response.vary.add("Accept-Language")
        return response
