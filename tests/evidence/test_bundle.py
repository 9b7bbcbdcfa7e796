"""The bundle of a sale: what it holds, that it verifies, and that it is the same bytes each time."""

import hashlib
import json
from pathlib import Path

import pytest
from fenqi.disclosure import pack_of
from fenqi.evidence.bundle import NAMES, pack, unpack
from fenqi.evidence.errors import EvidenceMalformed, RootUnusable
from fenqi.evidence.finishing import finished
from fenqi.evidence.verify import verify_bundle
from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.providers.agreement import Authority
from merchant_server.services.operation.audit import sign_head
from merchant_server.services.sale.evidence import evidence_bundle
from tests.evidence.conftest import DRAWN, Sale, agreement_id_of, sell_watched
from tests.installation import ID_NUMBER, NAME, PHONE, Installation
from tests.pdfsig import pdfsig

BUNDLE_BYTES_MAX = 300_000


def test_an_untouched_bundle_is_verified_with_its_facts(sale: Sale) -> None:
    report = sale.judge(sale.bundle)
    assert [check for check in report.checks if not check.passed] == []
    assert (report.verified, report.agreement_id, report.signer) == (True, sale.agreement_id, NAME)
    assert len(report.checks) == 11


def test_a_bundle_is_small_and_the_same_each_time(sale: Sale) -> None:
    assert len(sale.bundle) <= BUNDLE_BYTES_MAX
    sell_watched(sale.house)
    sign_head(sale.house.deps)
    assert evidence_bundle(sale.house.deps, sale.agreement_id) == sale.bundle
    assert pack(unpack(sale.bundle)) == sale.bundle


def test_the_records_tell_the_whole_way_and_no_digits(sale: Sale) -> None:
    told = json.loads(sale.parts["consent.json"])["events"]
    assert [event["action"] for event in told] == [
        "consents.given", "agreement.shown", "agreement.read", "code.sent", "code.used", "agreement.signed"
    ]  # fmt: skip
    by_action = {event["action"]: event for event in told}
    assert by_action["consents.given"]["detail"]["consents"] == ["credit_report", "identity_check", "terms"]
    assert (
        by_action["agreement.read"]["detail"].items() >= {"scrolled_to_end": True, "confirmed": True}.items()
    )
    assert by_action["code.used"]["personal"] == {
        "address": "203.0.113.7",
        "user_agent": "Mozilla/5.0 (测试)",
        "stroke": DRAWN,
    }
    assert by_action["code.sent"]["personal"]["phone_masked"].endswith("8000")
    shown = by_action["agreement.shown"]["detail"]
    document = sale.parts["agreement.pdf"][: shown["document_bytes"]]
    assert hashlib.sha256(document).hexdigest() == shown["document_sha256"]
    assert shown["reading_seconds"] == pack_of("CN").reading_seconds
    everything = b"".join(content for name, content in sale.parts.items() if name != "agreement.pdf").decode()
    assert (
        PHONE not in everything and ID_NUMBER not in everything and sale.house.last_code() not in everything
    )


def test_the_terms_are_the_only_place_of_the_name(sale: Sale) -> None:
    with_name = {name for name, content in sale.parts.items() if NAME.encode() in content}
    assert with_name <= {"terms.json", "agreement.pdf"}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_five_agreements_of_each_language_and_engine_verify_here_and_with_pdfsig(
    installation: Installation, authority_folder: Path, tmp_path: Path, language: str
) -> None:
    root = authority_folder / "root.pem"
    for number in range(5):
        sold = installation.sell(
            Money(300_000 + 1_000 * number, "CNY"), plan=("p3", "p6", "p12")[number % 3], language=language
        )
        agreement_id = agreement_id_of(installation, sold.id)
        bundle = evidence_bundle(installation.deps, agreement_id)
        assert verify_bundle(bundle, root.read_bytes()).verified
        pdf = tmp_path / f"{number}.pdf"
        pdf.write_bytes(unpack(bundle)["agreement.pdf"])
        told = pdfsig(pdf)
        assert "Signature is Valid" in told and "Total document signed" in told, told


def test_another_root_is_not_trusted(sale: Sale, tmp_path: Path) -> None:
    report = verify_bundle(sale.bundle, Authority.open(tmp_path).root_pem)
    failed = {check.name for check in report.checks if not check.passed}
    assert failed >= {"bundle", "document", "signer", "timestamp", "head"}
    assert (report.signer, report.agreement_id, report.signed_at) == ("", "", None)
    with pytest.raises(RootUnusable):
        verify_bundle(sale.bundle, b"no certificate")


def test_a_second_code_after_a_bank_that_was_down_still_proves_the_signature(
    sqlite_installation: Installation, authority_folder: Path
) -> None:
    house = sqlite_installation
    checkout = house.checkout()
    house.apply(checkout)
    house.choose(checkout, plan="p6")
    house.choose(checkout, plan="p12")
    from merchant_server.services.sale import signing

    signing.send_signing_code(house.deps, checkout.token, "phone-1")
    with pytest.raises(RuleRefused):
        signing.sign(house.deps, checkout.token, "phone-1", "x")
    signing.send_signing_code(house.deps, checkout.token, "phone-1")
    signing.sign(house.deps, checkout.token, "phone-1", house.last_code())
    bundle = evidence_bundle(house.deps, agreement_id_of(house, checkout.id))
    assert verify_bundle(bundle, (authority_folder / "root.pem").read_bytes()).verified
    told = json.loads(unpack(bundle)["consent.json"])["events"]
    assert [event["action"] for event in told].count("code.wrong") == 1
    assert [event["action"] for event in told].count("agreement.shown") == 1


def test_what_is_not_signed_has_no_evidence(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    checkout = house.checkout()
    house.apply(checkout)
    house.choose(checkout)
    with pytest.raises(RuleRefused) as refused:
        evidence_bundle(house.deps, agreement_id_of(house, checkout.id))
    assert refused.value.code == "agreement_unsigned"
    with pytest.raises(NotFound):
        evidence_bundle(house.deps, "agr_nothing")


def test_once_a_persons_key_is_gone_the_signature_is_still_proven(
    sqlite_installation: Installation, authority_folder: Path
) -> None:
    house = sqlite_installation
    agreement_id = sell_watched(house)
    events = json.loads(unpack(evidence_bundle(house.deps, agreement_id))["consent.json"])["events"]
    with house.engine.transaction() as connection:
        connection.execute("DROP TRIGGER consent_events_fixed_update")
        connection.execute(
            "UPDATE consent_events SET personal_sealed = :none", {"none": b"\x02k1" + bytes(28)}
        )
    bundle = evidence_bundle(house.deps, agreement_id)
    assert verify_bundle(bundle, (authority_folder / "root.pem").read_bytes()).verified
    after = json.loads(unpack(bundle)["consent.json"])["events"]
    assert [event["personal"] for event in after] == [None] * len(events)
    assert [event["detail"] for event in after] == [event["detail"] for event in events]


def test_a_file_with_other_contents_is_refused_before_anything_is_judged(sale: Sale) -> None:
    with pytest.raises(EvidenceMalformed):
        unpack(b"PK")
    assert sorted(sale.parts) == sorted(NAMES)


def test_a_bundle_is_made_and_judged_inside_a_running_event_loop(sale: Sale) -> None:
    async def notebook() -> bool:
        agreement_id = sell_watched(sale.house)
        bundle = evidence_bundle(sale.house.deps, agreement_id)
        return sale.judge(bundle).verified and not sale.judge(bundle[:-1]).verified

    assert finished(notebook())
