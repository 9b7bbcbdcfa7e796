"""Verifies a signed agreement against a published root, offline; it trusts nothing inside the file.

It accepts only what a fenqi server makes: one certification signature over the whole file, one timestamp,
and no byte outside them that could differ unseen. Imports pyHanko; the rest of the SDK must not import this.
"""

import logging
import zlib
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from asn1crypto import cms, pem, tsp
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.general import CMSExtractionError, UnacceptableSignerError
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel, SignatureStatus
from pyhanko_certvalidator import ValidationContext

from fenqi.evidence.errors import EvidenceMalformed, RootUnusable
from fenqi.evidence.finishing import finished

# What parsers of damaged files raise; a verdict is owed for every file, however hostile.
DAMAGE = (
    PdfError, CMSExtractionError, UnacceptableSignerError, SignatureValidationError, ArithmeticError,
    AssertionError, AttributeError, LookupError, NotImplementedError, OSError, RecursionError, TypeError,
    ValueError, zlib.error,
)  # fmt: skip
STRONG_HASHES = frozenset({"sha256", "sha384", "sha512"})

# pyHanko logs the names in the certificates that it rejects; the verdict says enough without them.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `signed_at` is the timestamp's moment, or the signer's word without one.

    `reason` is empty when all is well, else it names the first thing that is wrong. `signer` and
    `agreement_id` are what the signer's certificate says; believe them when `accepted` only.
    """

    intact: bool
    trusted: bool
    covers_whole_file: bool
    timestamp_ok: bool
    signed_at: datetime | None
    reason: str
    signer: str = ""
    agreement_id: str = ""

    @property
    def accepted(self) -> bool:
        """Say whether the signature holds in every respect, its timestamp included."""
        return self.intact and self.trusted and self.covers_whole_file and self.timestamp_ok


class _Rejected(Exception):
    """The file is not what a fenqi server makes."""


def verify(pdf: bytes, root_pem: bytes, *, timestamp_root_pem: bytes | None = None) -> Verdict:
    """Return the verdict on `pdf` for one trusted root, and another for timestamps when they have their own.

    Certificates are judged at the moment that the timestamp proves. Raises RootUnusable for a root that
    is no PEM certificate, and nothing for any content of `pdf`.
    """
    root = _root(root_pem)
    timestamp_root = _root(timestamp_root_pem) if timestamp_root_pem else root
    try:
        signature = _only_signature(pdf)
        _check_frame(pdf, signature)
        token = _timestamp(signature)
        moment = _moment(signature, token)
        work = async_validate_pdf_signature(
            signature, _context(root, moment), _context(timestamp_root, moment)
        )
        status = finished(work)
        _check_every_byte(signature, token, status)
        return _verdict(status, moment, certifies=signature.docmdp_level == MDPPerm.NO_CHANGES)
    except _Rejected as problem:
        return Verdict(False, False, False, False, None, str(problem))
    except DAMAGE as problem:
        return Verdict(False, False, False, False, None, f"the file is damaged: {problem}")


def _root(root_pem: bytes) -> asn1_x509.Certificate:
    try:
        _, _, der = pem.unarmor(root_pem)
        certificate = asn1_x509.Certificate.load(der, strict=True)
        _ = certificate.subject.native, certificate.public_key.native
    except (ValueError, TypeError) as problem:
        raise RootUnusable(f"holds no PEM certificate: {problem}") from problem
    return certificate


def _context(root: asn1_x509.Certificate, moment: datetime) -> ValidationContext:
    return ValidationContext(
        trust_roots=[root], allow_fetching=False, moment=moment, best_signature_time=moment
    )


def _only_signature(pdf: bytes) -> EmbeddedPdfSignature:
    signatures = PdfFileReader(BytesIO(pdf), strict=True).embedded_signatures
    if len(signatures) != 1:
        raise _Rejected(f"the file has {len(signatures)} signatures; an agreement has one")
    signature: EmbeddedPdfSignature = signatures[0]
    if signature.sig_object_type != "/Sig":
        raise _Rejected("the file has a timestamp where the signature should be")
    return signature


def _check_frame(pdf: bytes, signature: EmbeddedPdfSignature) -> None:
    """Check the only bytes that the signature cannot cover: its own hexadecimal text, to the last digit."""
    span = [int(number) for number in signature.byte_range]
    if len(span) != 4 or span[0] != 0 or span[2] + span[3] != len(pdf) or span[1] >= span[2]:
        raise _Rejected("the signature does not cover the whole file")
    content = signature.pkcs7_content
    if pdf[span[1] : span[2]] != b"<" + content.hex().upper().encode() + b">":
        raise _Rejected("the signature's text was altered")


def _timestamp(signature: EmbeddedPdfSignature) -> cms.SignedData | None:
    attributes = list(signature.signer_info["unsigned_attrs"])
    if not attributes:
        return None
    (attribute,) = attributes
    if attribute["type"].native != "signature_time_stamp_token" or len(attribute["values"]) != 1:
        raise _Rejected("the signature has an attribute that is no timestamp")
    token: cms.SignedData = attribute["values"][0]["content"]
    if not isinstance(token["encap_content_info"]["content"].parsed, tsp.TSTInfo):
        raise _Rejected("the timestamp has no content")
    return token


def _check_every_byte(
    signature: EmbeddedPdfSignature, token: cms.SignedData | None, status: PdfSignatureStatus
) -> None:
    """Build the signature anew from its proven parts and compare: much of a CMS is under no signature."""
    unsigned: list[dict[str, Any]] = []
    if token is not None:
        info = token["encap_content_info"]["content"].parsed.dump()
        content = {"content_type": "tst_info", "content": cms.ParsableOctetString(info)}
        stamp = _rebuilt(token, "v3", content, status.timestamp_validity, [])
        unsigned = [{"type": "signature_time_stamp_token", "values": [stamp]}]
    whole = _rebuilt(signature.signed_data, "v1", {"content_type": "data"}, status, unsigned).dump()
    if whole.ljust(len(signature.pkcs7_content), b"\0") != signature.pkcs7_content:
        raise _Rejected("the signature's unsigned parts were altered")


def _rebuilt(
    signed: cms.SignedData,
    version: str,
    content: dict[str, Any],
    status: SignatureStatus | None,
    unsigned: list[dict[str, Any]],
) -> cms.ContentInfo:
    (signer,) = signed["signer_infos"]
    digest = signer["digest_algorithm"]
    oid = digest["algorithm"].dump()
    # RFC 5754 §2: parameters absent or NULL, and nothing else that could differ.
    encodings = (b"\x30" + bytes([len(oid)]) + oid, b"\x30" + bytes([len(oid) + 2]) + oid + b"\x05\x00")
    if status is None or digest["algorithm"].native not in STRONG_HASHES or digest.dump() not in encodings:
        raise _Rejected("the signature uses a hash that is not accepted")
    path = status.validation_path
    judged = {status.signing_cert.dump()}
    judged |= {item.dump() for item in path.iter_certs(include_root=True)} if path else set()
    certificates = [choice.chosen.dump() for choice in signed["certificates"]]
    if not judged.issuperset(certificates):
        raise _Rejected("the signature carries a certificate that nothing vouches for")
    identifier = cms.IssuerAndSerialNumber(
        {"issuer": status.signing_cert.issuer, "serial_number": status.signing_cert.serial_number}
    )
    parts: dict[str, Any] = {
        "version": "v1",
        "sid": cms.SignerIdentifier("issuer_and_serial_number", identifier),
        "digest_algorithm": digest,
        "signature_algorithm": signer["signature_algorithm"],
        "signed_attrs": signer["signed_attrs"],
        "signature": signer["signature"],
    }
    if unsigned:
        parts["unsigned_attrs"] = unsigned
    data = cms.SignedData(
        {
            "version": version,
            "digest_algorithms": [digest],
            "encap_content_info": content,
            "certificates": [asn1_x509.Certificate.load(der) for der in certificates],
            "signer_infos": [parts],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": data})


def _moment(signature: EmbeddedPdfSignature, token: cms.SignedData | None) -> datetime:
    moment: datetime | None = signature.self_reported_timestamp
    if token is not None:
        moment = token["encap_content_info"]["content"].parsed["gen_time"].native
    if moment is None or moment.tzinfo is None:
        raise _Rejected("the signature states no time")
    return moment


def _verdict(status: PdfSignatureStatus, moment: datetime, *, certifies: bool) -> Verdict:
    stamp = status.timestamp_validity
    subject = status.signing_cert.subject.native
    intact = bool(status.intact and status.valid)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    unchanged = status.modification_level == ModificationLevel.NONE and bool(status.docmdp_ok)
    trusted = bool(status.trusted)
    timestamp_ok = bool(stamp is not None and stamp.valid and stamp.intact and stamp.trusted)
    problems = (
        (intact, "the document is not the one that was signed"),
        (whole and unchanged, "something was added after signing"),
        (certifies, "the signature does not forbid changes"),
        (trusted, "the signer's certificate does not lead to the trusted root"),
        (stamp is not None, "there is no timestamp"),
        (timestamp_ok, "the timestamp does not hold"),
    )
    return Verdict(
        intact=intact and certifies,
        trusted=trusted,
        covers_whole_file=whole and unchanged,
        timestamp_ok=timestamp_ok,
        signed_at=moment,
        reason=next((reason for fine, reason in problems if not fine), ""),
        signer=str(subject.get("common_name", "")),
        agreement_id=str(subject.get("user_id", "")),
    )


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
