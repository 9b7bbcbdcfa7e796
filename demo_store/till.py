"""The till: amount, plans, a big QR, live states, receipt. Written for a counter, with or without scripts."""

from pathlib import Path
from typing import Any

from fenqi import FenqiError, Money, Offer, qr
from fenqi.finance.errors import FinanceError
from flask import Blueprint, Response, abort, redirect, render_template, request, session, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from demo_store.language import language_tag
from demo_store.live import stream_response
from demo_store.orders import Order, OrderDraft, OrderStatus
from demo_store.payments import PaymentRefusedError, cancel_checkout, start_checkout
from demo_store.sale_state import SaleState, sale_state
from demo_store.settings import Store, Till
from demo_store.wiring import shop

blueprint = Blueprint("till", __name__, url_prefix="/till")


class UnusableAmountError(Exception):
    """The amount typed at the till cannot be sold; `text` tells the cashier what to type."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


@blueprint.get("")
def new_sale() -> str | BaseResponse:
    """Show the keypad, and the plans for the amount when one is given."""
    counter = this_counter()
    if counter is None:
        return render_template("till_stores.html", stores=shop().settings.stores)
    return new_sale_page(counter)


@blueprint.post("/store")
def choose_store() -> BaseResponse:
    """Keep in this device's cookie which store it stands in."""
    known = {store.id for store in shop().settings.stores}
    chosen = request.form.get("store_id", "")
    if chosen and chosen not in known:
        abort(404)
    session["till_store"] = chosen
    return redirect(url_for("till.new_sale"), 303)


@blueprint.get("/offers")
def offers() -> str:
    """Return the plan table for an amount, as a piece of the till's page."""
    try:
        amount = read_amount(request.args.get("amount", ""))
    except UnusableAmountError as error:
        return render_template("_till_plans.html", amount=None, offers=(), problem=error.text)
    return render_template("_till_plans.html", amount=amount, offers=_offers(amount), problem=None)


@blueprint.post("/sales")
def open_sale() -> BaseResponse | tuple[str, int]:
    """Make the sale and show its QR. The same form sent twice is one sale."""
    parts = shop()
    counter = this_counter()
    if counter is None:
        return redirect(url_for("till.new_sale"), 303)
    store, device = counter
    try:
        amount = read_amount(request.form.get("amount", ""))
        plan_ids = chosen_plans(amount)
        draft = OrderDraft(
            "till",
            amount,
            description=request.form.get("note", "").strip()[:200],
            plan_ids=plan_ids,
            store_id=store.id,
            till_id=device.id if device else "",
        )
        form_token = request.form.get("form_token", "")[:64] or parts.new_token()
        order = parts.orders.open_order(draft, form_token, f"xm-{parts.new_token()}")
        order = start_checkout(parts, order, return_url=None, language=language_tag())
    except UnusableAmountError as error:
        return new_sale_page(counter, error.text), 422
    except PaymentRefusedError as error:
        return new_sale_page(counter, str(error)), 422
    return redirect(url_for("till.sale", order_id=order.id), 303)


@blueprint.get("/sales/<order_id>")
def sale(order_id: str) -> str:
    """Show the QR and, beside it, how far the customer is."""
    order = _sale(order_id)
    store, device = _place(order)
    code = Markup(qr.svg(order.checkout_url, border=4, title=gettext("QR code of this sale")))  # noqa: S704
    return render_template(
        "till_sale.html", order=order, sale=_state(order, fresh=True), store=store, device=device, qr_svg=code
    )


@blueprint.get("/sales/<order_id>.json")
def state(order_id: str) -> dict[str, Any]:
    """Return the sale's state for a till that polls."""
    return _look(order_id, fresh=True)


@blueprint.get("/sales/<order_id>/stream")
def stream(order_id: str) -> Response:
    """Send the sale's state at every change, as fenqi tells it."""
    order = _sale(order_id)
    return stream_response(shop().live, order.checkout_id, lambda: _look(order_id, fresh=False))


@blueprint.post("/sales/<order_id>/cancel")
def cancel(order_id: str) -> BaseResponse | tuple[str, int]:
    """Cancel the sale once the cashier has confirmed; a sale that was signed meanwhile stays a sale."""
    order = _sale(order_id)
    if request.form.get("confirm") != "yes":
        return render_template("till_cancel.html", order=order), 400
    cancelled = cancel_checkout(shop(), order)
    shop().live.wake()
    return redirect(url_for("till.sale", order_id=order.id, late=None if cancelled else "1"), 303)


@blueprint.get("/sales/<order_id>/receipt")
def receipt(order_id: str) -> str:
    """Show what happened, to print or to keep."""
    order = _sale(order_id)
    store, device = _place(order)
    plan = next((plan for plan in shop().plans.plans() if plan.id == order.plan_id), None)
    return render_template(
        "receipt.html", order=order, store=store, device=device, plan=plan, form_token=shop().new_token()
    )


def read_amount(text: str) -> Money:
    """Read what a cashier types ("¥3,999.00", "３９９９"); raises UnusableAmountError with advice."""
    plain = text.strip().translate(_FULL_WIDTH).replace(",", "").replace(" ", "").lstrip("¥")
    plain = plain.removesuffix(".")
    if not plain:
        raise UnusableAmountError(gettext("Type the amount first."))
    try:
        amount = Money.parse(plain, shop().settings.currency)
    except FinanceError:
        raise UnusableAmountError(gettext("Type the amount as a number with at most two decimals.")) from None
    if amount.minor <= 0:
        raise UnusableAmountError(gettext("The amount must be more than zero."))
    return amount


_FULL_WIDTH = str.maketrans("０１２３４５６７８９．，￥", "0123456789.,¥")


def new_sale_page(counter: tuple[Store, Till | None], problem: str | None = None) -> str:
    """Show the keypad for one counter; without network it prices by the plans at hand."""
    parts = shop()
    store, device = counter
    text = request.values.get("amount", "")
    amount: Money | None = None
    offers: tuple[Offer, ...] = ()
    if text:
        try:
            amount = read_amount(text)
            offers = _offers(amount)
        except UnusableAmountError as error:
            problem = problem or error.text
    recent = parts.orders.recent_at(device.id if device else "")
    return render_template(
        "till.html", store=store, device=device, amount_text=text, amount=amount, offers=offers, problem=problem,
        form_token=parts.new_token(), recent=[(order, sale_state(order, None)) for order in recent],
        several_stores=len(parts.settings.stores) > 1, products=parts.catalog.products(),
        offline=is_offline(), may_go_offline=device is not None and offline_folder(device) is not None,
    )  # fmt: skip


def chosen_plans(amount: Money) -> tuple[str, ...]:
    """Return the ticked plans that can price the amount; without a plan table shown, all of them."""
    fitting = [offer.plan.id for offer in _offers(amount)]
    if not fitting:
        raise UnusableAmountError(gettext("No plan can be offered for this amount."))
    if "plans_shown" not in request.form:
        return tuple(fitting)
    chosen = tuple(plan_id for plan_id in fitting if plan_id in request.form.getlist("plan_ids"))
    if not chosen:
        raise UnusableAmountError(gettext("Choose at least one plan to offer."))
    return chosen


def is_offline() -> bool:
    """Say whether this device was switched to sell without network."""
    return bool(session.get("till_offline"))


def offline_folder(device: Till) -> Path | None:
    """Return where a till's key and grant lie; None when it may not sell without network."""
    folder = shop().settings.offline_tills
    place = Path(folder) / device.id if folder else None
    return place if place and (place / "grant.json").exists() else None


def _offers(amount: Money) -> tuple[Offer, ...]:
    plans = shop().plans
    return plans.kept_offers(amount) if is_offline() else plans.offers(amount)


def this_counter() -> tuple[Store, Till | None] | None:
    """Return the store and till of this device; None when it must be chosen first."""
    settings = shop().settings
    stores = settings.stores or (Store("", gettext("Counter")),)
    chosen = [store for store in stores if store.id == session.get("till_store")]
    if not chosen and len(stores) > 1:
        return None
    store = (chosen or list(stores))[0]
    return store, next((till for till in settings.tills if till.store_id == store.id), None)


def _place(order: Order) -> tuple[Store, Till | None]:
    settings = shop().settings
    store = next(
        (store for store in settings.stores if store.id == order.store_id), Store("", gettext("Counter"))
    )
    return store, next((till for till in settings.tills if till.id == order.till_id), None)


def _sale(order_id: str) -> Order:
    order = shop().orders.find(order_id)
    if order is None or order.channel != "till" or not order.checkout_url:
        abort(404)
    return order


def _state(order: Order, *, fresh: bool) -> SaleState:
    """Combine what events told the order with what fenqi says about the checkout right now."""
    parts = shop()
    checkout = parts.live.latest(order.checkout_id)
    if fresh and checkout is None and order.status in (OrderStatus.PENDING, OrderStatus.AWAITING_PAYMENT):
        try:
            checkout = parts.client.checkouts.retrieve(order.checkout_id)
        except FenqiError:
            checkout = None
    return sale_state(order, checkout)


def _look(order_id: str, *, fresh: bool) -> dict[str, Any]:
    order = _sale(order_id)
    known = _state(order, fresh=fresh)
    remaining = (order.expires_at - shop().clock()).total_seconds() if order.expires_at else 0
    return {
        "status": known.checkout_status,
        "order_status": order.status.value,
        "final": known.final,
        "tone": known.tone,
        "remaining_seconds": max(0, int(remaining)),
        "html": render_template("_sale_state.html", order=order, sale=known),
    }
