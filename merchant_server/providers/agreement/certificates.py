"""X.509 certificates as the installation's authority makes them: names, usages, lifetimes. Keeps no file."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID, ObjectIdentifier

CRL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Certified:
    """A private key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def named(role: str, key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> x509.Name:
    """Return the name of one of the installation's own keys."""
    public = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "fenqi"),
            x509.NameAttribute(
                NameOID.COMMON_NAME, f"fenqi {role} {hashlib.sha256(public).hexdigest()[:12]}"
            ),
        ]
    )


def usages(*, signs: bool = False, commits: bool = False, certifies: bool = False) -> x509.KeyUsage:
    """Return what a key may be used for."""
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


def self_signed(start: datetime, end: datetime) -> Certified:
    """Return a new root."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = named("Root", key.public_key())
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usages(certifies=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certified(key, certificate)


def certified(
    subject: x509.Name,
    root: Certified,
    start: datetime,
    *,
    usage: x509.KeyUsage,
    purpose: ObjectIdentifier,
    critical: bool,
) -> Certified:
    """Return a new key with a certificate of `root` from `start` on, which lasts as long as the root's."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issued(
        subject, key.public_key(), root, start, usage=usage, purpose=purpose, critical=critical
    )
    return Certified(key, certificate)


def issued(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    root: Certified,
    start: datetime,
    *,
    usage: x509.KeyUsage,
    purpose: ObjectIdentifier,
    critical: bool,
) -> x509.Certificate:
    """Return a certificate of `root` for a key."""
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


def revocation_list(root: Certified, start: datetime) -> x509.CertificateRevocationList:
    """Return the root's list of revoked certificates: none, since a signer's key is gone once it has signed."""
    issuer = root.certificate
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key())
    until = min(start + timedelta(days=CRL_DAYS), issuer.not_valid_after_utc)
    return (
        x509.CertificateRevocationListBuilder(issuer.subject, start, until)
        .add_extension(identifier, critical=False)
        # Days since 1970: a later list has a larger number.
        .add_extension(x509.CRLNumber(int(start.timestamp()) // 86_400), critical=False)
        .sign(root.key, hashes.SHA256())
    )
