"""Personal data at rest: AES-256-GCM per field, bound to its table, column and row, and keyed hashes for look-ups.

A ciphertext moved to another row does not open. Keys are named, so that they can be rotated.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class Unsealable(Exception):
    """A sealed value does not open: another row's, altered, or its key is gone. Attributes: place."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"the sealed value of {place} does not open")


class Sealer:
    """Seals and opens fields with the newest of several named 256-bit keys.

    Format: key id (1 byte length + text), 96-bit random nonce, ciphertext with tag.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str, index_key: bytes) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current
        self._index_key = index_key

    def seal(self, value: bytes, table: str, column: str, row: str) -> bytes:
        """Return `value` sealed for exactly this place."""
        nonce = os.urandom(NONCE_BYTES)
        name = self._current.encode()
        place = _place(table, column, row, self._current)
        return bytes([len(name)]) + name + nonce + self._ciphers[self._current].encrypt(nonce, value, place)

    def open(self, sealed: bytes, table: str, column: str, row: str) -> bytes:
        """Return the value, or raise Unsealable when it does not belong here or was altered."""
        length = sealed[0] if sealed else 0
        key_id = sealed[1 : 1 + length].decode(errors="replace")
        nonce, ciphertext = sealed[1 + length : 1 + length + NONCE_BYTES], sealed[1 + length + NONCE_BYTES :]
        cipher = self._ciphers.get(key_id)
        try:
            if cipher is None:
                raise InvalidTag
            return cipher.decrypt(nonce, ciphertext, _place(table, column, row, key_id))
        except (InvalidTag, ValueError) as broken:
            raise Unsealable(f"{table}.{column}") from broken

    def index(self, kind: str, value: str) -> str:
        """Return a keyed hash for look-ups by `value`; phone numbers are few, so a bare hash would leak them."""
        return hmac.new(self._index_key, f"{kind}|{value}".encode(), hashlib.sha256).hexdigest()


def _place(table: str, column: str, row: str, key_id: str) -> bytes:
    return "|".join((table, column, row, key_id)).encode()
