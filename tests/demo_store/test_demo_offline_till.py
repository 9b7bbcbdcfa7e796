"""The till of the demo sells while its shop has no network, and asks fenqi about everything when it is back."""

import json
import re

import pytest
from fenqi import Money
from fenqi.till import SecretKeys

from demo_store.app import create_app
from tests.demo_store.browser import Demo, field


@pytest.fixture
def demo(settings, tmp_path):
    from dataclasses import replace

    from fenqi.testing import FakeServer

    server = FakeServer()
    place = tmp_path / "tills" / "til_1"
    place.mkdir(parents=True)
    keys = SecretKeys.open(place / "till.key")
    grant = server.tills.grant(keys.public, sale_max=Money(500_000, "CNY"))
    (place / "grant.json").write_text(json.dumps(grant.to_dict()))
    settings = replace(settings, offline_tills=str(tmp_path / "tills"))
    app = create_app(settings, client=server.client(max_retries=0), clock=server.clock.now)
    browser = app.test_client()
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    made = Demo(app, server, browser)
    made.post("/till/store", {"store_id": "sto_1"}, page="/till")
    browser.get("/till?amount=3999.00")
    return made


@pytest.fixture
def offline(demo):
    """The network goes down after the last request that needed it."""
    assert demo.post("/till/offline", page="/till").status_code == 303
    demo.calls = len(demo.server.requests)
    return demo


def sell(demo, amount="3999.00"):
    token = field(demo.browser.get("/till").text, "form_token")
    answer = demo.post("/till/offline/sales", {"amount": amount, "form_token": token}, page="/till")
    assert answer.status_code == 303, answer.text
    return answer.location


def link(page):
    return re.search(r'href="(https://fenqi\.invalid/o/[0-9A-Z]+)"', page).group(1)


def signed(demo, url):
    checkout_id = demo.server.tills.open(url)
    demo.server.advance(checkout_id, to="captured")
    return checkout_id, demo.server.tills.receipt(checkout_id)


def test_a_sale_is_made_and_confirmed_without_one_call_to_fenqi(offline):
    assert "Selling without network" in offline.browser.get("/till?amount=3999.00").text
    place = sell(offline)
    page = offline.browser.get(place).text
    assert "Waiting for the signature" in page and "<svg" in page
    _, receipt = signed(offline, link(page))
    wrong = offline.post(f"{place}/confirm", {"shown": "00000000"}, page="/till")
    assert wrong.status_code == 422 and "Tries left: 4" in wrong.text
    done = offline.post(f"{place}/confirm", {"shown": f"{receipt.code[:4]} {receipt.code[4:]}"}, page="/till")
    assert done.status_code == 303
    assert "You can hand over the goods" in offline.browser.get(place).text
    assert len(offline.server.requests) == offline.calls


def test_a_scanned_receipt_confirms_only_its_own_sale(offline):
    first, second = sell(offline), sell(offline, "100.00")
    _, receipt = signed(offline, link(offline.browser.get(first).text))
    other = offline.post(f"{second}/confirm", {"shown": receipt.text}, page="/till")
    assert other.status_code == 422 and "another sale" in other.text
    assert offline.post(f"{first}/confirm", {"shown": receipt.text}, page="/till").status_code == 303
    nonsense = offline.post(f"{second}/confirm", {"shown": "FQR1000"}, page="/till")
    assert nonsense.status_code == 422 and "no receipt" in nonsense.text


def test_what_is_too_much_without_network_is_refused_in_words(offline):
    token = field(offline.browser.get("/till").text, "form_token")
    answer = offline.post("/till/offline/sales", {"amount": "5001.00", "form_token": token}, page="/till")
    assert answer.status_code == 422
    assert "may not sell that much" in answer.text


def test_the_network_comes_back_and_every_sale_is_accounted_for(offline):
    paid, given_up = sell(offline), sell(offline, "100.00")
    checkout_id, _ = signed(offline, link(offline.browser.get(paid).text))
    assert offline.post(f"{given_up}/cancel", page="/till").status_code == 303
    offline.server.fail_next(503)
    down = offline.post("/till/offline/back", page="/till")
    assert down.status_code == 503 and "still no network" in down.text
    answer = offline.post("/till/offline/back", page="/till")
    assert answer.status_code == 200
    assert "Signed" in answer.text and "Still open" in answer.text
    assert "Selling without network" not in offline.browser.get("/till").text
    reference = next(e for e in offline.server.events if e.aggregate.id == checkout_id).data["reference"]
    offline.deliver(offline.event("checkout.captured", reference))
    assert offline.order(reference).status == "paid"


def test_a_till_without_a_grant_has_no_switch(demo):
    demo.post("/till/store", {"store_id": "sto_2"}, page="/till")
    assert "No network?" not in demo.browser.get("/till").text
    assert demo.post("/till/offline", page="/till").status_code == 404
