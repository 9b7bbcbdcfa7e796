"""Verifies a signed agreement against a published root, offline; it trusts nothing inside the file.

It accepts only what a fenqi server makes: one certification signature over the whole file, one timestamp,
and no byte outside them that could differ unseen. Imports pyHanko; the rest of the SDK must not import this.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import cms, pem, tsp
from asn1crypto import x509 as asn1_x509
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import DocumentSecurityStore, async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel, SignatureStatus
from pyhanko_certvalidator import ValidationContext

from fenqi.evidence.errors import RootUnusable
from fenqi.evidence.finishing import finished
from fenqi.evidence.signed_file import DAMAGE, Rejected, only_signature

STRONG_HASHES = frozenset({"sha256", "sha384", "sha512"})

# pyHanko logs the names in the certificates that it rejects; the verdict says enough without them.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `signed_at` is the timestamp's moment, or the signer's word without one.

    `reason` is empty when all is well, else it names the first thing that is wrong. `signer` and
    `agreement_id` are what the signer's certificate says; believe them when `accepted` or `unstamped` only.
    `level` is the PAdES level reached: B-B without a timestamp, B-T, or B-LT with validation data inside.
    """

    intact: bool
    trusted: bool
    covers_whole_file: bool
    timestamp_ok: bool
    signed_at: datetime | None
    reason: str
    signer: str = ""
    agreement_id: str = ""
    level: str = ""

    @property
    def unstamped(self) -> bool:
        """Say whether the signature holds in every respect, but has no timestamp at all."""
        return self.intact and self.trusted and self.covers_whole_file and self.level == "B-B"

    @property
    def accepted(self) -> bool:
        """Say whether the signature holds in every respect, its timestamp included."""
        return self.intact and self.trusted and self.covers_whole_file and self.timestamp_ok


def verify(pdf: bytes, root_pem: bytes, *, timestamp_root_pem: bytes | None = None) -> Verdict:
    """Return the verdict on `pdf` for the trusted roots, and others for timestamps when they have their own.

    Certificates are judged at the moment that the timestamp proves. Raises RootUnusable for roots that
    are no PEM certificates, and nothing for any content of `pdf`.
    """
    roots = _roots(root_pem)
    timestamp_roots = _roots(timestamp_root_pem) if timestamp_root_pem else roots
    try:
        signature = only_signature(pdf)
        _check_frame(pdf, signature)
        token = _timestamp(signature)
        moment = _moment(signature, token)
        kept = DocumentSecurityStore.read_dss(signature.reader) if "/DSS" in signature.reader.root else None
        # An outside timestamp authority's revocation data are not the installation's to give.
        kept_for_stamp = None if timestamp_root_pem else kept
        work = async_validate_pdf_signature(
            signature, _context(roots, moment, kept), _context(timestamp_roots, moment, kept_for_stamp)
        )
        status = finished(work)
        _check_every_byte(signature, token, status)
        level = "B-B" if token is None else "B-LT" if kept_for_stamp else "B-T"
        certifies = signature.docmdp_level == MDPPerm.NO_CHANGES
        return _verdict(status, moment, certifies=certifies, level=level)
    except Rejected as problem:
        return Verdict(False, False, False, False, None, str(problem))
    except DAMAGE as problem:
        return Verdict(False, False, False, False, None, f"the file is damaged: {problem}")


def _roots(root_pem: bytes) -> list[asn1_x509.Certificate]:
    try:
        found = [
            asn1_x509.Certificate.load(der, strict=True) for _, _, der in pem.unarmor(root_pem, multiple=True)
        ]
        _ = [(each.subject.native, each.public_key.native) for each in found]
    except (ValueError, TypeError) as problem:
        raise RootUnusable(f"holds no PEM certificate: {problem}") from problem
    return found


def _context(
    roots: list[asn1_x509.Certificate], moment: datetime, kept: DocumentSecurityStore | None
) -> ValidationContext:
    """Return what to judge certificates by; with validation data in the file, each must be shown as not revoked."""
    known: dict[str, Any] = {
        "trust_roots": roots,
        "allow_fetching": False,
        "moment": moment,
        "best_signature_time": moment,
    }
    if kept is None:
        return ValidationContext(**known)
    return kept.as_validation_context(known | {"revocation_mode": "require"})


def _check_frame(pdf: bytes, signature: EmbeddedPdfSignature) -> None:
    """Check the only bytes that the signature cannot cover: its own hexadecimal text, to the last digit."""
    span = [int(number) for number in signature.byte_range]
    if len(span) != 4 or span[0] != 0 or span[2] + span[3] != len(pdf) or span[1] >= span[2]:
        raise Rejected("the signature does not cover the whole file")
    content = signature.pkcs7_content
    if pdf[span[1] : span[2]] != b"<" + content.hex().upper().encode() + b">":
        raise Rejected("the signature's text was altered")


def _timestamp(signature: EmbeddedPdfSignature) -> cms.SignedData | None:
    attributes = list(signature.signer_info["unsigned_attrs"])
    if not attributes:
        return None
    (attribute,) = attributes
    if attribute["type"].native != "signature_time_stamp_token" or len(attribute["values"]) != 1:
        raise Rejected("the signature has an attribute that is no timestamp")
    token: cms.SignedData = attribute["values"][0]["content"]
    if not isinstance(token["encap_content_info"]["content"].parsed, tsp.TSTInfo):
        raise Rejected("the timestamp has no content")
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
        raise Rejected("the signature's unsigned parts were altered")


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
        raise Rejected("the signature uses a hash that is not accepted")
    path = status.validation_path
    judged = {status.signing_cert.dump()}
    judged |= {item.dump() for item in path.iter_certs(include_root=True)} if path else set()
    certificates = [choice.chosen.dump() for choice in signed["certificates"]]
    if not judged.issuperset(certificates):
        raise Rejected("the signature carries a certificate that nothing vouches for")
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
        raise Rejected("the signature states no time")
    return moment


def _verdict(status: PdfSignatureStatus, moment: datetime, *, certifies: bool, level: str) -> Verdict:
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
        level=level,
    )
