"""Serves `<fenqi-offers>` from this shop's own address and writes it into pages. Computes nothing."""

from collections.abc import Iterable

from fenqi import Offer
from fenqi.web import Html, offers_html, static_files
from flask import Blueprint, Response, abort

from demo_store.language import language_tag

blueprint = Blueprint("widget", __name__)
_TYPES = {".js": "text/javascript", ".css": "text/css"}


@blueprint.app_template_global()
def offers_widget(offers: Iterable[Offer]) -> Html:
    """Return the offers as an element that stands with and without scripts, in the page's language."""
    return offers_html(offers, language=language_tag())


@blueprint.get("/fenqi/<name>")
def file(name: str) -> Response:
    """Return the widget's script or style sheet, as the SDK ships it."""
    content = static_files().get(name) or abort(404)
    response = Response(content, mimetype=_TYPES["." + name.rpartition(".")[2]])
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
