"""Relief, the quarantine and taking a dispute back in a real browser: phone and desk, both languages, axe."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from merchant_server.services.collection.callbacks import receive
from merchant_server.web.portal.review import review_pages
from tests.browsers import look_as_a_hand
from tests.disputes.disputing import REVIEWER, open_one, with_reviewer
from tests.installation import Installation
from tests.portal.test_relief_pages import OTHER, OTHER_NUMBER, TOKEN
from tests.privacy.people import Somebody, Visitor, sell
from tests.services.test_callbacks import genuine, pending

WHO = Somebody(1)


@pytest.fixture
def address(sqlite_installation: Installation) -> Iterator[str]:
    """Where the pages are served on this machine."""
    house = with_reviewer(with_reviewer(sqlite_installation), OTHER, OTHER_NUMBER)
    house.app.register_blueprint(review_pages(house.deps, TOKEN))
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 390), ("en", 1280)])
def test_relief_from_the_wish_to_the_second_signature_and_a_callback_that_waits(
    sqlite_installation: Installation, address: str, browser: Browser, language: str, width: int
) -> None:
    house = sqlite_installation
    deduction = pending(house)
    receive(house.deps, *genuine(house, deduction, amount={"minor": 1, "currency": "CNY"}))
    unread = house.bank.signed({"nothing": "agreed"}, "bev_unread", house.clock.now())
    receive(house.deps, *unread)
    sold = sell(house, WHO, plan="p6", description="山地自行车")
    context = browser.new_context(viewport={"width": width, "height": 800}, locale=language)
    page = context.new_page()

    def sign_in(name: str) -> None:
        page.goto(f"{address}/portal/relief")
        page.fill("#name", name)
        page.fill("#token", TOKEN)
        page.locator("main form button").click()
        page.wait_for_url(f"{address}/portal/relief")

    sign_in(REVIEWER)
    look_as_a_hand(page)
    page.fill("#loan_id", str(sold.loan_id))
    page.select_option("#kind", "hardship")
    page.fill("#size", "61")
    page.fill("#reason", "生病住院，暂时没有收入。")
    page.locator("main form .button").click()
    page.wait_for_selector('[role="alert"]')
    look_as_a_hand(page)
    page.fill("#size", "24")
    page.locator("main form .button").click()
    page.wait_for_selector(".cases")
    look_as_a_hand(page)
    page.locator(".cases a").click()
    page.wait_for_selector("form.card")
    assert page.locator('button[value="grant"]').count() == 0
    look_as_a_hand(page)
    context.clear_cookies()
    sign_in(OTHER)
    page.locator(".cases a").click()
    page.wait_for_selector('button[value="grant"]')
    look_as_a_hand(page)
    page.locator('button[value="grant"]').click()
    page.wait_for_url(f"{address}/portal/relief?said=granted")
    assert house.rows("SELECT status FROM relief_proposals") == [{"status": "approved"}]
    page.goto(f"{address}/portal/quarantine")
    assert page.locator("section.card").count() == 2
    look_as_a_hand(page)
    page.locator("section.card textarea").first.fill("The bank sent it once more, corrected.")
    page.locator("section.card button").first.click()
    page.wait_for_url(f"{address}/portal/quarantine?handled=1")
    assert page.locator("section.card").count() == 1
    context.close()


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 390), ("en", 1280)])
def test_a_person_takes_a_dispute_back(
    sqlite_installation: Installation, address: str, browser: Browser, language: str, width: int
) -> None:
    house = sqlite_installation
    sold = sell(house, WHO, plan="p6", description="山地自行车")
    open_one(house, sold)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    cookie = visitor.client.get_cookie("fenqi_my")
    assert cookie is not None
    context = browser.new_context(viewport={"width": width, "height": 800}, locale=language)
    context.add_cookies([{"name": "fenqi_my", "value": cookie.value, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/my/loans/{sold.loan_id}")
    look_as_a_hand(page)
    page.locator('a[href$="/dispute/withdrawal"]').click()
    page.wait_for_selector("form.card")
    look_as_a_hand(page)
    page.locator("main form .button").click()
    page.wait_for_url(f"{address}/my/loans/{sold.loan_id}?withdrawn=1")
    look_as_a_hand(page)
    assert house.rows("SELECT status FROM disputes") == [{"status": "withdrawn"}]
    context.close()
