"""What a till shows for a sale: six steps, one advised sentence, and whether it is over."""

from dataclasses import dataclass

from fenqi import Checkout
from flask_babel import LazyString, gettext, lazy_gettext

from demo_store.language import language_tag
from demo_store.orders import Order, OrderStatus

STEPS: tuple[tuple[str, LazyString], ...] = (
    ("shown", lazy_gettext("QR shown")),
    ("scanned", lazy_gettext("Scanned")),
    ("deciding", lazy_gettext("Deciding")),
    ("offered", lazy_gettext("Offered")),
    ("signing", lazy_gettext("Signing")),
    ("done", lazy_gettext("Done")),
)
_STEP_OF = {
    "created": 0, "opened": 1, "deciding": 2, "referred": 2, "declined": 2, "offered": 3, "signing": 4,
    "authorized": 5, "captured": 5, "closed": 5,
}  # fmt: skip
_SIGNED = frozenset({"authorized", "captured", "closed"})
_TONE_OF = {"declined": "refused", "expired": "ended", "cancelled": "ended", "voided": "ended"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way: `state` is done, current, stopped or todo."""

    name: str
    label: str
    state: str


@dataclass(frozen=True, slots=True)
class SaleState:
    """Everything that the till's state panel needs. `tone` is waiting, busy, done, refused or ended."""

    checkout_status: str
    headline: str
    advice: str
    tone: str
    steps: tuple[Step, ...]
    final: bool
    can_cancel: bool
    hint: str


def sale_state(order: Order, checkout: Checkout | None) -> SaleState:
    """Describe a sale from its order and, when it is newer, from the checkout as fenqi gave it.

    Signed is shown as done only when the order is paid, which takes a verified event.
    """
    status, text, hint = order.checkout_status or "created", order.till_text, ""
    if checkout is not None and checkout.sequence >= order.checkout_sequence:
        status, text = checkout.status, {language_tag(): checkout.till.text.for_language(language_tag())}
        hint = checkout.decline.hint.for_language(language_tag()) if checkout.decline else ""
    paid = order.status is OrderStatus.PAID
    tone = "done" if paid else _TONE_OF.get(status, "waiting" if status == "created" else "busy")
    final = paid or tone in ("refused", "ended")
    return SaleState(
        checkout_status=status,
        headline=_headline(status, paid),
        advice=_advice(status, paid, text),
        tone=tone,
        steps=_steps(status, paid, tone),
        final=final,
        can_cancel=not final and status not in _SIGNED,
        hint=hint,
    )


def _advice(status: str, paid: bool, text: dict[str, str]) -> str:
    if status in _SIGNED and not paid:
        return gettext("The customer has signed. Wait a moment until the confirmation reaches this shop.")
    told = text.get(language_tag(), "")
    return told if told.rstrip("。.") not in ("", _headline(status, paid)) else _own_advice(status, paid)


def _own_advice(status: str, paid: bool) -> str:
    """Say something useful for a state whose text has not arrived."""
    if paid:
        return gettext("Paid in installments. You can hand over the goods.")
    if status in _TONE_OF:
        return gettext("This sale is over and nothing was charged. You can start a new one.")
    if status == "created":
        return gettext("Ask the customer to scan this code with the phone's camera.")
    return gettext("The customer is busy on the phone. Please wait.")


def _headline(status: str, paid: bool) -> str:
    if paid:
        return gettext("Paid")
    headlines = {
        "created": gettext("Waiting for the scan"),
        "opened": gettext("Scanned"),
        "deciding": gettext("Deciding"),
        "offered": gettext("Offered"),
        "referred": gettext("Being looked at"),
        "signing": gettext("Signing"),
        "declined": gettext("Not approved"),
        "expired": gettext("Expired"),
        "cancelled": gettext("Cancelled"),
        "voided": gettext("Cancelled"),
    }
    return headlines.get(status, gettext("Signed"))


def _steps(status: str, paid: bool, tone: str) -> tuple[Step, ...]:
    reached = 5 if paid else _STEP_OF.get(status, 0)
    steps = []
    for index, (name, label) in enumerate(STEPS):
        if index < reached or paid:
            state = "done"
        elif index == reached:
            state = "stopped" if tone in ("refused", "ended") else "current"
        else:
            state = "todo"
        steps.append(Step(name, str(label), state))
    return tuple(steps)
