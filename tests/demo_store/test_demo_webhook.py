"""The webhook: only genuine events act, each once, never backwards, and only on the order they are about."""

from threading import Barrier, Thread

import pytest

from demo_store.orders import OrderStatus
from tests.demo_store.browser import Demo

OTHER_SECRET = "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldC0zMg=="


def test_an_authorized_checkout_pays_its_order_and_names_plan_and_loan(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="authorized")
    assert demo.deliver(demo.event("checkout.authorized", order.id)).status_code == 204
    paid = demo.order(order.id)
    assert paid.status is OrderStatus.PAID
    assert paid.loan_id.startswith("loan_") and paid.plan_id


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("declined", OrderStatus.REFUSED),
        ("expired", OrderStatus.EXPIRED),
        ("cancelled", OrderStatus.CANCELLED),
        ("opened", OrderStatus.AWAITING_PAYMENT),
        ("referred", OrderStatus.AWAITING_PAYMENT),
    ],
)
def test_each_end_of_a_checkout_is_an_end_of_the_order(demo: Demo, end: str, status: OrderStatus) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to=end)
    demo.deliver(demo.event(f"checkout.{end}", order.id))
    assert demo.order(order.id).status is status


def test_the_same_event_twice_acts_once(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    event = demo.event("checkout.captured", order.id)
    assert [demo.deliver(event).status_code for _ in range(3)] == [204, 204, 204]
    assert [row["outcome"] for row in demo.inbox()] == ["applied"]


def test_the_same_event_from_many_threads_at_once_acts_once(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    event, start, outcomes = demo.event("checkout.captured", order.id), Barrier(8), []

    def push() -> None:
        start.wait()
        outcomes.append(demo.parts.inbox.receive(event.id, event))

    threads = [Thread(target=push) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["applied"] + ["duplicate"] * 7


def test_an_older_event_that_comes_later_changes_nothing(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    demo.deliver(demo.event("checkout.captured", order.id))
    assert demo.deliver(demo.event("checkout.opened", order.id)).status_code == 204
    assert demo.order(order.id).status is OrderStatus.PAID
    assert demo.order(order.id).checkout_status == "captured"
    assert [row["outcome"] for row in demo.inbox()] == ["applied", "stale"]


def test_every_order_of_arrival_ends_in_the_same_state(demo: Demo) -> None:
    ends = []
    for step in (1, -1, 2):
        order = demo.till_sale(f"{1000 + step}.00")
        demo.server.advance(order.checkout_id, to="captured")
        events = [e for e in demo.server.events if e.aggregate.id == order.checkout_id]
        for event in events[::step] + events:
            assert demo.deliver(event).status_code == 204
        ends.append((demo.order(order.id).status, demo.order(order.id).checkout_status))
    assert ends == [(OrderStatus.PAID, "captured")] * 3


def test_nothing_but_a_voided_signature_takes_paid_back(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    event = demo.event("checkout.captured", order.id)
    demo.deliver(event)
    later = _later(event, "cancelled")
    demo.parts.inbox.receive(later.id, later)
    assert demo.order(order.id).status is OrderStatus.PAID
    voided = _later(later, "voided")
    demo.parts.inbox.receive(voided.id, voided)
    assert demo.order(order.id).status is OrderStatus.CANCELLED


def test_a_forged_event_is_refused_with_a_problem_and_leaves_no_trace(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    answer = demo.deliver(demo.event("checkout.captured", order.id), secret=OTHER_SECRET)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json(force=True)["code"] == "signature_invalid"
    assert demo.order(order.id).status is OrderStatus.AWAITING_PAYMENT and demo.inbox() == []


def test_a_body_changed_after_signing_is_refused(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="opened")
    body, headers = demo.server.signed_event("checkout.opened", sent_at=demo.server.clock.now())
    answer = demo.browser.post("/webhooks/fenqi", data=body.replace(b"opened", b"closed"), headers=headers)
    assert answer.status_code == 400
    assert demo.order(order.id).status is OrderStatus.AWAITING_PAYMENT


def test_a_replay_of_an_old_delivery_is_refused(demo: Demo) -> None:
    demo.pay_cart()
    body, headers = demo.server.signed_event(sent_at=demo.server.clock.now())
    demo.server.clock.sleep(400)
    assert demo.browser.post("/webhooks/fenqi", data=body, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": {"minor": 1, "currency": "CNY"}},
        {"amount": {"minor": 399900, "currency": "USD"}},
        {"id": "chk_0000000000000000000000000"},
        {"mode": "live"},
    ],
)
def test_a_genuine_event_with_wrong_facts_is_kept_and_has_no_effect(demo: Demo, wrong: dict) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    assert demo.deliver(demo.event("checkout.captured", order.id), **wrong).status_code == 204
    assert demo.order(order.id).status is OrderStatus.AWAITING_PAYMENT
    assert [row["outcome"] for row in demo.inbox()] == ["mismatched"]


def test_events_about_other_things_are_kept_and_ignored(demo: Demo) -> None:
    order = demo.pay_cart()
    demo.server.advance(order.checkout_id, to="captured")
    assert demo.deliver(demo.event("loan.created", order.id)).status_code == 204
    assert [row["outcome"] for row in demo.inbox()] == ["ignored"]


def test_an_event_that_overtakes_the_answer_of_create_is_not_lost(demo: Demo) -> None:
    demo.post("/cart", {"sku": "phone"})
    token = demo.csrf()
    demo.server.lose_next_answer()
    demo.browser.post("/pay", data={"csrf_token": token, "form_token": "f"})
    order = demo.last_order()
    assert order.status is OrderStatus.PENDING
    checkout = next(iter(demo.parts.client.checkouts.list()))
    demo.server.advance(checkout.id, to="captured")
    demo.deliver(demo.event("checkout.captured", order.id))
    assert demo.order(order.id).status is OrderStatus.PAID
    assert demo.order(order.id).checkout_id == checkout.id


def test_a_body_over_the_limit_is_refused_before_it_is_read(demo: Demo) -> None:
    answer = demo.browser.post("/webhooks/fenqi", data=b"x" * 300_000)
    assert answer.status_code == 413 and answer.mimetype == "application/problem+json"


def _later(event, status):
    raw = {**event.raw, "id": event.id + "x"}
    raw["aggregate"] = {**raw["aggregate"], "sequence": event.aggregate.sequence + 1}
    raw["data"] = {**raw["data"], "status": status}
    return type(event).from_dict(raw)
