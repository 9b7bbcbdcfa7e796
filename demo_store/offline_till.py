"""The till without network: it signs sales itself, and checks offline what the customer's phone shows.

Nothing here calls fenqi but `come_back`, which asks once the network is there again.
"""

from datetime import datetime

from fenqi import ConfigError, FenqiError, qr
from fenqi.till import CodeWrong, OfflineSale, SaleStatus, TillRefused
from fenqi.till import Till as OfflineTill
from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from demo_store.orders import OrderDraft
from demo_store.settings import Store, Till
from demo_store.till import (
    UnusableAmountError,
    chosen_plans,
    new_sale_page,
    offline_folder,
    read_amount,
    this_counter,
)
from demo_store.wiring import shop

blueprint = Blueprint("offline_till", __name__, url_prefix="/till/offline")
WORDS: dict[str, LazyString] = {
    "offline_amount_over_limit": lazy_gettext("Without network this till may not sell that much at a time."),
    "offline_day_over_limit": lazy_gettext("This till has sold what it may sell in a day without network."),
    "offline_tries_spent": lazy_gettext("Too many wrong codes. Scan the receipt, or wait for the network."),
    "offline_receipt_foreign": lazy_gettext("This receipt is for another sale."),
    "offline_receipt_forged": lazy_gettext("This receipt is not genuine. Do not hand over the goods."),
    "offline_token_malformed": lazy_gettext("That is no receipt. Scan the code on the customer's last page."),
    "offline_sale_over": lazy_gettext("This sale is over. Make a new one."),
}


@blueprint.post("")
def switch() -> BaseResponse:
    """Switch this device to selling without network."""
    _, device = _place()
    session["till_offline"] = device.id
    return redirect(url_for("till.new_sale"), 303)


@blueprint.post("/sales")
def open_sale() -> BaseResponse | tuple[str, int]:
    """Sign a sale and show its code; the order is kept here, so that the event finds it later."""
    store, device = _place()
    parts = shop()
    try:
        amount = read_amount(request.form.get("amount", ""))
        plan_ids = chosen_plans(amount)
        draft = OrderDraft(
            "till",
            amount,
            description=request.form.get("note", "").strip()[:200],
            plan_ids=plan_ids,
            store_id=store.id,
            till_id=device.id,
        )
        form_token = request.form.get("form_token", "")[:64] or parts.new_token()
        order = parts.orders.open_order(draft, form_token, f"xm-{parts.new_token()}")
        sale = _till(device).sell(amount, reference=order.id, plan_ids=plan_ids)
    except UnusableAmountError as error:
        return new_sale_page((store, device), error.text), 422
    except (TillRefused, ConfigError) as error:
        return new_sale_page((store, device), _words(error)), 422
    return redirect(url_for("offline_till.sale", sale_id=sale.id), 303)


@blueprint.get("/sales/<sale_id>")
def sale(sale_id: str) -> str:
    """Show the code of a sale, and take what the customer's phone shows after the signature."""
    return _sale_page(sale_id)


@blueprint.post("/sales/<sale_id>/confirm")
def confirm(sale_id: str) -> BaseResponse | tuple[str, int]:
    """Check eight digits or a scanned receipt, without network."""
    _, device = _place()
    shown = request.form.get("shown", "").strip()
    till = _till(device)
    try:
        if shown.upper().startswith("FQR"):
            if till.confirm_receipt(shown).id != sale_id:
                return _sale_page(sale_id, str(WORDS["offline_receipt_foreign"])), 422
        else:
            till.confirm(sale_id, shown)
    except CodeWrong as error:
        told = gettext("That is not the code of this sale. Tries left: %(count)s.", count=error.tries_left)
        return _sale_page(sale_id, told), 422
    except TillRefused as error:
        return _sale_page(sale_id, _words(error)), 422
    return redirect(url_for("offline_till.sale", sale_id=sale_id), 303)


@blueprint.post("/sales/<sale_id>/cancel")
def cancel(sale_id: str) -> BaseResponse | tuple[str, int]:
    """Give a sale up here; when the network is back it is cancelled at fenqi, too."""
    _, device = _place()
    try:
        _till(device).cancel(sale_id)
    except TillRefused as error:
        return _sale_page(sale_id, _words(error)), 422
    return redirect(url_for("till.new_sale"), 303)


@blueprint.post("/back")
def come_back() -> str | tuple[str, int]:
    """Ask fenqi about every sale of the time without network, then sell with network again."""
    store, device = _place()
    try:
        ended = _till(device).reconcile(shop().client)
    except FenqiError:
        page = new_sale_page(
            (store, device), gettext("There is still no network. Nothing is lost; try later.")
        )
        return page, 503
    session.pop("till_offline", None)
    return render_template("till_reconciled.html", store=store, device=device, ended=ended)


def _sale_page(sale_id: str, problem: str | None = None) -> str:
    store, device = _place()
    till = _till(device)
    found = _found(till, sale_id)
    code = Markup(qr.svg(found.url, error_correction="L", title=gettext("QR code of this sale")))  # noqa: S704
    return render_template(
        "till_offline_sale.html", sale=found, store=store, device=device, qr_svg=code, problem=problem,
        open_until=till.open_until(found), waiting=found.status == SaleStatus.SHOWN,
        done=found.status in (SaleStatus.CONFIRMED, SaleStatus.SETTLED),
    )  # fmt: skip


def _found(till: OfflineTill, sale_id: str) -> OfflineSale:
    try:
        return till.sale(sale_id)
    except TillRefused:
        abort(404)


def _place() -> tuple[Store, Till]:
    counter = this_counter()
    if counter is None or counter[1] is None or offline_folder(counter[1]) is None:
        abort(404)
    return counter[0], counter[1]


def _till(device: Till) -> OfflineTill:
    folder = offline_folder(device)
    assert folder is not None
    return OfflineTill.open(folder, clock=ShopClock())


class ShopClock:
    """The store's clock, as the SDK asks for it."""

    def now(self) -> datetime:
        """Return the present in UTC."""
        return shop().clock()

    def sleep(self, seconds: float) -> None:
        """Nobody waits at this till."""


def _words(error: FenqiError) -> str:
    return str(WORDS.get(error.code, error.message))
