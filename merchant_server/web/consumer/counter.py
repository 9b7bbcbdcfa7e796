"""What a phone opens at a counter: a till's offline sale (/o/<letters>) and a store's sticker (/s/<code>)."""

from dataclasses import dataclass

from fenqi import qr
from fenqi.till.receipts import Receipt
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from merchant_server.services.deps import Deps
from merchant_server.services.sale.offline import redeem
from merchant_server.services.sale.store_page import store_page
from merchant_server.web.consumer.arrival import is_no_phone
from merchant_server.web.language import language_tag
from merchant_server.web.pages import page_blueprint


@dataclass(frozen=True, slots=True)
class ShownReceipt:
    """A receipt as the phone shows it: its QR code, and the digits in two groups."""

    svg: Markup
    digits: str


def counter_pages(deps: Deps) -> Blueprint:
    """Return the pages /o/<letters> and /s/<code>."""
    blueprint = page_blueprint("counter", __name__)

    @blueprint.get("/o/<letters>")
    def offline_sale(letters: str) -> ResponseReturnValue:
        """Take a till's sale in and go on as with any checkout; what is no phone in a hand takes nothing in."""
        if is_no_phone():
            return render_template("consumer/offline_sale.html")
        checkout = redeem(deps, letters, language_tag())
        return redirect(url_for("consumer.start", token=checkout.token), 303)

    @blueprint.get("/s/<code>")
    def store(code: str) -> ResponseReturnValue:
        """Show a store; its sticker leads to no payment."""
        return render_template("consumer/store.html", page=store_page(deps, code))

    return blueprint


def shown_receipt(receipt: Receipt | None) -> ShownReceipt | None:
    """Return what the last page shows of an offline sale's receipt."""
    if receipt is None:
        return None
    code = qr.svg(receipt.text, title=gettext("Receipt for the till"))
    return ShownReceipt(Markup(code), f"{receipt.code[:4]} {receipt.code[4:]}")  # noqa: S704
