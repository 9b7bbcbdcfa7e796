"""The staff's webhook pages: each try of each delivery, in both languages, without a shop's secrets."""

import os
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from merchant_server.ports import Sent
from merchant_server.web.portal.review import review_pages
from tests.browsers import look_as_a_hand
from tests.disputes.disputing import REVIEWER, with_reviewer
from tests.installation import Installation

TOKEN = "a-portal-token-of-enough-length"


@pytest.fixture
def house(sqlite_installation: Installation) -> Installation:
    """One endpoint with a delivery that arrived at its second try and one that waits, and one that is gone."""
    house = with_reviewer(sqlite_installation)
    house.app.register_blueprint(review_pages(house.deps, TOKEN))
    house.post("/v1/webhook_endpoints", {"url": "https://gone.example/hook?token=secret-of-the-shop"})
    house.checkout(reference="o-1")
    house.sender.answers = [Sent(410, 0.01)]
    house.work()
    house.post("/v1/webhook_endpoints", {"url": "https://shop.example/a/long/path/of/a/shop/webhooks/fenqi"})
    house.checkout(reference="o-2")
    house.sender.answers = [Sent(503, 1.5, "status_503"), Sent(200, 0.02), Sent(0, 15.0, "timeout")]
    house.work()
    house.clock.pass_(seconds=7)
    house.work()
    house.checkout(reference="o-3")
    house.work()
    return house


@pytest.fixture
def address(house: Installation) -> Iterator[str]:
    """Where the pages are served on this machine."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nobody_sees_them_without_signing_in(house: Installation) -> None:
    for path in ("/portal/webhooks", "/portal/webhooks/whe_x"):
        assert house.client.get(path).status_code == 401


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 390), ("en", 1280)])
def test_staff_see_every_try_of_every_delivery(
    address: str, browser: Browser, language: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, locale=language, java_script_enabled=language == "en"
    )
    page = context.new_page()

    def see(name: str) -> None:
        if language == "en":
            look_as_a_hand(page)
        if folder := os.environ.get("FENQI_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)

    page.goto(f"{address}/portal/webhooks")
    page.fill("#name", REVIEWER)
    page.fill("#token", TOKEN)
    page.locator("main form button").click()
    page.wait_for_url(f"{address}/portal/webhooks")
    see("webhooks")
    text = page.locator("main").inner_text()
    assert "secret-of-the-shop" not in page.content()
    assert ("已停用" if language == "zh-CN" else "disabled") in text
    page.get_by_role("link", name="shop.example").click()
    page.wait_for_load_state()
    closed = page.locator("details:not([open]) > summary")
    while closed.count():
        closed.first.click()
    see("webhook")
    text = page.locator("main").inner_text()
    assert "1500\xa0ms" in text and "status_503" in text and "20\xa0ms" in text and "timeout" in text
    assert ("无应答" if language == "zh-CN" else "no answer") in text
    context.close()
    missing = browser.new_context().request.get(f"{address}/portal/webhooks/whe_none")
    assert missing.status in (401, 404)
