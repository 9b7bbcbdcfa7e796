"""Two languages: complete texts, the shop's default, a visible switch, and figures as each language writes them."""

import io
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fenqi.finance.money import Money
from flask_babel import force_locale

import merchant_server.web
from merchant_server.web.consumer.cards import bar_units, payments_text
from merchant_server.web.language import day_text, money_text, rate_text
from tests.installation import Installation
from tests.web.consumer.phone import Phone

WEB = Path(merchant_server.web.__file__).parent
FOLDER = WEB / "texts" / "zh_Hans_CN" / "LC_MESSAGES"
KEYWORDS = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with (FOLDER / "messages.po").open("rb") as file:
        return read_po(file, locale="zh_Hans_CN")


def test_every_text_of_every_page_is_translated_and_no_translation_is_left_over(chinese: Catalog) -> None:
    """To mend: pybabel extract -F texts/babel.cfg -k _l, pybabel update --no-location, translate, pybabel compile."""
    found = extract_from_dir(
        str(WEB),
        [("**.py", "python"), ("templates/**.html", "jinja2")],
        {"templates/**.html": {"trimmed": "true"}},
        keywords=KEYWORDS,  # type: ignore[arg-type]
    )
    wanted = {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}
    assert len(wanted) > 150
    known = {entry.id if isinstance(entry.id, str) else entry.id[0] for entry in chinese if entry.id}
    assert wanted - known == set()
    assert known - wanted == set()


def test_no_translation_is_empty_or_doubtful_or_drops_a_placeholder(chinese: Catalog) -> None:
    for entry in chinese:
        if not entry.id:
            continue
        texts = [entry.string] if isinstance(entry.string, str) else list(entry.string)
        assert all(texts), entry.id
        assert not entry.fuzzy, entry.id
        assert list(entry.check(chinese)) == [], entry.id
        first = entry.id if isinstance(entry.id, str) else entry.id[0]
        assert ("{seconds}" in first) == ("{seconds}" in texts[0])


def test_chinese_sentences_have_chinese_punctuation(chinese: Catalog) -> None:
    half_width = re.compile(r"[\u4e00-\u9fff）][,;:!?]")
    assert [entry.string for entry in chinese if half_width.search(str(entry.string))] == []


def test_the_compiled_texts_are_those_of_the_source(chinese: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, chinese)
    assert compiled.getvalue() == (FOLDER / "messages.mo").read_bytes()


def test_a_page_speaks_the_language_of_the_checkout(installation: Installation) -> None:
    english = Phone(installation, installation.checkout(language="en"))
    page = english.get(**{"Accept-Language": "zh-CN"})
    assert '<html lang="en">' in page.text
    assert page.headers["Content-Language"] == "en"
    assert "CN¥355.31" in page.text
    assert "December" not in page.text
    assert "Dec 21, 2026" in page.text


def test_the_switch_keeps_its_choice_for_every_page(phone: Phone) -> None:
    assert '<html lang="zh-CN">' in phone.get().text
    answer = phone.get("/phone?lang=en")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{phone.home}/phone")
    assert '<html lang="en">' in phone.get("/phone").text
    assert "This is not a mobile number." in phone.post("/phone", {"phone": "1"}).text
    assert 'href="?lang=zh-CN"' in phone.get("/phone").text


def test_switching_the_language_takes_no_hold(phone: Phone) -> None:
    phone.get("?lang=en")
    assert phone.status == "created"


@pytest.mark.parametrize("wish", ["", "fr", "../../etc", "zh-TW"])
def test_an_unknown_language_is_not_taken_up(phone: Phone, wish: str) -> None:
    answer = phone.get(f"?lang={wish}")
    assert answer.status_code == 200
    assert '<html lang="zh-CN">' in answer.text


@pytest.mark.parametrize(("accepts", "spoken"), [
    ("en-GB,en;q=0.9", "en"), ("zh-Hant-TW", "zh-CN"), ("fr;q=1, en;q=0.2", "en"), ("", "zh-CN"), ("fr", "zh-CN"),
])  # fmt: skip
def test_where_no_checkout_is_known_the_browser_decides(
    installation: Installation, accepts: str, spoken: str
) -> None:
    answer = installation.client.get("/p/nosuch", headers={"Accept-Language": accepts})
    assert f'<html lang="{spoken}">' in answer.text


def test_figures_are_exact_at_any_size(installation: Installation) -> None:
    with installation.app.test_request_context(), force_locale("zh_Hans_CN"):
        assert money_text(Money(10**15, "CNY")) == "¥10,000,000,000,000.00"
        assert money_text(Money(500, "JPY")) == "JP¥500"
        assert money_text({"minor": 1234567, "currency": "KWD"}).endswith("1,234.567")
        assert rate_text(Decimal("0.129949999999")) == "12.99%"
        assert rate_text("0.12995") == "13.00%"
        assert rate_text("0.125") == "12.50%"
        assert day_text(date(2026, 12, 1)) == "2026年12月1日"


def test_payments_are_told_in_short_and_what_differs_is_told_too(installation: Installation) -> None:
    def yuan(*minor: int) -> list[Money]:
        return [Money(each, "CNY") for each in minor]

    with installation.app.test_request_context(headers={"Accept-Language": "zh-CN"}):
        assert payments_text(yuan(100, 100, 100)) == ("3 × ¥1.00", "")
        assert payments_text(yuan(100, 100, 98)) == ("3 × ¥1.00", "末期 ¥0.98")
        assert payments_text(yuan(103, 100, 100)) == ("3 × ¥1.00", "首期 ¥1.03")
        assert payments_text(yuan(300, 200, 100)) == ("共 3 期", "首期 ¥3.00，末期 ¥1.00")
        assert payments_text(yuan(100)) == ("1 × ¥1.00", "")


def test_the_bar_shows_any_cost_at_all_and_none_where_there_is_none() -> None:
    assert bar_units(Money(100, "CNY"), Money(100, "CNY")) == 1000
    assert bar_units(Money(10**9, "CNY"), Money(10**9 + 1, "CNY")) == 988
    assert bar_units(Money(50, "CNY"), Money(100, "CNY")) == 500
