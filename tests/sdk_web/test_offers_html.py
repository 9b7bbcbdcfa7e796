"""The text for pages without scripts: complete, escaped, and built from the same words and style as the script."""

import gzip
import html
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from fenqi.errors import InvalidArgument
from fenqi.finance.currencies import EXPONENTS
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.web import offer_html, offers_html, static_files, widget_js
from fenqi.web.figures import date_text, money_text, payments_text, period_text, rate_text
from fenqi.web.texts import _OWN, LANGUAGES, TEXTS, language_of
from jinja2 import Environment

from .conftest import EVERY_PLAN, offers_for, priced

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\u2028{amount}"


class Reader(HTMLParser):
    """Collect the visible text and every element with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.elements, self.data = "", [], ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.data += data
        else:
            self.text += data


def test_text_holds_every_due_date_the_total_cost_and_the_yearly_rate() -> None:
    """Whatever a consumer must see before giving any identity data stands in the HTML itself."""
    offers = offers_for()
    text = Reader(offers_html(offers)).text
    for offer in offers:
        for row in offer["installments"]:
            assert date_text(row["due_on"], "zh-CN") in text
            assert money_text({"minor": row["total"], "currency": "CNY"}, "zh-CN") in text
        assert f"总成本 {money_text(offer['total_cost'], 'zh-CN')}" in text
        assert f"年化 {rate_text(offer['annual_cost'])}" in text
    assert "12 × ¥355.31" in text
    assert "首付 ¥799.80" in text
    assert "不是授信承诺" in text


def test_offers_and_their_json_give_the_same_html() -> None:
    """`fenqi.quote` results and what `/v1` sends are both accepted."""
    assert offers_html(priced()) == offers_html(offers_for())


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_stay_text(language: str) -> None:
    """A plan name, lender, URL or field name cannot open an element, an attribute or a script."""
    plans = (Plan(id=HOSTILE[:60], installments=3, name=HOSTILE),)
    written = offers_html(
        priced(plans=plans),
        language=language,
        selected=HOSTILE[:60],
        lender=HOSTILE,
        name=HOSTILE,
        element_id=HOSTILE,
        source_url="/offers?" + HOSTILE,
        script_url="/w.js?" + HOSTILE,
        style_url="/w.css?" + HOSTILE,
    )
    reader = Reader(written)
    assert {tag for tag, _ in reader.elements}.isdisjoint({"img", "style", "iframe"})
    assert not [
        attributes for _, attributes in reader.elements if any(key.startswith("on") for key in attributes)
    ]
    assert reader.text.count(HOSTILE) >= 2
    assert json.loads(reader.data)[0]["plan"]["name"] == HOSTILE


def test_html_passes_through_a_template_unescaped() -> None:
    """Jinja's automatic escaping leaves it alone."""
    template = Environment(autoescape=True).from_string("{{ offers }}")
    assert template.render(offers=offers_html(priced())).startswith("<fenqi-offers")


def test_there_is_no_inline_script_style_heading_or_landmark() -> None:
    """The HTML works under default-src 'self' and adds nothing to the host's outline."""
    elements = Reader(offers_html(priced(), script_url="/w.js", style_url="/w.css")).elements
    tags = [tag for tag, _ in elements]
    assert not {"style", "h1", "h2", "h3", "h4", "section", "nav", "main", "aside", "header"} & set(tags)
    assert not [tag for tag, attributes in elements if "style" in attributes]
    assert [attributes for tag, attributes in elements if tag == "script"] == [
        {"type": "application/json"},
        {"type": "module", "src": "/w.js"},
    ]


def test_one_offer_for_an_order_page_is_open_and_offers_no_choice() -> None:
    """The order page shows the whole schedule at once."""
    reader = Reader(offer_html(priced()[1], lender="示例银行"))
    assert ("details", {"class": "fo-more", "open": None}) in reader.elements
    assert "input" not in [tag for tag, _ in reader.elements]
    assert "示例银行" in reader.text and "2027年11月21日" in reader.text


def test_no_offers_says_so() -> None:
    """An amount outside every plan gives a sentence, not an empty box."""
    assert "No installment plan for this amount." in Reader(offers_html([], language="en")).text


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"amount": None}, "offers"),
        ({"amount": {"minor": 1.5, "currency": "CNY"}}, "minor"),
        ({"amount": {"minor": 100, "currency": "cny"}}, "currency"),
        ({"amount": {"minor": 100}}, "currency"),
        ({"annual_cost": 0.12}, "annual_cost"),
        ({"annual_cost": "12%"}, "annual_cost"),
        ({"installments": []}, "installments"),
        ({"plan": {}}, "id"),
    ],
)
def test_broken_offer_data_is_refused_by_name(broken: dict[str, Any], field: str) -> None:
    """A page never shows half an offer: the error names the field."""
    with pytest.raises(InvalidArgument) as caught:
        offers_html([offers_for()[0] | broken])
    assert caught.value.field == field


def test_unknown_theme_and_things_that_are_no_offers_are_refused() -> None:
    """Wrong arguments raise InvalidArgument."""
    with pytest.raises(InvalidArgument, match="no theme"):
        offers_html([], theme="sepia")
    with pytest.raises(InvalidArgument, match="no offer"):
        offers_html([3])  # type: ignore[list-item]


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_money_text_keeps_every_digit(currency: str) -> None:
    """The text of any currency reads back to the same minor units."""
    for minor in (0, 5, 1234567890123, -250):
        text = money_text({"minor": minor, "currency": currency}, "en")
        sign, digits = re.fullmatch(r"(-?)[^\d-]*([\d,.]+)", text).groups()
        assert Money.parse(sign + digits.replace(",", ""), currency).minor == minor


@pytest.mark.parametrize(
    ("fraction", "text"),
    [("0", "0.00%"), ("0.12", "12.00%"), ("0.129949", "12.99%"), ("0.12995", "13.00%"), ("0.09999999", "10.00%"),
     ("1.5", "150.00%"), ("0.000049", "0.00%")],
)  # fmt: skip
def test_rates_round_half_up_to_two_decimals(fraction: str, text: str) -> None:
    """A disclosed rate is never truncated."""
    assert rate_text(fraction) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [("0.12", "12.00%"), ("0.00625", "0.625%"), ("0.08765", "8.765%"), ("0.1250", "12.50%")],
)
def test_an_agreed_rate_is_never_rounded(fraction: str, text: str) -> None:
    """What was agreed is shown with all its decimals, as the sheet before the signature shows it."""
    assert rate_text(fraction, exact=True) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_order_page_says_what_early_settlement_and_late_payment_cost(language: str) -> None:
    """The cost on default belongs on the page on which the order is paid, whether there is any or none."""
    words = TEXTS[language]
    (charged,) = [offer for offer in offers_for(plans=EVERY_PLAN) if offer["plan"]["id"] == "lt"]
    text = Reader(offer_html(charged, language=language)).text
    assert words["early"].format(rate="0.625%") in text
    assert words["late"].format(rate="18.00%") in text
    free = Reader(offer_html(offers_for()[0], language=language)).text
    assert free.count(words["nothing"]) == 2
    assert f"{words['term_early']} {words['nothing']}" in free
    assert f"{words['term_late']} {words['nothing']}" in free


@pytest.mark.parametrize("language", LANGUAGES)
def test_cash_back_is_said_where_there_is_some(language: str) -> None:
    """1.5 % of ¥3,999.00; the script's own rows are held against these by another test."""
    (promised,) = [offer for offer in offers_for(plans=EVERY_PLAN) if offer["plan"]["id"] == "cb"]
    term = TEXTS[language]["term_cash_back"]
    assert re.search(re.escape(term) + r"\s+\D*59\.99", Reader(offer_html(promised, language=language)).text)
    assert term not in Reader(offer_html(offers_for()[0], language=language)).text
    del promised["cash_back"]  # as a server of before says it
    assert term not in Reader(offer_html(promised, language=language)).text


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        ([35531] * 11 + [35527], ("12 × ¥355.31", "末期 ¥355.27")),
        ([35527] + [35531] * 11, ("12 × ¥355.31", "首期 ¥355.27")),
        ([100] * 6, ("6 × ¥1.00", "")),
        ([3333] * 5 + [403233], ("5 × ¥33.33 + 1 × ¥4,032.33", "")),
        ([100, 300], ("1 × ¥1.00 + 1 × ¥3.00", "")),
        ([900, 800, 700, 600], ("4 期，首期 ¥9.00，末期 ¥6.00", "")),
    ],
)
def test_headline_never_hides_an_unequal_installment(totals: list[int], expected: tuple[str, str]) -> None:
    """ "12 × ¥355.31" is said only when the rest is rounding, and then the odd one is named."""
    offer = {
        "amount": {"minor": 1, "currency": "CNY"},
        "installments": [{"total": total} for total in totals],
    }
    assert payments_text(offer, "zh-CN") == expected


def test_periods_have_words() -> None:
    """Every period a plan may have is told; an unknown one is shown as written."""
    assert [period_text(text, "en") for text in ("month", "2 weeks", "half_month", "45 days", "3 months", "aeon")] == [
        "monthly", "every 2 weeks", "twice a month", "every 45 days", "every 3 months", "aeon",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "language"),
    [("zh", "zh-CN"), ("zh_CN", "zh-CN"), ("zh-Hans-TW", "zh-CN"), ("zh-Hant", "zh-TW"), ("zh-HK", "zh-TW"),
     ("zh_TW", "zh-TW"), ("en-GB", "en"), ("fr", "en"), ("", "en"), (None, "en")],
)  # fmt: skip
def test_languages_fall_back(tag: str | None, language: str) -> None:
    """Every tag has an answer."""
    assert language_of(tag) == language


def test_every_language_says_everything() -> None:
    """No English page shows a Chinese word, and no pattern lost its figure."""
    for language, words in TEXTS.items():
        for key, text in words.items():
            assert (
                set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", TEXTS["zh-CN"][key]))
                or key == "date"
            )
            assert language != "en" or not re.search(r"[\u3400-\u9fff]", text), key


def test_script_carries_the_same_words() -> None:
    """The script's table and the package's are one."""
    table = re.search(r"const TEXTS = (\{.*?\n\});\n", widget_js().decode(), re.DOTALL)[1]
    assert json.loads(table) == _OWN


def test_script_carries_the_same_style() -> None:
    """The style sheet for the text inside the element and the script's own are one."""
    inside = re.search(r"const STYLE = `(.*?)`;", widget_js().decode(), re.DOTALL)[1]
    outside = re.sub(r"/\*.*?\*/", "", static_files()["fenqi-offers.css"].decode(), flags=re.DOTALL)
    outside = re.sub(
        r"(?m)^fenqi-offers(\[[^\]]*\])?",
        lambda found: f":host({found[1]})" if found[1] else ":host",
        outside,
    )
    assert inside.split() == outside.split()


def test_script_is_one_small_module_that_only_asks_its_own_source() -> None:
    """At most 10 kB compressed, no dependency, no address, no way to run text as code."""
    script = widget_js().decode()
    assert len(gzip.compress(script.encode(), 9)) <= 10_000
    for forbidden in (
        "http:",
        "https:",
        "import ",
        "innerHTML",
        "eval(",
        "Function(",
        ".style",
        "localStorage",
        "cookie",
    ):
        assert forbidden not in script, forbidden
    assert len(re.findall(r"(?<!#)\bfetch\(", script)) == 1


def test_html_entities_of_the_words_are_escaped_once() -> None:
    """Reading the text back gives the sentence itself."""
    assert html.unescape(TEXTS["en"]["legal_CN"]) in Reader(offers_html(priced(), language="en")).text
