"""A signed agreement as a file: its one signature, the timestamp inside it, what is attached. Judges no certificate.

Imports pyHanko; the rest of the SDK must not import this.
"""

import zlib
from io import BytesIO

from asn1crypto import cms
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import CMSExtractionError, UnacceptableSignerError
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from fenqi.evidence.errors import EvidenceMalformed

# What parsers of damaged files raise; a verdict is owed for every file, however hostile.
DAMAGE = (
    PdfError, CMSExtractionError, UnacceptableSignerError, SignatureValidationError, ArithmeticError,
    AssertionError, AttributeError, LookupError, NotImplementedError, OSError, RecursionError, TypeError,
    ValueError, zlib.error,
)  # fmt: skip


class Rejected(Exception):
    """The file is not what a fenqi server makes."""


def only_signature(pdf: bytes) -> EmbeddedPdfSignature:
    """Return the one signature of a file. Raises Rejected, or one of DAMAGE."""
    signatures = PdfFileReader(BytesIO(pdf), strict=True).embedded_signatures
    if len(signatures) != 1:
        raise Rejected(f"the file has {len(signatures)} signatures; an agreement has one")
    signature: EmbeddedPdfSignature = signatures[0]
    if signature.sig_object_type != "/Sig":
        raise Rejected("the file has a timestamp where the signature should be")
    return signature


def without_timestamp(pdf: bytes) -> bytes:
    """Return a signed agreement as it was before its timestamp was put in. Raises EvidenceMalformed."""
    try:
        signature = only_signature(pdf)
        return with_unsigned(pdf, signature, None)
    except (Rejected, *DAMAGE) as problem:
        raise EvidenceMalformed("agreement.pdf", f"has no readable signature: {problem}") from problem


def with_unsigned(pdf: bytes, signature: EmbeddedPdfSignature, token: cms.ContentInfo | None) -> bytes:
    """Return the file with this timestamp, or none; no byte that the signature covers moves.

    Raises ValueError when the room in the file is too small for the token.
    """
    signed = signature.signed_data
    (signer,) = signed["signer_infos"]
    proven = ("version", "sid", "digest_algorithm", "signed_attrs", "signature_algorithm", "signature")
    parts = {name: signer[name] for name in proven}
    if token is not None:
        parts["unsigned_attrs"] = [{"type": "signature_time_stamp_token", "values": [token]}]
    around = ("version", "digest_algorithms", "encap_content_info", "certificates")
    data = cms.SignedData({name: signed[name] for name in around} | {"signer_infos": [parts]})
    content = cms.ContentInfo({"content_type": "signed_data", "content": data})
    start, end = int(signature.byte_range[1]), int(signature.byte_range[2])
    digits: bytes = content.dump().hex().upper().encode()
    if len(digits) > end - start - 2:
        raise ValueError("the timestamp is larger than the room that was kept for it")
    return pdf[: start + 1] + digits.ljust(end - start - 2, b"0") + pdf[end - 1 :]


def attached_terms(pdf: bytes) -> bytes:
    """Return terms.json as it is attached inside the agreement. Raises EvidenceMalformed.

    PDF/A-3 lists attachments under /AF of the catalogue; an agreement has this one and no other.
    """
    try:
        (attachment,) = PdfFileReader(BytesIO(pdf), strict=True).root["/AF"]
        found = attachment.get_object()
        name, content = str(found["/UF"]), found["/EF"]["/F"].data
    except DAMAGE as problem:
        raise EvidenceMalformed("agreement.pdf", f"has no readable attachment: {problem}") from problem
    if name != "terms.json":
        raise EvidenceMalformed("agreement.pdf", f"has the attachment {name[:40]!r}, not terms.json")
    return bytes(content)
