"""Hybrid codes: one code for two readers. A phone opens the link; the shop's own scanner reads the shop's order number.

The number stands behind a # that browsers keep to themselves, so it reaches no server and no log. It is a label and
proves nothing: look the order up, and believe the amount and state that you find there.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from fenqi.qr.symbol import QRError

MARK: Final = "#R="
REFERENCE_LENGTH_MAX: Final = 64
_LINK_ALLOWED: Final = "a checkout's url, which begins with https:// or http:// and has no # yet"


@dataclass(frozen=True, slots=True)
class Hybrid:
    """What a hybrid code says: the link for a phone, and the shop's own number for the sale."""

    link: str
    reference: str


def hybrid(link: str, reference: str) -> str:
    """Return the text of a hybrid code, to draw with any of the functions of fenqi.qr.

    link: a checkout's url. reference: your own number, 1 to 64 characters; letters, digits and -._~ take least room.
    Raises QRError.
    """
    _require_link(link)
    if not isinstance(reference, str) or not reference.strip() or len(reference) > REFERENCE_LENGTH_MAX:
        raise QRError("is not a number of yours", field="reference", allowed="1 to 64 characters")
    if not reference.isprintable():
        raise QRError("has characters that nobody sees", field="reference", allowed="printable characters")
    return f"{link}{MARK}{quote(reference, safe='')}"


def read_hybrid(text: str) -> Hybrid:
    """Return what a scanner read, taken apart. Raises QRError for any other code."""
    link, mark, reference = text.partition(MARK)
    if not mark or not reference:
        raise QRError("is no hybrid code", field="text", allowed=f"a link and {MARK} before your number")
    _require_link(link)
    try:
        number = unquote(reference, errors="strict")
    except UnicodeDecodeError:
        raise QRError("has a broken number", field="text", allowed="what qr.hybrid made") from None
    if hybrid(link, number) != text:
        raise QRError("was written by somebody else", field="text", allowed="what qr.hybrid made")
    return Hybrid(link, number)


def _require_link(link: str) -> None:
    try:
        parts = urlsplit(link) if isinstance(link, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname or "#" in link:
        raise QRError("is not a link to a checkout", field="link", allowed=_LINK_ALLOWED)
