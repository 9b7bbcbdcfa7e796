"""The till: one form is one sale, the QR is the checkout's, states are told as they are, cancelling asks first."""

import json
import re

import pytest
from fenqi import Money, qr

from demo_store.orders import OrderStatus
from tests.demo_store.browser import Demo, field


def test_the_till_asks_for_its_store_and_remembers_it(demo: Demo) -> None:
    assert "Where does this till stand?" in demo.browser.get("/till").text
    demo.post("/till/store", {"store_id": "sto_2"}, page="/till")
    page = demo.browser.get("/till").text
    assert "Xuhui" in page and "Counter 2" in page
    assert demo.post("/till/store", {"store_id": "sto_9"}, page="/till").status_code == 404


def test_a_sale_carries_amount_store_till_and_plans_to_fenqi(demo: Demo) -> None:
    order = demo.till_sale("3,999.00", plans_shown="1", plan_ids=["p12"])
    checkout = demo.parts.client.checkouts.retrieve(order.checkout_id)
    assert checkout.amount == Money(399900, "CNY")
    assert (checkout.store_id, checkout.till_id, checkout.plan_ids) == ("sto_1", "til_1", ("p12",))


def test_the_qr_on_the_page_is_the_checkouts_link_with_amount_and_number_beside_it(demo: Demo) -> None:
    order = demo.till_sale()
    page = demo.browser.get(f"/till/sales/{order.id}").text
    drawn = re.search(r'<path stroke="#000" d="([^"]+)"', page)
    assert drawn and drawn.group(1) in qr.svg(order.checkout_url, border=4)
    assert "CN¥3,999.00" in page and order.display_number in page and order.session_short_id in page


def test_the_same_form_sent_twice_is_one_sale(demo: Demo) -> None:
    demo.post("/till/store", {"store_id": "sto_1"}, page="/till")
    form = {"amount": "100", "form_token": field(demo.browser.get("/till").text, "form_token")}
    first = demo.post("/till/sales", form, page="/till")
    second = demo.post("/till/sales", form, page="/till")
    assert first.location == second.location and len(demo.orders()) == 1


def test_the_same_form_with_another_amount_is_another_sale(demo: Demo) -> None:
    demo.post("/till/store", {"store_id": "sto_1"}, page="/till")
    token = field(demo.browser.get("/till").text, "form_token")
    for amount in ("100", "200"):
        demo.post("/till/sales", {"amount": amount, "form_token": token}, page="/till")
    assert [row["amount_minor"] for row in demo.orders()] == [10000, 20000]


@pytest.mark.parametrize("typed", ["3999", "¥3,999.00", "３９９９．００", " 3999. ", "￥3999"])
def test_amounts_are_read_as_people_type_them(demo: Demo, typed: str) -> None:
    assert demo.till_sale(typed).amount == Money(399900, "CNY")


@pytest.mark.parametrize("typed", ["", "0", "0.00", "-5", "1e5", "NaN", "12.345", "abc", "9" * 40, "٣"])
def test_amounts_that_cannot_be_sold_are_refused_with_advice(demo: Demo, typed: str) -> None:
    demo.post("/till/store", {"store_id": "sto_1"}, page="/till")
    answer = demo.post("/till/sales", {"amount": typed, "form_token": "f"}, page="/till")
    assert answer.status_code == 422 and 'class="problem"' in answer.text
    assert demo.orders() == []


def test_no_ticked_plan_is_refused_and_an_unknown_plan_is_not_sent(demo: Demo) -> None:
    demo.post("/till/store", {"store_id": "sto_1"}, page="/till")
    for ticked in ([], ["p99"]):
        form = {"amount": "100", "form_token": "f", "plans_shown": "1", "plan_ids": ticked}
        assert demo.post("/till/sales", form, page="/till").status_code == 422
    assert demo.orders() == []


def test_the_plan_table_has_a_row_for_each_offer_of_the_amount(demo: Demo) -> None:
    piece = demo.browser.get("/till/offers?amount=3999").text
    assert "12 × CN¥355.31" in piece and piece.count("checkbox") == 2
    assert "<html" not in piece


@pytest.mark.parametrize(
    ("to", "headline", "final"),
    [
        ("opened", "Scanned", False),
        ("deciding", "Deciding", False),
        ("offered", "Offered", False),
        ("referred", "Being looked at", False),
        ("signing", "Signing", False),
        ("declined", "Not approved", True),
        ("expired", "Expired", True),
        ("cancelled", "Cancelled", True),
    ],
)
def test_the_till_tells_the_state_that_fenqi_gives(demo: Demo, to: str, headline: str, final: bool) -> None:
    order = demo.till_sale()
    demo.server.advance(order.checkout_id, to=to)
    told = demo.browser.get(f"/till/sales/{order.id}.json").json
    assert told["final"] is final and headline in told["html"]
    assert told["tone"] != "waiting"
    assert demo.parts.client.checkouts.retrieve(order.checkout_id).till.text.en in told["html"]


def test_signed_is_not_done_until_the_event_has_come(demo: Demo) -> None:
    order = demo.till_sale()
    demo.server.advance(order.checkout_id, to="captured")
    told = demo.browser.get(f"/till/sales/{order.id}.json").json
    assert told["final"] is False and "Wait a moment" in told["html"] and "Receipt" not in told["html"]
    demo.deliver(demo.event("checkout.captured", order.id))
    told = demo.browser.get(f"/till/sales/{order.id}.json").json
    assert told["final"] is True and "Receipt" in told["html"]


def test_the_countdown_runs_on_the_tills_own_clock(demo: Demo) -> None:
    order = demo.till_sale()
    demo.server.clock.sleep(100)
    assert demo.browser.get(f"/till/sales/{order.id}.json").json["remaining_seconds"] == 800


def test_cancelling_asks_first_and_then_is_certain(demo: Demo) -> None:
    order = demo.till_sale()
    path = f"/till/sales/{order.id}/cancel"
    asked = demo.post(path, page="/till")
    assert asked.status_code == 400 and "Yes, cancel it" in asked.text
    assert demo.parts.client.checkouts.retrieve(order.checkout_id).status == "created"
    demo.post(path, {"confirm": "yes"}, page="/till")
    assert demo.parts.client.checkouts.retrieve(order.checkout_id).status == "cancelled"
    assert "Cancelled" in demo.browser.get(f"/till/sales/{order.id}").text


def test_cancelling_a_signed_sale_is_too_late_and_the_sale_stands(demo: Demo) -> None:
    order = demo.till_sale()
    demo.server.advance(order.checkout_id, to="captured")
    demo.deliver(demo.event("checkout.captured", order.id))
    answer = demo.post(f"/till/sales/{order.id}/cancel", {"confirm": "yes"}, page="/till")
    assert "Too late to cancel" in demo.browser.get(answer.location).text
    assert demo.order(order.id).status is OrderStatus.PAID


def test_a_cancel_that_fenqi_did_not_answer_is_not_called_cancelled(demo: Demo) -> None:
    order = demo.till_sale()
    token = demo.csrf("/till")
    demo.server.fail_next(503)
    form = {"csrf_token": token, "confirm": "yes"}
    assert demo.browser.post(f"/till/sales/{order.id}/cancel", data=form).status_code == 503


def test_when_fenqi_is_down_the_till_says_so_and_a_second_press_is_the_same_sale(demo: Demo) -> None:
    demo.post("/till/store", {"store_id": "sto_1"}, page="/till")
    form = {"amount": "100", "form_token": "f", "csrf_token": demo.csrf("/till")}
    demo.browser.get("/till/offers?amount=100")
    demo.server.lose_next_answer()
    answer = demo.browser.post("/till/sales", data=form)
    assert answer.status_code == 503 and "never makes two sales" in answer.text
    assert "XM-" not in demo.browser.get("/till").text
    assert demo.browser.post("/till/sales", data=form).status_code == 303
    assert len(list(demo.parts.client.checkouts.list())) == 1


def test_the_receipt_names_amount_plan_number_and_status(demo: Demo) -> None:
    order = demo.till_sale(plans_shown="1", plan_ids=["p12"])
    demo.server.advance(order.checkout_id, to="captured")
    demo.deliver(demo.event("checkout.captured", order.id))
    page = demo.browser.get(f"/till/sales/{order.id}/receipt").text
    for part in ("CN¥3,999.00", "12 installments", order.display_number, "Paid in installments", "Counter 1"):
        assert part in page


def test_the_stream_follows_fenqi_until_the_sale_ends(demo: Demo) -> None:
    """The fake's clock runs whenever the watcher waits, so the sale comes to its expiry by itself."""
    order = demo.till_sale()
    demo.server.advance(order.checkout_id, to="opened")
    body = demo.browser.get(f"/till/sales/{order.id}/stream")
    assert body.mimetype == "text/event-stream" and body.headers["Cache-Control"] == "no-store"
    told = [json.loads(line[6:]) for line in body.text.splitlines() if line.startswith("data: ")]
    assert told[-1]["status"] == "expired" and told[-1]["final"]


def test_the_stream_ends_when_the_signed_event_comes(demo: Demo) -> None:
    order = demo.till_sale()
    demo.server.advance(order.checkout_id, to="captured")
    stream = demo.browser.get(f"/till/sales/{order.id}/stream", buffered=False)
    pieces = stream.response
    first = next(piece for piece in pieces if b"data: " in piece)
    assert b'"final": false' in first
    demo.deliver(demo.event("checkout.captured", order.id))
    assert any(b'"final": true' in piece for piece in pieces)
    stream.close()


def test_streams_are_capped_and_a_closed_one_gives_its_place_back(demo: Demo) -> None:
    order = demo.pay_cart()
    path = f"/orders/{order.id}/stream"
    limit = demo.parts.settings.max_streams
    streams = [demo.browser.get(path, buffered=False) for _ in range(limit)]
    refused = demo.browser.get(path, buffered=False)
    assert refused.status_code == 503 and refused.headers["Retry-After"]
    for stream in reversed(streams):
        stream.close()
    again = demo.browser.get(path, buffered=False)
    assert again.status_code == 200
    again.close()
