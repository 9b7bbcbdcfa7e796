"""What a payment link opens (/pay/<token>): the amount, the shop, and the way to the bank's own page.

Whoever holds the link may pay; nothing is told about the person who owes.
"""

from fenqi import qr
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from merchant_server.services.collection.ordering import bank_page, show_order
from merchant_server.services.deps import Deps
from merchant_server.web.consumer.arrival import is_no_phone
from merchant_server.web.pages import page_blueprint


def paying_pages(deps: Deps) -> Blueprint:
    """Return the pages below /pay/<token>."""
    blueprint = page_blueprint("paying", __name__)

    def address(token: str) -> str:
        return deps.public_url + url_for("paying.order", token=token)

    @blueprint.get("/pay/<token>")
    def order(token: str) -> ResponseReturnValue:
        """Show what is to be paid, or that it was; coming back from the bank, ask what became of it."""
        shown = show_order(deps, token, ask=request.args.get("back") == "1")
        code = qr.svg(address(token), title=gettext("Code of this payment"))
        return render_template(
            "consumer/pay.html",
            shown=shown,
            code=Markup(code),  # noqa: S704 - drawn by our own encoder
            over=shown.order.is_over(deps.clock.now()),
        )

    @blueprint.get("/pay/<token>/bank")
    def bank(token: str) -> ResponseReturnValue:
        """Lead to the bank's page; what only looks at links takes nothing to the bank."""
        if is_no_phone():
            return redirect(url_for("paying.order", token=token), 303)
        page = bank_page(deps, token, f"{address(token)}?back=1")
        return redirect(page or url_for("paying.order", token=token), 303)

    return blueprint
