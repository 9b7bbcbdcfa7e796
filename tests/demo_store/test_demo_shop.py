"""The shop: offers, cart, one order for one press, and a return page that pays nothing."""

import html
import re

from fenqi import Money, quote
from fenqi.testing.fake_server import DEFAULT_PLANS

from demo_store.catalog import SHELF
from demo_store.database import writing
from demo_store.orders import OrderStatus
from demo_store.plans import PlanShelf
from tests.demo_store.browser import Demo, field


def test_every_product_page_shows_exactly_what_quote_computes(demo: Demo) -> None:
    for product in SHELF:
        page = html.unescape(demo.browser.get(f"/products/{product.sku}").text)
        text = re.sub(r"<[^>]+>", "", page)
        for offer in quote(product.price, DEFAULT_PLANS, on=demo.server.clock.now().date()):
            assert f"{offer.plan.installments} × ¥{_plain(offer.per_installment)}".replace(
                "¥", "CN¥"
            ) in _as_english(text)
            assert _plain(offer.total_cost) in text
            for row in offer.schedule.installments:
                assert _plain(row.total) in text


def test_offers_follow_the_day_that_fenqi_counts(demo: Demo) -> None:
    """The shop's own clock stands still; fenqi's sandbox clock is turned two months on."""
    now = demo.server.clock.now()
    shelf = PlanShelf(demo.parts.settings, demo.parts.client, lambda: now)
    assert shelf.offers(Money(399900, "CNY"))[0].schedule.installments[0].due_on.isoformat() == "2026-12-21"
    demo.parts.client.test_clock.advance(months=2)
    assert shelf.refresh()
    assert shelf.offers(Money(399900, "CNY"))[0].schedule.installments[0].due_on.isoformat() == "2027-02-21"


def test_the_cart_adds_counts_and_forgets(demo: Demo) -> None:
    demo.post("/cart", {"sku": "phone"})
    demo.post("/cart", {"sku": "phone"})
    demo.post("/cart", {"sku": "guitar"})
    assert "CN¥12,278.00" in demo.browser.get("/cart").text
    demo.post("/cart", {"sku": "phone", "quantity": "0"})
    page = demo.browser.get("/cart").text
    assert "Heguang" not in page and "CN¥4,280.00" in page


def test_a_cart_takes_at_most_nine_of_a_thing_and_refuses_what_is_no_number(demo: Demo) -> None:
    demo.post("/cart", {"sku": "phone", "quantity": "999"})
    assert "CN¥35,991.00" in demo.browser.get("/cart").text
    for wrong in ("-1", "1.5", "１", "abc", "9999999"):
        assert demo.post("/cart", {"sku": "phone", "quantity": wrong}).status_code == 400
    assert demo.post("/cart", {"sku": "nothing"}).status_code == 404


def test_pay_sends_the_customer_to_the_checkout_of_this_order(demo: Demo) -> None:
    order = demo.pay_cart("phone", "headphones")
    checkout = demo.parts.client.checkouts.retrieve(order.checkout_id)
    assert checkout.reference == order.id
    assert checkout.amount == order.amount == Money(489800, "CNY")
    assert checkout.return_url == f"http://shop.test/orders/{order.id}"
    assert checkout.metadata["order_number"] == order.display_number
    assert order.status is OrderStatus.AWAITING_PAYMENT


def test_pressing_pay_twice_makes_one_order_and_one_checkout(demo: Demo) -> None:
    demo.post("/cart", {"sku": "phone"})
    form = {"form_token": field(demo.browser.get("/cart").text, "form_token")}
    first, second = demo.post("/pay", form), demo.post("/pay", form)
    assert first.location == second.location
    assert len(demo.orders()) == 1
    assert len(list(demo.parts.client.checkouts.list())) == 1


def test_a_lost_answer_and_a_second_press_make_one_checkout(demo: Demo) -> None:
    demo.post("/cart", {"sku": "phone"})
    form = {"form_token": field(demo.browser.get("/cart").text, "form_token")}
    token = demo.csrf()
    demo.server.lose_next_answer()
    lost = demo.browser.post("/pay", data=form | {"csrf_token": token})
    assert lost.status_code == 503
    again = demo.browser.post("/pay?lang=zh-CN", data=form | {"csrf_token": token})
    assert again.status_code == 303
    assert len(demo.orders()) == 1 and len(list(demo.parts.client.checkouts.list())) == 1


def test_the_return_page_alone_never_pays(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    page = demo.browser.get(f"/orders/{order.id}")
    assert "Waiting for the confirmation" in page.text
    assert demo.browser.get(f"/orders/{order.id}.json").json["status"] == "awaiting_payment"
    assert demo.order(order.id).status is OrderStatus.AWAITING_PAYMENT


def test_the_signed_event_pays_and_the_page_then_empties_the_cart(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    assert demo.deliver(demo.event("checkout.captured", order.id)).status_code == 204
    assert "Thank you" in demo.browser.get(f"/orders/{order.id}").text
    assert "Nothing here yet" in demo.browser.get("/cart").text
    assert "Paid" in demo.browser.get("/orders").text


def test_a_paid_cart_pressed_again_shows_the_order_and_asks_for_no_second_payment(demo: Demo) -> None:
    demo.post("/cart", {"sku": "phone"})
    form = {"form_token": field(demo.browser.get("/cart").text, "form_token")}
    form["csrf_token"] = demo.csrf()
    demo.browser.post("/pay", data=form)
    order = demo.last_order()
    demo.server.advance(order.checkout_id, to="captured")
    demo.deliver(demo.event("checkout.captured", order.id))
    assert demo.browser.post("/pay", data=form).location == f"/orders/{order.id}"
    assert demo.browser.get("/cart").text.count("Nothing here yet") == 1
    assert demo.browser.post("/pay", data=form).location == "/cart"
    assert len(demo.orders()) == 1


def test_a_cart_that_was_changed_while_its_order_was_being_paid_is_kept(demo: Demo) -> None:
    order = demo.pay_cart("phone")
    demo.post("/cart", {"sku": "guitar"})
    demo.server.advance(order.checkout_id, to="captured")
    demo.deliver(demo.event("checkout.captured", order.id))
    assert "Songtao" in demo.browser.get("/cart").text


def test_after_a_refusal_the_same_cart_makes_a_new_order(demo: Demo) -> None:
    first = demo.pay_cart()
    demo.server.advance(first.checkout_id, to="declined")
    demo.deliver(demo.event("checkout.declined", first.id))
    form = {"form_token": field(demo.browser.get("/cart").text, "form_token")}
    demo.post("/pay", form)
    assert demo.order(first.id).status is OrderStatus.REFUSED
    assert len(demo.orders()) == 2
    assert demo.last_order().checkout_id != first.checkout_id


def test_when_fenqi_is_down_the_cart_is_kept_and_the_page_says_so(demo: Demo) -> None:
    demo.post("/cart", {"sku": "phone"})
    token = demo.csrf()
    demo.server.fail_next(503)
    answer = demo.browser.post("/pay", data={"csrf_token": token, "form_token": "f"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "Your cart is kept" in answer.text
    assert "CN¥3,999.00" in demo.browser.get("/cart").text


def test_what_fenqi_refuses_is_told_and_not_called_an_outage(demo: Demo) -> None:
    demo.post("/cart", {"sku": "phone"})
    token = demo.csrf()
    demo.server.fail_next(422, code="field_invalid")
    answer = demo.browser.post("/pay", data={"csrf_token": token, "form_token": "f"})
    assert answer.status_code == 422 and "Asked for by the test." in answer.text


def test_a_shop_that_never_saw_a_plan_still_sells_without_offers(demo: Demo) -> None:
    for _ in range(40):
        demo.server.fail_next(503)
    page = demo.browser.get("/products/phone")
    assert page.status_code == 200 and "Installments cannot be shown right now" in page.text


def test_while_nobody_answers_the_first_plans_are_not_asked_for_on_every_page(demo: Demo) -> None:
    for _ in range(40):
        demo.server.fail_next(503)
    for _ in range(3):
        demo.browser.get("/")
    assert [path for _, path, _ in demo.server.requests] == ["/v1/plans"]
    demo.server.clock.sleep(6)
    demo.browser.get("/")
    assert len(demo.server.requests) == 2


def test_hostile_product_texts_are_shown_as_text(demo: Demo) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    with writing(demo.parts.settings.database) as db:
        db["products"].update("phone", {"name_en": hostile, "tagline_en": hostile, "story_en": hostile})
    demo.post("/cart", {"sku": "phone"})
    for path in ("/", "/products/phone", "/cart"):
        page = demo.browser.get(path).text
        assert "<script>alert" not in page and "<img src=x" not in page
        assert "&lt;script&gt;alert" in page


def test_the_till_and_the_shop_do_not_show_each_others_orders(demo: Demo) -> None:
    web, till = demo.pay_cart(), demo.till_sale()
    assert demo.browser.get(f"/orders/{till.id}").status_code == 404
    assert demo.browser.get(f"/till/sales/{web.id}").status_code == 404


def _plain(amount: Money) -> str:
    whole, cents = amount.decimal_text.split(".")
    return f"{int(whole):,}.{cents}"


def _as_english(text: str) -> str:
    return text.replace("CN¥", "¥").replace("¥", "CN¥")
