"""Error correction of QR codes (ISO/IEC 18004): block tables and Reed-Solomon over GF(256). Pure arithmetic."""

from functools import cache
from typing import Final

_EXPONENTS: Final[list[int]] = []
_value = 1
for _ in range(255):
    _EXPONENTS.append(_value)
    _value = _value << 1 ^ (0x11D if _value & 0x80 else 0)
_LOGARITHMS: Final = {value: power for power, value in enumerate(_EXPONENTS)}

# Table 9 of the standard, by level and version - 1: check codewords a block, and how many blocks.
CHECKS_PER_BLOCK: Final = {
    "L": (7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28)
    + (30,) * 14,
    "M": (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26) + (28,) * 19,
    "Q": (13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30, 28, 30, 30, 30, 30, 28)
    + (30,) * 14,
    "H": (17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28, 30, 24) + (30,) * 18,
}  # fmt: skip
BLOCKS: Final = {
    "L": (1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17,
          18, 19, 19, 20, 21, 22, 24, 25),
    "M": (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29,
          31, 33, 35, 37, 38, 40, 43, 45, 47, 49),
    "Q": (1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20, 23, 23, 25, 27, 29, 34, 34, 35, 38,
          40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68),
    "H": (1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25, 25, 34, 30, 32, 35, 37, 40, 42, 45,
          48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81),
}  # fmt: skip


def codewords(version: int) -> int:
    """Return how many codewords, data and checks, a version (1 to 40) holds."""
    modules = (16 * version + 128) * version + 64
    if version >= 2:
        alignments = version // 7 + 2
        modules -= (25 * alignments - 10) * alignments - 55
    if version >= 7:
        modules -= 36
    return modules // 8


def data_codewords(version: int, level: str) -> int:
    """Return how many of them carry data at a level."""
    return codewords(version) - CHECKS_PER_BLOCK[level][version - 1] * BLOCKS[level][version - 1]


def with_checks(data: bytes, version: int, level: str) -> bytes:
    """Return data codewords with their checks, interleaved as the standard places them."""
    checks, blocks = CHECKS_PER_BLOCK[level][version - 1], BLOCKS[level][version - 1]
    short, long_blocks = divmod(len(data), blocks)
    parts, at = [], 0
    for number in range(blocks):
        end = at + short + (number >= blocks - long_blocks)
        parts.append(data[at:end])
        at = end
    out = bytearray(len(data) + checks * blocks)
    interleaved = short * blocks
    for number, part in enumerate(parts):
        out[number:interleaved:blocks] = part[:short]
        out[len(data) + number :: blocks] = _remainder(part, checks)
    out[interleaved : len(data)] = b"".join(part[short:] for part in parts)
    return bytes(out)


def _remainder(data: bytes, checks: int) -> bytes:
    table = _feedback(checks)
    top, mask = 8 * (checks - 1), (1 << 8 * checks) - 1
    rest = 0
    for byte in data:
        rest = (rest << 8 & mask) ^ table[rest >> top ^ byte]
    return rest.to_bytes(checks, "big")


@cache
def _feedback(checks: int) -> tuple[int, ...]:
    """Return, for each byte that leaves the register, what it adds: the generator times that byte, as one integer."""
    generator = [1]
    for power in range(checks):
        root = _EXPONENTS[power]
        product = [*generator, 0]
        for place, factor in enumerate(generator):
            product[place + 1] ^= _multiply(factor, root)
        generator = product
    return tuple(
        int.from_bytes(bytes(_multiply(factor, byte) for factor in generator[1:]), "big")
        for byte in range(256)
    )


def _multiply(left: int, right: int) -> int:
    if not left or not right:
        return 0
    return _EXPONENTS[(_LOGARITHMS[left] + _LOGARITHMS[right]) % 255]
