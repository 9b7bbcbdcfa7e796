"""Which language a page speaks, and how money, rates, dates and times look in it. It computes no figure."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal
from fenqi.finance.money import Money
from flask import Response, current_app, g, redirect, request
from flask_babel import get_translations, refresh
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

NAMES = {"zh-CN": "中文", "en": "English"}
LOCALES = {"zh-CN": "zh_Hans_CN", "en": "en"}
LANGUAGE_DEFAULT = "zh-CN"
COOKIE = "fenqi_language"
COOKIE_SECONDS = 365 * 24 * 3600
# Every text of a page asks for the language; what was found is kept with the request.
_CHOSEN = "fenqi.language"
TEXTS = "texts_of_page"


def language_tag() -> str:
    """Return "zh-CN" or "en": the visitor's own choice, else what the page prefers, else the browser's wish."""
    known: str | None = request.environ.get(_CHOSEN)
    if known is None:
        known = request.environ[_CHOSEN] = _choose()
    return known


def _choose() -> str:
    for wish in (request.cookies.get(COOKIE), g.get("preferred_language")):
        if wish in NAMES:
            return str(wish)
    for wish, _quality in request.accept_languages:
        for tag in NAMES:
            if wish.lower().split("-")[0] == tag[:2]:
                return tag
    return LANGUAGE_DEFAULT


def prefer_language(tag: str) -> None:
    """Let this request speak `tag` unless the visitor chose a language."""
    g.preferred_language = tag
    request.environ.pop(_CHOSEN, None)
    refresh()


def locale_name() -> str:
    """Return the name that Babel and the folders of texts use: `zh-CN` is `zh_Hans_CN` there."""
    return LOCALES[language_tag()]


def switch_language() -> AnyResponse | None:
    """Keep the visitor's choice from `?lang=` in a cookie, and show the same page without it."""
    wish = request.args.get("lang")
    if request.method != "GET" or wish not in NAMES:
        return None
    response = redirect(request.path, 303)
    response.set_cookie(
        COOKIE,
        wish,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Lax",
    )
    return response


def language_links() -> list[dict[str, Any]]:
    """Return the visible switch: one entry a language."""
    return [{"tag": tag, "name": name, "current": tag == language_tag()} for tag, name in NAMES.items()]


def texts_of_page() -> dict[str, Any]:
    """Return what every template is given: its language, the switch, and the texts in that language."""
    return {"language": language_tag(), "language_links": language_links, TEXTS: get_translations()}


@pass_context
def translated(context: Context, text: str, **values: Any) -> Markup:
    """Return a template's text in the page's language, its %(name)s filled in; `_` in every template.

    Jinja's own looks the language up for each text, and a page has hundreds of them.
    """
    texts = context.get(TEXTS) or get_translations()
    said = Markup(texts.ugettext(text))  # noqa: S704 - our own catalogue; values are escaped as they are put in
    return said % values if values or "%" in said else said


def say_language(response: Response) -> Response:
    """Tell caches and readers which language a page is in."""
    if response.mimetype == "text/html":
        response.content_language.add(language_tag())
        response.vary.update(("Accept-Language", "Cookie"))
    return response


@cache
def _named(locale: str) -> Locale:
    return Locale.parse(locale)


def _locale() -> Locale:
    return _named(locale_name())


# A page writes hundreds of amounts and dates, and Babel is slow; equal ones look equal.
@lru_cache(maxsize=8192)
def _money(minor: int, currency: str, locale: str) -> str:
    return format_currency(Decimal(Money(minor, currency).decimal_text), currency, locale=_named(locale))


@lru_cache(maxsize=4096)
def _day(day: date, length: str, locale: str) -> str:
    return format_date(day, format=length, locale=_named(locale))


@lru_cache(maxsize=1024)
def _clock(moment: datetime, time_zone: str, locale: str) -> str:
    return format_time(moment, format="short", tzinfo=ZoneInfo(time_zone), locale=_named(locale))


def money_text(amount: Money | dict[str, Any]) -> str:
    """Write money exactly, as the page's language does: ¥3,999.00, CN¥3,999.00. Takes Money or its JSON form."""
    if isinstance(amount, dict):
        return _money(amount["minor"], amount["currency"], locale_name())
    return _money(amount.minor, amount.currency, locale_name())


def rate_text(rate: Decimal | str) -> str:
    """Write a fraction as a percentage, rounded half up to two decimals as disclosures are: 12.00%."""
    percent = (Decimal(rate) * 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return format_decimal(percent, format="#,##0.00", locale=_locale()) + "%"


def day_text(day: date | str) -> str:
    """Write a calendar date in full."""
    return _day(_date(day), "long", locale_name())


def short_day_text(day: date | str) -> str:
    """Write a calendar date for a table."""
    return _day(_date(day), "medium", locale_name())


def clock_text(moment: datetime, time_zone: str) -> str:
    """Write a time of day as it is at the shop."""
    return _clock(moment, time_zone, locale_name())


def moment_text(moment: datetime, time_zone: str) -> str:
    """Write a date and time of day as it is at the shop."""
    return format_datetime(moment, format="medium", tzinfo=ZoneInfo(time_zone), locale=_locale())


def _date(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


FILTERS = {
    "money": money_text,
    "rate": rate_text,
    "day": day_text,
    "short_day": short_day_text,
    "clock": clock_text,
    "moment": moment_text,
}
