"""Rates as exact decimals: "0.12" is 12 %. Floats, exponents and signs never become a rate."""

import re
from decimal import Decimal
from functools import lru_cache

from fenqi.finance.errors import RateError, shown

Rate = str | Decimal
_RATE = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,12})?", re.ASCII)


def parse_rate(value: Rate | int, field: str, *, highest: Decimal | None = None) -> Decimal:
    """Read a non-negative rate from a decimal string, Decimal or int, at most `highest`. Raises RateError."""
    allowed = (
        f'a decimal string from "0" to "{rate_text(highest)}"' if highest is not None else 'such as "0.12"'
    )
    if isinstance(value, Decimal):
        text = format(value, "f") if value.is_finite() else ""
    elif type(value) is int:
        text = str(value) if 0 <= value < 10**6 else ""
    else:
        text = value if isinstance(value, str) else ""
    if not _RATE.fullmatch(text):
        raise RateError(f"{shown(value)} is no rate", field=field, allowed=allowed)
    rate = Decimal(text)
    if highest is not None and rate > highest:
        raise RateError(f"{text} is too high", field=field, allowed=allowed)
    return rate


def rate_text(rate: Decimal) -> str:
    """Return a rate as a plain decimal string, never in exponent form."""
    return format(rate, "f")


@lru_cache(maxsize=4096)
def ratio(rate: Rate) -> tuple[int, int]:
    """Return a parsed rate as numerator and denominator."""
    return Decimal(rate).as_integer_ratio()
