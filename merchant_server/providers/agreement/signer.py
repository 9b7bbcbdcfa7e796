"""Signs a rendered agreement as PAdES B-T with a key used once (port AgreementSigner).

The signature certifies the document (DocMDP: no changes), so any later revision breaks it.
"""

from datetime import datetime
from io import BytesIO

from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import serialization
from fenqi.evidence.finishing import finished
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from merchant_server.ports import ProviderUnavailable
from merchant_server.providers.agreement.authority import Authority, Certified
from merchant_server.providers.agreement.errors import SigningRefused
from merchant_server.providers.agreement.timestamps import BuiltInTimestamps

FIELD = "Agreement"
# Hex digits kept for the signature. Ours is about 3,600 long; a fixed size saves pyHanko a second signature.
RESERVED_DIGITS = 8192


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
        self, authority: Authority, timestamping: bool = True, timestamper: TimeStamper | None = None
    ) -> None:
        """`timestamper` is a pyHanko TimeStamper, such as HTTPTimeStamper, for a real timestamp authority."""
        self._authority, self._timestamping, self._timestamper = authority, timestamping, timestamper

    def sign(self, pdf: bytes, *, agreement_id: str, signer: str, signed_at: datetime) -> bytes:
        """Return `pdf` with one certification signature over the whole file, made at `signed_at` (aware).

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
            return finished(self._signed(pdf, certified, metadata, signed_at.replace(microsecond=0)))
        except (TimestampRequestError, OSError) as problem:
            raise ProviderUnavailable("timestamp authority", str(problem)) from problem
        except (SigningError, PdfError, ValueError) as problem:
            raise SigningRefused(agreement_id, str(problem)) from problem

    async def _signed(
        self, pdf: bytes, certified: Certified, metadata: PdfSignatureMetadata, signed_at: datetime
    ) -> bytes:
        timestamper = self._timestamper
        if self._timestamping and timestamper is None:
            timestamper = BuiltInTimestamps(self._authority.timestamping, signed_at)
        pdf_signer = _ArchivalSigner(
            metadata,
            _simple_signer(certified),
            timestamper=timestamper if self._timestamping else None,
            new_field_spec=SigFieldSpec(FIELD, readable_field_name=metadata.reason),
        )
        session = pdf_signer.init_signing_session(_QuietWriter(BytesIO(pdf)))
        session.system_time = signed_at
        reserved = RESERVED_DIGITS
        if self._timestamper is not None:
            reserved = await session.estimate_signature_container_size(None)
        prepared = session.prepare_tbs_document(None, reserved)
        output = BytesIO()
        digest, _ = prepared.digest_tbs_document(output=output)
        await prepared.perform_signature(
            digest.document_digest, PdfCMSSignedAttributes(signing_time=signed_at)
        )
        return output.getvalue()


def _simple_signer(certified: Certified) -> SimpleSigner:
    der = serialization.Encoding.DER
    key = certified.key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(certified.certificate.public_bytes(der)),
        signing_key=keys.PrivateKeyInfo.load(key),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
        embed_roots=False,
    )
