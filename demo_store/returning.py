"""The pages of a return: choose what comes back, see what it changes, and only then send it back."""

from fenqi import ConflictError, FenqiError, InvalidRequestError, Money, NotFoundError
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from demo_store.orders import Order, OrderStatus
from demo_store.payments import PaymentUnavailableError
from demo_store.returns import ReturnableLine
from demo_store.wiring import shop

blueprint = Blueprint("returning", __name__)


@blueprint.get("/orders/<order_id>/return")
def choose(order_id: str) -> str:
    """Let the customer choose what comes back."""
    order = _paid_order(order_id)
    return render_template("return.html", order=order, lines=_lines(order))


@blueprint.post("/orders/<order_id>/return")
def preview(order_id: str) -> BaseResponse | str:
    """Show what the return changes: the schedule before and after, and where the money goes. Nothing happens yet."""
    parts, order = shop(), _paid_order(order_id)
    lines = _lines(order)
    chosen = {each.line.sku: _quantity(each) for each in lines}
    wanted = {sku: quantity for sku, quantity in chosen.items() if quantity}
    price = sum(each.line.unit_price.minor * chosen[each.line.sku] for each in lines)
    if not wanted:
        flash(gettext("Choose at least one thing to return."))
        return redirect(url_for(".choose", order_id=order.id), 303)
    try:
        shown = parts.client.loans.refund_preview(
            order.loan_id, amount=Money(price, order.amount.currency), strategy="recompute"
        )
    except (InvalidRequestError, ConflictError, NotFoundError) as refused:
        return _refused(order, refused)
    except FenqiError as error:
        raise PaymentUnavailableError(error.message, code=error.code) from error
    parts.returns.offer(order, shown.id, wanted)
    after = {row.number: row for row in shown.after}
    rows = [(row, after.get(row.number)) for row in shown.before]
    names = [(each.line, chosen[each.line.sku]) for each in lines if chosen[each.line.sku]]
    return render_template("return_preview.html", order=order, preview=shown, rows=rows, goods=names)


@blueprint.post("/orders/<order_id>/return/<preview_id>")
def commit(order_id: str, preview_id: str) -> BaseResponse:
    """Send the goods of a preview back; pressing twice returns them once."""
    parts, order = shop(), _paid_order(order_id)
    if not parts.returns.belongs(order, preview_id):
        abort(404)
    try:
        made = parts.client.loans.refund(preview=preview_id, reference=f"{order.id}-{preview_id[-8:]}")
    except (InvalidRequestError, ConflictError, NotFoundError) as refused:
        return _refused(order, refused)
    except FenqiError as error:
        raise PaymentUnavailableError(error.message, code=error.code) from error
    parts.returns.take(preview_id, made.id)
    return redirect(url_for("shop.order", order_id=order.id), 303)


def _paid_order(order_id: str) -> Order:
    order = shop().orders.find(order_id)
    if order is None or order.channel != "web" or order.status is not OrderStatus.PAID or not order.loan_id:
        abort(404)
    return order


def _lines(order: Order) -> list[ReturnableLine]:
    return shop().returns.returnable(order, shop().orders.lines(order.id))


def _quantity(line: ReturnableLine) -> int:
    text = request.form.get(f"quantity-{line.line.sku}", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 3) or int(text) > line.left:
        abort(400)
    return int(text)


def _refused(order: Order, refused: FenqiError) -> BaseResponse:
    words = {
        "preview_stale": gettext(
            "Your loan changed in the meantime. Nothing was returned; look at it once more."
        ),
        "preview_expired": gettext(
            "That took more than a quarter of an hour. Nothing was returned; look at it once more."
        ),
        "deduction_in_flight": gettext(
            "An installment is being deducted right now. Please try again in a few minutes."
        ),
        "refund_exceeds_captured": gettext("More than that was refunded already."),
    }
    flash(words.get(refused.code, gettext("This return is not possible. Nothing was changed.")))
    return redirect(url_for(".choose", order_id=order.id), 303)
