"""Refusals of offline sales in words: what happened, and what to do, for whoever holds the phone at the counter."""

from flask_babel import LazyString, lazy_gettext

_l = lazy_gettext
_NEW_CODE = _l("Nothing was charged. Ask the cashier for a new code.")
_WITH_NETWORK = _l(
    "Nothing was charged. The shop can sell this when its network is back, or take another payment."
)
COUNTER_WORDS: dict[str, tuple[LazyString, LazyString]] = {
    "offline_token_malformed": (_l("This code was not read to its end."), _NEW_CODE),
    "offline_token_forged": (
        _l("This code does not come from a shop that we know."),
        _l("Do not pay through it. Show this page to the cashier."),
    ),
    "till_key_revoked": (_l("This till may not sell without network any more."), _WITH_NETWORK),
    "offline_clock_wrong": (_l("The clock of the till is wrong."), _NEW_CODE),
    "offline_sale_expired": (_l("This code is too old."), _NEW_CODE),
    "offline_sale_replayed": (_l("The till has used this code for another sale."), _NEW_CODE),
    "offline_amount_over_limit": (
        _l("The amount is more than this till may sell without network."),
        _WITH_NETWORK,
    ),
    "offline_day_over_limit": (
        _l("The till has sold what it may sell in a day without network."),
        _WITH_NETWORK,
    ),
    "offline_plans_unknown": (_l("The till offers a plan that it may not offer."), _NEW_CODE),
    "no_plan_fits": (_l("There is no plan for this amount."), _l("Please pay the shop in another way.")),
    "currency_not_supported": (_l("The shop does not sell in this currency."), _NEW_CODE),
}
