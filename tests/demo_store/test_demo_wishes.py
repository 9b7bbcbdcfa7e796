"""A refused customer comes back with a counter-offer: the shop checks it against its own order and asks anew."""

import html
import re

import pytest
from fenqi import Money

from demo_store.orders import Order, OrderStatus
from tests.demo_store.browser import Demo

WISH = {"fenqi_counter_offer": "smaller_amount", "fenqi_amount_minor": "200000", "fenqi_plan_id": "p12"}


def refused(demo: Demo) -> Order:
    """Order a telephone for ¥3,999.00 and be declined."""
    order = demo.pay_cart("phone")
    demo.server.advance(order.checkout_id, to="declined")
    demo.deliver(demo.event("checkout.declined", order.id))
    return demo.order(order.id)


def page(demo: Demo, order: Order, **wish: str) -> str:
    return demo.browser.get(f"/orders/{order.id}", query_string=WISH | wish).text


def test_a_smaller_amount_becomes_a_new_order_of_the_same_goods_with_the_rest_on_collection(
    demo: Demo,
) -> None:
    order = refused(demo)
    shown = page(demo, order)
    assert "CN¥2,000.00 in 12 installments, and CN¥1,999.00 when you collect the goods" in shown
    answers = [demo.post(f"/orders/{order.id}/anew", WISH) for _ in range(2)]
    assert len({answer.location for answer in answers}) == 1 and answers[0].status_code == 303
    anew = demo.last_order()
    assert (anew.id != order.id, anew.amount, len(demo.orders())) == (True, Money(200_000, "CNY"), 2)
    checkout = demo.parts.client.checkouts.retrieve(anew.checkout_id)
    assert (checkout.amount, checkout.plan_ids) == (Money(200_000, "CNY"), ("p12",))
    assert demo.parts.orders.lines(anew.id) == demo.parts.orders.lines(order.id)
    shown = demo.browser.get(f"/orders/{anew.id}").text
    assert "CN¥3,999.00" in shown and "CN¥1,999.00" in shown and anew.status is OrderStatus.AWAITING_PAYMENT


def test_a_longer_plan_keeps_the_amount(demo: Demo) -> None:
    order = refused(demo)
    wish = {"fenqi_counter_offer": "longer_term", "fenqi_amount_minor": str(order.amount.minor)}
    assert "CN¥3,999.00 in 12 installments." in page(demo, order, **wish)
    demo.post(f"/orders/{order.id}/anew", WISH | wish)
    assert demo.last_order().amount == order.amount


@pytest.mark.parametrize(
    "wish",
    [
        {"fenqi_counter_offer": "everything_free"},
        {"fenqi_amount_minor": "0"},
        {"fenqi_amount_minor": "-1"},
        {"fenqi_amount_minor": "399901"},
        {"fenqi_amount_minor": "1e5"},
        {"fenqi_amount_minor": "９９"},
        {"fenqi_amount_minor": "9" * 40},
        {"fenqi_plan_id": "p999"},
        {"fenqi_plan_id": "<script>"},
    ],
)
def test_a_wish_that_the_shop_would_not_agree_to_is_not_shown_and_not_taken(
    demo: Demo, wish: dict[str, str]
) -> None:
    order = refused(demo)
    assert "You can ask for this instead" not in page(demo, order, **wish)
    answer = demo.post(f"/orders/{order.id}/anew", WISH | wish)
    assert answer.location.endswith(f"/orders/{order.id}") and len(demo.orders()) == 1


def test_a_wish_appears_by_itself_when_the_refusal_is_heard_of_after_the_customer_is_back(demo: Demo) -> None:
    order = demo.pay_cart("phone")
    demo.server.advance(order.checkout_id, to="declined")
    waiting = page(demo, order)
    assert "You can ask for this instead" not in waiting
    asked = [html.unescape(found) for found in re.findall(r'data-(?:poll|stream)="([^"]+)"', waiting)]
    demo.deliver(demo.event("checkout.declined", order.id))
    assert len(asked) == 2
    for url in asked:
        answer = demo.browser.get(url)
        assert "2,000.00 in 12 installments" in answer.text, url
        assert "You can ask for this instead" in answer.text
    assert demo.browser.get(f"/orders/{order.id}.json").json["html"].count("You can ask for this") == 0


def test_only_a_refused_order_can_be_asked_for_anew(demo: Demo) -> None:
    order = demo.pay_cart("phone")
    assert "You can ask for this instead" not in page(demo, order)
    demo.post(f"/orders/{order.id}/anew", WISH)
    assert len(demo.orders()) == 1
