"""The general equation of 12 CFR 1026 Appendix J (b)(8), solved for the rate of one unit-period."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from fenqi.finance import solver
from fenqi.finance.errors import NoSolution, SeveralSolutions

Flow = tuple[int, int, Fraction]
_GRID = 400
_CLOSE = 1 << (solver.BITS - 80)
_FAR = 10**6


def solve_unit_rate(flows: Sequence[Flow]) -> Fraction:
    """Return the rate i of one unit-period at which advances (positive) equal payments (negative).

    Each flow counts amount / ((1 + fraction x i) (1 + i)^full). With fractions, rates from -99 % to
    100 million % are searched. Flows of one sign that all come before the others have just one solution.
    Raises NoSolution or SeveralSolutions.
    """
    merged: dict[tuple[int, Fraction], int] = {}
    for amount, full, fraction in flows:
        merged[full, fraction] = merged.get((full, fraction), 0) + amount
    ordered = [(merged[time], *time) for time in sorted(merged) if merged[time]]
    if not any(fraction for _, _, fraction in ordered):
        terms = [(amount, full) for amount, full, _ in ordered]
        if sum(amount for amount, _ in terms) == 0 and solver.sign_changes(terms) == 1:
            return Fraction(0)
        v = solver.discount(terms)
        return Fraction(solver.ONE - v, v)
    found = _one_advance(ordered)
    if found is not None:
        return found
    changes = sum((left[0] > 0) != (right[0] > 0) for left, right in pairwise(ordered))
    if changes == 0:
        raise NoSolution("no rate makes them equal: all flows go one way", field="flows")
    return _bracketed(ordered)


def _one_advance(flows: Sequence[Flow]) -> Fraction | None:
    """Return the rate when one advance at the start is repaid by payments that exceed it; None otherwise.

    The advance less the worth of the payments rises with the rate, ever more slowly, so Newton's steps from
    zero climb to the only solution and never pass it. In integers of 2^128.
    """
    advance, *payments = flows
    if advance[0] <= 0 or any(advance[1:]) or any(amount > 0 for amount, _, _ in payments):
        return None
    if advance[0] + sum(amount for amount, _, _ in payments) > 0:
        return None
    one, bits = solver.ONE, solver.BITS
    parts = [(-amount, full, *fraction.as_integer_ratio()) for amount, full, fraction in payments]
    rate = 0
    for _ in range(200):
        v = one * one // (one + rate)
        value, slope, power, reached = advance[0] << bits, 0, one, 0
        for amount, full, top, bottom in parts:
            if full != reached:
                power, reached = power * solver.power(v, full - reached) >> bits, full
            simple = one + rate * top // bottom
            worth = (amount * power << bits) // simple
            value -= worth
            slope += worth * ((one * top // bottom << bits) // simple + full * v) >> bits
        step = (-value << bits) // slope
        rate += step
        if step < _CLOSE:
            return Fraction(rate, one)
        if rate > _FAR * one:
            return None
    return None


def _bracketed(flows: Sequence[Flow]) -> Fraction:
    with localcontext(prec=40):
        exact = [(Decimal(amount), full, _decimal(fraction)) for amount, full, fraction in flows]
        points = [Decimal("1e-2") * (Decimal(10) ** (Decimal(8 * k) / _GRID)) - 1 for k in range(_GRID + 1)]
        values = [_value(exact, point)[0] for point in points]
        found = [
            _polish(exact, low[0], high[0])
            for low, high in pairwise(zip(points, values, strict=True))
            if (low[1] > 0) != (high[1] > 0)
        ]
    if not found:
        raise NoSolution("no rate makes them equal", field="flows")
    if len(found) > 1:
        rates = tuple(format(rate, ".10f") for rate in found)
        raise SeveralSolutions(f"several rates per unit-period make them equal: {', '.join(rates)}", rates)
    return Fraction(found[0])


def _decimal(fraction: Fraction) -> Decimal:
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def _value(flows: Sequence[tuple[Decimal, int, Decimal]], rate: Decimal) -> tuple[Decimal, Decimal]:
    """Return the sum at a rate and its slope."""
    growth = 1 + rate
    value = slope = Decimal(0)
    for amount, full, fraction in flows:
        simple = 1 + fraction * rate
        part = amount / (simple * growth**full)
        value += part
        slope -= part * (fraction / simple + full / growth)
    return value, slope


def _polish(flows: Sequence[tuple[Decimal, int, Decimal]], low: Decimal, high: Decimal) -> Decimal:
    """Newton inside a bracket, halving it whenever a step would leave it."""
    low_is_positive = _value(flows, low)[0] > 0
    rate = (low + high) / 2
    for _ in range(200):
        value, slope = _value(flows, rate)
        if (value > 0) == low_is_positive:
            low = rate
        else:
            high = rate
        following = rate - value / slope if slope else (low + high) / 2
        if not low <= following <= high:
            following = (low + high) / 2
        if abs(following - rate) < Decimal("1e-25"):
            return following
        rate = following
    return rate
