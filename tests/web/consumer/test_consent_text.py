"""The wording of what is agreed to is pinned to its version: another wording without a new version fails here."""

import hashlib
import re
from html import unescape

import pytest

from merchant_server.domain.consent import CONSENT_TEXT_VERSION
from tests.installation import Installation
from tests.web.consumer.phone import Phone

# To change a wording: change CONSENT_TEXT_VERSION, and write the new version's hashes below the old ones.
PINNED = {
    ("2026-11-21", "zh-CN"): "8d148c5a345a059e3ca0990e5ee3b3731ae97c4aa7c9bd844a476bd1db22af8a",
    ("2026-11-21", "en"): "77b5052d06d60b405ff8e23a38be45c8d897d6d60ec474837c3ecf3d12a089d8",
}
_CONSENTS = re.compile(r'<fieldset class="consents">(.*?)</fieldset>', re.S)
_CONFIRM = re.compile(r'<label for="confirmed">(.*?)</label>', re.S)


def words(html: str) -> str:
    """Return what is read: no tags, one space between words."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_wording_that_was_agreed_to_has_its_version(installation: Installation, language: str) -> None:
    phone = Phone(installation, installation.checkout(language=language))
    phone.verify()
    consents = _CONSENTS.search(phone.get("/apply").text)
    phone.apply()
    phone.choose()
    confirm = _CONFIRM.search(phone.get("/agreement").text)
    assert consents is not None and confirm is not None
    text = f"{words(consents.group(1))}\n{words(confirm.group(1))}"
    assert hashlib.sha256(text.encode()).hexdigest() == PINNED[CONSENT_TEXT_VERSION, language], text
