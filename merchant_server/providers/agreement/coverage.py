"""Which characters a font can draw, read from its cmap table (OpenType 1.9, "cmap" formats 4 and 12).

Reads font files of our own only; it is no general font parser.
"""

import struct
from pathlib import Path

from merchant_server.providers.agreement.errors import TemplateBroken


def covered_characters(font: Path) -> frozenset[int]:
    """Return the code points that the font maps to a glyph. Raises TemplateBroken."""
    try:
        data = font.read_bytes()
        return _cmap_characters(_table(data, b"cmap"))
    except (OSError, struct.error, KeyError, IndexError) as problem:
        raise TemplateBroken(f"{font.name} is missing or no OpenType font ({problem})") from problem


def _table(data: bytes, tag: bytes) -> bytes:
    (count,) = struct.unpack_from(">H", data, 4)
    for index in range(count):
        name, _, offset, length = struct.unpack_from(">4sLLL", data, 12 + 16 * index)
        if name == tag:
            return data[offset : offset + length]
    raise KeyError(tag.decode())


def _cmap_characters(cmap: bytes) -> frozenset[int]:
    (count,) = struct.unpack_from(">H", cmap, 2)
    characters: set[int] = set()
    for index in range(count):
        _, _, offset = struct.unpack_from(">HHL", cmap, 4 + 8 * index)
        (kind,) = struct.unpack_from(">H", cmap, offset)
        if kind == 12:
            characters |= _groups(cmap, offset)
        elif kind == 4:
            characters |= _segments(cmap, offset)
    return frozenset(characters)


def _groups(cmap: bytes, offset: int) -> set[int]:
    (count,) = struct.unpack_from(">L", cmap, offset + 12)
    characters: set[int] = set()
    for index in range(count):
        first, last, _ = struct.unpack_from(">LLL", cmap, offset + 16 + 12 * index)
        characters.update(range(first, last + 1))
    return characters


def _segments(cmap: bytes, offset: int) -> set[int]:
    (twice,) = struct.unpack_from(">H", cmap, offset + 6)
    ends, starts = offset + 14, offset + 16 + twice
    deltas, ranges = starts + twice, starts + 2 * twice
    characters: set[int] = set()
    for step in range(0, twice, 2):
        last, first, delta, jump = (
            struct.unpack_from(">H", cmap, start + step)[0] for start in (ends, starts, deltas, ranges)
        )
        for code in range(first, min(last, 0xFFFE) + 1):
            glyph = code
            if jump:
                (glyph,) = struct.unpack_from(">H", cmap, ranges + step + jump + 2 * (code - first))
                if not glyph:
                    continue
            if (glyph + delta) & 0xFFFF:
                characters.add(code)
    return characters
