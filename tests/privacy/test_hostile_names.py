"""Hostile names and texts: refused by name, or shown as the text that they are; nothing is half done."""

import pytest

from merchant_server.domain.decision import Bureau
from merchant_server.domain.errors import RuleRefused
from merchant_server.providers.agreement import TypstRenderer
from merchant_server.services.person.complaints import file_complaint
from merchant_server.services.person.copy import copy_of_data
from merchant_server.services.sale import approval, claims, codes
from tests.installation import Installation
from tests.privacy.people import Somebody, Visitor, apply

WHO = Somebody(1)
REFUSED_NAMES = [
    "<b>王小明</b>",
    "<script>alert(1)</script>",
    "\u202e王小明",
    "王\u2066小明\u2069",
    "王\x00小明",
    "王\u200b小明",
    "王" * 10_000,
    "王小明😀",
    "👨\u200d👩\u200d👧",
    '#eval(read("/etc/passwd"))',
    "$sum_(i=0)^n$",
    "{{ config }}",
    "%(name)s",
    "'; DROP TABLE consumers; --",
    "王小明\n已批准",
    "",
    "   ",
    "1234",
    "王",
]


def try_name(house: Installation, name: str) -> str:
    house.bureau.reports[WHO.id_number] = Bureau("found", score=800)
    checkout = house.checkout()
    claims.open_link(house.deps, checkout.token, WHO.claim)
    codes.send_phone_code(house.deps, checkout.token, WHO.claim, WHO.phone)
    codes.check_phone_code(house.deps, checkout.token, WHO.claim, house.last_code())
    approval.apply(
        house.deps, checkout.token, WHO.claim, name=name, id_number=WHO.id_number, consents=approval.CONSENTS
    )
    return house.now(checkout).status.value


@pytest.mark.parametrize("name", REFUSED_NAMES, ids=range(len(REFUSED_NAMES)))
def test_a_name_that_is_none_is_refused_and_nothing_is_stored(
    sqlite_installation: Installation, name: str
) -> None:
    if name == "王小明\n已批准":
        # White space in a row is one blank, and a blank belongs to many names: it stays one name on one line.
        assert approval.parse_person(name, WHO.id_number, WHO.phone).name == "王小明 已批准"
        return
    with pytest.raises(RuleRefused) as refused:
        try_name(sqlite_installation, name)
    assert (refused.value.code, refused.value.field) == ("name_invalid", "name")
    assert sqlite_installation.rows("SELECT * FROM consumers") == []


@pytest.mark.parametrize("name", ["O'Brien Seán", "阿卜杜拉·买买提", "Jean-Luc Müller", "Nguyễn Thị Minh"])
def test_a_name_of_this_world_is_taken(sqlite_installation: Installation, name: str) -> None:
    assert try_name(sqlite_installation, name) == "offered"


@pytest.mark.parametrize(
    "text",
    ["<img src=x onerror=alert(1)>", "#eval(\"1\") $x$ *bold* _it_ `raw`", "{{ 7*7 }}", "%(minutes_left)s %s",
     "😀 emoji", "= Heading\n- list\n#pagebreak()", "\\u{202e} as text", "a" * 2000],
)  # fmt: skip
def test_a_complaint_is_shown_and_printed_as_the_text_that_it_is(
    sqlite_installation: Installation, text: str
) -> None:
    house = sqlite_installation
    checkout = apply(house, WHO)
    file_complaint(house.deps, checkout.consumer_id or "", text)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    page = visitor.get("/complaints").text
    assert "<img" not in page and "49" not in page.split("complaint-text")[1][:40]
    assert copy_of_data(house.deps, checkout.consumer_id or "")["complaints"][0]["text"] == text
    visitor.get("/data")
    assert visitor.post("/data.pdf").data.startswith(b"%PDF-")


def test_the_copy_prints_any_character_at_all(sqlite_installation: Installation) -> None:
    """Nobody is denied a copy because of how their name is written."""
    checkout = apply(sqlite_installation, WHO)
    data = copy_of_data(sqlite_installation.deps, checkout.consumer_id or "")
    data["person"]["name"] = "\u202e𠮷\x00\u0f00😀#set page(width: 1pt)" + "长" * 20_000
    printed = TypstRenderer().render_copy(data, language="zh-CN")
    assert printed.startswith(b"%PDF-") and len(printed) < 3_000_000
