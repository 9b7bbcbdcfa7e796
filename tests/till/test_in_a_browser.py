"""The pages of the counter in a real browser, on a phone and on a desk: nothing too wide, no rule of axe broken."""

import json
import threading

import pytest
from fenqi import Money
from fenqi.testing import FakeServer
from fenqi.till import SecretKeys, Till
from werkzeug.serving import make_server

from demo_store.app import create_app
from demo_store.settings import Settings
from merchant_server.services.sale.store_page import sticker_link
from tests.browsers import look
from tests.demo_store.browser import STORES, TILLS
from tests.till.conftest import Counter, granted, letters

PHONE = "phone-1-with-a-longer-name"
SIZES = [{"width": 390, "height": 844}, {"width": 1280, "height": 800}]


@pytest.fixture
def serve():
    servers = []

    def start(app):
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def look_at_both(page):
    for size in SIZES:
        page.set_viewport_size(size)
        look(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_phones_pages_at_the_counter(sqlite_installation, tmp_path, serve, browser, scheme):
    house = sqlite_installation
    keys = SecretKeys.new()
    till = Till(keys, granted(house, keys), tmp_path / "sales.sqlite", clock=house.clock)
    counter = Counter(house, keys, till)
    sale = counter.sell()
    address = serve(house.app)
    sticker = sticker_link(house.deps, house.store_id).rpartition("/s/")[2]
    receipt = counter.sign(sale, PHONE)
    token = counter.open(sale).token
    context = browser.new_context(locale="zh-CN", color_scheme=scheme)
    context.add_cookies([{"name": "fenqi_phone", "value": PHONE, "url": address}])
    page = context.new_page()
    for path in (f"/s/{sticker}", f"/o/{letters(sale)[:-4]}0000", "/o/ABC"):
        page.goto(address + path)
        look_at_both(page)
    page.goto(f"{address}/p/{token}")
    assert page.locator(".counter-digits").inner_text().replace(" ", "") == receipt.code
    look_at_both(page)
    context.close()


def test_the_demo_tills_pages_without_network(tmp_path, serve, browser):
    server = FakeServer()
    place = tmp_path / "tills" / "til_1"
    place.mkdir(parents=True)
    keys = SecretKeys.open(place / "till.key")
    grant = server.tills.grant(keys.public, sale_max=Money(500_000, "CNY"))
    (place / "grant.json").write_text(json.dumps(grant.to_dict()))
    settings = Settings(
        database=str(tmp_path / "store.db"), base_url=server.base_url, api_key=server.api_key,
        webhook_secrets=(server.webhook_secret,), stores=STORES[:1], tills=TILLS[:1],
        offline_tills=str(tmp_path / "tills"), plans_max_age_seconds=10**9,
    )  # fmt: skip
    app = create_app(settings, client=server.client(max_retries=0), clock=server.clock.now)
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(f"{serve(app)}/till?amount=3999.00")
    # What is typed before the next page has come is lost with the old one.
    with page.expect_navigation(wait_until="load"):
        page.locator("button[name=offline]").click()
    page.fill("#amount", "3999.00")
    page.locator("text=12 ×").first.wait_for()
    look_at_both(page)
    page.locator("[data-go]").click()
    look_at_both(page)
    url = page.locator(".qr-link a").get_attribute("href")
    checkout_id = server.tills.open(url)
    server.advance(checkout_id, to="captured")
    page.fill("#shown", "00000000")
    page.click("text=Check")
    page.locator("text=Tries left: 4").wait_for()
    look_at_both(page)
    page.fill("#shown", server.tills.receipt(checkout_id).code)
    page.click("text=Check")
    page.locator("text=You can hand over the goods").wait_for()
    look_at_both(page)
    page.click("text=New sale")
    page.click("text=The network is back")
    look_at_both(page)
    context.close()
