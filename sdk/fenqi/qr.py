"""QR codes of checkout links: SVG for pages, PNG for receipts, half blocks for terminals."""

import struct
import zlib
from typing import Final
from xml.sax.saxutils import escape, quoteattr

LEVELS: Final = ("L", "M", "Q", "H")
_DECODER_NEEDS: Final = 4


class QRError(ValueError):
    """Refuse a text or a setting that makes no readable QR code. `field` names it, `allowed` the range."""

    code = "qr_invalid"

    def __init__(self, message: str, *, field: str, allowed: str) -> None:
        super().__init__(f"{field}: {message}; allowed: {allowed}")
        self.field = field
        self.allowed = allowed


def svg(
    text: str,
    *,
    error_correction: str = "M",
    border: int = _DECODER_NEEDS,
    module_px: int = 8,
    title: str | None = None,
) -> str:
    """Return an SVG element with one path on a white ground, safe to place inline under a strict CSP.

    `module_px` sets its natural size; it scales without blur. `title` is its accessible name, else the text.
    Raises QRError.
    """
    dark = _matrix(text, error_correction)
    size = len(dark) + 2 * _whole(border, "border", 0, 64)
    pixels = size * _whole(module_px, "module_px", 1, 128)
    label = title if title is not None else text
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label={quoteattr(label)} width="{pixels}" '
        f'height="{pixels}" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<title>{escape(label)}</title><rect width="{size}" height="{size}" fill="#fff"/>'
        f'<path d="{_path(dark, border)}" fill="#000"/></svg>'
    )


def png(text: str, *, scale: int = 8, error_correction: str = "M", border: int = _DECODER_NEEDS) -> bytes:
    """Return a one-bit PNG with `scale` pixels a module. Raises QRError."""
    dark = _matrix(text, error_correction)
    margin = [False] * _whole(border, "border", 0, 64)
    _whole(scale, "scale", 1, 64)
    blank = [[False] * (len(dark) + 2 * border)] * border
    lines = []
    for row in [*blank, *([*margin, *row, *margin] for row in dark), *blank]:
        bits = "".join(("0" if module else "1") * scale for module in row)
        bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
        lines.append((b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")) * scale)
    side = (len(dark) + 2 * border) * scale
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    body = zlib.compress(b"".join(lines), 9)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data) for kind, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def terminal(text: str, *, error_correction: str = "L", border: int = 2, dark_terminal: bool = True) -> str:
    """Return lines of half blocks, two modules a character; scannable from a screen. Raises QRError.

    `dark_terminal` prints light modules as blocks, for light text on a dark ground.
    """
    dark = _matrix(text, error_correction)
    margin = [False] * _whole(border, "border", 0, 64)
    blank = [[False] * (len(dark) + 2 * border)] * border
    rows = [*blank, *([*margin, *row, *margin] for row in dark), *blank]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    blocks = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join(
        "".join(
            blocks[upper != dark_terminal, lower != dark_terminal] for upper, lower in zip(*pair, strict=True)
        )
        for pair in pairs
    )


def version(text: str, *, error_correction: str = "M") -> int:
    """Return the QR version (1 to 40) that the text needs; its side has 4 x version + 17 modules."""
    return (len(_matrix(text, error_correction)) - 17) // 4


def _matrix(text: str, error_correction: str) -> list[list[bool]]:
    from qrcode import constants, exceptions, main  # type: ignore[import-untyped, unused-ignore]

    if not isinstance(text, str) or not text:
        raise QRError("must not be empty", field="text", allowed="a text of 1 to about 2,900 bytes")
    levels = {level: getattr(constants, f"ERROR_CORRECT_{level}") for level in LEVELS}
    if error_correction not in levels:
        raise QRError(f"{error_correction!r} is unknown", field="error_correction", allowed=", ".join(LEVELS))
    code = main.QRCode(error_correction=levels[error_correction], border=0)
    try:
        code.add_data(text.encode())
        code.make(fit=True)
    except (exceptions.DataOverflowError, ValueError) as overflow:
        raise QRError(
            "is too long for a QR code", field="text", allowed="up to about 2,900 bytes"
        ) from overflow
    return [[bool(module) for module in row] for row in code.get_matrix()]


def _path(dark: list[list[bool]], border: int) -> str:
    """Return one path: each run of dark modules in a row is a rectangle one module high."""
    runs = []
    for y, row in enumerate(dark):
        x = 0
        while x < len(row):
            width = 0
            while x + width < len(row) and row[x + width]:
                width += 1
            if width:
                runs.append(f"M{x + border} {y + border}h{width}v1h-{width}z")
            x += width or 1
    return "".join(runs)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _whole(value: int, field: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise QRError(f"{value!r} is no size", field=field, allowed=f"{low} to {high}")
    return value
