"""The pages in a real browser: with and without scripts, phone and desk, light and dark, and by axe's rules."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from merchant_server.domain.checkout import Checkout
from tests.browsers import broken_rules, screens, send, wider_than_screen
from tests.installation import ID_NUMBER, Installation

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
SMALL = {"width": 320, "height": 568}


@pytest.fixture
def address(installation: Installation) -> Iterator[str]:
    """Where the installation's pages are served on this machine."""
    server = make_server("127.0.0.1", 0, installation.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Walk:
    """One browser on its way; every page that it looks at is checked."""

    def __init__(
        self, installation: Installation, checkout: Checkout, address: str, context: BrowserContext
    ) -> None:
        self.installation, self.checkout, self.context = installation, checkout, context
        self.home = f"{address}/p/{checkout.token}"
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: Any) -> None:
        # A refused form is an answer of 422, which the console calls an error.
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.complaints.append(message.text)

    def look(self, *, axe: bool = True) -> None:
        """Check the page at hand: nothing wider than the screen, no complaint, no rule of axe broken."""
        assert wider_than_screen(self.page) <= 0, self.page.url
        assert self.complaints == []
        if axe:
            assert broken_rules(self.page) == [], self.page.url

    def send(self) -> None:
        """Send the page's main form."""
        send(self.page)

    def to_the_agreement(self, **look: bool) -> None:
        """Go from the link to the agreement."""
        page = self.page
        page.goto(self.home)
        self.look(**look)
        page.locator("a.button:visible").click()
        page.locator("#phone").fill("123")
        self.send()
        self.look(**look)
        page.locator("#phone").fill("13800138000")
        self.send()
        self.look(**look)
        page.locator("#code").fill(self.installation.last_code())
        self.send()
        page.locator("#name").fill("王小明")
        page.locator("#id_number").fill(ID_NUMBER)
        for box in page.get_by_role("checkbox").all():
            box.check()
        self.look(**look)
        self.send()
        page.get_by_role("radio").nth(1).check()
        page.locator("#account-1").check()
        self.look(**look)
        self.send()
        self.look(**look)

    def to_the_receipt(self, **look: bool) -> None:
        """Go on from the agreement, once it has been read."""
        self.page.locator("#confirmed").check()
        self.send()
        self.look(**look)
        self.page.locator("#code").fill(self.installation.last_code())
        self.send()
        assert self.page.url == f"{self.home}/done"
        self.look(**look)


@pytest.mark.parametrize(
    ("language", "size", "scheme"),
    screens(
        pytest.param("zh-CN", PHONE, "light", id="zh phone light"),
        pytest.param("en", DESK, "dark", id="en desk dark"),
        pytest.param("zh-CN", DESK, "light", id="zh desk light"),
        pytest.param("en", PHONE, "dark", id="en phone dark"),
    ),
)
def test_the_whole_way_with_scripts_on_every_screen(
    installation: Installation, address: str, browser: Browser, language: str, size: Any, scheme: Any
) -> None:
    sale = installation.checkout(
        language=language, store_id=installation.store_id, return_url="https://store.example/orders/1"
    )
    context = browser.new_context(viewport=size, color_scheme=scheme)
    walk = Walk(installation, sale, address, context)
    walk.to_the_agreement()
    installation.clock.pass_(seconds=11)
    walk.page.reload()
    walk.to_the_receipt()
    context.close()


def test_the_whole_way_without_scripts_on_the_smallest_phone(
    installation: Installation, checkout: Checkout, address: str, browser: Browser
) -> None:
    context = browser.new_context(viewport=SMALL, java_script_enabled=False)
    walk = Walk(installation, checkout, address, context)
    walk.to_the_agreement(axe=False)
    installation.clock.pass_(seconds=11)
    walk.to_the_receipt(axe=False)
    context.close()


def test_the_button_opens_when_the_reading_time_is_over(
    installation: Installation, checkout: Checkout, address: str, browser: Browser
) -> None:
    context = browser.new_context(viewport=PHONE)
    walk = Walk(installation, checkout, address, context)
    walk.page.clock.install()
    walk.to_the_agreement(axe=False)
    button = walk.page.locator("[data-reading-seconds]")
    expect(button).to_be_disabled()
    expect(button).to_contain_text("10")
    walk.page.clock.run_for(11000)
    expect(button).to_be_enabled()
    expect(button).to_have_text("我已阅读，获取签署码")
    context.close()


def test_a_double_tap_sends_one_form(
    installation: Installation, checkout: Checkout, address: str, browser: Browser
) -> None:
    context = browser.new_context(viewport=PHONE)
    walk = Walk(installation, checkout, address, context)
    walk.page.goto(walk.home)
    walk.page.goto(f"{walk.home}/phone")
    walk.page.locator("#phone").fill("13800138000")
    walk.page.locator("main form .button").dblclick()
    walk.page.wait_for_url("**/code")
    assert len(installation.sms.messages) == 1
    context.close()


def test_keys_alone_reach_everything_in_order(
    installation: Installation, checkout: Checkout, address: str, browser: Browser
) -> None:
    context = browser.new_context(viewport=PHONE)
    walk = Walk(installation, checkout, address, context)
    walk.page.goto(walk.home)
    reached = []
    for _ in range(7):
        walk.page.keyboard.press("Tab")
        reached.append(walk.page.evaluate("document.activeElement.textContent.trim()"))
        assert walk.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached == ["跳到正文", "中文", "English", *["查看每期还款日"] * 3, "继续"]
    walk.page.keyboard.press("Enter")
    walk.page.wait_for_url("**/phone")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_at_twice_its_size_fits_the_phone(
    installation: Installation, checkout: Checkout, address: str, browser: Browser, scheme: Any
) -> None:
    """WCAG 1.4.4 and 1.4.10: half the width in CSS pixels is what 200 % zoom gives."""
    context = browser.new_context(viewport={"width": 195, "height": 422}, color_scheme=scheme)
    walk = Walk(installation, checkout, address, context)
    walk.page.goto(walk.home)
    walk.page.locator("summary").first.click()
    walk.look()
    context.close()


def test_everything_to_touch_is_large_enough(
    installation: Installation, checkout: Checkout, address: str, browser: Browser
) -> None:
    """44 CSS pixels at least, links inside running text apart."""
    context = browser.new_context(viewport=PHONE)
    walk = Walk(installation, checkout, address, context)
    walk.to_the_agreement(axe=False)
    for path in ("", "/agreement", "/plan"):
        walk.page.goto(walk.home + path)
        for part in walk.page.locator(
            "main a, main button, main summary, main .tick label, .languages a"
        ).all():
            box = part.bounding_box()
            if box is not None:
                assert box["height"] >= 44, part.text_content()
    context.close()


def test_another_site_cannot_frame_a_page(
    installation: Installation, checkout: Checkout, address: str, browser: Browser
) -> None:
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    page.route("http://evil.example/", lambda route: route.fulfill(
        content_type="text/html", body=f'<iframe src="{address}/p/{checkout.token}"></iframe>'
    ))  # fmt: skip
    page.goto("http://evil.example/")
    page.wait_for_timeout(300)
    assert "小满商店" not in "".join(frame.content() for frame in page.frames if frame != page.main_frame)
    context.close()
