"""QR codes on paper: bytes for ESC/POS receipt printers, and how large a printed code has to be.

A printer's dot measures 25.4 mm / dpi, so lengths are counted in tenths of a millimetre, as fractions.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from fenqi.qr.symbol import QRError, encode, whole

EscPosMode = Literal["native", "raster"]
QUIET_ZONE: Final = 4
# Printers burn dots: four a module is what a code needs to survive one that is missing (Denso Wave's advice).
DOTS_PER_MODULE_MIN: Final = 4
# A camera reads a code from about ten times its side; below 0.33 mm a module phones begin to fail on paper.
DISTANCE_PER_SIDE: Final = 10
MODULE_TENTHS_MM_MIN: Final = Fraction(33, 10)
_TENTHS_PER_INCH: Final = 254
_NATIVE_LEVELS: Final = {"L": 48, "M": 49, "Q": 50, "H": 51}


@dataclass(frozen=True, slots=True)
class SizeAdvice:
    """How to print a code: dots a module on this printer, and what that measures. `side_mm` has the quiet zone in it.

    The two sizes are rounded up to whole micrometres and whole millimetres.
    """

    version: int
    modules: int
    module_dots: int
    module_um: int
    side_mm: int


def size_advice(
    text: str, *, reading_distance_mm: int = 250, dots_per_inch: int = 203, error_correction: str = "M"
) -> SizeAdvice:
    """Return the size at which a phone held at this distance reads the printed code. Raises QRError."""
    whole(reading_distance_mm, "reading_distance_mm", 50, 20_000)
    whole(dots_per_inch, "dots_per_inch", 72, 2400)
    symbol = encode(text, error_correction)
    modules = len(symbol.rows)
    dot = Fraction(_TENTHS_PER_INCH, dots_per_inch)
    for_distance = Fraction(reading_distance_mm * 10, DISTANCE_PER_SIDE * modules)
    wanted = max(for_distance, MODULE_TENTHS_MM_MIN)
    dots = max(DOTS_PER_MODULE_MIN, -int(-wanted // dot))
    side = dots * dot * (modules + 2 * QUIET_ZONE)
    return SizeAdvice(symbol.version, modules, dots, -int(-dots * dot * 100 // 1), -int(-side / 10 // 1))


def escpos(
    text: str,
    *,
    mode: EscPosMode = "native",
    module_dots: int = 6,
    error_correction: str = "M",
    border: int = QUIET_ZONE,
) -> bytes:
    """Return the bytes that make an ESC/POS printer print the code.

    "native": the printer draws it (GS ( k, model 2); `border` becomes line feeds, and the sides are the paper's.
    "raster": drawn here (GS v 0), for printers without QR, quiet zone and all. `module_dots`: 1 to 16 dots a module.
    Raises QRError.
    """
    whole(module_dots, "module_dots", 1, 16)
    whole(border, "border", 0, 64)
    symbol = encode(text, error_correction)
    if mode == "native":
        return _native(text, symbol.level, module_dots)
    if mode == "raster":
        return _raster(symbol.rows, module_dots, border)
    raise QRError(f"{mode!r} is unknown", field="mode", allowed="native, raster")


def _native(text: str, level: str, module_dots: int) -> bytes:
    data = text.encode()
    return b"".join(
        (
            _command(65, b"\x32\x00"),
            _command(67, bytes([module_dots])),
            _command(69, bytes([_NATIVE_LEVELS[level]])),
            _command(80, b"\x30" + data),
            _command(81, b"\x30"),
        )
    )


def _command(function: int, parameters: bytes) -> bytes:
    """Return GS ( k for the QR group (cn = 49) with its length, low byte first."""
    return b"\x1d(k" + (len(parameters) + 2).to_bytes(2, "little") + bytes([49, function]) + parameters


def _raster(rows: tuple[str, ...], dots: int, border: int) -> bytes:
    margin = "0" * border
    blank = ["0" * (len(rows) + 2 * border)] * border
    side = (len(rows) + 2 * border) * dots
    width = -(-side // 8)
    lines = bytearray()
    for row in (*blank, *(margin + row + margin for row in rows), *blank):
        bits = "".join(module * dots for module in row)
        lines += (int(bits, 2) << width * 8 - side).to_bytes(width, "big") * dots
    return b"\x1dv0\x00" + width.to_bytes(2, "little") + side.to_bytes(2, "little") + bytes(lines)
