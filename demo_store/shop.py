"""The shop's pages: shelf, product, cart, payment, orders. The return page tells what the database knows, no more."""

from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from demo_store.cart import Cart, cart_count, empty_cart
from demo_store.language import language_tag
from demo_store.live import stream_response
from demo_store.orders import ENDED_UNPAID, Order, OrderDraft, OrderStatus
from demo_store.payments import PaymentRefusedError, start_checkout
from demo_store.returns import refunded
from demo_store.wiring import shop
from demo_store.wishes import draft_of, named_in, read_wish, to_collect

MAX_ORDERS_REMEMBERED = 20

blueprint = Blueprint("shop", __name__)
blueprint.add_app_template_global(cart_count)


@blueprint.get("/")
def home() -> str:
    """Show the shelf, each thing with its smallest installment."""
    parts = shop()
    products = parts.catalog.products()
    priced = parts.plans.price_list(product.price for product in products)
    cheapest = [min(offers, key=lambda offer: offer.per_installment, default=None) for offers in priced]
    cards = list(zip(products, cheapest, strict=True))
    return render_template("home.html", cards=cards)


@blueprint.get("/products/<sku>")
def product(sku: str) -> str:
    """Show one thing with every way to pay for it in installments."""
    parts = shop()
    found = parts.catalog.find(sku) or abort(404)
    offers = parts.plans.offers(found.price)
    others = [
        other for other in parts.catalog.products() if other.sku != sku and other.category == found.category
    ]
    return render_template("product.html", product=found, offers=offers, others=others)


@blueprint.get("/cart")
def cart() -> str:
    """Show the cart and what it would cost a month."""
    parts = shop()
    basket = Cart(parts.catalog)
    offers = parts.plans.offers(basket.total) if basket.total else ()
    return render_template(
        "cart.html", cart=basket, offers=offers, form_token=basket.form_token(parts.new_token)
    )


@blueprint.post("/cart")
def change_cart() -> BaseResponse:
    """Put one more of a product into the cart, or set its quantity."""
    parts = shop()
    found = parts.catalog.find(request.form.get("sku", "")) or abort(404)
    basket = Cart(parts.catalog)
    text = request.form.get("quantity")
    quantity = (
        basket.quantity_of(found.sku) + 1 if text is None else int(text) if _is_count(text) else abort(400)
    )
    basket.put(found.sku, quantity)
    session.pop("cart_order", None)
    return redirect(url_for("shop.cart"), 303)


@blueprint.post("/pay")
def pay() -> BaseResponse | tuple[str, int]:
    """Turn the cart into an order and send the customer to fenqi. Pressing twice makes one order, one checkout."""
    parts = shop()
    basket = Cart(parts.catalog)
    if basket.total is None:
        flash(gettext("Your cart is empty, so there is nothing to pay for."))
        return redirect(url_for("shop.cart"), 303)
    lines = basket.order_lines()
    names = [line.product.name(language_tag()) for line in basket.lines]
    draft = OrderDraft("web", basket.total, description="、".join(names)[:200], lines=lines)
    form_token = request.form.get("form_token", "")[:64] or basket.form_token(parts.new_token)
    return _send_to_fenqi(parts.orders.open_order(draft, form_token, f"xm-{parts.new_token()}"))


def _send_to_fenqi(order: Order) -> BaseResponse | tuple[str, int]:
    parts = shop()
    _remember(order)
    if order.status is OrderStatus.PAID:
        return redirect(url_for("shop.order", order_id=order.id), 303)
    return_url = parts.settings.public_url + url_for("shop.order", order_id=order.id)
    try:
        order = start_checkout(parts, order, return_url=return_url, language=language_tag())
    except PaymentRefusedError as error:
        return render_template("refused.html", error=error), 422
    return redirect(order.checkout_url, 303)


@blueprint.get("/orders")
def orders() -> str:
    """Show the orders made in this browser."""
    found = shop().orders.several(_remembered())
    refunds = shop().returns.refunds([order.id for order in found])
    states = {order.id: refunded(order, refunds) for order in found}
    return render_template("orders.html", orders=found, refunded=states)


@blueprint.get("/orders/<order_id>")
def order(order_id: str) -> str:
    """Show where an order stands; this is where fenqi sends the customer back to."""
    parts = shop()
    found = _web_order(order_id)
    lines = parts.orders.lines(found.id)
    known = _live(found) | {"rest": to_collect(found, lines), "named": named_in(request.args)}
    return render_template("order.html", order=found, lines=lines, **known)


@blueprint.post("/orders/<order_id>/anew")
def order_anew(order_id: str) -> BaseResponse | tuple[str, int]:
    """Order the same goods in the terms that fenqi would say yes to, and send the customer there."""
    parts = shop()
    refused = _web_order(order_id)
    wish = read_wish(parts, refused, request.form)
    if wish is None:
        flash(gettext("We cannot sell it on these terms."))
        return redirect(url_for("shop.order", order_id=order_id), 303)
    draft = draft_of(refused, parts.orders.lines(refused.id), wish)
    # One refused order becomes one new order, however often the button is pressed.
    return _send_to_fenqi(parts.orders.open_order(draft, f"anew-{refused.id}", f"xm-{parts.new_token()}"))


@blueprint.get("/orders/<order_id>.json")
def state(order_id: str) -> dict[str, Any]:
    """Return the order's state for a page that polls."""
    return _look(order_id)


@blueprint.get("/orders/<order_id>/stream")
def stream(order_id: str) -> Response:
    """Send the order's state whenever a verified event changes it."""
    _web_order(order_id)
    return stream_response(shop().live, "", lambda: _look(order_id))


@blueprint.before_request
def forget_paid_cart() -> None:
    """Empty the cart, once, when the order it became has been paid."""
    if request.method == "GET" and "cart_order" in session:
        order = shop().orders.find(session["cart_order"])
        if order is not None and order.status is OrderStatus.PAID:
            empty_cart()


def _web_order(order_id: str) -> Order:
    found = shop().orders.find(order_id)
    if found is None or found.channel != "web":
        abort(404)
    return found


def _live(order: Order) -> dict[str, Any]:
    returns = shop().returns
    refunds = returns.refunds([order.id])
    settled = order.status is OrderStatus.PAID or order.status in ENDED_UNPAID
    return {
        "final": settled and not returns.is_waited_for(order),
        "refunds": refunds,
        "refunded": refunded(order, refunds),
        "wish": read_wish(shop(), order, request.args),
    }


def _look(order_id: str) -> dict[str, Any]:
    found = _web_order(order_id)
    known = _live(found)
    panel = render_template("_order_state.html", order=found, **known)
    return {"status": found.status.value, "html": panel, "final": known["final"]}


def _remembered() -> list[str]:
    kept = session.get("orders")
    return list(kept) if isinstance(kept, list) else []


def _remember(order: Order) -> None:
    kept = [known for known in _remembered() if known != order.id]
    session["orders"] = [order.id, *kept][:MAX_ORDERS_REMEMBERED]
    session["cart_order"] = order.id


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3
