"""Disputing a purchase and reading about it in a real browser, without scripts: phone and desk, axe."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from merchant_server.web.portal.review import review_pages
from tests.browsers import look_as_a_hand
from tests.disputes.disputing import REVIEWER, RULING, contest, give_evidence, with_reviewer
from tests.installation import Installation
from tests.privacy.people import Somebody, Visitor, repay, sell
from tests.refunds.test_refunding import refund

WHO = Somebody(1)
TOKEN = "a-portal-token-of-enough-length"


@pytest.fixture
def address(sqlite_installation: Installation) -> Iterator[str]:
    """Where the pages are served on this machine."""
    house = with_reviewer(sqlite_installation)
    house.app.register_blueprint(review_pages(house.deps, TOKEN))
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 390), ("en", 1280)])
def test_a_dispute_from_the_form_to_the_decision(
    sqlite_installation: Installation, address: str, browser: Browser, language: str, width: int
) -> None:
    house = sqlite_installation
    sold = sell(house, WHO, plan="p6", description="山地自行车")
    repay(house, 1)
    refund(house, sold, 100_000)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    cookie = visitor.client.get_cookie("fenqi_my")
    assert cookie is not None
    scripts = {"java_script_enabled": False} if language == "zh-CN" else {}
    context = browser.new_context(viewport={"width": width, "height": 800}, locale=language, **scripts)
    context.add_cookies([{"name": "fenqi_my", "value": cookie.value, "url": address}])
    page = context.new_page()

    def see() -> None:
        if not scripts:
            look_as_a_hand(page)

    page.goto(f"{address}/my/loans/{sold.loan_id}/dispute")
    see()
    page.locator("main form .button").click()
    assert page.locator('[role="alert"]').count() == 1
    see()
    page.select_option("#reason", "damaged")
    page.fill("#text", "车架断了。")
    page.locator("main form .button").click()
    page.wait_for_load_state()
    for each in page.locator("summary").all():
        each.click()
    see()
    (dispute,) = house.rows("SELECT id FROM disputes")
    give_evidence(house, dispute["id"])
    contest(house, dispute["id"])
    page.goto(f"{address}/portal/disputes")
    page.fill("#name", REVIEWER)
    page.fill("#token", TOKEN)
    page.locator("main form button").click()
    page.wait_for_url(f"{address}/portal/disputes")
    see()
    page.locator(".cases a").click()
    page.wait_for_load_state()
    see()
    page.fill("#reason", RULING)
    page.locator('button[value="lost"]').click()
    page.wait_for_load_state()
    see()
    assert house.rows("SELECT status FROM disputes") == [{"status": "lost"}]
    context.close()
