"""Turn dated flows into one rate, and a rate into the Decimal that is handed out. Knows no law and no schedule."""

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from math import lcm
from typing import Final

from fenqi.finance import solver
from fenqi.finance.errors import NoSolution
from fenqi.finance.rounding import divide

_CONTEXT: Final = Context(prec=1000, Emax=9999, Emin=-9999)
_STEP: Final = Decimal("1E-15")
ZERO: Final = Decimal("0E-15")


def rate_per_unit(
    flows: Sequence[tuple[int, Fraction]],
    *,
    charged_before: Fraction | None = None,
    guess: Fraction | int = 0,
) -> Fraction:
    """Return the rate per unit of time; times become whole steps of their common denominator.

    With `charged_before`, of several rates take the one next to that of the flows with all earlier times moved
    to it. `guess` is a rate to start from.
    """
    if not flows:
        raise NoSolution("there are no flows", field="flows")
    steps = lcm(*(time.denominator for _, time in flows))
    earliest = min(time for _, time in flows)
    terms = solver.merge((amount, int((time - earliest) * steps)) for amount, time in flows)
    if sum(amount for amount, _ in terms) == 0 and solver.sign_changes(terms) == 1:
        return Fraction(0)
    near = None
    if charged_before is not None and earliest < charged_before:
        moved = [(amount, max(time, charged_before)) for amount, time in flows]
        near = solver.discount(solver.merge((amount, int((t - earliest) * steps)) for amount, t in moved))
    start = solver.ONE * steps * guess.denominator // (steps * guess.denominator + guess.numerator)
    return rate_of(solver.discount(terms, near=near, start=start), steps)


def rate_of(v: int, steps: int) -> Fraction:
    """Return the rate of `steps` time steps from the discount factor of one, on the solver's scale."""
    return Fraction(solver.growth(v, steps) - solver.ONE, solver.ONE)


def rounded(rate: Fraction | Decimal) -> Decimal:
    """Return a rate to 15 places."""
    return decimal(*rate.as_integer_ratio())


def decimal(top: int, bottom: int) -> Decimal:
    """Return top / bottom to 15 places, whatever precision the caller's decimal context has."""
    return _CONTEXT.multiply(divide(top * 10**15, bottom), _STEP)
