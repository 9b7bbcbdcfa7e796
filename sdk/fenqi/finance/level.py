"""The period rate of level installments that were themselves computed at a nearby rate: a few integer steps.

Used where the general solver would find the same rate more slowly; falls back to it by returning None.
"""

from functools import lru_cache

_BITS = 64
_ONE = 1 << _BITS
_NEAR = 1 << (_BITS - 19)
_CLOSE = 1 << (_BITS - 16)

Series = tuple[int, int, int, int]


def level_rate(
    received: int, level: int, last: int, count: int, guess: tuple[int, int]
) -> tuple[int, int] | None:
    """Return the rate, as a ratio, at which count - 1 payments of `level` and one of `last` repay `received`.

    The present value is expanded around the guess to the third power of the distance; within 2^-19 and up to
    60 payments what is left out lies below 10^-16. None when the rate is not that near.
    """
    if count > 60:
        return None
    start, (worth, worth_1, worth_2, worth_3), (end, end_1, end_2, end_3) = _expansion(count, guess)
    extra = last - level
    value = (received << _BITS) - level * worth - extra * end
    slope = level * worth_1 + extra * end_1
    bend = level * worth_2 + extra * end_2
    away = (value << _BITS) // slope
    if -_CLOSE < away * count < _CLOSE:
        bent = bend * (away * away >> _BITS) >> (_BITS + 1)
        v = start + ((value - bent) << _BITS) // slope
        return _ONE - v, v
    if not -_NEAR < away < _NEAR:
        return None
    twist = level * worth_3 + extra * end_3
    for _ in range(2):
        square = away * away >> _BITS
        bent = (bend * square >> (_BITS + 1)) + (twist * (square * away >> _BITS) >> _BITS) // 6
        away = ((value - bent) << _BITS) // slope
    v = start + away
    return _ONE - v, v


@lru_cache(maxsize=1024)
def _expansion(count: int, guess: tuple[int, int]) -> tuple[int, Series, Series]:
    """Return v at the guess; value and three derivatives there of v + ... + v^count, and of v^count."""
    v = (guess[1] << _BITS) // (guess[0] + guess[1])
    powers = [_ONE]
    for _ in range(count):
        powers.append(powers[-1] * v >> _BITS)
    annuity = (0, 0, 0, 0)
    final = annuity
    for k in range(1, count + 1):
        final = (
            powers[k],
            k * powers[k - 1],
            k * (k - 1) * powers[max(k - 2, 0)],
            k * (k - 1) * (k - 2) * powers[max(k - 3, 0)],
        )
        value, slope, bend, twist = annuity
        annuity = (value + final[0], slope + final[1], bend + final[2], twist + final[3])
    return v, annuity, final
