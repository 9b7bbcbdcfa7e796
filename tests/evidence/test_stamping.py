"""A timestamp authority that is down, by HTTP: refused by default, or signed, visibly pending, and stamped later."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp
from fenqi.evidence.bundle import pack, unpack
from fenqi.evidence.finishing import finished
from fenqi.evidence.verify import PENDING, verify_bundle

from merchant_server.app import install
from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.errors import Unavailable
from merchant_server.providers.agreement import Authority, OutsideTimestamps, PadesSigner, TypstRenderer
from merchant_server.providers.agreement.timestamps import BuiltInTimestamps
from merchant_server.services.person.belongings import one_loan
from merchant_server.services.sale.evidence import evidence_bundle
from merchant_server.services.sale.signing import shown_agreement
from merchant_server.services.sale.stamping import stamp_pending
from merchant_server.settings import Settings, SettingsError
from tests.agreement.conftest import sample_terms
from tests.evidence.conftest import agreement_id_of
from tests.evidence.test_commands import fenqi
from tests.installation import START, Installation


class TimestampServer:
    """An RFC 3161 authority on a port of this machine, whose answer a test may spoil. `mood`: up, down or a body."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.open(folder)
        self.mood: str | bytes = "up"
        self.at: datetime = START
        self.asked = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.asked += 1
                query = self.rfile.read(int(self.headers["Content-Length"]))
                if server.mood == "down":
                    self.send_error(503)
                    return
                if server.mood == "moved":
                    self.send_response(302)
                    self.send_header("Location", "http://127.0.0.1:1/")
                    self.end_headers()
                    return
                body = server.mood if isinstance(server.mood, bytes) else server.answer(query)
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"

    def answer(self, query: bytes) -> bytes:
        stamps = BuiltInTimestamps(self.authority.timestamping, self.at)
        response: bytes = finished(stamps.async_request_tsa_response(tsp.TimeStampReq.load(query))).dump()
        return response


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TimestampServer]:
    made = TimestampServer(tmp_path / "outside")
    thread = threading.Thread(target=made.http.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


@pytest.fixture
def house(installation: Installation, authority_folder: Path, server: TimestampServer) -> Installation:
    """An installation with an outside timestamp authority, which signs and stamps later when that is down."""
    signer = PadesSigner(
        Authority.open(authority_folder), timestamper=OutsideTimestamps(server.url),
        timestamp_root_pem=server.authority.root_pem,
    )  # fmt: skip
    installation.deps = replace(installation.deps, signer=signer, timestamp_when_down="later")
    return installation


def judged(house: Installation, agreement_id: str, authority_folder: Path, server: TimestampServer) -> Any:
    bundle = evidence_bundle(house.deps, agreement_id)
    roots = (authority_folder / "root.pem").read_bytes()
    return verify_bundle(bundle, roots, timestamp_root_pem=server.authority.root_pem)


def test_an_outside_authority_stamps_what_is_sold(
    house: Installation, server: TimestampServer, authority_folder: Path
) -> None:
    agreement_id = agreement_id_of(house, house.sell().id)
    report = judged(house, agreement_id, authority_folder, server)
    assert report.verified and report.level == "B-T" and server.asked == 1
    roots = (authority_folder / "root.pem").read_bytes()
    alone = verify_bundle(evidence_bundle(house.deps, agreement_id), roots)
    assert "timestamp" in {check.name for check in alone.checks if not check.passed}


@pytest.mark.parametrize("mood", ["down", "moved", b"", b"0" * 100, b"\x30\x03\x02\x01\x00", b"\0" * 100_000])
def test_with_any_answer_but_a_timestamp_it_is_signed_and_pending_then_stamped_in_the_background(
    house: Installation, server: TimestampServer, authority_folder: Path, mood: Any
) -> None:
    server.mood = mood
    sold = house.sell()
    assert sold.status == CheckoutStatus.CAPTURED
    agreement_id = agreement_id_of(house, sold.id)
    report = judged(house, agreement_id, authority_folder, server)
    assert (report.verdict, report.pending, report.verified, report.level) == ("pending", True, False, "B-B")
    assert [check.reason for check in report.checks if not check.passed] == [PENDING]
    assert stamp_pending(house.deps) == 0
    assert house.rows("SELECT timestamp_status, timestamp_tries FROM agreements") == [
        {"timestamp_status": "pending", "timestamp_tries": 1}
    ]
    server.mood, server.at = "up", house.clock.now()
    assert stamp_pending(house.deps) == 0, "it waits before it asks again"
    house.clock.pass_(seconds=60)
    assert (stamp_pending(house.deps), stamp_pending(house.deps)) == (1, 0)
    assert judged(house, agreement_id, authority_folder, server).verified
    events = json.loads(unpack(evidence_bundle(house.deps, agreement_id))["consent.json"])["events"]
    assert [event["action"] for event in events][-2:] == ["agreement.signed", "agreement.stamped"]


def test_a_stamped_agreement_cannot_pass_as_pending_nor_with_another_timestamp(
    house: Installation, server: TimestampServer, authority_folder: Path
) -> None:
    server.mood = "down"
    agreement_id = agreement_id_of(house, house.sell().id)
    pending = evidence_bundle(house.deps, agreement_id)
    server.mood, server.at = "up", house.clock.now()
    house.clock.pass_(seconds=1)
    stamp_pending(house.deps)
    stamped = unpack(evidence_bundle(house.deps, agreement_id))
    roots, outside = (authority_folder / "root.pem").read_bytes(), server.authority.root_pem
    bare = stamped | {"agreement.pdf": unpack(pending)["agreement.pdf"]}
    assert verify_bundle(pack(bare), roots, timestamp_root_pem=outside).verdict == "rejected"
    again = house.deps.signer.stamp(bare["agreement.pdf"], at=house.clock.now())
    assert again != stamped["agreement.pdf"]
    other = verify_bundle(pack(stamped | {"agreement.pdf": again}), roots, timestamp_root_pem=outside)
    assert [check.name for check in other.checks if not check.passed] == ["shown"]


def test_the_longer_it_is_down_the_seldomer_it_is_asked(house: Installation, server: TimestampServer) -> None:
    server.mood = "down"
    for number in range(3):
        house.sell(reference=f"order-{number}")
    before, passes = server.asked, 0
    for _ in range(200):
        house.clock.pass_(seconds=30)
        stamp_pending(house.deps)
        passes += 1
    assert server.asked - before < 30 < passes


def test_by_default_nothing_is_signed(house: Installation, server: TimestampServer) -> None:
    house.deps = replace(house.deps, timestamp_when_down="refuse")
    server.mood = "down"
    with pytest.raises(Unavailable) as refused:
        house.sell()
    assert refused.value.code == "timestamp_unavailable"
    assert house.rows("SELECT 1 AS x FROM loans") == []


def test_the_consumer_sees_that_the_timestamp_is_pending(
    house: Installation, server: TimestampServer
) -> None:
    server.mood, phone = "down", "p" * 24
    checkout = house.checkout()
    house.apply(checkout, claim=phone)
    house.choose(checkout, claim=phone)
    house.sign(checkout, claim=phone)
    client = house.app.test_client()
    client.set_cookie("fenqi_phone", phone)
    pending = "独立时间戳仍在等待中"
    assert pending in client.get(f"/p/{checkout.token}/done").text
    found = shown_agreement(house.deps, checkout.token, phone)
    assert one_loan(house.deps, found.consumer_id, found.loan_id).awaits_timestamp
    server.mood, server.at = "up", house.clock.now()
    house.work()
    assert pending not in client.get(f"/p/{checkout.token}/done").text
    assert not one_loan(house.deps, found.consumer_id, found.loan_id).awaits_timestamp
    assert found.signed_pdf is not None
    served = client.get(f"/p/{checkout.token}/agreement.pdf").data
    assert len(served) == len(found.signed_pdf) and served != found.signed_pdf


def test_a_pending_bundle_has_its_own_exit_code(
    house: Installation, server: TimestampServer, authority_folder: Path, tmp_path: Path
) -> None:
    server.mood = "down"
    agreement_id = agreement_id_of(house, house.sell().id)
    bundle, outside = tmp_path / "agreement.zip", tmp_path / "outside.pem"
    outside.write_bytes(server.authority.root_pem)

    def verify(*more: str | Path) -> Any:
        bundle.write_bytes(evidence_bundle(house.deps, agreement_id))
        return fenqi("verify", bundle, "--root", authority_folder / "root.pem", *more)

    told = verify("--timestamp-root", outside)
    assert told.returncode == 4 and "PENDING" in told.stdout and "Timestamp pending." in told.stdout
    assert json.loads(verify("--json").stdout)["verdict"] == "pending"
    server.mood, server.at = "up", house.clock.now()
    stamp_pending(house.deps)
    told = verify("--timestamp-root", outside)
    assert told.returncode == 0 and "PAdES B-T" in told.stdout
    assert verify().returncode == 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"timestamp_when_down": "perhaps"}, "FENQI_TIMESTAMP_WHEN_DOWN"),
        ({"signature_level": "B-LTA"}, "FENQI_SIGNATURE_LEVEL"),
        ({"timestamp_url": "ftp://x"}, "FENQI_TIMESTAMP_URL"),
        ({"timestamp_url": "http://127.0.0.1:1/"}, "FENQI_TIMESTAMP_ROOT"),
        ({"timestamp_root": "root.pem"}, "FENQI_TIMESTAMP_URL"),
    ],
)
def test_settings_that_cannot_work_are_named_at_the_start(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings(**changes).check()


def test_an_installation_uses_the_authority_of_its_settings(server: TimestampServer, tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'x.sqlite'}", state_folder=str(tmp_path / "state"),
        timestamp_url=server.url, timestamp_root=str(roots),
    )  # fmt: skip
    for content in (None, b"hello"):
        if content is not None:
            roots.write_bytes(content)
        with pytest.raises(SettingsError, match="FENQI_TIMESTAMP_ROOT"):
            install(settings)
    roots.write_bytes(server.authority.root_pem)
    made = install(settings)
    pdf = TypstRenderer().render(sample_terms("en"), language="en")
    made.deps.signer.sign(pdf, agreement_id="agr_1", signer="Wang", signed_at=START)
    assert server.asked == 1
    made.engine.close()
