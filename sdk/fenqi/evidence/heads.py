"""Judges the signature on a head of the audit log. Imports cryptography; the rest of the SDK must not import this."""

import base64
import warnings
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.utils import CryptographyDeprecationWarning

from fenqi.evidence.errors import RootUnusable

# Ours, under the arc for UUIDs (ITU-T X.667): such a key signs heads of the audit log and nothing else.
AUDIT_HEADS = x509.ObjectIdentifier("2.25.53785286662882511354763023974460063208")

_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")  # AlgorithmIdentifier, RFC 5758 §3.2

# What cryptography raises for certificates that anybody may have written.
_UNREADABLE = (
    ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
    x509.ExtensionNotFound, x509.UnsupportedGeneralNameType,
)  # fmt: skip


def fingerprints(root_pem: bytes) -> tuple[str, ...]:
    """Return the SHA-256 fingerprints of the published roots, in hex, in the file's order. Raises RootUnusable."""
    return tuple(each.fingerprint(hashes.SHA256()).hex() for each in _roots(root_pem))


def issuing_root(certificate_pem: str, root_pem: bytes) -> str:
    """Return the fingerprint of the root that issued a certificate.

    Raises RootUnusable, InvalidSignature, ValueError.
    """
    return _issuer(_parsed(certificate_pem.encode()), root_pem).fingerprint(hashes.SHA256()).hex()


def why_head_fails(
    message: bytes, signature: bytes, *, certificate_pem: str, root_pem: bytes, at: datetime
) -> str:
    """Return why a head's signature does not hold, or an empty text when it does.

    The key must be Ed25519, certified by one of the roots for heads of the audit log, and valid at the head's time.
    Raises RootUnusable.
    """
    _roots(root_pem)
    try:
        certificate = _parsed(certificate_pem.encode())
        if _written_anew(certificate) != certificate_pem:
            return "the head's certificate was altered"
        _issuer(certificate, root_pem)
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


def _issuer(certificate: x509.Certificate, root_pem: bytes) -> x509.Certificate:
    failure: Exception = ValueError("no root has the name of its issuer")
    for root in _roots(root_pem):
        try:
            certificate.verify_directly_issued_by(root)
        except (InvalidSignature, ValueError) as problem:
            # A signature that does not hold says more than a name that does not fit.
            failure = failure if isinstance(failure, InvalidSignature) else problem
            continue
        return root
    raise failure


def _written_anew(certificate: x509.Certificate) -> str:
    """Write a certificate from its signed part: the frame around it is under no signature, and readers take any.

    A BIT STRING, for one, may name unused bits at its end where those happen to be zero.
    """
    signature = encode_dss_signature(*decode_dss_signature(certificate.signature))
    inside = certificate.tbs_certificate_bytes + _ECDSA_SHA256 + _der(0x03, b"\0" + signature)
    text = base64.encodebytes(_der(0x30, inside)).replace(b"\n", b"").decode()
    lines = [text[place : place + 64] for place in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = length.to_bytes((length.bit_length() + 7) // 8 or 1)
    return bytes([tag]) + (size if length < 0x80 else bytes([0x80 | len(size)]) + size) + content


def _roots(root_pem: bytes) -> list[x509.Certificate]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificates(root_pem)
    except _UNREADABLE as problem:
        raise RootUnusable(f"holds no PEM certificate: {problem}") from problem


def _parsed(pem: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        # A damaged certificate is judged by its signature; a warning about its serial number says nothing more.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_pem_x509_certificate(pem)
