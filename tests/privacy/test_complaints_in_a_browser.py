"""The staff's complaint pages in a real browser: phone and desk, both languages, light and dark, axe."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from merchant_server.services.decisioning import reviewing
from merchant_server.services.person.complaints import file_complaint
from merchant_server.web.portal.review import review_pages
from tests.browsers import look_as_a_hand, screens, send
from tests.decision.people import id_number
from tests.installation import Installation
from tests.privacy.people import Somebody, sell
from tests.privacy.test_my_pages_in_a_browser import address

__all__ = ["address"]
WHO, TOKEN = Somebody(1), "a-portal-token-of-enough-length"


@pytest.fixture
def complaint_id(sqlite_installation: Installation) -> str:
    """A complaint that should have been answered two days ago, on an installation with staff."""
    house = sqlite_installation
    reviewing.add_reviewer(house.deps, "Li Wei", id_number(1, "19800101"))
    house.app.register_blueprint(review_pages(house.deps, TOKEN))
    sold = sell(house, WHO, description="山地自行车")
    text = "扣款日期不对，每月都提前两天扣款。" * 8 + "averyveryverylongwordwithoutanyspaceinit" * 3
    filed = file_complaint(house.deps, sold.consumer_id or "", text, sold.loan_id or "")
    house.clock.pass_(days=17)
    return filed.id


@pytest.mark.parametrize(
    ("language", "size", "scheme"),
    screens(
        pytest.param("zh-CN", {"width": 195, "height": 422}, "dark", id="zh at 200 %"),
        pytest.param("en", {"width": 1280, "height": 800}, "light", id="en desk"),
        pytest.param("zh-CN", {"width": 390, "height": 844}, "dark", id="zh phone"),
    ),
)
def test_staff_find_the_late_complaint_and_answer_it(
    complaint_id: str, address: str, browser: Browser, language: str, size: Any, scheme: Any
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=True)
    page = context.new_page()
    page.goto(f"{address}/portal/complaints?lang={language}")
    look_as_a_hand(page)
    page.locator("#name").fill("Li Wei")
    page.locator("#token").fill(TOKEN)
    send(page)
    assert page.url.endswith("/portal/complaints")
    look_as_a_hand(page)
    page.get_by_role("link", name=complaint_id).click()
    page.wait_for_load_state()
    look_as_a_hand(page)
    send(page)
    assert page.get_by_role("alert").count() == 1
    look_as_a_hand(page)
    page.locator("#answer_zh").fill("款项已于今日退回。")
    page.locator("#answer_en").fill("The money went back to you today.")
    send(page)
    assert page.get_by_role("status").count() == 1
    look_as_a_hand(page)
    page.locator(".back a").click()
    page.wait_for_load_state()
    assert page.locator(".answered-list a").inner_text() == complaint_id
    look_as_a_hand(page)
    context.close()
