"""Signs a rendered agreement as PAdES B-T or B-LT with a key used once (port AgreementSigner).

The signature certifies the document (DocMDP: no changes), so any later revision breaks it.
"""

from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

from asn1crypto import crl as asn1_crl
from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import serialization
from fenqi.evidence.finishing import finished
from fenqi.evidence.pdf import verify
from fenqi.evidence.signed_file import only_signature, with_unsigned
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko.sign.validation import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from merchant_server.domain.stroke import Stroke
from merchant_server.ports import ProviderUnavailable
from merchant_server.providers.agreement.authority import Authority
from merchant_server.providers.agreement.certificates import Certified
from merchant_server.providers.agreement.errors import SigningRefused
from merchant_server.providers.agreement.ink import STROKE_BOX, InkStyle
from merchant_server.providers.agreement.timestamps import BuiltInTimestamps

FIELD = "Agreement"
# Hex digits kept for the signature. Ours is about 3,600 long; a fixed size saves pyHanko a second signature.
# Tokens of an outside timestamp authority bring its chain with them.
RESERVED_DIGITS, RESERVED_DIGITS_OUTSIDE = 8192, 32_768


class _QuietWriter(IncrementalPdfFileWriter):
    """Keeps the rendered metadata as it is: pyHanko would write the machine's time into it."""

    def _update_meta(self) -> None:
        return


class _ArchivalSigner(PdfSigner):
    """Leaves the file at PDF 1.7, as PDF/A-3 is: the extension that pyHanko lists for P-256 means PDF 2.0."""

    def register_extensions(self, pdf_out: BasePdfFileWriter, *, md_algorithm: str) -> None:
        return


class PadesSigner:
    """Signs with one-time keys of `authority`; stamps by the built-in authority unless another is given."""

    def __init__(
        self,
        authority: Authority,
        *,
        timestamper: TimeStamper | None = None,
        timestamp_root_pem: bytes | None = None,
        level: str = "B-LT",
    ) -> None:
        """`timestamper` asks an outside timestamp authority, and `timestamp_root_pem` are the roots to trust for it.

        `level` is B-LT, or B-T to leave out the list of revoked certificates.
        """
        self._authority, self._timestamper, self._level = authority, timestamper, level
        self._timestamp_root_pem = timestamp_root_pem

    def sign(
        self, pdf: bytes, *, agreement_id: str, signer: str, signed_at: datetime, stroke: Stroke | None = None,
        stamped: bool = True,
    ) -> bytes:  # fmt: skip
        """Return `pdf` with one certification signature over the whole file, made at `signed_at` (aware).

        `stroke` is what the signature looks like on the last page; without one it is not seen there.
        With `stamped` False there is room for a timestamp and none in it: see `stamp`.
        Raises SigningRefused (no PDF, signed before, or a signer's name that no certificate can hold) and
        ProviderUnavailable when an outside timestamp authority does not answer; then nothing is signed.
        """
        if signed_at.tzinfo is None:
            raise SigningRefused(agreement_id, "the time of signing must carry its time zone")
        certified = self._authority.issue(agreement_id=agreement_id, signer=signer, signed_at=signed_at)
        metadata = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
            name=signer,
            reason=f"Signs installment agreement {agreement_id}",
            location="Confirmed by a code sent to the signer's telephone",
        )
        try:
            signed = finished(
                self._signed(pdf, certified, metadata, signed_at.replace(microsecond=0), stroke)
            )
        except (SigningError, PdfError, ValueError) as problem:
            raise SigningRefused(agreement_id, str(problem)) from problem
        return self.stamp(signed, at=signed_at) if stamped else signed

    def stamp(self, pdf: bytes, *, at: datetime) -> bytes:
        """Return a signed agreement with its timestamp put into the signature; no signed byte moves.

        `at` is the moment that the built-in authority states. Raises ProviderUnavailable.
        """
        signature = only_signature(pdf)
        value = signature.signer_info["signature"].native
        timestamper = self._timestamper or BuiltInTimestamps(self._authority.timestamping, at)
        try:
            token = finished(timestamper.async_timestamp(sha256(value).digest(), "sha256"))
            stamped = with_unsigned(pdf, signature, token)
        except (TimestampRequestError, OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
            raise ProviderUnavailable("timestamp authority", str(problem)) from problem
        if self._timestamper is not None:
            self._judge(stamped)
        return stamped

    def _judge(self, stamped: bytes) -> None:
        """Take no outside token that a verifier would not take. Raises ProviderUnavailable."""
        verdict = verify(stamped, self._authority.root_pem, timestamp_root_pem=self._timestamp_root_pem)
        if not verdict.accepted:
            raise ProviderUnavailable(
                "timestamp authority", f"its timestamp does not verify: {verdict.reason}"
            )

    async def _signed(
        self, pdf: bytes, certified: Certified, metadata: PdfSignatureMetadata, signed_at: datetime,
        stroke: Stroke | None,
    ) -> bytes:  # fmt: skip
        field: dict[str, Any] = {"sig_field_name": FIELD, "readable_field_name": metadata.reason}
        if stroke is not None:
            field |= {"on_page": -1, "box": STROKE_BOX}
        pdf_signer = _ArchivalSigner(
            metadata,
            _simple_signer(certified),
            stamp_style=InkStyle(stroke=stroke) if stroke else None,
            new_field_spec=SigFieldSpec(**field),
        )
        writer = _QuietWriter(BytesIO(pdf))
        self._keep_validation_data(writer, signed_at)
        session = pdf_signer.init_signing_session(writer)
        session.system_time = signed_at
        reserved = RESERVED_DIGITS if self._timestamper is None else RESERVED_DIGITS_OUTSIDE
        prepared = session.prepare_tbs_document(None, reserved)
        output = BytesIO()
        digest, _ = prepared.digest_tbs_document(output=output)
        await prepared.perform_signature(
            digest.document_digest, PdfCMSSignedAttributes(signing_time=signed_at)
        )
        return output.getvalue()

    def _keep_validation_data(self, writer: _QuietWriter, signed_at: datetime) -> None:
        """Put the list of revoked certificates under the signature itself, so that no later revision is needed."""
        revoked = self._authority.revoked(signed_at) if self._level == "B-LT" else None
        if revoked is not None:
            DocumentSecurityStore.supply_dss_in_writer(
                writer, None, crls=[asn1_crl.CertificateList.load(revoked)], embed_roots=False
            )


def _simple_signer(certified: Certified) -> SimpleSigner:
    der = serialization.Encoding.DER
    key = certified.key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(certified.certificate.public_bytes(der)),
        signing_key=keys.PrivateKeyInfo.load(key),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
        embed_roots=False,
    )
