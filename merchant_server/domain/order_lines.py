"""The lines of a checkout's order, and what refunds take back of them. The arithmetic is fenqi.finance's."""

from collections.abc import Sequence

from fenqi.finance.errors import CurrencyMismatch, RepaymentError
from fenqi.finance.lines import Line, ReturnedLine, checked_lines, returned_lines
from fenqi.finance.money import Money

from merchant_server.domain.errors import RuleRefused


def order_lines(lines: Sequence[Line], total: Money) -> tuple[Line, ...]:
    """Return the lines of a new checkout. Raises RuleRefused (lines_invalid)."""
    try:
        return checked_lines(lines, total)
    except (RepaymentError, CurrencyMismatch) as refused:
        raise RuleRefused(
            "the lines are not those of an order of this amount",
            code="lines_invalid",
            field="lines",
            hint=str(refused),
        ) from refused


def lines_coming_back(
    lines: Sequence[Line],
    wanted: Sequence[tuple[str, int | None]],
    before: Sequence[ReturnedLine],
    amount: Money | None,
) -> tuple[tuple[ReturnedLine, ...], Money]:
    """Return the pieces that a refund takes back and what they cost, which is `amount` where that is named.

    Raises RuleRefused (refund_line_unknown, refund_line_exceeds, refund_lines_differ).
    """
    try:
        found = returned_lines(lines, wanted, before)
    except RepaymentError as refused:
        if refused.field == "quantity":
            raise RuleRefused(
                "more of a line would come back than is left of it",
                code="refund_line_exceeds",
                field="lines",
                hint=str(refused),
            ) from refused
        raise RuleRefused(
            "these are not lines of this checkout",
            code="refund_line_unknown",
            field="lines",
            hint=str(refused),
        ) from refused
    total = sum((each.amount for each in found[1:]), found[0].amount)
    if amount is not None and amount != total:
        raise RuleRefused(
            "the amount is not what the lines cost",
            code="refund_lines_differ",
            field="amount.minor",
            hint=f"leave the amount out, or send {total.minor}",
            lines_minor=total.minor,
        )
    return found, total
