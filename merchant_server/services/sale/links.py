"""A checkout's link by text message, for a customer whose camera reads no code or who is not at the counter."""

import hashlib

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.errors import TransitionNotAllowed
from merchant_server.domain.merchant import Caller
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.sale.checkouts import find_checkout
from merchant_server.services.sale.code_limits import spend_code
from merchant_server.services.sale.codes import parse_phone, send

PURPOSE = "link"
TEXTS = {
    "zh-CN": "【{shop}】您的 {amount} 分期方案：{url} 请勿转发。",
    "en": "[{shop}] Your installment plans for {amount}: {url} Do not forward.",
}


def allow_link(uow: UnitOfWork, deps: Deps, caller: Caller, checkout_id: str, phone_text: str) -> Checkout:
    """Count one message in the caller's transaction, before it is sent.

    Raises NotFound, TransitionNotAllowed once a phone holds the checkout or its time is over, RuleRefused
    (phone_invalid, code_rate_limited, codes_paused).
    """
    checkout = find_checkout(uow, caller, checkout_id)
    if checkout.status != CheckoutStatus.CREATED or checkout.is_over(deps.clock.now()):
        raise TransitionNotAllowed(
            "no other phone can open the link of this checkout any more",
            hint="make a new checkout",
            current=checkout.status.value,
            wanted="sent",
        )
    spend_code(uow, deps, PURPOSE, uow.applicants.phone_index(parse_phone(phone_text)))
    return checkout


def send_link(deps: Deps, caller: Caller, checkout_id: str, phone_text: str, key: str) -> None:
    """Hand the text to the gateway; the same key sends nothing twice. Raises Unavailable."""
    with deps.storage.reading() as uow:
        checkout = find_checkout(uow, caller, checkout_id)
        shop = merchant_of(uow, checkout.merchant_id).name
    if checkout.status != CheckoutStatus.CREATED:
        return
    url = f"{deps.public_url}/p/{checkout.token}"
    text = TEXTS[checkout.language].format(shop=shop, amount=str(checkout.amount), url=url)
    reference = (
        "lnk_" + hashlib.sha256(f"{caller.merchant_id}\n{checkout.id}\n{key}".encode()).hexdigest()[:32]
    )
    send(deps, parse_phone(phone_text), reference, text)
