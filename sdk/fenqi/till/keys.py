"""Keys of offline sales: Ed25519 signs, X25519 agrees on the secret of the eight digits. Needs `cryptography`.

The server keeps the public half of a till's keys and nothing else of them; the till keeps the public half of the
server's. Neither side's store lets a thief speak for the other.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fenqi.errors import ConfigError
from fenqi.till.messages import FINGERPRINT_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

CODE_DIGITS = 8
SEED_BYTES = 32
_PUBLIC_BYTES = 64
_PREFIX = "tpk_"


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The half that the other side may know."""

    signing: bytes
    agreeing: bytes

    def __str__(self) -> str:
        return _PREFIX + base64.urlsafe_b64encode(self.signing + self.agreeing).decode().rstrip("=")

    @property
    def fingerprint(self) -> bytes:
        """What a message names the key by: eight bytes of SHA-256 over both halves."""
        return hashlib.sha256(self.signing + self.agreeing).digest()[:FINGERPRINT_BYTES]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read keys as str() writes them. Raises ConfigError."""
        body = text.strip().removeprefix(_PREFIX)
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if not text.strip().startswith(_PREFIX) or len(raw) != _PUBLIC_BYTES:
            raise ConfigError(f"Expected public keys: {_PREFIX} and 86 characters.", field="public_keys")
        return cls(raw[:SEED_BYTES], raw[SEED_BYTES:])

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Say whether these keys' owner signed the message."""
        _require_cryptography()
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.signing).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """Both keys of one side, derived from one seed of 32 random bytes."""

    seed: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return fresh keys."""
        return cls(secrets.token_bytes(SEED_BYTES))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read the seed of a file, making one that only its owner may read when there is none. Raises ConfigError."""
        file = Path(path)
        try:
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
                    handle.write(secrets.token_hex(SEED_BYTES))
            seed = bytes.fromhex(file.read_text().strip())
        except (OSError, ValueError) as error:
            raise ConfigError(f"The key file {file} cannot be used: {error}.", field="key_file") from error
        if len(seed) != SEED_BYTES:
            raise ConfigError(f"The key file {file} does not hold {SEED_BYTES} bytes.", field="key_file")
        return cls(seed)

    @property
    def public(self) -> PublicKeys:
        """The half to hand over."""
        return PublicKeys(
            self._signing().public_key().public_bytes_raw(), self._agreeing().public_key().public_bytes_raw()
        )

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of a signature."""
        return self._signing().sign(message)

    def digits(self, other: PublicKeys, till: bytes, message: bytes) -> str:
        """Return the eight digits that only these two sides can compute for a message of the till's key.

        HMAC-SHA256 under a key from X25519 and HKDF, reduced to eight digits. One guess is right once in 10**8, and a
        till takes five guesses a sale. Raises ConfigError when the other side's key is unusable.
        """
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        try:
            shared = self._agreeing().exchange(X25519PublicKey.from_public_bytes(other.agreeing))
        except ValueError as error:
            raise ConfigError("The other side's key is unusable.", field="public_keys") from error
        key = _derived(shared, b"fenqi offline code 1" + till)
        value = int.from_bytes(hmac.digest(key, message, "sha256")[:16], "big") % 10**CODE_DIGITS
        return f"{value:0{CODE_DIGITS}d}"

    def _signing(self) -> "Ed25519PrivateKey":
        _require_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(_derived(self.seed, b"fenqi till signing 1"))

    def _agreeing(self) -> "X25519PrivateKey":
        _require_cryptography()
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return X25519PrivateKey.from_private_bytes(_derived(self.seed, b"fenqi till agreeing 1"))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """Return HKDF-SHA256 (RFC 5869) of a secret with an empty salt: 32 bytes for one purpose."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, purpose + b"\x01", "sha256")


def _require_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "Offline sales need the package cryptography.", hint='pip install "fenqi[till]"'
        ) from error
