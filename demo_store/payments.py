"""Starts an installment payment for an order: one order, one checkout, however often the button is pressed."""

from fenqi import Checkout, ConflictError, FenqiError, IdempotencyError, InvalidRequestError, NotFoundError

from demo_store.orders import Order
from demo_store.wiring import Shop

METADATA_CHANNEL = "channel"


class PaymentRefusedError(FenqiError):
    """fenqi will not take this order as it stands; `message` says why, `field` where."""

    default_code = "payment_refused"


class PaymentUnavailableError(FenqiError):
    """fenqi cannot be reached or cannot answer now. Nothing was lost; try again."""

    default_code = "payment_unavailable"


def start_checkout(parts: Shop, order: Order, *, return_url: str | None, language: str) -> Order:
    """Open the order's checkout at fenqi and return the order with its address.

    Asking twice is safe: fenqi derives the idempotency key from the order, so the same checkout comes back.
    Raises PaymentRefusedError when the order itself is the fault, PaymentUnavailableError for everything else.
    """
    if order.checkout_url:
        return order
    try:
        checkout = _create(parts, order, return_url, language)
    except InvalidRequestError as error:
        raise PaymentRefusedError(error.message, field=error.field, hint=error.hint) from error
    except FenqiError as error:
        raise PaymentUnavailableError(error.message, code=error.code) from error
    return parts.orders.attach_checkout(order.id, checkout)


def _create(parts: Shop, order: Order, return_url: str | None, language: str) -> Checkout:
    try:
        return parts.client.checkouts.create(
            amount=order.amount,
            reference=order.id,
            description=order.description or None,
            return_url=return_url,
            plan_ids=list(order.plan_ids) or None,
            store_id=order.store_id or None,
            till_id=order.till_id or None,
            language=language,
            metadata={METADATA_CHANNEL: order.channel, "order_number": order.display_number},
        )
    except IdempotencyError:
        # The first try was lost on its way back and the customer has changed the language since.
        found = next(iter(parts.client.checkouts.list(reference=order.id)), None)
        if found is None:
            raise
        return found


def cancel_checkout(parts: Shop, order: Order) -> bool:
    """Ask fenqi to cancel; False when it is too late because the customer has signed or the checkout has ended.

    Raises PaymentUnavailableError when fenqi gave no answer: whether the checkout still lives is then unknown.
    """
    try:
        parts.client.checkouts.cancel(order.checkout_id, confirm=True)
    except (ConflictError, NotFoundError, InvalidRequestError):
        return False
    except FenqiError as error:
        raise PaymentUnavailableError(error.message, code=error.code) from error
    return True
