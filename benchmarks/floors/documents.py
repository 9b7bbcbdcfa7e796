"""Rendering by bare typst and signing by pyHanko as well as it can be tuned: key loaded once, space reserved."""

from datetime import datetime
from io import BytesIO
from pathlib import Path

import typst
from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from merchant_server.providers.agreement.certificates import Certified
from merchant_server.providers.agreement.timestamps import BuiltInTimestamps

RESERVED_BYTES = 8192


def compiler(folder: Path) -> typst.Compiler:
    """Return a compiler of the folder's agreement with its fonts loaded."""
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder / "fonts")]
    )
    return typst.Compiler(str(folder / "agreement.typ"), root=str(folder), font_paths=fonts)


class BareSigner:
    """pyHanko with one signing key, loaded once, and the built-in timestamps: pyHanko's own know RSA keys only."""

    def __init__(self, signing: Certified, timestamping: Certified, at: datetime) -> None:
        certificate, key = _loaded(signing)
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        self._signer = SimpleSigner(signing_cert=certificate, signing_key=key, cert_registry=store)
        self._timestamper = BuiltInTimestamps(timestamping, at)

    def sign(self, pdf: bytes) -> bytes:
        """Return the PDF with one certifying PAdES signature and its timestamp."""
        metadata = PdfSignatureMetadata(
            field_name="Agreement",
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
        )
        signer = PdfSigner(
            metadata, self._signer, timestamper=self._timestamper, new_field_spec=SigFieldSpec("Agreement")
        )
        written = BytesIO()
        signer.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), bytes_reserved=RESERVED_BYTES, output=written)
        return written.getvalue()


def _loaded(certified: Certified) -> tuple[asn1_x509.Certificate, keys.PrivateKeyInfo]:
    der = serialization.Encoding.DER
    key = certified.key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate = asn1_x509.Certificate.load(certified.certificate.public_bytes(der))
    return certificate, keys.PrivateKeyInfo.load(key)
