"""Bytes and letters of offline sales: what a QR code carries between a till, a phone and the server. Pure.

Base 32 in upper case (Crockford's alphabet), because a QR code packs upper case into 5.5 bits a letter.
"""

from fenqi.till.errors import TillRefused

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WORTH = {letter: value for value, letter in enumerate(ALPHABET)}
_NUMBER_BYTES_MAX = 8


def to_letters(raw: bytes) -> str:
    """Write bytes in base 32, without padding."""
    length = -(-len(raw) * 8 // 5)
    value = int.from_bytes(raw, "big") << length * 5 - len(raw) * 8
    return "".join(ALPHABET[value >> shift & 31] for shift in range(5 * (length - 1), -1, -5))


def from_letters(text: str) -> bytes:
    """Read base 32 in either case; exactly one text stands for some bytes. Raises TillRefused."""
    value = 0
    for letter in text.upper() if text.isascii() else "?":
        worth = _WORTH.get(letter)
        if worth is None:
            raise malformed()
        value = value << 5 | worth
    spare = len(text) * 5 % 8
    if not text or spare >= 5 or value & (1 << spare) - 1:
        raise malformed()
    return (value >> spare).to_bytes(len(text) * 5 // 8, "big")


def malformed() -> TillRefused:
    """Return the refusal of something that is no token of ours."""
    return TillRefused(
        "This is not the code of an offline sale.",
        code="offline_token_malformed",
        hint="Scan it again, or ask the shop for a new one.",
    )


def number_bytes(value: int) -> bytes:
    """Write a whole number in as few bytes as it needs: seven bits each, lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class Reader:
    """Reads packed bytes from the front. Every method raises TillRefused when they end too early."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    @property
    def at(self) -> int:
        """How many bytes were read."""
        return self._at

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        found = self._raw[self._at : self._at + count]
        if len(found) != count:
            raise malformed()
        self._at += count
        return found

    def number(self) -> int:
        """Return the next whole number; a longer spelling than needed is refused."""
        value = 0
        for place in range(_NUMBER_BYTES_MAX):
            byte = self.take(1)[0]
            value |= (byte & 127) << 7 * place
            if byte < 128:
                if byte == 0 and place:
                    break
                return value
        raise malformed()

    def end(self) -> None:
        """Raise TillRefused unless everything was read."""
        if self._at != len(self._raw):
            raise malformed()
