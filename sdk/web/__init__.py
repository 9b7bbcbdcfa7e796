"""`<fenqi-offers>` for any Python web framework: its script, its style, and the same legal text as HTML.

Needs no template engine and no server; shows what `fenqi.quote` computed and computes nothing.

The element takes offers from its property `offers`, its attribute `offers` (JSON), its attribute `src` (a
URL answering a list of offers, or {"data": a list}; asked with ?amount=&currency= once for each change of
these), or a JSON data block inside it. Offers for another amount than its attribute says are never shown.

Attributes: offers, src, amount (minor units), currency, language, selected (plan id), lender, name (form
field), theme (light, dark, auto; none follows the page's color-scheme). Properties: offers, selectedOffer.
Events from it: fenqi-offer-select (detail: offer), fenqi-offers-render (detail: offers), fenqi-offers-error.
Event it hears on document: fenqi-amount, detail {amount, currency, for: id of one element, or none for all}.
Style: `::part(plan)` and the other class names without "fo-"; --fenqi-text, -muted, -background, -border,
-accent, -chosen, -radius. The font is the page's.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from importlib.resources import files
from typing import Any, Protocol

from fenqi.errors import InvalidArgument

from .markup import data_script, list_html, single_html
from .texts import LANGUAGES, language_of

__all__ = ["LANGUAGES", "Html", "PricedOffer", "offer_html", "offers_html", "static_files", "widget_js"]

_FILES = ("fenqi-offers.js", "fenqi-offers.css")
_THEMES = ("light", "dark", "auto")


class PricedOffer(Protocol):
    """What `fenqi.quote` returns: anything that can write itself as offer JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Return the offer as JSON-ready data."""


class Html(str):
    """Finished HTML. Template engines that honour `__html__` (Jinja, Django, Mako) do not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def offers_html(
    offers: Iterable[PricedOffer | Mapping[str, Any]],
    *,
    language: str = "zh-CN",
    selected: str | None = None,
    script_url: str | None = None,
    style_url: str | None = None,
    source_url: str | None = None,
    name: str = "plan_id",
    element_id: str | None = None,
    theme: str | None = None,
    lender: str = "",
) -> Html:
    """Return `<fenqi-offers>` holding the offers as data and their full text, which stands without scripts.

    offers: from `fenqi.quote`, or their `to_dict()`. language: BCP 47, falls back to zh-CN, zh-TW or en.
    selected: id of the plan chosen at first. script_url, style_url: where `static_files` are served, to load
    them here. source_url: the element's `src`. name: form field of the chosen plan's id.
    theme: light, dark or auto. lender: named with each offer.
    Raises fenqi.errors.InvalidArgument naming the field that is not offer data.
    """
    if theme is not None and theme not in _THEMES:
        raise InvalidArgument(f"{theme!r} is no theme.", field="theme", hint="Use light, dark, auto or None.")
    data, spoken = [_data(offer) for offer in offers], language_of(language)
    attributes = {
        "id": element_id,
        "name": name,
        "language": spoken,
        "selected": selected,
        "theme": theme,
        "lender": lender or None,
        "src": source_url,
    }
    with _offer_data():
        text = list_html(data, spoken, field=name, selected=selected, lender=lender)
        block = data_script(data)
    if source_url and data:
        attributes["amount"] = str(data[0]["amount"]["minor"])
        attributes["currency"] = data[0]["amount"]["currency"]
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items() if value is not None)
    script = f'<script type="module" src="{escape(script_url)}"></script>' if script_url else ""
    return Html(f"{_link(style_url)}<fenqi-offers{written}>{block}{text}</fenqi-offers>{script}")


def offer_html(
    offer: PricedOffer | Mapping[str, Any],
    *,
    language: str = "zh-CN",
    lender: str = "",
    style_url: str | None = None,
) -> Html:
    """Return the full legal text of one offer, schedule open and nothing to choose, as for an order page.

    Raises fenqi.errors.InvalidArgument naming the field that is not offer data.
    """
    data = _data(offer)
    with _offer_data():
        return Html(_link(style_url) + single_html(data, language_of(language), lender))


def widget_js() -> bytes:
    """Return the ES module that defines `<fenqi-offers>`, to serve as text/javascript."""
    return static_files()["fenqi-offers.js"]


def static_files() -> dict[str, bytes]:
    """Return every file a page may load, by name: the script, and the style of the text inside."""
    return {name: files(__name__).joinpath(name).read_bytes() for name in _FILES}


def _link(style_url: str | None) -> str:
    return f'<link rel="stylesheet" href="{escape(style_url)}">' if style_url else ""


def _data(offer: PricedOffer | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(offer, Mapping):
        return dict(offer)
    if not hasattr(offer, "to_dict"):
        raise InvalidArgument(
            f"{type(offer).__name__} is no offer.", field="offers", hint="Pass fenqi.quote(…)."
        )
    return offer.to_dict()


@contextmanager
def _offer_data() -> Iterator[None]:
    """Turn a missing or mistyped part of offer data into InvalidArgument."""
    try:
        yield
    except KeyError as error:
        raise InvalidArgument(f"Offer data lacks {error}.", field=str(error.args[0])) from error
    except (TypeError, AttributeError) as error:
        raise InvalidArgument(
            "This is no offer data.", field="offers", hint="Pass fenqi.quote(…)."
        ) from error
