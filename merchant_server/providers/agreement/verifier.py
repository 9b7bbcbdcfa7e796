"""The server's door to the offline verifier of agreements, which merchants and consumers run as `fenqi verify`."""

from fenqi.evidence.errors import RootUnusable
from fenqi.evidence.pdf import Verdict
from fenqi.evidence.pdf import verify as verify_offline

from merchant_server.providers.agreement.errors import AuthorityUnusable

__all__ = ["Verdict", "verify"]


def verify(pdf: bytes, root_pem: bytes, *, timestamp_root_pem: bytes | None = None) -> Verdict:
    """Return the verdict on `pdf` for one trusted root, and another for timestamps when they have their own.

    Raises AuthorityUnusable for a root that is no PEM certificate, and nothing for any content of `pdf`.
    """
    try:
        return verify_offline(pdf, root_pem, timestamp_root_pem=timestamp_root_pem)
    except RootUnusable as unusable:
        raise AuthorityUnusable("root_pem", unusable.reason) from unusable
