"""QR codes of checkout links: SVG and HTML for pages, PNG, half blocks for terminals, bytes for receipt printers.

`error_correction` is the least level (L, M, Q, H); a higher one is taken where it costs no room. Every form has the
quiet zone of four modules that the standard asks for, unless `border` says otherwise.
"""

import io
import re
import struct
import zlib
from functools import cache
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from fenqi.qr.hybrid import Hybrid, hybrid, read_hybrid
from fenqi.qr.printing import EscPosMode, SizeAdvice, escpos, size_advice
from fenqi.qr.symbol import LEVELS, QRError, Symbol, encode, whole

__all__ = [
    "LEVELS", "EscPosMode", "Hybrid", "QRError", "SizeAdvice", "Symbol", "encode", "escpos", "html", "hybrid", "png",
    "read_hybrid", "size_advice", "svg", "terminal", "version",
]  # fmt: skip
QUIET_ZONE: Final = 4
_RUNS: Final = re.compile("1+|0+")


def svg(
    text: str,
    *,
    error_correction: str = "M",
    border: int = QUIET_ZONE,
    module_px: int = 8,
    title: str | None = None,
) -> str:
    """Return an SVG element with one path on a white ground, safe to place inline under a strict CSP.

    `module_px` sets its natural size; it scales without blur. `title` is its accessible name, else the text.
    Raises QRError.
    """
    rows = encode(text, error_correction).rows
    size = len(rows) + 2 * whole(border, "border", 0, 64)
    pixels = size * whole(module_px, "module_px", 1, 128)
    label = title if title is not None else text
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label={quoteattr(label)} width="{pixels}" '
        f'height="{pixels}" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<title>{escape(label)}</title><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path stroke="#000" d="{_path(rows, border)}"/></svg>'
    )


def png(text: str, *, scale: int = 8, error_correction: str = "M", border: int = QUIET_ZONE) -> bytes:
    """Return a one-bit PNG with `scale` pixels a module. Raises QRError."""
    rows = encode(text, error_correction).rows
    margin = "0" * whole(border, "border", 0, 64)
    whole(scale, "scale", 1, 64)
    side = (len(rows) + 2 * border) * scale
    width, dark, light = -(-side // 8), "0" * scale, "1" * scale
    # The lines of a module after its first repeat the line above: filter 2 (up) over zeros.
    repeat = (b"\2" + bytes(width)) * (scale - 1)
    blank = b"\0" + int("1" * side + "0" * (width * 8 - side), 2).to_bytes(width, "big")
    blank += (b"\2" + bytes(width)) * (border * scale - 1) if border else b""
    lines = [blank] if border else []
    for row in rows:
        bits = (margin + row + margin).replace("1", "d").replace("0", light).replace("d", dark)
        lines.append(b"\0" + (int(bits, 2) << width * 8 - side).to_bytes(width, "big") + repeat)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    body = zlib.compress(b"".join([*lines, *lines[:1]] if border else lines), 6)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data) for kind, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def html(
    text: str,
    *,
    error_correction: str = "M",
    border: int = QUIET_ZONE,
    module_px: int = 6,
    title: str | None = None,
) -> str:
    """Return a table without styles, for e-mails whose readers show neither SVG nor attached images.

    Raises QRError.
    """
    margin = "0" * whole(border, "border", 0, 64)
    rows = [margin + row + margin for row in encode(text, error_correction).rows]
    blank = ["0" * len(rows[0])] * border
    side = whole(module_px, "module_px", 1, 64)
    lines = []
    for row in (*blank, *rows, *blank):
        cells = "".join(
            f'<td{_span(len(run))} width="{len(run) * side}" height="{side}" bgcolor="{_GROUND[run[0]]}"></td>'
            for run in _RUNS.findall(row)
        )
        lines.append(f"<tr>{cells}</tr>")
    label = quoteattr(title if title is not None else text)
    ruler = "".join(f'<td width="{side}" height="0"></td>' for _ in rows[0])
    return (
        f'<table role="img" aria-label={label} cellspacing="0" cellpadding="0" border="0" '
        f'width="{len(rows[0]) * side}" bgcolor="#ffffff"><tr>{ruler}</tr>{"".join(lines)}</table>'
    )


def terminal(text: str, *, error_correction: str = "L", border: int = 2, dark_terminal: bool = True) -> str:
    """Return lines of half blocks, two modules a character; scannable from a screen. Raises QRError.

    `dark_terminal` prints light modules as blocks, for light text on a dark ground.
    """
    from qrcode import constants, exceptions, main  # type: ignore[import-untyped, unused-ignore]

    encode(text, error_correction)
    whole(border, "border", 0, 64)
    code = main.QRCode(
        error_correction=getattr(constants, f"ERROR_CORRECT_{error_correction}"), border=border
    )
    out = io.StringIO()
    try:
        code.add_data(text.encode())
        code.make()
    except (exceptions.DataOverflowError, ValueError) as overflow:
        raise QRError("is too long for a terminal", field="text", allowed="up to 2,900 bytes") from overflow
    code.print_ascii(out=out, invert=dark_terminal)
    return out.getvalue().replace("\xa0", " ").rstrip("\n")


def version(text: str, *, error_correction: str = "M") -> int:
    """Return the QR version (1 to 40) that the text needs; its side has 4 x version + 17 modules."""
    return encode(text, error_correction).version


_GROUND: Final = {"1": "#000000", "0": "#ffffff"}


def _span(modules: int) -> str:
    return f' colspan="{modules}"' if modules > 1 else ""


def _path(rows: tuple[str, ...], border: int) -> str:
    """Return one path of strokes one module wide: each row starts anew, then goes on by runs."""
    pieces = []
    for y, row in enumerate(rows, border):
        dark = row.strip("0")
        if dark:
            pieces.append(f"M{border + len(row) - len(row.lstrip('0'))} {y}.5")
            pieces += map(_piece, _RUNS.findall(dark))
    return "".join(pieces)


@cache
def _piece(run: str) -> str:
    return f"h{len(run)}" if run[0] == "1" else f"m{len(run)} 0"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
