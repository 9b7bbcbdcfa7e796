"""A person's own page shows money of theirs that pays nothing, and sends it back with one tap."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from merchant_server.services.settlement.transfers import ask_about_transfers
from tests.browsers import look_as_a_hand
from tests.installation import ID_NUMBER, PHONE, Installation
from tests.privacy.people import Somebody, Visitor
from tests.settlement.test_money_returns import kept, overpaid, transfers


class Buyer(Somebody):
    """The person that `Installation.sell` sells to."""

    @property
    def id_number(self) -> str:
        return ID_NUMBER

    @property
    def phone(self) -> str:
        return PHONE


def at_home(house: Installation) -> Visitor:
    house.clock.pass_(minutes=10)
    visitor = Visitor(house, Buyer(0))
    visitor.sign_in()
    return visitor


def test_one_tap_sends_it_back_and_a_second_one_changes_nothing(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    sold = overpaid(house)
    visitor = at_home(house)
    page = visitor.get(lang="en").text
    assert "Pay it back to my account" in page or "退回我的账户" in page
    for _ in range(2):
        assert visitor.post("/money").headers["Location"] == "/my"
    assert len(transfers(house)) == 1
    assert kept(house, sold) == 0
    page = visitor.get().text
    assert "正在退回原付款账户" in page and "退回我的账户" not in page
    ask_about_transfers(house.deps)
    assert "您的钱" not in visitor.get().text


def test_what_the_bank_refuses_for_good_is_said_and_a_person_is_named(
    sqlite_installation: Installation,
) -> None:
    house = sqlite_installation
    overpaid(house, "0005")
    visitor = at_home(house)
    visitor.post("/money")
    ask_about_transfers(house.deps)
    page = visitor.get().text
    assert "银行不再为原付款账户收款" in page and "退回我的账户" not in page
    assert visitor.post("/money").headers["Location"] == "/my"
    assert len(transfers(house)) == 1


def test_nobody_else_sends_it(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    overpaid(house)
    stranger = Visitor(house, Somebody(1))
    stranger.get()
    assert stranger.post("/money").status_code == 303
    assert transfers(house) == []
    assert house.client.post("/my/money").status_code in (303, 400)


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


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 390), ("en", 1280)])
def test_kept_money_on_a_phone_and_on_a_desk(
    sqlite_installation: Installation, address: str, browser: Browser, language: str, width: int
) -> None:
    house = sqlite_installation
    overpaid(house)
    cookie = at_home(house).client.get_cookie("fenqi_my")
    assert cookie is not None
    context = browser.new_context(viewport={"width": width, "height": 800}, locale=language)
    context.add_cookies([{"name": "fenqi_my", "value": cookie.value, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/my?lang={language}")
    look_as_a_hand(page)
    page.locator("[aria-labelledby=kept] .button").click()
    page.wait_for_load_state()
    look_as_a_hand(page)
    context.close()
