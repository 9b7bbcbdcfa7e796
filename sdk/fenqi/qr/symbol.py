"""From a text to the modules of a QR code (ISO/IEC 18004): segments, version, checks, the best of eight masks."""

from dataclasses import dataclass
from typing import Final

from fenqi.qr.blueprint import Blueprint, blueprint
from fenqi.qr.correction import data_codewords, with_checks

LEVELS: Final = ("L", "M", "Q", "H")
VERSIONS: Final = range(1, 41)
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_WORTH: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_BYTES, _DENSE = 4, 2


class QRError(ValueError):
    """Refuse a text or a setting that makes no readable QR code. `field` names it, `allowed` the range."""

    code = "qr_invalid"

    def __init__(self, message: str, *, field: str, allowed: str) -> None:
        super().__init__(f"{field}: {message}; allowed: {allowed}")
        self.field = field
        self.allowed = allowed


def whole(value: int, field: str, low: int, high: int) -> int:
    """Return a whole number within bounds. Raises QRError."""
    if type(value) is not int or not low <= value <= high:
        raise QRError(f"{value!r} is no size", field=field, allowed=f"{low} to {high}")
    return value


@dataclass(frozen=True, slots=True)
class Symbol:
    """A finished code: `rows` are texts of "1" (dark) and "0", one a row, without quiet zone."""

    version: int
    level: str
    mask: int
    rows: tuple[str, ...]


def encode(text: str, error_correction: str = "M", *, mask: int | None = None) -> Symbol:
    """Return the smallest code of a text at this level of correction, or at a higher one that costs no room.

    mask: 0 to 7 instead of the best scored one. Raises QRError.
    """
    if not isinstance(text, str) or not text:
        raise QRError("must not be empty", field="text", allowed="a text of 1 to about 2,900 bytes")
    if error_correction not in LEVELS:
        raise QRError(f"{error_correction!r} is unknown", field="error_correction", allowed=", ".join(LEVELS))
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise QRError("holds half a character", field="text", allowed="text that UTF-8 can write") from None
    version, segments = _fitting(raw, error_correction)
    level = next(
        level
        for level in reversed(LEVELS[LEVELS.index(error_correction) :])
        if _length(segments, version) <= data_codewords(version, level) * 8
    )
    plan = blueprint(version)
    codewords = with_checks(_data(segments, version, data_codewords(version, level)), version, level)
    bits = f"{int.from_bytes(codewords, 'big'):0{plan.bits}b}{plan.padding}01"
    bare = int("".join(plan.place(bits)), 2)
    chosen, grid = _masked(plan, bare, level, mask)
    size = plan.size
    flat = f"{grid:0{size * size}b}"
    return Symbol(version, level, chosen, tuple(flat[at : at + size] for at in range(0, size * size, size)))


_Segment = tuple[int, bytes]


def _fitting(raw: bytes, level: str) -> tuple[int, tuple[_Segment, ...]]:
    """Return the smallest version and the segments that fill it best."""
    # The end of a link is often upper case: alphanumeric mode takes 5.5 bits a character instead of 8.
    start = len(raw.rstrip(_ALPHABET.encode()))
    ways: list[tuple[_Segment, ...]] = [((_BYTES, raw),)]
    if start == 0:
        ways = [((_DENSE, raw),)]
    elif start < len(raw):
        ways.append(((_BYTES, raw[:start]), (_DENSE, raw[start:])))
    for version in VERSIONS:
        shortest = min(ways, key=lambda way: _length(way, version))
        if _length(shortest, version) <= data_codewords(version, level) * 8:
            return version, shortest
    raise QRError("is too long for a QR code", field="text", allowed="up to about 2,900 bytes")


def _count_bits(mode: int, version: int) -> int:
    if mode == _BYTES:
        return 8 if version < 10 else 16
    return 9 if version < 10 else 11 if version < 27 else 13


def _length(segments: tuple[_Segment, ...], version: int) -> int:
    return sum(
        4 + _count_bits(mode, version) + (8 * len(raw) if mode == _BYTES else (11 * len(raw) + 1) // 2)
        for mode, raw in segments
    )


def _data(segments: tuple[_Segment, ...], version: int, capacity: int) -> bytes:
    word, length = 0, _length(segments, version)
    for mode, raw in segments:
        word = (word << 4 | mode) << _count_bits(mode, version) | len(raw)
        word = word << 8 * len(raw) | int.from_bytes(raw, "big") if mode == _BYTES else _dense(word, raw)
    # Four zero bits end the data, then zeros up to a whole byte, then the two padding bytes in turn.
    end = min(4, capacity * 8 - length)
    filled = -(-(length + end) // 8)
    data = (word << filled * 8 - length).to_bytes(filled, "big")
    return data + (b"\xec\x11" * capacity)[: capacity - filled]


def _dense(word: int, raw: bytes) -> int:
    text = raw.decode("ascii")
    for at in range(0, len(text) - 1, 2):
        word = word << 11 | _WORTH[text[at]] * 45 + _WORTH[text[at + 1]]
    return word << 6 | _WORTH[text[-1]] if len(text) % 2 else word


def _masked(plan: Blueprint, bare: int, level: str, mask: int | None) -> tuple[int, int]:
    masks = range(8) if mask is None else (mask,)
    candidates = [(number, bare ^ plan.masks[number] | plan.format_word(level, number)) for number in masks]
    if mask is not None:
        return candidates[0]
    return min(candidates, key=lambda each: penalty(plan, each[1]))


def penalty(plan: Blueprint, grid: int) -> int:
    """Return how hard a masked symbol is to read, by the standard's four rules (7.8.3.1): less is better."""
    size, first = plan.size, plan.first
    light = grid ^ first["all"]
    score = 0
    even = {}
    for step, inner, far in ((1, "right of 0", "right of 9"), (size, "below 0", "below 9")):
        # A module that equals the one before it; four of them in a row end a run of five.
        equal = even[step] = (grid ^ grid >> step ^ first["all"]) & first[inner]
        two = equal & equal >> step
        runs = two & two >> 2 * step
        score += runs.bit_count() + 2 * (runs & ~(runs >> step)).bit_count()
        # 1011101, a finder's cross-section, with four light modules before or behind it.
        dark2 = grid & grid >> step
        core = (
            grid & light >> step & dark2 >> 2 * step & grid >> 4 * step & light >> 5 * step & grid >> 6 * step
        )
        light2 = light & light >> step
        quiet = light2 & light2 >> 2 * step
        found = (core >> 4 * step & quiet) & first[far], (core & quiet >> 7 * step) & first[far]
        score += 40 * (found[0].bit_count() + found[1].bit_count())
    score += 3 * (even[1] & even[size] & even[1] >> size).bit_count()
    total = size * size
    uneven = abs(grid.bit_count() * 20 - total * 10)
    return score + 10 * (-(-uneven // total) - 1 if uneven else 0)
