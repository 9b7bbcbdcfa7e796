"""Solve sum(amount x v^exponent) = 0 for v > 0, with integers and Decimal only. Knows no law and no calendar.

v is the discount factor of one time step, so a rate is 1/v - 1. Two ways: Newton on fixed-point integers when
the signs change once (then one solution exists), and exact isolation of every root otherwise.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from itertools import pairwise

from fenqi.finance.errors import NoSolution, SeveralSolutions

BITS = 128
ONE = 1 << BITS
_CLOSE = 1 << (BITS - 62)
_DIGITS = 50
_FAR = Decimal(10) ** 9

Terms = Sequence[tuple[int, int]]


def merge(items: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Add amounts of equal exponent and return (amount, exponent) in order, zeros left out."""
    summed: dict[int, int] = {}
    for amount, exponent in items:
        summed[exponent] = summed.get(exponent, 0) + amount
    return [(summed[exponent], exponent) for exponent in sorted(summed) if summed[exponent]]


def sign_changes(terms: Terms) -> int:
    """Count the changes of sign between consecutive amounts: the most solutions there can be (Descartes)."""
    return sum((left[0] > 0) != (right[0] > 0) for left, right in pairwise(terms))


def discount(terms: Terms, *, near: int | None = None, start: int = ONE) -> int:
    """Return the solution v as a fixed-point integer (v x 2^128), exact to about 2^-110.

    `start` is a first guess; it changes the time taken, not the answer. Of several solutions, return the one
    nearest to `near` when that is given. Raises NoSolution or SeveralSolutions.
    """
    changes = sign_changes(terms)
    if changes == 1:
        found = _newton(terms, start)
        return found if found is not None else _fixed(_roots(terms)[0])
    if changes == 0:
        raise NoSolution("no rate makes them equal: all flows go one way", field="flows")
    roots = _roots(terms)
    if not roots:
        raise NoSolution("no rate makes them equal", field="flows")
    if near is not None:
        return min(map(_fixed, roots), key=lambda root: abs(root - near))
    if len(roots) > 1:
        rates = tuple(format(1 / root - 1, ".10f") for root in roots)
        raise SeveralSolutions(f"several rates per step make them equal: {', '.join(rates)}", rates)
    return _fixed(roots[0])


def regular_rate(received: int, totals: Sequence[int], guess: tuple[int, int]) -> tuple[int, int]:
    """Return the period rate, as a ratio, at which equally spaced positive totals repay what was received.

    `guess` is a rate near it. One Newton step and one step along the same slope settle it to 2^-60 when the
    guess is within 10^-4; otherwise steps repeat.
    """
    bits = 64
    shift = bits - received.bit_length() + 4
    tops = [total << shift for total in reversed(totals)]
    target = received << shift
    v = (guess[1] << bits) // (guess[0] + guess[1])
    for _ in range(60):
        value = slope = 0
        for top in tops:
            slope = (slope * v >> bits) + value
            value = (value * v >> bits) + top
        slope = (slope * v >> bits) + value
        step = ((target - (value * v >> bits)) << bits) // slope
        v += step
        value = 0
        for top in tops:
            value = (value * v >> bits) + top
        last = ((target - (value * v >> bits)) << bits) // slope
        v += last
        if abs(step * last) * len(tops) >> bits < 16:
            return (1 << bits) - v, v
    raise NoSolution("no rate makes them equal", field="flows")


def growth(v: int, steps: int) -> int:
    """Return v^-steps on the fixed-point scale: what one unit grows to. Raises NoSolution beyond 10^15."""
    one_step = ONE * ONE // v
    if (one_step.bit_length() - BITS - 1) * steps > 60 or (grown := power(one_step, steps)) > 10**15 * ONE:
        raise NoSolution("only a rate beyond 10^15 makes them equal", field="flows")
    return grown


def power(base: int, exponent: int) -> int:
    """Return base^exponent on the fixed-point scale; exponent at least 0."""
    result = ONE
    while exponent:
        if exponent & 1:
            result = result * base >> BITS
        exponent >>= 1
        if exponent:
            base = base * base >> BITS
    return result


def _newton(terms: Terms, v: int) -> int | None:
    """Run Newton on v; None when it leaves the safe range or does not settle."""
    backward = [(amount << BITS, exponent) for amount, exponent in reversed(terms)]
    tops, gaps = [amount for amount, _ in backward], [0]
    gaps += [left[1] - right[1] for left, right in pairwise(backward)]
    even = all(gap == 1 for gap in gaps[1:])
    for _ in range(60):
        value, slope = _even(tops, v) if even else _uneven(tops, gaps, v)
        if not slope:
            return None
        step = (value << BITS) // slope
        v -= step
        if not 0 < v < ONE << 40:
            return None
        if -_CLOSE < step < _CLOSE:
            return v
    return None


def _even(tops: list[int], v: int) -> tuple[int, int]:
    value = slope = 0
    for top in tops:
        slope = (slope * v >> BITS) + value
        value = (value * v >> BITS) + top
    return value, slope


def _uneven(tops: list[int], gaps: list[int], v: int) -> tuple[int, int]:
    powers: dict[int, tuple[int, int]] = {0: (ONE, 0)}
    value = slope = 0
    for top, gap in zip(tops, gaps, strict=True):
        if gap not in powers:
            below = power(v, gap - 1)
            powers[gap] = (below * v >> BITS, gap * below)
        factor, factor_slope = powers[gap]
        slope = (slope * factor + value * factor_slope) >> BITS
        value = (value * factor >> BITS) + top
    return value, slope


def _fixed(root: Decimal) -> int:
    with localcontext(prec=_DIGITS):
        return int(root * ONE)


def _roots(terms: Terms) -> list[Decimal]:
    """Return every v > 0 that solves the sum, a double solution once.

    Divided by a power of v that lies between two amounts of opposite sign, the sum has a derivative with one
    sign change fewer; its roots cut the axis into pieces on each of which the sum is monotone.
    """
    changes = [index for index, (a, b) in enumerate(pairwise(terms)) if (a[0] > 0) != (b[0] > 0)]
    if not changes:
        return []
    with localcontext(prec=_DIGITS):
        shift = terms[changes[0]][1] + terms[changes[0] + 1][1]
        slopes = [(amount * (2 * exponent - shift), exponent) for amount, exponent in terms]
        cuts = [1 / _FAR, *_roots([item for item in slopes if item[0]]), _FAR]
        signs = [_sign(terms, cut) for cut in cuts]
        signs[0], signs[-1] = (1 if terms[0][0] > 0 else -1), (1 if terms[-1][0] > 0 else -1)
        found = [cut for cut, sign in zip(cuts, signs, strict=True) if sign == 0]
        for low, high in pairwise(zip(cuts, signs, strict=True)):
            if low[1] * high[1] < 0:
                found.append(_bisect(terms, low[0], high[0], low[1]))
        return sorted(found)


def _sign(terms: Terms, v: Decimal) -> int:
    """Return the sign of the sum at v; zero within 30 digits of the amounts, where a double root touches."""
    log = v.ln()
    parts = [amount * (exponent * log).exp() for amount, exponent in terms]
    total = sum(parts, Decimal(0))
    if abs(total) <= max(map(abs, parts)).scaleb(-30):
        return 0
    return 1 if total > 0 else -1


def _bisect(terms: Terms, low: Decimal, high: Decimal, low_sign: int) -> Decimal:
    for _ in range(170):
        middle = (low * high).sqrt() if high > 2 * low else (low + high) / 2
        sign = _sign(terms, middle)
        if sign == 0:
            return middle
        if sign == low_sign:
            low = middle
        else:
            high = middle
    return (low + high) / 2
