"""What the verifier rejects: flipped bytes, structural attacks, other roots, hostile files."""

import io
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fenqi.evidence.finishing import finished
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

from merchant_server.ports import ProviderUnavailable
from merchant_server.providers.agreement import Authority, AuthorityUnusable, PadesSigner, verify
from merchant_server.providers.agreement.certificates import Certified
from merchant_server.providers.agreement.signer import _simple_signer
from merchant_server.providers.agreement.timestamps import BuiltInTimestamps
from tests.agreement.conftest import SIGNED_AT

SEED = 20261121
BITS = 6_000 if os.environ.get("FENQI_SOAK") else 150


def frame(pdf: bytes) -> tuple[int, int]:
    """Return where the signature's hexadecimal text starts and ends, brackets included."""
    span = PdfFileReader(io.BytesIO(pdf)).embedded_signatures[0].byte_range
    return int(span[1]), int(span[2])


def with_content(pdf: bytes, content: bytes) -> bytes:
    start, end = frame(pdf)
    digits = content.hex().upper().encode().ljust(end - start - 2, b"0")
    assert len(digits) == end - start - 2
    return pdf[: start + 1] + digits + pdf[end - 1 :]


def content_of(pdf: bytes) -> bytes:
    start, end = frame(pdf)
    content = bytes.fromhex(pdf[start + 1 : end - 1].decode())
    return content[: 4 + int.from_bytes(content[2:4])]


def rejected(pdf: bytes, authority: Authority) -> str:
    """Return the reason of the rejection, and fail when there is none."""
    verdict = verify(pdf, authority.root_pem)
    assert not verdict.accepted
    assert verdict.reason
    return verdict.reason


def test_the_untouched_agreement_is_accepted(authority: Authority, signed_pdf: bytes) -> None:
    assert verify(signed_pdf, authority.root_pem).accepted


def test_two_hundred_flipped_bytes_are_all_found(authority: Authority, signed_pdf: bytes) -> None:
    chance = random.Random(SEED)
    for _ in range(200):
        place = chance.randrange(len(signed_pdf))
        flipped = bytearray(signed_pdf)
        flipped[place] ^= 1 << chance.randrange(8)
        assert not verify(bytes(flipped), authority.root_pem).accepted, f"byte {place} (seed {SEED})"


def test_flipped_bits_inside_the_signature_itself_are_all_found(
    authority: Authority, signed_pdf: bytes
) -> None:
    content = content_of(signed_pdf)
    chance = random.Random(SEED)
    for _ in range(BITS):
        bit = chance.randrange(len(content) * 8)
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not verify(with_content(signed_pdf, bytes(flipped)), authority.root_pem).accepted, f"bit {bit}"


def test_the_frame_of_the_signature_hides_nothing(authority: Authority, signed_pdf: bytes) -> None:
    start, end = frame(signed_pdf)
    inside = signed_pdf[start:end]
    rejected(signed_pdf[:start] + inside.lower() + signed_pdf[end:], authority)
    rejected(signed_pdf[: end - 3] + b"41" + signed_pdf[end - 1 :], authority)
    rejected(signed_pdf[: end - 3] + b" 0" + signed_pdf[end - 1 :], authority)


def test_bytes_after_the_end_are_found(authority: Authority, signed_pdf: bytes) -> None:
    for tail in (b"\n", b" ", b"%%EOF\n", b"<script>", signed_pdf):
        rejected(signed_pdf + tail, authority)
    rejected(signed_pdf[:-1], authority)
    rejected(b"\n" + signed_pdf, authority)


def test_an_appended_annotation_is_found(authority: Authority, signed_pdf: bytes) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed_pdf))
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    note = generic.DictionaryObject(
        {
            generic.NameObject("/Type"): generic.NameObject("/Annot"),
            generic.NameObject("/Subtype"): generic.NameObject("/Text"),
            generic.NameObject("/Contents"): generic.TextStringObject("paid"),
            generic.NameObject("/Rect"): generic.ArrayObject(generic.NumberObject(at) for at in (0, 0, 9, 9)),
        }
    )
    page["/Annots"] = generic.ArrayObject([writer.add_object(note)])
    writer.update_container(page)
    altered = io.BytesIO()
    writer.write(altered)
    rejected(altered.getvalue(), authority)


def test_a_changed_title_in_a_new_revision_is_found(authority: Authority, signed_pdf: bytes) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed_pdf))
    writer.root["/Lang"] = generic.TextStringObject("fr")
    writer.update_root()
    altered = io.BytesIO()
    writer.write(altered)
    rejected(altered.getvalue(), authority)


def signed_by(pdf: bytes, certified: Certified, authority: Authority, **changes: object) -> bytes:
    """Sign as an attacker who holds a key of this installation and obeys no profile."""
    settings = {
        "field_name": "Agreement", "md_algorithm": "sha256", "subfilter": SigSeedSubFilter.PADES,
        "certify": True, "docmdp_permissions": MDPPerm.NO_CHANGES,
    } | changes  # fmt: skip

    async def run() -> bytes:
        signer = PdfSigner(
            PdfSignatureMetadata(**settings),
            _simple_signer(certified),
            timestamper=BuiltInTimestamps(authority.timestamping, SIGNED_AT),
        )
        output = await signer.async_sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))
        content: bytes = output.getvalue()
        return content

    return finished(run())


def test_a_second_signature_is_found(authority: Authority, unsigned_pdf: bytes) -> None:
    certified = authority.issue(agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT)
    loose = signed_by(unsigned_pdf, certified, authority, docmdp_permissions=MDPPerm.FILL_FORMS)
    twice = signed_by(loose, certified, authority, certify=False, field_name="Second")
    assert "2 signatures" in rejected(twice, authority)


def test_a_signature_that_permits_changes_is_not_enough(authority: Authority, unsigned_pdf: bytes) -> None:
    certified = authority.issue(agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT)
    for changes in ({"docmdp_permissions": MDPPerm.FILL_FORMS}, {"certify": False}):
        loose = signed_by(unsigned_pdf, certified, authority, **changes)
        assert "does not forbid changes" in rejected(loose, authority)
    assert verify(signed_by(unsigned_pdf, certified, authority), authority.root_pem).accepted


def test_a_stripped_signature_is_found(authority: Authority, unsigned_pdf: bytes) -> None:
    assert "0 signatures" in rejected(unsigned_pdf, authority)


def test_another_root_trusts_nothing(authority: Authority, signed_pdf: bytes, tmp_path: Path) -> None:
    verdict = verify(signed_pdf, Authority.open(tmp_path).root_pem)
    assert verdict.intact and verdict.covers_whole_file
    assert not verdict.trusted and not verdict.timestamp_ok and not verdict.accepted
    assert "trusted root" in verdict.reason


def test_a_byte_range_that_leaves_something_out_is_found(authority: Authority, signed_pdf: bytes) -> None:
    start, end = frame(signed_pdf)
    ranges = f"[0 {start} {end} {len(signed_pdf) - end}]".encode()
    assert signed_pdf.count(ranges) == 1
    for other in (
        f"[0 {start} {end} {len(signed_pdf) - end - 1}]", f"[1 {start} {end} {len(signed_pdf) - end}]",
        f"[0 {start - 5} {end} {len(signed_pdf) - end}]", f"[{end} {len(signed_pdf) - end} 0 {start}]",
        f"[0 {start} {end}]", "[0 0 0 0]", "[0 -1 5 5]",
    ):  # fmt: skip
        encoded = other.encode().ljust(len(ranges))[: max(len(ranges), len(other))]
        altered = signed_pdf.replace(ranges, encoded)
        if len(encoded) > len(ranges):
            altered = signed_pdf.replace(ranges + b" " * (len(encoded) - len(ranges)), encoded)
        assert len(altered) == len(signed_pdf) and altered != signed_pdf
        rejected(altered, authority)


def test_the_signature_of_another_agreement_does_not_fit(
    authority: Authority, unsigned_pdf: bytes, signed_pdf: bytes
) -> None:
    other = PadesSigner(authority).sign(
        unsigned_pdf, agreement_id="agr_2", signer="王小明", signed_at=SIGNED_AT + timedelta(days=1)
    )
    rejected(with_content(signed_pdf, content_of(other)), authority)


def with_parts(pdf: bytes, *, tokens: list[cms.ContentInfo], more_certificates: list[bytes]) -> bytes:
    """Return the file with other unsigned parts in its signature, all else kept to the byte."""
    data = cms.ContentInfo.load(content_of(pdf))["content"]
    signer = {
        name: data["signer_infos"][0][name]
        for name in ("version", "sid", "digest_algorithm", "signature_algorithm", "signed_attrs", "signature")
    }
    if tokens:
        signer["unsigned_attrs"] = [{"type": "signature_time_stamp_token", "values": tokens}]
    own = [choice.chosen.dump() for choice in data["certificates"]]
    parts = {
        "version": data["version"],
        "digest_algorithms": data["digest_algorithms"],
        "encap_content_info": data["encap_content_info"],
        "certificates": [asn1_x509.Certificate.load(der) for der in own + more_certificates],
        "signer_infos": [signer],
    }
    info = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(parts)})
    return with_content(pdf, info.dump())


def token_of(pdf: bytes) -> cms.ContentInfo:
    data = cms.ContentInfo.load(content_of(pdf))["content"]
    der = data["signer_infos"][0]["unsigned_attrs"][0]["values"][0].dump()
    return cms.ContentInfo.load(der)


def test_a_swapped_missing_or_doubled_timestamp_is_found(
    authority: Authority, unsigned_pdf: bytes, signed_pdf: bytes
) -> None:
    earlier = PadesSigner(authority).sign(
        unsigned_pdf, agreement_id="agr_1", signer="欧阳祎喆", signed_at=SIGNED_AT - timedelta(days=365)
    )
    own, foreign = token_of(signed_pdf), token_of(earlier)
    assert with_parts(signed_pdf, tokens=[own], more_certificates=[]) == signed_pdf
    for tokens in ([foreign], [], [own, foreign], [foreign, own]):
        rejected(with_parts(signed_pdf, tokens=tokens, more_certificates=[]), authority)


def test_a_foreign_certificate_in_the_signature_is_found(
    authority: Authority, signed_pdf: bytes, tmp_path: Path
) -> None:
    root = Authority.open(tmp_path).root_certificate.public_bytes(serialization.Encoding.DER)
    altered = with_parts(signed_pdf, tokens=[token_of(signed_pdf)], more_certificates=[root])
    assert "nothing vouches for" in rejected(altered, authority)


def expired(authority: Authority) -> Certified:
    """Return a key whose certificate, by the right root, ended a day before the signature."""
    root = authority._root
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "王小明")])
    usage = authority.issue(agreement_id="agr_1", signer="王", signed_at=SIGNED_AT).certificate
    builder = x509.CertificateBuilder(
        root.certificate.subject, name, key.public_key(), x509.random_serial_number(),
        SIGNED_AT - timedelta(days=9), SIGNED_AT - timedelta(days=1),
    )  # fmt: skip
    for extension in usage.extensions:
        if isinstance(extension.value, x509.KeyUsage | x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    return Certified(key, builder.sign(root.key, hashes.SHA256()))


def test_a_certificate_that_had_expired_at_signing_is_found(
    authority: Authority, unsigned_pdf: bytes
) -> None:
    assert "trusted root" in rejected(signed_by(unsigned_pdf, expired(authority), authority), authority)


def test_a_timestamp_key_cannot_sign_an_agreement_nor_an_agreement_key_stamp(
    authority: Authority, unsigned_pdf: bytes
) -> None:
    certified = authority.issue(agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT)
    signer = PadesSigner(authority, timestamper=BuiltInTimestamps(certified, SIGNED_AT))
    with pytest.raises(ProviderUnavailable, match="timestamp does not hold"):
        signer.sign(unsigned_pdf, agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT)
    rejected(signed_by(unsigned_pdf, authority.timestamping, authority), authority)


def test_any_file_gets_a_verdict(authority: Authority, signed_pdf: bytes) -> None:
    chance = random.Random(SEED)
    files = [b"", b"%PDF-1.7", b"\0" * 1_000, b"PK\x03\x04", chance.randbytes(5_000)]
    files += [signed_pdf[: chance.randrange(len(signed_pdf))] for _ in range(20)]
    files += [signed_pdf[chance.randrange(len(signed_pdf)) :] for _ in range(20)]
    for _ in range(20):
        start = chance.randrange(len(signed_pdf))
        files.append(signed_pdf[:start] + chance.randbytes(50) + signed_pdf[start + 50 :])
    for file in files:
        rejected(file, authority)


@pytest.mark.parametrize(
    "root", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_root_that_is_no_certificate_is_the_callers_error(signed_pdf: bytes, root: bytes) -> None:
    with pytest.raises(AuthorityUnusable):
        verify(signed_pdf, root)


def test_the_moment_of_the_verdict_is_the_timestamps(authority: Authority, unsigned_pdf: bytes) -> None:
    moment = datetime(2026, 12, 1, tzinfo=UTC)
    signed = PadesSigner(authority).sign(unsigned_pdf, agreement_id="agr_1", signer="王", signed_at=moment)
    assert verify(signed, authority.root_pem).signed_at == moment
