"""Judges the signature on a head of the audit log. Imports cryptography; the rest of the SDK must not import this."""

import warnings
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from fenqi.evidence.errors import RootUnusable

# Ours, under the arc for UUIDs (ITU-T X.667): such a key signs heads of the audit log and nothing else.
AUDIT_HEADS = x509.ObjectIdentifier("2.25.53785286662882511354763023974460063208")

# What cryptography raises for certificates that anybody may have written.
_UNREADABLE = (
    ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
    x509.ExtensionNotFound, x509.UnsupportedGeneralNameType,
)  # fmt: skip


def fingerprint(root_pem: bytes) -> str:
    """Return the SHA-256 fingerprint of a certificate, in hex. Raises RootUnusable."""
    return _root(root_pem).fingerprint(hashes.SHA256()).hex()


def why_head_fails(
    message: bytes, signature: bytes, *, certificate_pem: str, root_pem: bytes, at: datetime
) -> str:
    """Return why a head's signature does not hold, or an empty text when it does.

    The key must be Ed25519, certified by the root for heads of the audit log, and valid at the head's time.
    Raises RootUnusable.
    """
    root = _root(root_pem)
    try:
        certificate = _parsed(certificate_pem.encode())
        if certificate.public_bytes(Encoding.PEM).decode() != certificate_pem:
            return "the head's certificate was altered"
        certificate.verify_directly_issued_by(root)
        purposes = list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        key = certificate.public_key()
        if purposes != [AUDIT_HEADS] or not isinstance(key, ed25519.Ed25519PublicKey):
            return "the head's key is not one for heads of the audit log"
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            return "the head's certificate was not valid at the head's time"
        key.verify(signature, message)
    except InvalidSignature:
        return "the head's signature does not hold under the trusted root"
    except _UNREADABLE as problem:
        return f"the head's certificate cannot be used: {problem}"
    return ""


def _root(root_pem: bytes) -> x509.Certificate:
    try:
        return _parsed(root_pem)
    except _UNREADABLE as problem:
        raise RootUnusable(f"holds no PEM certificate: {problem}") from problem


def _parsed(pem: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        # A damaged certificate is judged by its signature; a warning about its serial number says nothing more.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_pem_x509_certificate(pem)
