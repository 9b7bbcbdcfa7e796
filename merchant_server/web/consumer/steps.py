"""Which page fits where a checkout stands. A page at the wrong step leads to the right one."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.errors import RuleRefused

_S = CheckoutStatus
PROGRESS_STEPS = 5


class Page(StrEnum):
    """The pages of one payment; each value is the name of its view."""

    START = "start"
    PHONE = "phone"
    CODE = "code"
    APPLY = "apply"
    DECISION = "decision"
    PLAN = "plan"
    AGREEMENT = "agreement"
    SIGN = "sign"
    DONE = "done"


# The first page of each row is where a checkout in that state is at home.
PAGES: Mapping[CheckoutStatus, tuple[Page, ...]] = {
    _S.CREATED: (Page.START,),
    _S.OPENED: (Page.START, Page.PHONE, Page.CODE, Page.APPLY),
    _S.DECIDING: (Page.DECISION,),
    _S.DECLINED: (Page.DECISION,),
    _S.REFERRED: (Page.DECISION,),
    _S.OFFERED: (Page.PLAN,),
    _S.SIGNING: (Page.AGREEMENT, Page.SIGN, Page.PLAN),
    _S.AUTHORIZED: (Page.DONE,),
    _S.CAPTURED: (Page.DONE,),
    _S.CLOSED: (Page.DONE,),
}
PROGRESS: Mapping[Page, int] = {
    Page.START: 1,
    Page.PHONE: 2,
    Page.CODE: 2,
    Page.APPLY: 3,
    Page.DECISION: 3,
    Page.PLAN: 4,
    Page.AGREEMENT: 5,
    Page.SIGN: 5,
}


def step_for(status: CheckoutStatus, wanted: Page) -> Page:
    """Return the page to show when `wanted` was asked for."""
    fitting = PAGES[status]
    return wanted if wanted in fitting else fitting[0]


def refuse_if_ended(checkout: Checkout, now: datetime) -> None:
    """Raise Expired, or RuleRefused (checkout_cancelled, checkout_voided), when no page is left to show."""
    checkout.refuse_if_over(now)
    if checkout.status not in PAGES:
        raise RuleRefused(
            f"the payment is {checkout.status}",
            code=f"checkout_{checkout.status}",
            hint="ask the shop for a new code",
        )
