"""A person with a phone: walks the hosted pages to the signature, with every page checked for accessibility."""

from playwright.sync_api import Page, expect

from tests.browsers import broken_rules
from tests.e2e.conftest import Demo

NAME = "王小明"
ID_NUMBER = "110101199003077651"


def check_page(page: Page) -> None:
    """Fail on a broken rule of axe or a missing title."""
    assert broken_rules(page) == [], page.url
    assert page.title()


def submit(page: Page) -> None:
    """Press the page's main button."""
    page.locator("main form button.button[type=submit]").first.click()


def prove_phone(page: Page, demo: Demo, number: str) -> None:
    """From the first page to a proven number."""
    check_page(page)
    page.locator("main a.button:visible").first.click()
    check_page(page)
    before = demo.messages_sent()
    page.get_by_role("textbox").first.fill(number)
    submit(page)
    page.wait_for_url("**/code")
    check_page(page)
    page.locator("#code").fill(demo.last_code(before))
    submit(page)
    page.wait_for_url("**/apply")


def apply(page: Page, *, id_number: str = ID_NUMBER) -> None:
    """Say who it is, and agree; nothing may be ticked beforehand."""
    check_page(page)
    boxes = page.locator("input[name=consent]")
    assert [box.is_checked() for box in boxes.all()] == [False, False, False]
    page.locator("#name").fill(NAME)
    page.locator("#id_number").fill(id_number)
    for box in boxes.all():
        box.check()
    submit(page)


def choose(page: Page, plan: str, account: str = "0001") -> None:
    """Choose a plan and an account."""
    page.wait_for_url("**/plan")
    check_page(page)
    page.locator(f"input[name=plan_id][value={plan}]").check()
    page.get_by_label(account).check()
    submit(page)
    page.wait_for_url("**/agreement")


def sign(page: Page, demo: Demo) -> None:
    """Read for as long as the law asks, then sign with the code."""
    check_page(page)
    before = demo.messages_sent()
    button = page.locator("main form button.button[type=submit]").first
    expect(button).to_be_enabled(timeout=20_000)
    page.locator("#confirmed").check()
    button.click()
    page.wait_for_url("**/sign")
    check_page(page)
    page.locator("#code").fill(demo.last_code(before))
    submit(page)
    page.wait_for_url("**/done", timeout=20_000)
    check_page(page)
