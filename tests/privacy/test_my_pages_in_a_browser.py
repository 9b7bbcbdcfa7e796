"""A person's own page in a real browser, without scripts: phone and desk, both languages, light and dark, axe."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from tests.browsers import look_as_a_hand, screens, send
from tests.installation import Installation
from tests.privacy.people import Somebody, repay, sell

WHO = Somebody(1)
SCREENS = screens(
    pytest.param("zh-CN", {"width": 195, "height": 422}, "dark", id="zh at 200 %"),
    pytest.param("en", {"width": 1280, "height": 800}, "light", id="en desk"),
    pytest.param("zh-CN", {"width": 390, "height": 844}, "light", id="zh phone"),
    pytest.param("en", {"width": 390, "height": 844}, "dark", id="en dark"),
)


@pytest.fixture
def address(sqlite_installation: Installation) -> Iterator[str]:
    """Where the pages are served on this machine."""
    server = make_server("127.0.0.1", 0, sqlite_installation.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("language", "size", "scheme"), SCREENS)
def test_every_page_of_ones_own_on_every_screen(
    sqlite_installation: Installation, address: str, browser: Browser, language: str, size: Any, scheme: Any
) -> None:
    house = sqlite_installation
    sell(house, WHO, description="山地自行车")
    sell(house, WHO, plan="p12", description="手机")
    repay(house, months=3)
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/my?lang={language}")
    look_as_a_hand(page)
    page.locator("#phone").fill(WHO.phone)
    send(page)
    look_as_a_hand(page)
    page.locator("#code").fill(house.last_code())
    page.locator("#end").fill("0")
    send(page)
    look_as_a_hand(page)
    house.clock.pass_(minutes=5)
    page.locator("main a").first.click()
    page.locator("#phone").fill(WHO.phone)
    send(page)
    page.locator("#code").fill(house.last_code())
    page.locator("#end").fill(WHO.id_number[-4:])
    send(page)
    look_as_a_hand(page)
    page.locator(".loan-list a").first.click()
    page.wait_for_load_state()
    look_as_a_hand(page)
    loan_page = page.url
    page.locator(".two-buttons form button").click()
    page.wait_for_load_state()
    look_as_a_hand(page)
    page.goto(loan_page)
    page.locator(".two-buttons a.button").click()
    page.wait_for_load_state()
    page.locator("#amount").fill("99999999")
    send(page)
    look_as_a_hand(page)
    page.goto(loan_page)
    page.locator("[aria-labelledby=mandate] a[href$='/mandate']").click()
    page.wait_for_load_state()
    look_as_a_hand(page)
    send(page)
    look_as_a_hand(page)
    page.goto(f"{address}/my/complaints")
    page.locator("#text").fill("扣款日期不对。")
    send(page)
    look_as_a_hand(page)
    page.goto(f"{address}/my/data")
    look_as_a_hand(page)
    with page.expect_download() as kept:
        page.locator(".two-buttons button").first.click()
    assert kept.value.suggested_filename == "fenqi-my-data.pdf"
    page.locator(".danger").click()
    page.wait_for_load_state()
    look_as_a_hand(page)
    page.locator("#sure").check()
    page.locator(".danger").click()
    page.wait_for_load_state()
    look_as_a_hand(page)
    page.locator(".my-bar button").click()
    page.wait_for_url(f"{address}/my")
    context.close()


def test_everything_works_with_scripts_switched_off(
    sqlite_installation: Installation, address: str, browser: Browser
) -> None:
    house = sqlite_installation
    sold = sell(house, WHO)
    context = browser.new_context(
        locale="zh-CN", viewport={"width": 390, "height": 844}, java_script_enabled=False
    )
    page = context.new_page()
    page.goto(f"{address}/my")
    page.locator("#phone").fill(WHO.phone)
    send(page)
    page.locator("#code").fill(house.last_code())
    page.locator("#end").fill(WHO.id_number[-4:])
    send(page)
    page.goto(f"{address}/my/loans/{sold.loan_id}/mandate")
    send(page)
    assert "授权已撤回" in page.locator("main").inner_text()
    context.close()
