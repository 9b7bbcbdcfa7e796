"""The SDK's links and quotes against a service on the loopback, and the page that a link opens in a browser."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fenqi import Client, InvalidRequestError, Money, NotFoundError
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from tests.browsers import look
from tests.installation import Installation
from tests.services.test_payment_orders import told


@pytest.fixture
def address(sqlite_installation: Installation) -> Iterator[str]:
    """Where the service is on this machine."""
    server = make_server("127.0.0.1", 0, sqlite_installation.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_client_makes_a_link_follows_it_and_quotes(
    sqlite_installation: Installation, address: str
) -> None:
    house = sqlite_installation
    loan_id = str(house.sell(plan="p3").loan_id)
    client = Client(api_key=house.api_key, base_url=address)
    quote = client.loans.settlement_quote(loan_id)
    assert quote.total == Money(399_900, "CNY") and quote.loan_id == loan_id
    link = client.loans.pay_link(loan_id, amount=Money(10_000, "CNY"), expires_in_seconds=600)
    assert (link.status, (link.expires_at - link.created_at).total_seconds()) == ("requested", 600)
    assert link.url.startswith(house.deps.public_url + "/pay/") and link.url not in repr(link)
    with house.deps.storage.reading() as uow:
        order = uow.payment_orders.get(link.id)
    assert order is not None
    house.client.get(f"/pay/{order.token}/bank", headers={"User-Agent": "Mozilla/5.0 (iPhone)"})
    told(house, order)
    assert client.loans.payment_order(loan_id, link.id).status == "paid"
    with pytest.raises(InvalidRequestError):
        client.loans.pay_link(loan_id, amount=Money(400_000, "CNY"))
    with pytest.raises(NotFoundError):
        client.loans.payment_order(loan_id, "pay_nobody")


@pytest.mark.parametrize(
    ("language", "size"), [("zh-CN", {"width": 390, "height": 844}), ("en", {"width": 1280, "height": 800})]
)
def test_a_link_shows_the_amount_leads_to_the_bank_and_says_when_it_is_paid(
    sqlite_installation: Installation, address: str, browser: Browser, language: str, size: Any
) -> None:
    house = sqlite_installation
    sold = house.sell(plan="p3")
    made = house.post(f"/v1/loans/{sold.loan_id}/payment_orders").get_json()
    page = browser.new_context(viewport=size, java_script_enabled=True).new_page()
    here = address + made["url"].removeprefix(house.deps.public_url)
    page.goto(f"{here}?lang={language}")
    for _ in range(2):
        look(page)
        assert "1,333.00" in page.content() and "王小明" not in page.content()
        if made["id"] in house.bank.payments:
            break
        with page.expect_request(f"https://bank.example/pay/{made['id']}"):
            page.locator("main a.button").first.click()
        with house.deps.storage.reading() as uow:
            order = uow.payment_orders.get(made["id"])
        assert order is not None
        told(house, order)
        page.goto(f"{here}?back=1")
    assert page.locator(".sign-ok").count() == 1
