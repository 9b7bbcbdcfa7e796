"""The server's answer to an offline sale, as both sides read it: a signed text for a QR code, and eight digits."""

from dataclasses import dataclass

from fenqi.till.errors import TillRefused
from fenqi.till.keys import PublicKeys, SecretKeys
from fenqi.till.messages import RECEIPT_PREFIX, ReceiptMessage, apart, with_signature

_CODE_CONTEXT = b"signed\0"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a phone shows the cashier: `text` for a scanner, `code` (eight digits) to read out."""

    text: str
    code: str


def make_receipt(server: SecretKeys, till: PublicKeys, message: ReceiptMessage) -> Receipt:
    """Sign a receipt for one till, as the server."""
    letters = with_signature(message.payload(), server.sign(message.signed_bytes()))
    return Receipt(RECEIPT_PREFIX + letters, server.digits(till, till.fingerprint, code_bytes(message)))


def read_receipt(text: str, server: PublicKeys) -> ReceiptMessage:
    """Return the receipt that this server signed. Raises TillRefused (offline_receipt_forged and its kin)."""
    plain = text.strip().upper()
    if not plain.startswith(RECEIPT_PREFIX):
        raise TillRefused(
            "This is not the receipt of an offline sale.",
            code="offline_token_malformed",
            hint="Scan the code on the page that says that the customer has signed.",
        )
    payload, signature = apart(plain.removeprefix(RECEIPT_PREFIX))
    message = ReceiptMessage.from_payload(payload)
    if not server.signed(message.signed_bytes(), signature):
        raise TillRefused(
            "This receipt does not come from the server that this till knows.",
            code="offline_receipt_forged",
            hint="Do not hand over the goods; wait for the network.",
        )
    return message


def code_bytes(message: ReceiptMessage) -> bytes:
    """Return what the eight digits stand for: this sale of this till at this amount, and not when."""
    amount = f"{message.amount.minor} {message.amount.currency}".encode()
    return _CODE_CONTEXT + message.fingerprint + message.nonce + amount
