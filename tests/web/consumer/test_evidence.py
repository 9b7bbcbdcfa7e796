"""The evidence of a signature: its consumer can take it home, and it tells what the page saw."""

import io
import json
import zipfile

from fenqi.evidence.verify import verify_bundle

from merchant_server.domain.checkout import Checkout
from tests.installation import Installation
from tests.web.consumer.phone import Phone


def test_the_evidence_of_a_signed_agreement_verifies_without_us(
    phone: Phone, installation: Installation, authority_folder: object
) -> None:
    phone.sign()
    answer = phone.get("/evidence.zip")

    assert answer.content_type == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    root = (authority_folder / "root.pem").read_bytes()  # type: ignore[operator]
    report = verify_bundle(answer.data, root)
    assert report.verified, report.to_dict()


def test_the_evidence_says_that_the_reader_confirmed_to_have_read(phone: Phone) -> None:
    phone.sign()
    with zipfile.ZipFile(io.BytesIO(phone.get("/evidence.zip").data)) as bundle:
        consent = json.dumps(json.loads(bundle.read("consent.json")))

    assert '"confirmed": true' in consent


def test_there_is_no_evidence_before_the_signature(phone: Phone, checkout: Checkout) -> None:
    phone.apply()

    assert phone.get("/evidence.zip").status_code == 303
