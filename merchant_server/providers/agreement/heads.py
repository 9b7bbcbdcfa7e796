"""The key that signs heads of the audit log (port HeadSigner): Ed25519, certified by the installation's root.

To rotate it, take audit.pem away and start again: heads carry their certificate, so old ones keep holding.
"""

from datetime import datetime
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from fenqi.evidence.heads import why_head_fails

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
        self.root_sha256 = authority.key_id

    @classmethod
    def open(cls, folder: str | Path, authority: Authority) -> Self:
        """Return the key kept in `folder` (audit.pem, mode 0600), made on first use. Raises AuthorityUnusable."""
        path = Path(folder) / KEY_FILE
        try:
            if not path.exists():
                key = ed25519.Ed25519PrivateKey.generate()
                private = key.private_bytes(
                    PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
                public = authority.certify_audit_key(key.public_key()).public_bytes(PEM)
                write_whole(path.parent, KEY_FILE, private + public, 0o600, link)
            if path.stat().st_mode & 0o037:
                raise AuthorityUnusable(str(path), "can be read by others; run chmod 600 on it")
            content = path.read_bytes()
        except OSError as problem:
            raise AuthorityUnusable(str(path), f"cannot be read or written: {problem}") from problem
        return cls(*_loaded(path, content, authority), authority)

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature over a head's message."""
        return self._key.sign(message)

    def holds(self, message: bytes, signature: bytes, certificate_pem: str, at: datetime) -> bool:
        """Say whether a signature of this installation holds, made by the certificate's key while it was valid."""
        return not why_head_fails(
            message, signature, certificate_pem=certificate_pem, root_pem=self._root_pem, at=at
        )


def _loaded(
    path: Path, content: bytes, authority: Authority
) -> tuple[ed25519.Ed25519PrivateKey, x509.Certificate]:
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
        certificate.verify_directly_issued_by(authority.root_certificate)
    except Exception as problem:
        raise AuthorityUnusable(
            str(path), "is damaged or of another root; restore it, or take it away to have a new one made"
        ) from problem
    if not isinstance(key, ed25519.Ed25519PrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityUnusable(str(path), "holds a key that is not its certificate's")
    return key, certificate
