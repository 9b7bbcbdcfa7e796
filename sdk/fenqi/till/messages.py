"""The two messages of an offline sale: what the till signs, and what the server signs after the consumer signed."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from fenqi.till.errors import TillRefused
from fenqi.till.packing import Reader, from_letters, malformed, number_bytes, to_letters

SIGNATURE_BYTES = 64
FINGERPRINT_BYTES = 8
NONCE_BYTES = 8
REFERENCE_BYTES_MAX = 40
RECEIPT_PREFIX = "FQR1"
_VERSION = 1
# What is signed begins with what it is, so that a signature of one kind never passes for the other.
_SALE_CONTEXT = b"fenqi offline sale 1\0"
_RECEIPT_CONTEXT = b"fenqi offline receipt 1\0"
_CURRENCY = re.compile(rb"[A-Z]{3}")
_REFERENCE = re.compile(r"[!-~]([ -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class SaleMessage:
    """A sale as a till signs it. `plans` picks from the key's plans, bit by bit; 0 means all of them."""

    fingerprint: bytes
    nonce: bytes
    issued_at: datetime
    amount: Money
    plans: int
    reference: str

    @property
    def id(self) -> str:
        """The sale's name on both sides: its nonce in hexadecimal."""
        return self.nonce.hex()

    def payload(self) -> bytes:
        """Return the bytes of the message without its signature. Raises TillRefused for an unusable reference."""
        reference = self.reference.encode()
        if len(reference) > REFERENCE_BYTES_MAX or not _REFERENCE.fullmatch(self.reference):
            raise TillRefused(
                f"A reference has 1 to {REFERENCE_BYTES_MAX} printable ASCII characters.",
                code="argument_invalid",
                field="reference",
                hint="Use your order number.",
            )
        return b"".join(
            (
                bytes([_VERSION]),
                self.fingerprint,
                self.nonce,
                int(self.issued_at.timestamp()).to_bytes(4, "big"),
                self.amount.currency.encode(),
                number_bytes(self.amount.minor),
                number_bytes(self.plans),
                reference,
            )
        )

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read a message. Raises TillRefused."""
        reader = Reader(payload)
        if reader.take(1)[0] != _VERSION:
            raise malformed()
        fingerprint, nonce = reader.take(FINGERPRINT_BYTES), reader.take(NONCE_BYTES)
        issued_at, amount = _instant(reader), _money(reader)
        plans = reader.number()
        try:
            reference = reader.take(len(payload) - reader.at).decode("ascii")
        except UnicodeDecodeError:
            raise malformed() from None
        if len(reference) > REFERENCE_BYTES_MAX or not _REFERENCE.fullmatch(reference):
            raise malformed()
        return cls(fingerprint, nonce, issued_at, amount, plans, reference)

    def signed_bytes(self) -> bytes:
        """Return what the till's key signs."""
        return _SALE_CONTEXT + self.payload()


@dataclass(frozen=True, slots=True)
class ReceiptMessage:
    """The server's word that the consumer signed for exactly this sale."""

    fingerprint: bytes
    nonce: bytes
    signed_at: datetime
    amount: Money

    def payload(self) -> bytes:
        """Return the bytes of the message without its signature."""
        return b"".join(
            (
                bytes([_VERSION]),
                self.fingerprint,
                self.nonce,
                int(self.signed_at.timestamp()).to_bytes(4, "big"),
                self.amount.currency.encode(),
                number_bytes(self.amount.minor),
            )
        )

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read a message. Raises TillRefused."""
        reader = Reader(payload)
        if reader.take(1)[0] != _VERSION:
            raise malformed()
        fingerprint, nonce = reader.take(FINGERPRINT_BYTES), reader.take(NONCE_BYTES)
        signed_at, amount = _instant(reader), _money(reader)
        reader.end()
        return cls(fingerprint, nonce, signed_at, amount)

    def signed_bytes(self) -> bytes:
        """Return what the server's key signs."""
        return _RECEIPT_CONTEXT + self.payload()


def with_signature(payload: bytes, signature: bytes) -> str:
    """Return the letters of a signed message."""
    return to_letters(payload + signature)


def apart(letters: str) -> tuple[bytes, bytes]:
    """Return payload and signature of a signed message. Raises TillRefused."""
    raw = from_letters(letters)
    if len(raw) <= SIGNATURE_BYTES:
        raise malformed()
    return raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]


def _instant(reader: Reader) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(reader.take(4), "big"), UTC)


def _money(reader: Reader) -> Money:
    currency = reader.take(3)
    minor = reader.number()
    try:
        if _CURRENCY.fullmatch(currency) and minor > 0:
            return Money(minor, currency.decode())
    except FinanceError:
        pass
    raise malformed()
