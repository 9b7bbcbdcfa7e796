"""What a version of a QR code fixes before any text is known: patterns, the way of the bits, masks, format words.

A matrix is one integer, row by row, its first module the highest bit, so that a whole symbol is scored in a few
operations on integers.
"""

from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from typing import Final

from fenqi.qr.correction import codewords

MASKS: Final[tuple[Callable[[int, int], bool], ...]] = (
    lambda x, y: (x + y) % 2 == 0,
    lambda x, y: y % 2 == 0,
    lambda x, y: x % 3 == 0,
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)
_LEVEL_BITS: Final = {"L": 1, "M": 0, "Q": 3, "H": 2}
_Grid = dict[tuple[int, int], bool]


class Blueprint:
    """One version. `place` puts a bit string and the two constants behind it into their modules, row by row."""

    def __init__(self, version: int) -> None:
        self.version, self.size = version, 4 * version + 17
        self.bits = codewords(version) * 8
        fixed = _function_patterns(version, self.size)
        reserved = _format_places(self.size)
        self._format_places = reserved
        fixed |= {place: False for pair in reserved for place in pair}
        fixed[8, self.size - 8] = True
        order = [place for place in _zigzag(self.size) if place not in fixed]
        self.padding = "0" * (len(order) - self.bits)
        index = {place: number for number, place in enumerate(order)}
        zero, one = len(order), len(order) + 1
        rows = [(x, y) for y in range(self.size) for x in range(self.size)]
        self.place: Callable[[Sequence[str]], tuple[str, ...]] = itemgetter(
            *(index[place] if place in index else (one if fixed[place] else zero) for place in rows)
        )
        self.masks = tuple(
            _integer(["1" if place in index and mask(*place) else "0" for place in rows]) for mask in MASKS
        )
        self.first = {
            "all": (1 << self.size**2) - 1,
            "right of 0": _integer(["1" if x >= 1 else "0" for x, _ in rows]),
            "below 0": _integer(["1" if y >= 1 else "0" for _, y in rows]),
            "right of 9": _integer(["1" if x >= 10 else "0" for x, _ in rows]),
            "below 9": _integer(["1" if y >= 10 else "0" for _, y in rows]),
        }

    @cache  # noqa: B019  There are forty blueprints, and each lives as long as the process.
    def format_word(self, level: str, mask: int) -> int:
        """Return the modules that tell a reader the level and the mask, both copies."""
        word = _format_bits(_LEVEL_BITS[level] << 3 | mask)
        grid = 0
        for number, pair in enumerate(self._format_places):
            if word >> number & 1:
                for x, y in pair:
                    grid |= 1 << self.size**2 - 1 - (y * self.size + x)
        return grid


@cache
def blueprint(version: int) -> Blueprint:
    """Return the blueprint of a version (1 to 40), made once a process."""
    return Blueprint(version)


def _integer(bits: Sequence[str]) -> int:
    return int("".join(bits), 2)


def _format_bits(data: int) -> int:
    rest = data
    for _ in range(10):
        rest = rest << 1 ^ (rest >> 9) * 0x537
    return (data << 10 | rest) ^ 0x5412


def _format_places(size: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the two places (x, y) of each of the 15 format bits, lowest bit first."""
    around = [(8, y) for y in (0, 1, 2, 3, 4, 5, 7, 8)] + [(x, 8) for x in (7, 5, 4, 3, 2, 1, 0)]
    apart = [(size - 1 - x, 8) for x in range(8)] + [(8, size - 7 + y) for y in range(7)]
    return list(zip(around, apart, strict=True))


def _function_patterns(version: int, size: int) -> _Grid:
    grid: _Grid = {}
    for along in range(size):
        grid[6, along] = grid[along, 6] = along % 2 == 0
    for centre in ((3, 3), (size - 4, 3), (3, size - 4)):
        _ring(grid, centre, 4, size)
    places = _alignment_places(version, size)
    for x in places:
        for y in places:
            if (x, y) not in ((6, 6), (6, size - 7), (size - 7, 6)):
                _ring(grid, (x, y), 2, size)
    if version >= 7:
        rest = version
        for _ in range(12):
            rest = rest << 1 ^ (rest >> 11) * 0x1F25
        word = version << 12 | rest
        for number in range(18):
            far, near = size - 11 + number % 3, number // 3
            grid[far, near] = grid[near, far] = bool(word >> number & 1)
    return grid


def _ring(grid: _Grid, centre: tuple[int, int], reach: int, size: int) -> None:
    """Draw the squares around a centre: dark, light, dark; a finder (reach 4) has a light rim and a solid middle."""
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            place, distance = (centre[0] + x, centre[1] + y), max(abs(x), abs(y))
            if 0 <= place[0] < size and 0 <= place[1] < size:
                grid[place] = distance not in (2, 4) if reach == 4 else distance != 1


def _alignment_places(version: int, size: int) -> list[int]:
    if version == 1:
        return []
    count = version // 7 + 2
    step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    return [6, *(size - 7 - number * step for number in range(count - 1))]


def _zigzag(size: int) -> list[tuple[int, int]]:
    """Return every place in the order in which bits are laid: pairs of columns, upwards and downwards in turn."""
    order = []
    upwards = True
    for right in (*range(size - 1, 6, -2), *range(5, 0, -2)):
        for y in range(size - 1, -1, -1) if upwards else range(size):
            order += [(right, y), (right - 1, y)]
        upwards = not upwards
    return order
