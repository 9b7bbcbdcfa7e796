"""<fenqi-offers> for every reader: keyboard, contrast, themes, zoom, direction, no scripts, and no shift."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from fenqi.web import LANGUAGES, offers_html
from playwright.sync_api import expect

from .conftest import EVERY_PLAN, INSIDE, SCRIPT, Opener, Site, priced, record


def test_nothing_moves_when_the_script_takes_over(site: Site, open_page: Opener) -> None:
    """Cumulative layout shift is 0 and the box keeps its height, on a phone and on a wide screen."""
    for width in (390, 1280):
        page = open_page("about:blank", viewport={"width": width, "height": 2400})
        page.add_init_script(
            """window.shift = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
            }).observe({type: 'layout-shift', buffered: true});"""
        )
        site.page(str(offers_html(priced(plans=EVERY_PLAN), selected="p12")))
        page.goto(site.address)
        before = page.locator("fenqi-offers").bounding_box()
        page.evaluate("() => import('/fenqi-offers.js')")
        assert page.evaluate(f"{INSIDE}.querySelectorAll('.fo-plan').length") == len(EVERY_PLAN)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.locator("fenqi-offers").bounding_box() == before
        assert page.evaluate("window.shift") == 0


def test_keyboard_walk(site: Site, open_page: Opener) -> None:
    """One tab stop for the plans, arrows, Home and End move the choice, Enter opens a schedule."""
    page = open_page(site.page(str(offers_html(priced(), script_url=SCRIPT))))
    record(page)
    active = "document.querySelector('fenqi-offers').shadowRoot.activeElement"
    page.keyboard.press("Tab")
    for key in ("Space", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "Home", "End"):
        page.keyboard.press(key)
    assert [plan for _, plan in page.evaluate("window.seen")] == [
        "p3",
        "p12",
        "p24",
        "p3",
        "p24",
        "p3",
        "p24",
    ]
    page.keyboard.press("Tab")
    assert page.evaluate(f"{active}.localName") == "summary"
    page.keyboard.press("Enter")
    assert page.evaluate(f"{active}.parentElement.open") is True
    page.evaluate("document.querySelector('fenqi-offers').setAttribute('language', 'en')")
    expect(page.locator("fenqi-offers bdi[part=title]")).to_have_text("Pay in installments")
    assert page.evaluate(f"{active}.localName + {active}.parentElement.open") == "summarytrue"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(f"{active}.value") == "p24"


def test_without_scripts_everything_is_there(site: Site, open_page: Opener) -> None:
    """The text, the schedules and the choice work in plain HTML."""
    body = f"<form>{offers_html(priced(), selected='p12', script_url=SCRIPT)}</form>"
    page = open_page(site.page(body), java_script_enabled=False)
    page.locator("summary").nth(1).click()
    expect(page.get_by_text("2027年11月21日").first).to_be_visible()
    page.get_by_role("radio").nth(2).check()
    expect(page.get_by_text("不是授信承诺")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(site: Site, open_page: Opener, language: str, scheme: str) -> None:
    """WCAG 2.2 AA by axe, with a schedule open, on a phone."""
    page = open_page(
        site.page(str(offers_html(priced(), language=language, selected="p12", script_url=SCRIPT))),
        color_scheme=scheme,
    )
    page.locator("fenqi-offers summary[part]").nth(1).click()
    results = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert [(found["id"], found["nodes"][0]["html"]) for found in results.response["violations"]] == []


@pytest.mark.parametrize(("theme", "dark"), [("light", False), ("dark", True), ("auto", True), (None, False)])
def test_theme_follows_the_attribute_else_the_page(
    site: Site, open_page: Opener, theme: str | None, dark: bool
) -> None:
    """On a light-only page of a dark device, only theme="dark" and theme="auto" are dark, and all are readable."""
    site.pages["/page.css"] = b":root{color-scheme:light}"
    page = open_page(
        site.page(str(offers_html(priced(), theme=theme, script_url=SCRIPT))), color_scheme="dark"
    )
    background = page.locator("fenqi-offers div[part=plan]").first.evaluate(
        "card => getComputedStyle(card).backgroundColor"
    )
    assert (background == "rgb(22, 28, 26)") is dark
    chosen = page.locator("fenqi-offers").screenshot()
    assert len(chosen) > 1000


def test_nothing_is_cut_off_when_narrow_enlarged_or_right_to_left(site: Site, open_page: Opener) -> None:
    """At 320 px, at 200 % text and on an Arabic page nothing needs sideways scrolling."""
    for attributes, head, width in (
        ('lang="en"', "", 320),
        ('lang="ar" dir="rtl"', "", 390),
        ('lang="en"', '<link rel="stylesheet" href="/big.css">', 640),
    ):
        site.pages["/big.css"] = b"html{font-size:200%}"
        body = str(offers_html(priced(plans=EVERY_PLAN), language="ar", script_url=SCRIPT))
        page = open_page(
            site.page(body, head=head, attributes=attributes), viewport={"width": width, "height": 800}
        )
        for summary in page.locator("fenqi-offers summary[part]").all():
            summary.click()
        overflow = page.evaluate(
            f"""() => {{ const box = {INSIDE}.getBoundingClientRect();
            return [...{INSIDE}.querySelectorAll('bdi')].filter((run) => run.offsetParent)
              .map((run) => run.getBoundingClientRect())
              .filter((r) => r.left < box.left - 1 || r.right > box.right + 1).length
              + (document.documentElement.scrollWidth > innerWidth ? 1000 : 0); }}"""
        )
        assert overflow == 0, (attributes, width)


def test_forced_colors_and_reduced_motion_are_kept(site: Site, open_page: Opener) -> None:
    """The choice stays visible without colours, and nothing is animated."""
    body = str(offers_html(priced(), selected="p12", script_url=SCRIPT))
    page = open_page(site.page(body), forced_colors="active", reduced_motion="reduce")
    outlines = page.locator("fenqi-offers div[part=plan]").evaluate_all(
        "cards => cards.map((card) => getComputedStyle(card).outlineStyle)"
    )
    assert outlines == ["none", "solid", "none"]
    assert page.evaluate(f"{INSIDE}.getAnimations({{subtree: true}}).length") == 0


def test_dark_page_that_declares_no_scheme_stays_readable(site: Site, open_page: Opener) -> None:
    """Text around the cards takes the page's own colour, so nothing is dark on dark."""
    site.pages["/page.css"] = b"html{background:#101010;color:#f0f0f0} h1,main p{color:inherit}"
    page = open_page(site.page(str(offers_html(priced(), selected="p3", script_url=SCRIPT))))
    results = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert [found["nodes"][0]["html"] for found in results.response["violations"]] == []
    colour = page.locator("fenqi-offers p[part=legal]").evaluate("legal => getComputedStyle(legal).color")
    assert colour == "rgb(240, 240, 240)"


def test_host_styles_for_bare_elements_change_nothing(site: Site, open_page: Opener) -> None:
    """A classless style sheet of the host moves neither the plain text nor the script's."""
    body = str(offers_html(priced(), selected="p12"))
    heights = []
    for style in (
        b"",
        b"label,summary,details,dl,dd,table,th,td,p,input{margin:9px;padding:9px;border:3px solid}",
    ):
        site.pages["/page.css"] = b"body{font:16px/1.5 sans-serif}" + style
        page = open_page(site.page(body))
        heights.append(page.locator("fenqi-offers").bounding_box()["height"])
        page.evaluate("() => import('/fenqi-offers.js')")
        heights.append(page.locator("fenqi-offers").bounding_box()["height"])
    assert len(set(heights)) == 1
