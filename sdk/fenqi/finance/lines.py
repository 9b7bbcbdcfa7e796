"""Lines of an order: what was bought, and what a refund takes back of each. Pure arithmetic; keeps no books."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fenqi.finance.errors import CurrencyMismatch, RepaymentError, shown
from fenqi.finance.money import Money, money


class Line(NamedTuple):
    """One line of an order; `amount` is the price of all its pieces together."""

    id: str
    description: str
    quantity: int
    amount: Money

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return self._asdict() | {"amount": self.amount.to_dict()}


class ReturnedLine(NamedTuple):
    """Pieces of one line that come back, and what they had cost."""

    id: str
    quantity: int
    amount: Money

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return self._asdict() | {"amount": self.amount.to_dict()}


def checked_lines(lines: Sequence[Line], total: Money) -> tuple[Line, ...]:
    """Return the lines of an order that costs `total`.

    Raises RepaymentError when an id stands twice or the amounts do not sum to the total, CurrencyMismatch.
    """
    if len({line.id for line in lines}) != len(lines):
        raise RepaymentError("name a line twice", field="lines", allowed="each id once")
    for line in lines:
        if line.amount.currency != total.currency:
            raise CurrencyMismatch("have another currency", field="lines", allowed=total.currency)
    if lines and sum(line.amount.minor for line in lines) != total.minor:
        raise RepaymentError("do not sum to the amount", field="lines", allowed=f"{total.minor} minor units")
    return tuple(lines)


def returned_lines(
    lines: Sequence[Line], wanted: Sequence[tuple[str, int | None]], before: Sequence[ReturnedLine]
) -> tuple[ReturnedLine, ...]:
    """Return what comes back: of each wanted line so many pieces, or all that are left of it.

    `before` came back earlier. What the pieces of a line gave in several refunds never sums to more than its amount.
    Raises RepaymentError with the field `lines` for a line that is not of the order or named twice, `quantity` for
    more pieces than are left.
    """
    known = {line.id: line for line in lines}
    if len({name for name, _ in wanted}) != len(wanted):
        raise RepaymentError("name a line twice", field="lines", allowed="each id once")
    found = []
    for name, quantity in wanted:
        if name not in known:
            allowed = ", ".join(known) or "nothing: the order has no lines"
            raise RepaymentError(f"{shown(name)} is no line of the order", field="lines", allowed=allowed)
        line, gone = known[name], sum(each.quantity for each in before if each.id == name)
        taken = line.quantity - gone if quantity is None else quantity
        if not 0 < taken <= line.quantity - gone:
            allowed = f"at most {line.quantity - gone}" if line.quantity > gone else "nothing: all came back"
            raise RepaymentError(
                f"{taken} of {shown(name)} cannot come back", field="quantity", allowed=allowed
            )
        until, since = (line.amount.minor * pieces // line.quantity for pieces in (gone + taken, gone))
        found.append(ReturnedLine(name, taken, money(until - since, line.amount.currency)))
    return tuple(found)
