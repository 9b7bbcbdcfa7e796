"""The agreement: rendered by typst, signed by pyHanko under the installation's own authority, verified offline.

`TypstRenderer` and `PadesSigner` implement the ports; `verify` is for the server's own checks and its doctor.
"""

from merchant_server.providers.agreement.authority import Authority
from merchant_server.providers.agreement.canonical import canonical_json
from merchant_server.providers.agreement.errors import (
    AuthorityUnusable,
    SigningRefused,
    TemplateBroken,
    TermsRefused,
)
from merchant_server.providers.agreement.heads import AuditHeadKey
from merchant_server.providers.agreement.renderer import TypstRenderer
from merchant_server.providers.agreement.signer import PadesSigner
from merchant_server.providers.agreement.timestamps import OutsideTimestamps
from merchant_server.providers.agreement.verifier import Verdict, check_roots, verify

__all__ = [
    "AuditHeadKey",
    "Authority",
    "AuthorityUnusable",
    "OutsideTimestamps",
    "PadesSigner",
    "SigningRefused",
    "TemplateBroken",
    "TermsRefused",
    "TypstRenderer",
    "Verdict",
    "canonical_json",
    "check_roots",
    "verify",
]
