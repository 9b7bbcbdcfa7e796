"""<fenqi-offers> in a real browser under default-src 'self': what it shows, follows, submits and refuses."""

import json
import threading

import pytest
from fenqi.finance.currencies import EXPONENTS
from fenqi.web import LANGUAGES, offers_html
from fenqi.web.figures import money_text
from playwright.sync_api import expect

from .conftest import EVERY_PLAN, INSIDE, POLICY, SCRIPT, Opener, Site, offers_for, priced, record, shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_script_shows_what_the_server_wrote(site: Site, open_page: Opener, language: str) -> None:
    """For every kind of plan and in every language both texts are the same."""
    url = site.page(
        str(offers_html(priced(plans=EVERY_PLAN), language=language, lender="B & <i>", script_url=SCRIPT))
    )
    page = open_page(url)
    written = page.evaluate("document.querySelector('fenqi-offers > .fo').textContent")
    assert shown(page) == " ".join(written.split())
    assert "<b>x</b>" in shown(page)


def test_money_of_every_currency_is_the_same_text(site: Site, open_page: Opener) -> None:
    """The script knows the decimals of every ISO 4217 currency, also where Intl does not."""
    page = open_page(site.page(str(offers_html(priced(), language="en", script_url=SCRIPT))))
    got = page.evaluate(
        """async ([offer, currencies]) => {
          const host = document.querySelector('fenqi-offers'), texts = {};
          for (const currency of currencies) {
            host.offers = [JSON.parse(JSON.stringify(offer).replaceAll('CNY', currency))];
            await new Promise((done) => setTimeout(done));
            texts[currency] = host.shadowRoot.querySelector('.fo-amount').textContent;
          }
          return texts; }""",
        [offers_for(1234567890)[0], sorted(EXPONENTS)],
    )
    assert got == {code: money_text({"minor": 1234567890, "currency": code}, "en") for code in EXPONENTS}


def test_changed_amount_is_asked_once_and_replaces_every_figure(site: Site, open_page: Opener) -> None:
    """Two attributes changed together make one request; the same value again makes none."""
    page = open_page(
        site.page(str(offers_html(priced(), source_url="/offers", selected="p12", script_url=SCRIPT)))
    )
    assert not [path for path in site.requests if path.startswith("/offers?")]
    record(page)
    page.evaluate(
        """() => { const host = document.querySelector('fenqi-offers');
        host.setAttribute('amount', '500000'); host.setAttribute('currency', 'USD');
        host.setAttribute('amount', '500000'); }"""
    )
    expect(page.locator("fenqi-offers bdi[part=amount]")).to_have_text("US$5,000.00")
    page.evaluate("document.querySelector('fenqi-offers').setAttribute('amount', '500000')")
    assert [path for path in site.requests if path.startswith("/offers")] == [
        "/offers?amount=500000&currency=USD"
    ]
    assert "¥" not in shown(page)
    assert page.evaluate("window.seen") == [["fenqi-offers-render", None]]
    assert page.evaluate("document.querySelector('fenqi-offers').selectedOffer.plan.id") == "p12"
    expect(page.locator("fenqi-offers [role=status]")).to_have_text("分期方案已更新：US$5,000.00")


def test_late_answer_for_an_older_amount_is_dropped(site: Site, open_page: Opener) -> None:
    """The old request is aborted; until the new answer nothing of the old amount can be chosen."""
    page = open_page(site.page(str(offers_html(priced(), source_url="/offers", script_url=SCRIPT))))
    site.gates = {"500000": threading.Event(), "600000": threading.Event()}
    record(page)
    page.evaluate("document.querySelector('fenqi-offers').setAttribute('amount', '500000')")
    page.wait_for_function(f"{INSIDE}.inert")
    page.evaluate("document.querySelector('fenqi-offers').setAttribute('amount', '600000')")
    site.gates["600000"].set()
    expect(page.locator("fenqi-offers bdi[part=amount]")).to_have_text("¥6,000.00")
    site.gates["500000"].set()
    page.wait_for_load_state("networkidle")
    assert "¥6,000.00" in shown(page)
    assert page.evaluate(f"{INSIDE}.inert") is False
    assert page.evaluate("window.seen") == [["fenqi-offers-render", None]]


def test_failed_answer_never_leaves_old_figures(site: Site, open_page: Opener) -> None:
    """When offers cannot be had, the element says so in words and can recover."""
    page = open_page(site.page(str(offers_html(priced(), source_url="/offers", script_url=SCRIPT))))
    site.failing = True
    record(page)
    page.evaluate("document.querySelector('fenqi-offers').setAttribute('amount', '500000')")
    expect(page.locator("fenqi-offers p[part=message]")).to_have_text("分期方案暂时无法显示，请稍后再试。")
    assert page.evaluate("window.seen") == [["fenqi-offers-error", None]]
    page.evaluate("document.querySelector('fenqi-offers').setAttribute('amount', '399900')")
    expect(page.locator("fenqi-offers p[part=message]")).to_have_count(1)
    page.evaluate("document.querySelector('fenqi-offers').removeAttribute('src')")
    expect(page.locator("fenqi-offers bdi[part=amount]")).to_have_text("¥3,999.00")


def test_offers_for_another_amount_are_not_shown(site: Site, open_page: Opener) -> None:
    """Without a source the element waits for offers that fit its amount."""
    page = open_page(site.page(str(offers_html(priced(), script_url=SCRIPT))))
    page.evaluate("document.querySelector('fenqi-offers').setAttribute('amount', '123')")
    page.wait_for_function(f"{INSIDE}.inert")
    page.evaluate(
        "offers => { document.querySelector('fenqi-offers').offers = offers }",
        json.loads(json.dumps(offers_for(123))),
    )
    expect(page.locator("fenqi-offers bdi[part=amount]")).to_have_text("¥1.23")


def test_two_elements_follow_the_page_apart(site: Site, open_page: Opener) -> None:
    """An amount event for one id changes that element alone; one without an id changes both."""
    first = offers_html(priced(), source_url="/offers", element_id="a", selected="p3")
    second = offers_html(priced(), source_url="/offers", element_id="b", language="en", script_url=SCRIPT)
    page = open_page(site.page(f"<form>{first}</form><form>{second}</form>"))
    say = "detail => document.dispatchEvent(new CustomEvent('fenqi-amount', {detail}))"
    page.evaluate(say, {"amount": 100000, "for": "b"})
    expect(page.locator("#b bdi[part=amount]")).to_have_text("CN¥1,000.00")
    assert "¥3,999.00" in shown(page, 0)
    page.locator("#b input[part=radio]").nth(2).check()
    assert page.evaluate("document.querySelector('#a').selectedOffer.plan.id") == "p3"
    page.evaluate(say, {"amount": 200000})
    expect(page.locator("#a bdi[part=amount]")).to_have_text("¥2,000.00")
    expect(page.locator("#b bdi[part=amount]")).to_have_text("CN¥2,000.00")
    assert page.evaluate("document.querySelector('#b').selectedOffer.plan.id") == "p24"


def test_offers_come_by_attribute_property_and_block(site: Site, open_page: Opener) -> None:
    """Each way of giving offers works, also before the script has loaded and after the element was moved."""
    site.policy = POLICY  # trusted types forbid the page itself to write into the data block
    page = open_page(site.page("<fenqi-offers lang='en'></fenqi-offers><div id='other'></div>"))
    page.evaluate("offers => { document.querySelector('fenqi-offers').offers = offers }", offers_for(100000))
    page.evaluate("() => import('/fenqi-offers.js')")
    expect(page.locator("fenqi-offers bdi[part=amount]")).to_have_text("CN¥1,000.00")
    page.evaluate("document.querySelector('#other').append(document.querySelector('fenqi-offers'))")
    assert "CN¥1,000.00" in shown(page)
    page.evaluate(
        """offers => { const host = document.querySelector('fenqi-offers'); host.offers = null;
        host.setAttribute('offers', JSON.stringify({data: offers})); }""",
        offers_for(200000),
    )
    expect(page.locator("fenqi-offers bdi[part=amount]")).to_have_text("CN¥2,000.00")
    page.evaluate(
        """offers => { const host = document.querySelector('fenqi-offers'), block = document.createElement('script');
        block.type = 'application/json'; host.removeAttribute('offers'); host.append(block);
        block.append(JSON.stringify(offers)); }""",
        offers_for(300000),
    )
    expect(page.locator("fenqi-offers bdi[part=amount]")).to_have_text("CN¥3,000.00")
    page.evaluate("document.querySelector('fenqi-offers').offers = []")
    expect(page.locator("fenqi-offers p[part=message]")).to_have_text("No installment plan for this amount.")


@pytest.mark.parametrize(
    "broken",
    [
        "[{}]",
        "null?",
        '{"data":3}',
        '[{"plan":{"id":"x"},"amount":{"minor":0.5,"currency":"CNY"}}]',
        "[null]",
    ],
)
def test_broken_data_gives_a_sentence(site: Site, open_page: Opener, broken: str) -> None:
    """Data that is no offers never throws into the page and never shows half an offer."""
    page = open_page(
        site.page(f'<fenqi-offers lang="en"></fenqi-offers><script type="module" src="{SCRIPT}"></script>')
    )
    page.evaluate("text => document.querySelector('fenqi-offers').setAttribute('offers', text)", broken)
    expect(page.locator("fenqi-offers p[part=message]")).to_have_text(
        "Installment plans cannot be shown just now. Please try again later."
    )


def test_choice_is_submitted_with_its_form(site: Site, open_page: Opener) -> None:
    """The plan's id goes under the element's name, once; a reset returns to the first choice."""
    body = f'<form action="/">{offers_html(priced(), selected="p12", script_url=SCRIPT)}</form>'
    page = open_page(site.page(body))
    fields = "[...new FormData(document.forms[0])]"
    assert page.evaluate(fields) == [["plan_id", "p12"]]
    page.locator("fenqi-offers input[part=radio]").nth(2).check()
    assert page.evaluate(fields) == [["plan_id", "p24"]]
    page.evaluate("document.forms[0].reset()")
    assert page.evaluate(fields) == [["plan_id", "p12"]]
    page.evaluate("document.querySelector('fenqi-offers').setAttribute('amount', '1')")
    page.wait_for_function(f"{INSIDE}.inert")
    assert page.evaluate(fields) == []


def test_language_is_the_nearest_declared(site: Site, open_page: Opener) -> None:
    """The attribute, then the closest lang, with Chinese scripts told apart."""
    page = open_page(
        site.page(
            "<div lang='zh-Hant-HK'><fenqi-offers></fenqi-offers></div><fenqi-offers language='de'></fenqi-offers>"
            f"<fenqi-offers></fenqi-offers><script type='module' src='{SCRIPT}'></script>"
        )
    )
    page.evaluate(
        "offers => document.querySelectorAll('fenqi-offers').forEach((host) => { host.offers = offers })",
        offers_for(),
    )
    assert page.locator("fenqi-offers div[part=frame]").evaluate_all(
        "frames => frames.map((frame) => frame.lang)"
    ) == [
        "zh-TW",
        "en",
        "zh-CN",
    ]
