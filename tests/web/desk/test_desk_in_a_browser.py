"""The desk in a real browser: live without a reload, gentle to whoever reads or types, and whole without scripts."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fenqi.finance.money import Money
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from merchant_server.domain.errors import Unauthenticated
from merchant_server.ports import BankBooking, CallbackTry, SentCallback
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.ordering import open_own_order
from merchant_server.services.operation.test_clock import advance_clock
from merchant_server.storage.engine import Engine
from merchant_server.storage.opening import open_engine
from tests.browsers import broken_rules, look, screens
from tests.web.desk.visitor import Desk

WIDE, PHONE, SMALL = (1280, 800), (390, 844), (320, 568)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty SQLite database: what a browser sees does not depend on the engine."""
    opened = open_engine(f"sqlite:///{tmp_path / 'desk.sqlite'}")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def address(desk: Desk) -> Iterator[str]:
    """Where the desk is served on this machine."""
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/desk"
    server.shutdown()
    thread.join()
    server.server_close()


def opened(
    browser: Browser, address: str, size: tuple[int, int] = WIDE, *, language: str = "en", scripts: bool = True,
    scheme: str = "light", timed: bool = False,
) -> Page:  # fmt: skip
    """Open the desk; `timed` puts the page's timers into the test's hand."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=scripts,
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    context.add_cookies([{"name": "fenqi_language", "value": language, "url": address}])
    page = context.new_page()
    if timed:
        page.clock.install()
        # Without this the page's time would still pass by itself.
        page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    page.goto(address)
    return page


def meanwhile(act: Callable[..., Any], *given: Any) -> Any:
    """Let something happen in another thread: playwright's event loop runs in this one, and signing has its own."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(act, *given).result()


def busy(desk: Desk) -> None:
    """Fill every panel."""
    meanwhile(_fill, desk)


def _fill(desk: Desk) -> None:
    house = desk.installation
    sold = house.sell()
    house.clock.pass_(minutes=10)
    house.sell(reference="order-1002", account="0005")
    with house.deps.storage.unit_of_work() as uow:
        advance_clock(uow, house.deps, house.caller, months=2)
    house.work()
    body, headers = house.bank.signed({}, "bev_1", house.clock.now())
    with pytest.raises(Unauthenticated):
        receive(house.deps, body + b" ", headers)
    desk.deliver_texts()
    with house.deps.storage.reading() as uow:
        loan = uow.loans.get(str(sold.loan_id))
        assert loan is not None
        tried = uow.deductions.of_loan(loan.id)[0]
    open_own_order(house.deps, loan.consumer_id, loan.id, Money(10_000, "CNY"))
    now = house.clock.now()
    tries = (CallbackTry(now, True, 401, "not acknowledged"), CallbackTry(now, False, 200, ""))
    desk.window.deductions = [BankBooking(tried.id, tried.mandate_id, tried.amount, "succeeded", "", now)]
    desk.window.callbacks = [SentCallback("bev_1", 0, "deduction.succeeded", tried.id, "delivered", tries)]


@pytest.mark.parametrize(
    ("language", "size", "scheme"),
    screens(
        ("zh-CN", WIDE, "dark"),
        ("en", SMALL, "light"),
        ("en", WIDE, "light"),
        ("zh-CN", PHONE, "light"),
        ("en", PHONE, "dark"),
    ),
)
def test_a_busy_desk_breaks_no_rule_of_axe_and_fits_the_screen(
    browser: Browser, desk: Desk, address: str, language: str, size: tuple[int, int], scheme: str
) -> None:
    busy(desk)
    page = opened(browser, address, size, language=language, scheme=scheme)
    look(page)
    page.context.close()


def test_an_empty_desk_and_one_without_its_sandbox_break_no_rule_of_axe(
    browser: Browser, desk: Desk, address: str
) -> None:
    desk.window.down = True
    page = opened(browser, address)
    assert broken_rules(page) == []
    page.context.close()


def test_what_happens_appears_without_a_reload_and_without_a_complaint(
    browser: Browser, desk: Desk, address: str
) -> None:
    page = opened(browser, address)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.evaluate("window.isSamePage = true")
    meanwhile(desk.installation.sell)
    desk.deliver_texts()
    expect(page.locator("#inbox .newest .code")).to_have_text(desk.installation.last_code())
    expect(page.locator("#loans")).to_contain_text("order-1001")
    expect(page.locator("#state")).to_have_text("A new text message came in.")
    assert page.evaluate("window.isSamePage") is True
    assert complaints == []
    page.context.close()


def test_a_panel_that_did_not_change_is_left_alone(browser: Browser, desk: Desk, address: str) -> None:
    page = opened(browser, address)
    page.evaluate("document.querySelector('#clock h2').dataset.mine = 'yes'")
    desk.installation.checkout()
    expect(page.locator("#events")).to_contain_text("checkout.created")
    assert page.locator("#clock h2").get_attribute("data-mine") == "yes"
    page.context.close()


def test_a_button_turns_the_clock_in_place_and_keeps_focus_and_scroll(
    browser: Browser, desk: Desk, address: str
) -> None:
    page = opened(browser, address, PHONE)
    page.evaluate("window.isSamePage = true")
    button = page.get_by_role("button", name="Next month")
    page.evaluate("scrollTo(0, 120)")
    button.focus()
    before = page.evaluate("scrollY")
    page.keyboard.press("Enter")
    expect(page.locator("#clock")).to_contain_text("December 21, 2026")
    expect(button).to_be_focused()
    assert page.evaluate("scrollY") == before
    assert page.evaluate("window.isSamePage") is True
    page.keyboard.press("Enter")
    expect(page.locator("#clock")).to_contain_text("January 21, 2027")
    page.context.close()


def test_a_text_that_somebody_is_copying_is_not_taken_away(
    browser: Browser, desk: Desk, address: str
) -> None:
    meanwhile(desk.installation.sell)
    desk.deliver_texts()
    page = opened(browser, address)
    page.locator("#inbox .newest .code").dblclick()
    assert page.evaluate("String(getSelection()).trim()") == desk.installation.last_code()
    old = desk.installation.last_code()
    desk.window.messages.append(
        type(desk.window.messages[0])(
            99, "sms_99", "+8613900139000", "Code: 777777.", desk.installation.clock.now()
        )
    )
    desk.installation.checkout()
    expect(page.locator("#events li.event")).to_have_count(9)
    assert page.evaluate("String(getSelection()).trim()") == old
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator("#inbox .newest .code")).to_have_text("777777")
    page.context.close()


def listen(page: Page) -> list[str]:
    """Return a list that grows with every look of the page at the server's panels."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/panels") else None)
    return asked


def test_a_paused_desk_asks_nothing(browser: Browser, desk: Desk, address: str) -> None:
    page = opened(browser, address, timed=True)
    page.get_by_role("link", name="Pause").click()
    asked = listen(page)
    page.clock.run_for(60_000)
    assert asked == []
    expect(page.locator("#state")).to_have_text("Paused: nothing changes until you ask")
    with page.expect_request("**/desk/panels"):
        page.get_by_role("link", name="Go live").click()
    page.context.close()


def test_a_hidden_desk_asks_nothing_and_looks_at_once_when_it_is_seen_again(
    browser: Browser, desk: Desk, address: str
) -> None:
    page = opened(browser, address, timed=True)
    expect(page.locator("#state")).to_have_text("Live: what changes appears by itself")
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true" + tell)
    asked = listen(page)
    page.clock.run_for(60_000)
    assert asked == []
    desk.installation.checkout()
    page.evaluate(hide % "false" + tell)
    expect(page.locator("#events")).to_contain_text("checkout.created")
    page.context.close()


def test_a_server_that_is_gone_is_told_and_found_again(browser: Browser, desk: Desk, address: str) -> None:
    page = opened(browser, address)
    page.context.set_offline(True)
    expect(page.locator("#state")).to_have_text("No answer from the server; trying again")
    page.context.set_offline(False)
    expect(page.locator("#state")).to_have_text("Live: what changes appears by itself")
    page.context.close()


def test_a_button_that_failed_says_so(browser: Browser, desk: Desk, address: str) -> None:
    page = opened(browser, address)
    page.get_by_role("button", name="Hold them").wait_for()
    page.context.clear_cookies()
    page.get_by_role("button", name="Next day").click()
    expect(page.locator("#state")).to_have_text("That did not work. Load the page again.")
    page.context.close()


def test_without_scripts_every_button_works(browser: Browser, desk: Desk, address: str) -> None:
    busy(desk)
    page = opened(browser, address, scripts=False)
    page.get_by_role("button", name="Next month").click()
    expect(page.locator("#clock")).to_contain_text("February 21, 2027")
    assert page.url.endswith("/desk#clock")
    page.get_by_role("button", name="Hold them").click()
    expect(page.locator("#faults")).to_contain_text("The bank holds its callbacks back")
    page.get_by_role("button", name="30 s").click()
    expect(page.get_by_role("button", name="30 s")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Send again").click()
    assert desk.window.resent == ["bev_1"]
    page.get_by_role("link", name="中文").click()
    expect(page.locator("h1")).to_have_text("成交的幕后")
    page.context.close()
