"""The signature on the agreement, judged by pyHanko's validator, by poppler's pdfsig and by our verifier."""

import io
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import pem, tsp
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from merchant_server.ports import ProviderUnavailable
from merchant_server.providers.agreement import (
    Authority,
    PadesSigner,
    SigningRefused,
    TypstRenderer,
    verify,
)
from merchant_server.providers.agreement.timestamps import BuiltInTimestamps
from tests.agreement.conftest import SIGNED_AT
from tests.pdfsig import pdfsig
from tests.threads import in_its_own_thread

MakeTerms = Callable[..., dict[str, Any]]
LARGEST_BYTES = 300_000


class DeadTimestamps(TimeStamper):
    """A timestamp authority that nobody answers for."""

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        raise OSError("connection refused")


class RefusingTimestamps(TimeStamper):
    """A timestamp authority that answers with a rejection."""

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return tsp.TimeStampResp({"status": {"status": "rejection"}})


def sign(authority: Authority, pdf: bytes, **changes: Any) -> bytes:
    arguments = {"agreement_id": "agr_1", "signer": "欧阳祎喆", "signed_at": SIGNED_AT} | changes
    return PadesSigner(authority).sign(pdf, **arguments)


@in_its_own_thread
def test_three_validators_agree_on_twenty_agreements(
    authority: Authority, renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path
) -> None:
    _, _, der = pem.unarmor(authority.root_pem)
    signer = PadesSigner(authority)
    for number in range(20):
        language = ("zh-CN", "en")[number % 2]
        terms = make_terms(language, agreement_id=f"agr_{number}", goods=f"{language} {number}")
        signed_at = SIGNED_AT + timedelta(days=number)
        signed = signer.sign(
            renderer.render(terms, language=language),
            agreement_id=f"agr_{number}", signer=f"王{number}", signed_at=signed_at,
        )  # fmt: skip
        assert len(signed) <= LARGEST_BYTES
        verdict = verify(signed, authority.root_pem)
        assert verdict.accepted and verdict.reason == ""
        assert verdict.signed_at == signed_at

        context = ValidationContext(
            trust_roots=[asn1_x509.Certificate.load(der)], moment=signed_at, allow_fetching=False
        )
        signature = PdfFileReader(io.BytesIO(signed)).embedded_signatures[0]
        status = validate_pdf_signature(signature, context)
        assert status.bottom_line
        assert "UNTOUCHED" in status.summary()

        path = tmp_path / "signed.pdf"
        path.write_bytes(signed)
        said = pdfsig(path)
        assert "Signature is Valid" in said
        assert "Total document signed" in said
        assert "ETSI.CAdES.detached" in said
        assert f"王{number}" in said


def test_the_rendered_bytes_stay_as_they_were_under_the_signature(
    unsigned_pdf: bytes, signed_pdf: bytes
) -> None:
    assert signed_pdf.startswith(unsigned_pdf)


def test_nothing_of_the_machine_or_its_clock_is_written_into_the_file(
    unsigned_pdf: bytes, signed_pdf: bytes
) -> None:
    added = signed_pdf[len(unsigned_pdf) :]
    assert re.findall(rb"D\\07220\d{12}", added) == [b"D\\07220261121093015"]
    assert b"pyHanko" not in added and b"/Version" not in added and b"/ModDate" not in added


def test_every_signature_uses_its_own_key(authority: Authority, unsigned_pdf: bytes) -> None:
    signed = [sign(authority, unsigned_pdf, agreement_id=f"agr_{number}") for number in range(5)]
    keys = {
        PdfFileReader(io.BytesIO(pdf)).embedded_signatures[0].signer_cert.public_key.dump() for pdf in signed
    }
    assert len(keys) == 5


def test_the_time_of_signing_may_come_in_any_zone(authority: Authority, unsigned_pdf: bytes) -> None:
    shanghai = SIGNED_AT.astimezone(timezone(timedelta(hours=8))).replace(microsecond=777)
    assert (
        verify(sign(authority, unsigned_pdf, signed_at=shanghai), authority.root_pem).signed_at == SIGNED_AT
    )


def test_the_certificate_still_holds_for_readers_years_later(authority: Authority, signed_pdf: bytes) -> None:
    certificate = PdfFileReader(io.BytesIO(signed_pdf)).embedded_signatures[0].signer_cert
    assert certificate.not_valid_after.year == 2055


@pytest.mark.parametrize("pdf", [b"", b"hello", b"%PDF-1.7\n", b"%PDF-1.7\n%%EOF", b"\0" * 5_000])
def test_what_is_no_pdf_is_refused(authority: Authority, pdf: bytes) -> None:
    with pytest.raises(SigningRefused):
        sign(authority, pdf)


def test_a_signed_agreement_is_not_signed_again(authority: Authority, signed_pdf: bytes) -> None:
    with pytest.raises(SigningRefused):
        sign(authority, signed_pdf)


@pytest.mark.parametrize(
    "changes",
    [{"signer": "x" * 65}, {"signer": ""}, {"signed_at": datetime(2026, 11, 21)}],  # noqa: DTZ001
)
def test_a_signer_or_time_that_cannot_be_certified_is_refused(
    authority: Authority, unsigned_pdf: bytes, changes: dict[str, Any]
) -> None:
    with pytest.raises(SigningRefused):
        sign(authority, unsigned_pdf, **changes)


@pytest.mark.parametrize("timestamper", [DeadTimestamps(), RefusingTimestamps()])
def test_an_outside_timestamp_authority_that_fails_leaves_nothing_signed(
    authority: Authority, unsigned_pdf: bytes, timestamper: TimeStamper
) -> None:
    signer = PadesSigner(authority, timestamper=timestamper)
    with pytest.raises(ProviderUnavailable) as failure:
        signer.sign(unsigned_pdf, agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT)
    assert failure.value.provider == "timestamp authority"


def test_an_outside_timestamp_authority_is_judged_by_its_own_root(
    authority: Authority, unsigned_pdf: bytes, tmp_path: Path
) -> None:
    outside = Authority.open(tmp_path)
    stamped_at = SIGNED_AT + timedelta(seconds=2)
    signer = PadesSigner(
        authority, timestamper=BuiltInTimestamps(outside.timestamping, stamped_at),
        timestamp_root_pem=outside.root_pem,
    )  # fmt: skip
    signed = signer.sign(unsigned_pdf, agreement_id="agr_1", signer="王小明", signed_at=SIGNED_AT)
    verdict = verify(signed, authority.root_pem, timestamp_root_pem=outside.root_pem)
    assert verdict.accepted
    assert verdict.signed_at == stamped_at
    assert not verify(signed, authority.root_pem).timestamp_ok


def test_without_a_timestamp_the_verdict_says_so(authority: Authority, unsigned_pdf: bytes) -> None:
    signed = sign(authority, unsigned_pdf, stamped=False)
    verdict = verify(signed, authority.root_pem)
    assert verdict.intact and verdict.trusted and verdict.covers_whole_file
    assert not verdict.timestamp_ok and not verdict.accepted
    assert verdict.unstamped and (verdict.level, verdict.reason) == ("B-B", "there is no timestamp")


def test_no_name_of_a_signer_is_logged(
    authority: Authority, signed_pdf: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert not verify(signed_pdf, Authority.open(tmp_path).root_pem).trusted
        assert verify(signed_pdf, authority.root_pem).accepted
    assert "欧阳祎喆" not in caplog.text


def test_signing_in_the_past_and_future_of_a_test_clock_works(
    authority: Authority, unsigned_pdf: bytes
) -> None:
    for year in (2025, 2040):
        moment = datetime(year, 6, 1, tzinfo=UTC)
        assert verify(sign(authority, unsigned_pdf, signed_at=moment), authority.root_pem).signed_at == moment
