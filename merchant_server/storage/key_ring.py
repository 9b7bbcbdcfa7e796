"""The ring: data keys wrapped under a wrapping key, and the key of look-up hashes, which never changes.

It holds no lock and no connection, so that a process may fork at any moment. It asks no database.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from merchant_server.storage.engine import StorageError
from merchant_server.storage.wrapping_keys import WrappingKeys

NONCE_BYTES = 12
KEY_BYTES = 32
INSTALLATION = "installation"
_MARK_LABEL = b"fenqi audit marks 1"


class KeyRing:
    """Wraps and unwraps data keys. `legacy` are keys of before the ring: readable until everything is resealed."""

    def __init__(
        self, wrapping: WrappingKeys, index_key: bytes, legacy: Mapping[str, bytes] | None = None
    ) -> None:
        self.wrapping = wrapping
        self._index_key = index_key
        self._mark_key = hmac.new(index_key, _MARK_LABEL, hashlib.sha256).digest()
        # Keys of the installation are never erased, so this process may keep them; a person's are always asked for.
        self.kept: dict[str, AESGCM] = {name: AESGCM(key) for name, key in (legacy or {}).items()}

    @classmethod
    def open(cls, path: Path, index_key: bytes, legacy: Mapping[str, bytes] | None = None) -> "KeyRing":
        """Open the ring over a file of wrapping keys, making the file when there is none."""
        return cls(WrappingKeys(path), index_key, legacy)

    def wrap(self, key_id: str, key: bytes, wrapping_key_id: str) -> bytes:
        """Return a data key wrapped for exactly this name."""
        nonce = os.urandom(NONCE_BYTES)
        cipher = AESGCM(self.wrapping.get(wrapping_key_id))
        return nonce + cipher.encrypt(nonce, key, _bound(key_id, wrapping_key_id))

    def unwrap(self, key_id: str, wrapped: bytes, wrapping_key_id: str) -> bytes:
        """Return the data key. Raises WrappingKeyMissing, or StorageError when the row was altered."""
        nonce, ciphertext = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        cipher = AESGCM(self.wrapping.get(wrapping_key_id))
        try:
            return cipher.decrypt(nonce, ciphertext, _bound(key_id, wrapping_key_id))
        except (InvalidTag, ValueError) as broken:
            raise StorageError(
                f"the data key {key_id} was altered: restore its row from a backup"
            ) from broken

    def index(self, kind: str, value: str) -> str:
        """Return a keyed hash for look-ups by `value`; phone numbers are few, so a bare hash would leak them."""
        return hmac.new(self._index_key, f"{kind}|{value}".encode(), hashlib.sha256).hexdigest()

    def mark(self, message: bytes) -> str:
        """Return a keyed hash that only this installation can make, for rows of the audit log."""
        return hmac.new(self._mark_key, message, hashlib.sha256).hexdigest()


def _bound(key_id: str, wrapping_key_id: str) -> bytes:
    return f"data_key|{key_id}|{wrapping_key_id}".encode()
