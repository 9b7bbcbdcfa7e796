"""The demonstration over real processes: its two sales in a real browser, on the web and at the counter, and events
that `fenqi trigger` makes happen, for the SDK's made-up person must still lead where it should.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import zxingcpp
from fenqi import Client
from fenqi.cli.trigger_scripts import SCRIPTS
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browsers import EVERY_SCREEN
from tests.e2e.conftest import Demo
from tests.e2e.walking import apply, check_page, choose, prove_phone, sign

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
Opener = Callable[..., Page]
# One through the pages to the person's own page, and one that is pushed; make soak makes all of them.
EVENTS = (
    sorted(SCRIPTS)
    if os.environ.get("FENQI_TRIGGERS") == "all"
    else ("mandate.revoked", "webhook_endpoint.disabled")
)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """Open pages in contexts of their own; at the end no page has said an error on its console."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_one(size: dict[str, int], language: str = "zh-CN", **more: object) -> Page:
        context = browser.new_context(viewport=size, locale=language, **more)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [error for error in errors if "status of 4" not in error] == []


def put_into_cart(page: Page, demo: Demo) -> None:
    page.goto(demo.store_url)
    check_page(page)
    page.locator("main a[href*='/products/']").first.click()
    check_page(page)
    page.locator("form[action$='/cart'] button[type=submit]").first.click()
    check_page(page)


@pytest.mark.parametrize("language", ["zh-CN", "en"] if EVERY_SCREEN else ["zh-CN"])
def test_a_web_sale_is_paid_because_a_signed_webhook_said_so(
    demo: Demo, open_page: Opener, language: str
) -> None:
    page = open_page(PHONE, language)
    put_into_cart(page, demo)
    page.locator("form[action$='/pay'] button[type=submit]").click()
    page.wait_for_url(f"{demo.server_url}/p/*")
    prove_phone(page, demo, f"139001390{'01' if language == 'en' else '02'}")
    apply(page)
    choose(page, "p12")
    sign(page, demo)
    page.locator("main a.button").first.click()

    page.wait_for_url(f"{demo.store_url}/orders/*")
    expect(page.locator("[data-state=paid], .state-paid, [data-status=paid]").first).to_be_visible(
        timeout=15_000
    )
    check_page(page)


def test_a_counter_sale_goes_from_the_qr_on_the_screen_to_the_receipt(demo: Demo, open_page: Opener) -> None:
    till = open_page(DESK)
    till.goto(f"{demo.store_url}/till")
    check_page(till)
    till.locator("button[name=store_id]").first.click()
    check_page(till)
    till.locator("#amount").fill("1288.00")
    till.locator("[data-go]").click()
    till.wait_for_url("**/till/sales/*")
    check_page(till)

    scanned = zxingcpp.read_barcodes(Image.open(io.BytesIO(till.screenshot())))
    assert len(scanned) == 1
    link = scanned[0].text
    assert link.startswith(f"{demo.server_url}/p/")

    phone = open_page(PHONE)
    phone.goto(link)
    expect(till.locator("main")).to_contain_text("扫码", timeout=15_000)
    second = open_page(PHONE)
    second.goto(link)
    expect(second.locator("main")).to_contain_text("另一")
    prove_phone(phone, demo, "13900139003")
    apply(phone)
    choose(phone, "p6")
    sign(phone, demo)

    receipt = till.get_by_role("link", name="小票").or_(till.locator("a[href$='/receipt']"))
    expect(receipt.first).to_be_visible(timeout=15_000)
    receipt.first.click()
    check_page(till)
    expect(till.locator("main")).to_contain_text("1,288.00")


def test_a_cancelled_code_opens_nothing(demo: Demo, open_page: Opener) -> None:
    client = Client(api_key=demo.api_key, base_url=demo.server_url)
    made = _checkout(client, "cancelled-1")
    client.checkouts.cancel(made.id)
    page = open_page(PHONE)
    answer = page.goto(made.url)

    assert answer is not None and answer.status in (409, 410)
    check_page(page)


def test_the_phone_can_sign_without_scripts(demo: Demo, browser: Browser) -> None:
    client = Client(api_key=demo.api_key, base_url=demo.server_url)
    made = _checkout(client, "no-script-1")
    context = browser.new_context(viewport=PHONE, locale="en", java_script_enabled=False)
    page = context.new_page()
    page.goto(made.url)
    page.locator("main a.button:visible").first.click()
    before = demo.messages_sent()
    page.get_by_role("textbox").first.fill("13900139004")
    page.locator("main form button.button").first.click()
    page.locator("#code").fill(demo.last_code(before))
    page.locator("main form button.button").first.click()
    apply_without_checks(page)
    page.locator("input[name=plan_id]").first.check()
    page.locator("input[name=account_token]").first.check()
    page.locator("main form button.button").first.click()
    reading = page.locator("[data-reading-seconds]").get_attribute("data-reading-seconds")
    page.wait_for_timeout(int(reading or 0) * 1000 + 500)
    page.locator("#confirmed").check()
    before = demo.messages_sent()
    page.locator("main form button.button").first.click()
    page.locator("#code").fill(demo.last_code(before))
    page.locator("main form button.button").first.click()
    page.wait_for_url("**/done")
    context.close()

    assert client.checkouts.retrieve(made.id).status == "captured"


def apply_without_checks(page: Page) -> None:
    page.locator("#name").fill("王小明")
    page.locator("#id_number").fill("110101199003077651")
    for box in page.locator("input[name=consent]").all():
        box.check()
    page.locator("main form button.button").first.click()


def test_the_desk_turns_the_clock_until_the_loans_are_repaid(demo: Demo, open_page: Opener) -> None:
    client = Client(api_key=demo.api_key, base_url=demo.server_url)
    page = open_page(DESK)
    page.goto(f"{demo.server_url}/desk")
    check_page(page)
    for _ in range(24):
        loans = list(client.loans.list(limit=50))
        if loans and all(loan.status == "repaid" for loan in loans):
            break
        client.test_clock.advance(months=1)
        _until_collected(client)

    loans = list(client.loans.list(limit=50))
    assert len(loans) >= 3
    assert {loan.status for loan in loans} == {"repaid"}
    assert requests.get(f"{demo.server_url}/readyz", timeout=5).json()["status"] == "ready"


def _until_collected(client: Client) -> None:
    import time

    deadline = time.monotonic() + 30
    today = client.test_clock.retrieve().now.date()
    while time.monotonic() < deadline:
        rows = [row for loan in client.loans.list(limit=50) for row in loan.installments]
        if all(row.status == "paid" for row in rows if row.due_on <= today):
            return
        time.sleep(0.2)
    raise AssertionError("due installments were not collected")


def _checkout(client: Client, reference: str):  # type: ignore[no-untyped-def]
    from fenqi import Money

    return client.checkouts.create(amount=Money(268_000, "CNY"), reference=reference)


# After the clock was turned: the loan whose mandate is revoked is never repaid by itself.
@pytest.mark.parametrize("event", EVENTS)
def test_an_event_happens_in_the_sandbox(demo: Demo, event: str) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("fenqi"), "trigger", event, "--json"],
        env={**os.environ, "FENQI_BASE_URL": demo.server_url, "FENQI_API_KEY": demo.api_key},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["type"] == event
