"""The key that signs heads of the audit log (port HeadSigner): Ed25519, certified by the installation's root.

Heads carry their certificate, so those of a rotated key keep holding.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from fenqi.evidence.heads import issuing_root, why_head_fails

from merchant_server.providers.agreement.authority import Authority
from merchant_server.providers.agreement.errors import AuthorityUnusable
from merchant_server.providers.agreement.keeping import link, write_whole

KEY_FILE = "audit.pem"
PEM = serialization.Encoding.PEM


class AuditHeadKey:
    """Signs heads with the newest key; judges heads of every key that the root certified."""

    def __init__(
        self, key: ed25519.Ed25519PrivateKey, certificate: x509.Certificate, authority: Authority
    ) -> None:
        self._key, self._root_pem = key, authority.root_pem
        self.certificate_pem = certificate.public_bytes(PEM).decode()

    @classmethod
    def open(cls, folder: str | Path, authority: Authority) -> Self:
        """Return the key kept in `folder` (audit.pem, mode 0600), made on first use. Raises AuthorityUnusable."""
        path = Path(folder) / KEY_FILE
        try:
            if not path.exists():
                _make(path.parent, authority, link)
            if path.stat().st_mode & 0o037:
                raise AuthorityUnusable(str(path), "can be read by others; run chmod 600 on it")
            content = path.read_bytes()
        except OSError as problem:
            raise AuthorityUnusable(str(path), f"cannot be read or written: {problem}") from problem
        return cls(*_loaded(path, content, authority), authority)

    @classmethod
    def make(cls, folder: Path, authority: Authority, place: Callable[[Path, Path], object]) -> Self:
        """Make a new key under the newest root and return it. Raises AuthorityUnusable."""
        try:
            _make(folder, authority, place)
        except OSError as problem:
            raise AuthorityUnusable(str(folder / KEY_FILE), f"cannot be written: {problem}") from problem
        return cls.open(folder, authority)

    def root_of(self, certificate_pem: str) -> str:
        """Return the SHA-256 fingerprint, in hex, of the root that certified a head's key."""
        return issuing_root(certificate_pem, self._root_pem)

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature over a head's message."""
        return self._key.sign(message)

    def holds(self, message: bytes, signature: bytes, certificate_pem: str, at: datetime) -> bool:
        """Say whether a signature of this installation holds, made by the certificate's key while it was valid."""
        return not why_head_fails(
            message, signature, certificate_pem=certificate_pem, root_pem=self._root_pem, at=at
        )


def _make(folder: Path, authority: Authority, place: Callable[[Path, Path], object]) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = authority.certify_audit_key(key.public_key()).public_bytes(PEM)
    write_whole(folder, KEY_FILE, private + public, 0o600, place)


def _loaded(
    path: Path, content: bytes, authority: Authority
) -> tuple[ed25519.Ed25519PrivateKey, x509.Certificate]:
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
        issuing_root(certificate.public_bytes(PEM).decode(), authority.root_pem)
    except Exception as problem:
        raise AuthorityUnusable(
            str(path), "is damaged or of another root; restore it, or take it away to have a new one made"
        ) from problem
    if not isinstance(key, ed25519.Ed25519PrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityUnusable(str(path), "holds a key that is not its certificate's")
    return key, certificate
