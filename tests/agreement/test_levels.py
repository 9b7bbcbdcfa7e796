"""PAdES levels: validation data under the signature (B-LT), none (B-T), and a timestamp put in later."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import crl as asn1_crl
from cryptography import x509
from fenqi.evidence.signed_file import without_timestamp
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import DocumentSecurityStore

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.stroke import BYTES_MAX, Stroke
from merchant_server.providers.agreement import Authority, PadesSigner, verify
from tests.agreement.conftest import SIGNED_AT
from tests.agreement.test_signer import sign


def test_the_list_of_revoked_certificates_lies_under_the_signature(
    authority: Authority, signed_pdf: bytes
) -> None:
    reader = PdfFileReader(io.BytesIO(signed_pdf))
    (kept,) = DocumentSecurityStore.read_dss(reader).crls
    revoked = x509.load_der_x509_crl(kept.get_object().data)
    assert revoked.is_signature_valid(authority.root_certificate.public_key())  # type: ignore[arg-type]
    assert revoked.last_update_utc <= SIGNED_AT < revoked.next_update_utc  # type: ignore[operator]
    verdict = verify(signed_pdf, authority.root_pem)
    assert (verdict.accepted, verdict.level) == (True, "B-LT")
    assert reader.xrefs.total_revisions == 2


def test_by_setting_the_list_is_left_out(authority: Authority, unsigned_pdf: bytes) -> None:
    signed = PadesSigner(authority, level="B-T").sign(
        unsigned_pdf, agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT
    )
    assert b"/DSS" not in signed
    verdict = verify(signed, authority.root_pem)
    assert (verdict.accepted, verdict.level) == (True, "B-T")


def test_the_days_list_is_published_beside_the_root_and_made_once(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path)
    first = authority.revoked(SIGNED_AT)
    assert (
        first == authority.revoked(SIGNED_AT + timedelta(hours=3)) == (tmp_path / "revoked.crl").read_bytes()
    )
    later = authority.revoked(SIGNED_AT + timedelta(days=1))
    numbers = [
        asn1_crl.CertificateList.load(each)["tbs_cert_list"]["crl_extensions"].native
        for each in (first, later)
    ]
    assert numbers[0] != numbers[1]


def test_a_list_of_another_root_gives_no_verdict(
    authority: Authority, unsigned_pdf: bytes, tmp_path: Path
) -> None:
    stranger = Authority.open(tmp_path)

    class Mixed:
        root_pem, timestamping, issue = authority.root_pem, authority.timestamping, authority.issue
        revoked = stranger.revoked

    signed = PadesSigner(Mixed()).sign(  # type: ignore[arg-type]
        unsigned_pdf, agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT
    )
    assert not verify(signed, authority.root_pem).accepted


def test_a_timestamp_that_comes_later_moves_no_signed_byte(authority: Authority, unsigned_pdf: bytes) -> None:
    waiting = sign(authority, unsigned_pdf, stamped=False)
    later = SIGNED_AT + timedelta(hours=2)
    stamped = PadesSigner(authority).stamp(waiting, at=later)
    verdict = verify(stamped, authority.root_pem)
    assert verdict.accepted and verdict.signed_at == later
    assert len(stamped) == len(waiting) and without_timestamp(stamped) == waiting


def test_a_stroke_is_the_look_of_the_signature_and_changes_no_verdict(
    authority: Authority, unsigned_pdf: bytes
) -> None:
    stroke = Stroke.parse("[[0,0,1000,300],[500,150]]")
    signed = PadesSigner(authority).sign(
        unsigned_pdf, agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT, stroke=stroke
    )
    assert signed.startswith(unsigned_pdf) and verify(signed, authority.root_pem).accepted
    reader = PdfFileReader(io.BytesIO(signed))
    pages = reader.root["/Pages"]["/Kids"]
    drawn = pages[-1]["/Annots"][0]["/AP"]["/N"].data
    assert b"0 300 m 1000 0 l S" in drawn and b"500 150 m 500 150 l S" in drawn
    assert all("/Annots" not in page.get_object() for page in list(pages)[:-1])
    assert verify(sign(authority, unsigned_pdf), authority.root_pem).accepted


@pytest.mark.parametrize(
    "text",
    [
        "x", "{}", "1", "[1]", "[[1]]", "[[1,2,3]]", "[[-1,0]]", "[[1001,0]]", "[[0,301]]", "[[1.5,2]]", "[[true,0]]",
        "[[null,0]]", "[" * 5_000, "[[0,0]," * 3, "[" + ",".join(["[0,0]"] * 201) + "]",
        "[[" + ",".join(["100,100"] * (BYTES_MAX // 8 + 1)) + "]]", '[["0","0"]]', "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_drawing_is_refused(text: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        Stroke.parse(text)
    assert (refused.value.code, refused.value.field) == ("stroke_malformed", "stroke")


def test_an_empty_field_is_no_stroke_and_a_stroke_is_kept_in_one_form() -> None:
    assert Stroke.parse("") is Stroke.parse("  ") is Stroke.parse("[]") is None
    stroke = Stroke.parse("[ [1, 2, 3, 4] ]")
    assert stroke is not None and stroke.text() == "[[1,2,3,4]]"
    assert "1" not in repr(stroke)
