"""Exact division of integers under a named rounding. Only here does a fraction become a whole number."""

from typing import Final

from fenqi.finance.errors import PlanError

ROUNDINGS: Final = ("half_up", "half_even", "up", "down")


def divide(numerator: int, denominator: int, rounding: str = "half_up") -> int:
    """Divide exactly and round to a whole number.

    `half_up` takes ties away from zero, `half_even` to the even neighbour, `up` rounds away from zero and
    `down` toward it. `denominator` must be positive. Raises PlanError for an unknown rounding.
    """
    if rounding == "half_up":
        # floor(x + 1/2) in whole numbers: the half of an odd denominator cannot reach a tie, so it may be cut.
        half = denominator // 2
        return (numerator + half) // denominator if numerator >= 0 else -((half - numerator) // denominator)
    magnitude = abs(numerator)
    if rounding == "half_even":
        quotient, rest = divmod(magnitude, denominator)
        if 2 * rest > denominator or (2 * rest == denominator and quotient & 1):
            quotient += 1
    elif rounding == "down":
        quotient = magnitude // denominator
    elif rounding == "up":
        quotient = -(-magnitude // denominator)
    else:
        raise PlanError("is unknown", field="rounding", allowed=", ".join(ROUNDINGS))
    return quotient if numerator >= 0 else -quotient
