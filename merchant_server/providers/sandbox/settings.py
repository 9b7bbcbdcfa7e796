"""What the sandbox is started with, its clock and its signing key. Nothing here reads the environment."""

import os
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from merchant_server.ports import Clock
from merchant_server.providers.bank_callbacks import public_key_id

GATEWAY_ACCOUNT = "sandbox_gateway_1"


class WallClock:
    """The machine's own time; the sandbox is a program apart, so it brings its own clock."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait; only the magic "slow" answers call this."""
        time.sleep(seconds)


class SigningKeyUnusable(Exception):
    """The PEM file holds no Ed25519 private key. Attributes: path."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"{path} holds no Ed25519 private key in PKCS#8 PEM; delete it and a new one is made"
        )


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How one sandbox runs. An empty `callback_url` keeps callbacks waiting.

    `public_url` is where phones open the bank's page; empty means the address that a request came to.
    """

    database_path: str
    api_key: str
    callback_url: str
    signing_key_pem_path: str
    gateway_account: str = GATEWAY_ACCOUNT
    public_url: str = ""
    callback_delay_seconds: float = 0.3
    late_seconds: float = 20.0
    reversal_delay_seconds: float = 3.0
    slow_answer_seconds: float = 6.0
    retry_first_seconds: float = 0.5
    retry_longest_seconds: float = 60.0
    attempts_max: int = 24
    callback_timeout_seconds: float = 5.0
    clock: Clock = field(default_factory=WallClock)


def ensure_signing_key(pem_path: str) -> Ed25519PrivateKey:
    """Load the bank's signing key, making it (mode 0600) when the file is not there yet.

    Two processes that start at once end up with the same key. Raises SigningKeyUnusable.
    """
    path = Path(pem_path)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link fails when somebody else was first; a rename would replace a key already in use.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise SigningKeyUnusable(pem_path) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyUnusable(pem_path)
    return key


def key_ring(pem_path: str) -> dict[str, Ed25519PublicKey]:
    """Return the ring that authenticates this sandbox's callbacks: its one public key by key id."""
    public = ensure_signing_key(pem_path).public_key()
    return {public_key_id(public): public}
