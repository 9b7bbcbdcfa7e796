"""The installation's own certificate authority: one root, one timestamp key, one key a signature.

It certifies that this installation made a signature, not who a person is: it is no qualified trust service.
Private keys of signatures never leave the call that uses them.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from merchant_server.providers.agreement.errors import AuthorityUnusable, SigningRefused
from merchant_server.providers.agreement.keeping import link, write_whole

KEYS_FILE, ROOT_FILE = "authority.pem", "root.pem"
LIFETIME_YEARS = 30
# One fixed start, so that making the root asks no clock and a test clock may stand before the installation.
VALID_FROM = date(2025, 1, 1)
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
# Our own purpose, under the arc for UUIDs (ITU-T X.667): this key signs heads of the audit log and nothing else.
AUDIT_HEADS = ObjectIdentifier("2.25.53785286662882511354763023974460063208")
LONGEST_NAME = 64  # X.520 ub-common-name


@dataclass(frozen=True, slots=True)
class Certified:
    """A private key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class Authority:
    """Issues the certificates of one installation. `root_pem` is public: publish it for those who verify."""

    def __init__(self, root: Certified, timestamping: Certified) -> None:
        self.timestamping = timestamping
        self._root = root
        self.root_pem = root.certificate.public_bytes(serialization.Encoding.PEM)

    @classmethod
    def open(cls, folder: str | Path, *, valid_from: date = VALID_FROM) -> Self:
        """Return the authority kept in `folder`, made on first use.

        Processes that start at once get the same authority. The keys stay in authority.pem
        (mode 0600), the published root in root.pem; `valid_from` matters on first use only.
        Raises AuthorityUnusable.
        """
        folder = Path(folder)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (folder / KEYS_FILE).exists():
                _create(folder, valid_from)
            authority = cls(*_read(folder / KEYS_FILE))
            if not (folder / ROOT_FILE).exists():
                _publish(folder, authority.root_pem)
        except OSError as problem:
            raise AuthorityUnusable(str(folder), f"cannot be read or written: {problem}") from problem
        return authority

    @property
    def root_certificate(self) -> x509.Certificate:
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
        return _certified(
            subject,
            self._root,
            start,
            usage=_usage(signs=True, commits=True),
            purpose=DOCUMENT_SIGNING,
            critical=False,
        )

    def certify_audit_key(self, key: ed25519.Ed25519PublicKey) -> x509.Certificate:
        """Return a certificate that lets `key` sign heads of the audit log, as long as the root lasts."""
        return _issued(
            _name("Audit log", key),
            key,
            self._root,
            self._root.certificate.not_valid_before_utc,
            usage=_usage(signs=True),
            purpose=AUDIT_HEADS,
            critical=True,
        )


def _create(folder: Path, valid_from: date) -> None:
    start = datetime.combine(valid_from, time(), UTC)
    end = start.replace(year=start.year + LIFETIME_YEARS)
    root = _self_signed(start, end)
    timestamping = _certified(
        _name("Timestamp authority", root.key.public_key()),
        root,
        start,
        # No content commitment: a timestamp key must never pass for a signer's.
        usage=_usage(signs=True),
        purpose=ExtendedKeyUsageOID.TIME_STAMPING,
        critical=True,
    )
    content = b"".join(_pem(part) for part in (root, timestamping))
    write_whole(folder, KEYS_FILE, content, 0o600, link)


def _publish(folder: Path, root_pem: bytes) -> None:
    write_whole(folder, ROOT_FILE, root_pem, 0o644, os.replace)


def _read(path: Path) -> tuple[Certified, Certified]:
    if path.stat().st_mode & 0o037:
        raise AuthorityUnusable(str(path), "can be read by others; run chmod 600 on it")
    content = path.read_bytes()
    marker = b"-----BEGIN PRIVATE KEY-----"
    try:
        parts = [marker + part for part in content.split(marker)[1:]]
        root, timestamping = (_loaded(part) for part in parts)
        timestamping.certificate.verify_directly_issued_by(root.certificate)
    except Exception as problem:
        raise AuthorityUnusable(str(path), "is damaged; restore it from the backup") from problem
    return root, timestamping


def _loaded(pem: bytes) -> Certified:
    key = serialization.load_pem_private_key(pem, None)
    certificate = x509.load_pem_x509_certificate(pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise TypeError("the key is not the certificate's")
    return Certified(key, certificate)


def _pem(part: Certified) -> bytes:
    return part.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + part.certificate.public_bytes(serialization.Encoding.PEM)


def _name(role: str, key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> x509.Name:
    public = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "fenqi"),
            x509.NameAttribute(
                NameOID.COMMON_NAME, f"fenqi {role} {hashlib.sha256(public).hexdigest()[:12]}"
            ),
        ]
    )


def _usage(*, signs: bool = False, commits: bool = False, certifies: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=commits,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=certifies,
        encipher_only=False,
        decipher_only=False,
    )


def _self_signed(start: datetime, end: datetime) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Root", key.public_key())
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certifies=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certified(key, certificate)


def _certified(
    subject: x509.Name,
    root: Certified,
    start: datetime,
    *,
    usage: x509.KeyUsage,
    purpose: ObjectIdentifier,
    critical: bool,
) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _issued(
        subject, key.public_key(), root, start, usage=usage, purpose=purpose, critical=critical
    )
    return Certified(key, certificate)


def _issued(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    root: Certified,
    start: datetime,
    *,
    usage: x509.KeyUsage,
    purpose: ObjectIdentifier,
    critical: bool,
) -> x509.Certificate:
    issuer = root.certificate
    until = issuer.not_valid_after_utc
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key())
    return (
        x509.CertificateBuilder(issuer.subject, subject, key, x509.random_serial_number(), start, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=critical)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(identifier, critical=False)
        .sign(root.key, hashes.SHA256())
    )
