"""An amount that somebody names for a step: it is above zero and in the currency of what it is about. Pure rules."""

from fenqi.finance.money import Money

from merchant_server.domain.errors import RuleRefused


def checked_amount(amount: Money, currency: str, noun: str, verb: str) -> Money:
    """Return an amount that fits a checkout or loan of a currency.

    Raises RuleRefused (currency_mismatch, amount_not_positive).
    """
    if amount.currency != currency:
        raise RuleRefused(
            f"the {noun} is in {currency}, not {amount.currency}",
            code="currency_mismatch",
            field="amount.currency",
            hint=f"{verb} in {currency}",
        )
    if amount.minor <= 0:
        raise RuleRefused(
            "an amount is above zero",
            code="amount_not_positive",
            field="amount.minor",
            hint=f"{verb} 1 or more",
        )
    return amount
