"""An installment paid at the counter: a QR that opens the bank's page on a phone. It takes no money itself."""

from fenqi import ConflictError, FenqiError, InvalidRequestError, NotFoundError, qr
from fenqi.api.repaying import PaymentOrder
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from demo_store.orders import Order
from demo_store.payments import PaymentUnavailableError
from demo_store.wiring import shop

blueprint = Blueprint("counter_payment", __name__, url_prefix="/till/sales/<order_id>/payments")


@blueprint.post("")
def ask(order_id: str) -> BaseResponse | tuple[str, int]:
    """Ask for a link over what is due, or the next installment; the same form sent twice is one link."""
    order = _paid_sale(order_id)
    token = request.form.get("form_token", "")[:64] or shop().new_token()
    try:
        made = shop().client.loans.pay_link(order.loan_id, idempotency_key=f"counter-{order.id}-{token}")
    except (InvalidRequestError, ConflictError, NotFoundError):
        return render_template("till_payment_refused.html", order=order), 422
    except FenqiError as error:
        raise PaymentUnavailableError(error.message, code=error.code) from error
    return redirect(url_for(".show", order_id=order.id, payment_id=made.id), 303)


@blueprint.get("/<payment_id>")
def show(order_id: str, payment_id: str) -> str:
    """Show the QR while it can be paid, and then what became of it."""
    order = _paid_sale(order_id)
    payment = _payment(order, payment_id)
    code = Markup(qr.svg(payment.url, border=4, title=gettext("QR code of this payment")))  # noqa: S704
    return render_template("till_payment.html", order=order, payment=payment, qr_svg=code)


def _payment(order: Order, payment_id: str) -> PaymentOrder:
    try:
        return shop().client.loans.payment_order(order.loan_id, payment_id)
    except (NotFoundError, InvalidRequestError):
        abort(404)
    except FenqiError as error:
        raise PaymentUnavailableError(error.message, code=error.code) from error


def _paid_sale(order_id: str) -> Order:
    order = shop().orders.find(order_id)
    if order is None or order.channel != "till" or not order.loan_id:
        abort(404)
    return order
