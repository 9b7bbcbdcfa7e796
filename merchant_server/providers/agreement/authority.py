"""The installation's own certificate authority: one root, one timestamp key, one key a signature.

It certifies that this installation made a signature, not who a person is: it is no qualified trust service.
Private keys of signatures never leave the call that uses them.
"""

import os
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from merchant_server.providers.agreement.certificates import (
    Certified,
    certified,
    issued,
    named,
    revocation_list,
    self_signed,
    usages,
)
from merchant_server.providers.agreement.errors import AuthorityUnusable, SigningRefused
from merchant_server.providers.agreement.keeping import link, write_whole

KEYS_FILE, ROOT_FILE, REVOKED_FILE = "authority.pem", "root.pem", "revoked.crl"
LIFETIME_YEARS = 30
# One fixed start, so that making the root asks no clock and a test clock may stand before the installation.
VALID_FROM = date(2025, 1, 1)
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
# Our own purpose, under the arc for UUIDs (ITU-T X.667): this key signs heads of the audit log and nothing else.
AUDIT_HEADS = ObjectIdentifier("2.25.53785286662882511354763023974460063208")
LONGEST_NAME = 64  # X.520 ub-common-name
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


class Authority:
    """Issues the certificates of one installation. `root_pem` is public: publish it for those who verify."""

    def __init__(
        self, root: Certified, timestamping: Certified, retired: Sequence[x509.Certificate] = (),
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        """`retired` are the roots of before: their keys are gone, and what they signed still holds."""
        self.timestamping = timestamping
        self._root, self._folder = root, folder
        self.roots = (root.certificate, *retired)
        self.root_pem = b"".join(each.public_bytes(PEM) for each in self.roots)
        self._revoked: tuple[date, bytes] | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: str | Path, *, valid_from: date = VALID_FROM) -> Self:
        """Return the authority kept in `folder`, made on first use.

        Processes that start at once get the same authority. The keys stay in authority.pem
        (mode 0600), the published roots in root.pem, the newest first; `valid_from` matters on first use only.
        Raises AuthorityUnusable.
        """
        folder = Path(folder)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (folder / KEYS_FILE).exists():
                _create(folder, valid_from)
            authority = cls(*read_keys(folder / KEYS_FILE), folder)
            published = folder / ROOT_FILE
            if not published.exists() or published.read_bytes() != authority.root_pem:
                write_whole(folder, ROOT_FILE, authority.root_pem, 0o644, os.replace)
        except OSError as problem:
            raise AuthorityUnusable(str(folder), f"cannot be read or written: {problem}") from problem
        return authority

    @property
    def root_certificate(self) -> x509.Certificate:
        """The root that issues now."""
        return self._root.certificate

    @property
    def key_id(self) -> str:
        """The root's SHA-256 fingerprint, in hex: tells roots apart over a rotation."""
        return self._root.certificate.fingerprint(hashes.SHA256()).hex()

    def issue(self, *, agreement_id: str, signer: str, signed_at: datetime) -> Certified:
        """Return a fresh key for one signature, certified for `signer` (1 to 64 characters).

        The certificate names the agreement, starts five minutes before `signed_at` and lasts as long as the
        root: its key is gone after one use, and readers that judge by today's date must not call it expired.
        Raises SigningRefused.
        """
        signed_at = signed_at.astimezone(UTC)
        root = self._root.certificate
        if not (1 <= len(signer) <= LONGEST_NAME and 1 <= len(agreement_id) <= LONGEST_NAME):
            raise SigningRefused(agreement_id, f"signer and agreement need 1 to {LONGEST_NAME} characters")
        if not root.not_valid_before_utc <= signed_at <= root.not_valid_after_utc:
            raise SigningRefused(agreement_id, f"the root certificate is not valid on {signed_at:%Y-%m-%d}")
        try:
            subject = x509.Name(
                [
                    x509.NameAttribute(NameOID.COMMON_NAME, signer),
                    x509.NameAttribute(NameOID.USER_ID, agreement_id),
                ]
            )
        except ValueError as problem:
            raise SigningRefused(agreement_id, f"no certificate can name the signer: {problem}") from problem
        start = max(root.not_valid_before_utc, datetime.fromtimestamp(signed_at.timestamp() - 300, UTC))
        return certified(
            subject,
            self._root,
            start,
            usage=usages(signs=True, commits=True),
            purpose=DOCUMENT_SIGNING,
            critical=False,
        )

    def certify_audit_key(self, key: ed25519.Ed25519PublicKey) -> x509.Certificate:
        """Return a certificate that lets `key` sign heads of the audit log, as long as the root lasts."""
        return issued(
            named("Audit log", key),
            key,
            self._root,
            self._root.certificate.not_valid_before_utc,
            usage=usages(signs=True),
            purpose=AUDIT_HEADS,
            critical=True,
        )

    def revoked(self, at: datetime) -> bytes | None:
        """Return the day's list of revoked certificates (CRL, DER), also kept as revoked.crl beside the root.

        None when the root may sign no such list, as an authority from elsewhere may not.
        """
        day = at.astimezone(UTC).date()
        with self._lock:
            if self._revoked is None or self._revoked[0] != day:
                usage = self._root.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
                if not usage.crl_sign:
                    return None
                start = max(datetime.combine(day, time(), UTC), self._root.certificate.not_valid_before_utc)
                self._revoked = day, revocation_list(self._root, start).public_bytes(DER)
                if self._folder is not None:
                    write_whole(self._folder, REVOKED_FILE, self._revoked[1], 0o644, os.replace)
            return self._revoked[1]


def _create(folder: Path, valid_from: date) -> None:
    start = datetime.combine(valid_from, time(), UTC)
    root = self_signed(start, start.replace(year=start.year + LIFETIME_YEARS))
    write_whole(folder, KEYS_FILE, keys_text(root, timestamp_key(root), ()), 0o600, link)


def timestamp_key(root: Certified) -> Certified:
    """Return a new key for the built-in timestamp authority."""
    return certified(
        named("Timestamp authority", root.key.public_key()),
        root,
        root.certificate.not_valid_before_utc,
        # No content commitment: a timestamp key must never pass for a signer's.
        usage=usages(signs=True),
        purpose=ExtendedKeyUsageOID.TIME_STAMPING,
        critical=True,
    )


def keys_text(root: Certified, timestamping: Certified, retired: Sequence[x509.Certificate]) -> bytes:
    """Return what authority.pem holds: two keys with their certificates, then the certificates of retired roots."""
    return b"".join([_pem(root), _pem(timestamping), *(each.public_bytes(PEM) for each in retired)])


def read_keys(path: Path) -> tuple[Certified, Certified, list[x509.Certificate]]:
    """Return the root, the timestamp key and the retired roots of authority.pem. Raises AuthorityUnusable."""
    if path.stat().st_mode & 0o037:
        raise AuthorityUnusable(str(path), "can be read by others; run chmod 600 on it")
    content = path.read_bytes()
    marker = b"-----BEGIN PRIVATE KEY-----"
    try:
        parts = [marker + part for part in content.split(marker)[1:]]
        root, timestamping = (loaded(part) for part in parts)
        retired = x509.load_pem_x509_certificates(parts[1])[1:]
        timestamping.certificate.verify_directly_issued_by(root.certificate)
    except Exception as problem:
        raise AuthorityUnusable(str(path), "is damaged; restore it from the backup") from problem
    return root, timestamping, retired


def loaded(pem: bytes) -> Certified:
    """Return the key and the first certificate of a text. Raises ValueError, TypeError."""
    key = serialization.load_pem_private_key(pem, None)
    certificate = x509.load_pem_x509_certificate(pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise TypeError("the key is not the certificate's")
    return Certified(key, certificate)


def _pem(part: Certified) -> bytes:
    return part.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + part.certificate.public_bytes(serialization.Encoding.PEM)
