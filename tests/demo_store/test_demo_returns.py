"""Returning goods in the shop: a look first, then one return; refunded only when a verified event says so."""

import re

from demo_store.orders import Order
from tests.demo_store.browser import Demo


def paid(demo: Demo, *skus: str) -> Order:
    order = demo.pay_cart(*skus)
    demo.server.advance(order.checkout_id, to="captured")
    demo.deliver(demo.event("checkout.captured", order.id))
    return demo.order(order.id)


def look(demo: Demo, order: Order, **quantities: str):
    form = {f"quantity-{sku}": number for sku, number in quantities.items()}
    return demo.post(f"/orders/{order.id}/return", form)


def preview_of(page: str) -> str:
    found = re.search(r"/return/(rfp_\w+)", page)
    assert found
    return found.group(1)


def tell(demo: Demo) -> None:
    for event in demo.server.events:
        if event.type.startswith("refund."):
            assert demo.deliver(event).status_code == 204


def test_a_return_shows_what_it_changes_and_changes_nothing_yet(demo: Demo) -> None:
    order = paid(demo, "phone", "headphones")
    assert f"/orders/{order.id}/return" in demo.browser.get(f"/orders/{order.id}").text
    page = look(demo, order, phone="0", headphones="1").text
    loan = demo.parts.client.loans.retrieve(order.loan_id)
    assert page.count("<tr><td>") == len(loan.installments)
    assert "CN¥899.00" in page and "only your installments become lower" in page
    assert loan.relieved.minor == 0 and list(demo.parts.client.refunds.list()) == []


def test_the_goods_come_back_once_and_the_order_is_refunded_by_the_event_alone(demo: Demo) -> None:
    order = paid(demo, "phone", "headphones")
    preview = preview_of(look(demo, order, phone="0", headphones="1").text)
    for _ in range(2):
        done = demo.post(f"/orders/{order.id}/return/{preview}")
        assert (done.status_code, done.location) == (303, f"/orders/{order.id}")
    (refund,) = demo.parts.client.refunds.list()
    assert refund.amount.minor == 89_900
    waiting = demo.browser.get(f"/orders/{order.id}").text
    assert "Partly refunded" not in waiting and "Your return was sent" in waiting
    tell(demo)
    tell(demo)
    page = demo.browser.get(f"/orders/{order.id}").text
    assert "Partly refunded" in page and "Refund of CN¥899.00" in page
    assert demo.browser.get(f"/orders/{order.id}.json").json["final"] is True
    rest = preview_of(look(demo, order, phone="1").text)
    demo.post(f"/orders/{order.id}/return/{rest}")
    tell(demo)
    page = demo.browser.get(f"/orders/{order.id}").text
    assert ">Refunded<" in page and "/return" not in page
    assert ">Refunded<" in demo.browser.get("/orders").text
    assert "Everything of this order was returned" in demo.browser.get(f"/orders/{order.id}/return").text


def test_what_cannot_come_back_is_refused(demo: Demo) -> None:
    waiting = demo.pay_cart("phone")
    assert demo.browser.get(f"/orders/{waiting.id}/return").status_code == 404
    order = paid(demo, "guitar")
    for number in ("2", "-1", "x", "1.5", "²"):
        assert look(demo, order, guitar=number).status_code == 400
    nothing = look(demo, order, guitar="0")
    assert nothing.status_code == 303
    assert "Choose at least one thing" in demo.browser.get(nothing.location).text
    assert demo.post(f"/orders/{order.id}/return/rfp_none").status_code == 404
    other = paid(demo, "phone")
    preview = preview_of(look(demo, other, phone="1").text)
    assert demo.post(f"/orders/{order.id}/return/{preview}").status_code == 404


def test_a_preview_that_is_stale_returns_nothing_and_says_so(demo: Demo) -> None:
    order = paid(demo, "phone")
    preview = preview_of(look(demo, order, phone="1").text)
    demo.server.pay_installment(order.loan_id)
    refused = demo.post(f"/orders/{order.id}/return/{preview}")
    assert refused.status_code == 303
    assert "Your loan changed in the meantime" in demo.browser.get(refused.location).text
    assert list(demo.parts.client.refunds.list()) == []


def test_a_refund_event_of_another_loan_or_mode_has_no_effect(demo: Demo) -> None:
    order = paid(demo, "phone")
    demo.parts.client.loans.refund(order.loan_id, amount=order.amount, reference="by-hand")
    event = next(each for each in demo.server.events if each.type == "refund.succeeded")
    for wrong in ({"loan_id": "loan_x"}, {"mode": "live"}, {"amount": {"minor": 10**9, "currency": "CNY"}}):
        assert demo.deliver(event, **wrong).status_code == 204
        assert demo.inbox()[-1]["outcome"] == "mismatched"
        with __import__("sqlite3").connect(demo.parts.settings.database) as db:
            db.execute("DELETE FROM webhook_inbox WHERE webhook_id = ?", [event.id])
    assert "Refunded" not in demo.browser.get(f"/orders/{order.id}").text
    demo.deliver(event)
    assert ">Refunded<" in demo.browser.get(f"/orders/{order.id}").text


def test_when_fenqi_is_down_a_return_says_so(demo: Demo) -> None:
    order = paid(demo, "phone")
    token = demo.csrf()
    demo.server.fail_next(503)
    form = {"csrf_token": token, "quantity-phone": "1"}
    assert demo.browser.post(f"/orders/{order.id}/return", data=form).status_code == 503
