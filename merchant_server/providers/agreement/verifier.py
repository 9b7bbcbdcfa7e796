"""The server's door to the offline verifier of agreements, which merchants and consumers run as `fenqi verify`."""

from fenqi.evidence.errors import RootUnusable
from fenqi.evidence.heads import fingerprints
from fenqi.evidence.pdf import Verdict
from fenqi.evidence.pdf import verify as verify_offline

from merchant_server.providers.agreement.errors import AuthorityUnusable

__all__ = ["Verdict", "check_roots", "verify"]


def check_roots(root_pem: bytes) -> None:
    """Raise AuthorityUnusable unless the text is made of PEM certificates."""
    try:
        fingerprints(root_pem)
    except RootUnusable as unusable:
        raise AuthorityUnusable("root_pem", unusable.reason) from unusable


def verify(pdf: bytes, root_pem: bytes, *, timestamp_root_pem: bytes | None = None) -> Verdict:
    """Return the verdict on `pdf` for the trusted roots, and others for timestamps when they have their own.

    Raises AuthorityUnusable for roots that are no PEM certificates, and nothing for any content of `pdf`.
    """
    try:
        return verify_offline(pdf, root_pem, timestamp_root_pem=timestamp_root_pem)
    except RootUnusable as unusable:
        raise AuthorityUnusable("root_pem", unusable.reason) from unusable
