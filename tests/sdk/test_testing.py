"""What `fenqi.testing` gives a merchant: the consumer played, faults on demand, signed events, no waiting."""

from datetime import UTC, datetime, timedelta
from textwrap import dedent

import fenqi.testing
import pytest
from fenqi import InvalidArgument, Money, Plan, errors, webhooks
from fenqi.testing import FakeServer, ManualClock, TransitionNotAllowed, key_pair, sign

AMOUNT = Money(399900, "CNY")


def sell(server: FakeServer) -> str:
    return server.client().checkouts.create(amount=AMOUNT, reference="o").id


def test_the_snippet_in_the_documentation_runs() -> None:
    snippet = dedent((fenqi.testing.__doc__ or "").partition("\n\n")[2])
    names = {"FakeServer": FakeServer, "Money": Money}
    exec(snippet, names)
    body, headers = names["body"], names["headers"]
    event = webhooks.verify(body, headers, FakeServer.webhook_secret)  # type: ignore[arg-type]
    assert event.type == "checkout.captured"


@pytest.mark.parametrize(
    ("to", "types"),
    [
        ("opened", ["opened"]),
        ("signing", ["opened", "deciding", "offered", "signing"]),
        ("declined", ["opened", "deciding", "declined"]),
        ("referred", ["opened", "deciding", "referred"]),
        ("expired", ["expired"]),
        ("cancelled", ["cancelled"]),
        ("closed", ["opened", "deciding", "offered", "signing", "authorized", "captured", "closed"]),
    ],
)
def test_the_consumer_walks_every_state_on_the_way(server: FakeServer, to: str, types: list[str]) -> None:
    checkout_id = sell(server)
    server.advance(checkout_id, to=to)
    walked = [
        event.type.removeprefix("checkout.") for event in server.events if event.aggregate.id == checkout_id
    ]
    assert walked == ["created", *types]
    assert server.client().checkouts.retrieve(checkout_id).status == to


@pytest.mark.parametrize(
    ("first", "then"), [("captured", "opened"), ("expired", "opened"), ("opened", "opened"), ("opened", "x")]
)
def test_a_way_that_does_not_exist_is_refused(server: FakeServer, first: str, then: str) -> None:
    checkout_id = sell(server)
    server.advance(checkout_id, to=first)
    with pytest.raises(TransitionNotAllowed) as caught:
        server.advance(checkout_id, to=then)
    assert (caught.value.status, caught.value.wanted) == (first, then)


def test_unknown_things_are_refused(server: FakeServer) -> None:
    for act in (
        lambda: server.advance("chk_x", to="opened"),
        lambda: server.pay_installment("loan_x"),
        server.signed_event,
    ):
        with pytest.raises(InvalidArgument):
            act()


def test_a_repaid_loan_takes_no_further_installment() -> None:
    server = FakeServer(plans=(Plan(id="p1", installments=1),))
    checkout_id = sell(server)
    server.advance(checkout_id, to="authorized")
    loan_id = server.client().checkouts.retrieve(checkout_id).loan_id or ""
    server.pay_installment(loan_id)
    with pytest.raises(TransitionNotAllowed):
        server.pay_installment(loan_id)


def test_a_payment_link_is_paid_once_the_earliest_due_first(server: FakeServer) -> None:
    client = server.client()
    checkout_id = sell(server)
    server.advance(checkout_id, to="captured")
    loan = client.loans.retrieve(client.checkouts.retrieve(checkout_id).loan_id or "")
    first = loan.installments[0].total
    link = client.loans.pay_link(loan.id, amount=Money(first.minor + 100, "CNY"))
    assert client.loans.payment_order(loan.id, link.id).status == "requested"
    server.pay_order(link.id)
    assert client.loans.payment_order(loan.id, link.id).status == "paid"
    rows = client.loans.retrieve(loan.id).installments
    assert [row.status for row in rows[:2]] == ["paid", "scheduled"]
    assert rows[1].outstanding == Money(rows[1].total.minor - 100, "CNY")
    assert server.events[-1].type == "installment.paid"
    with pytest.raises(TransitionNotAllowed):
        server.pay_order(link.id)
    little = client.loans.pay_link(loan.id, amount=Money(50, "CNY"), expires_in_seconds=60)
    server.pay_order(little.id)
    assert server.events[-1].type == "installment.partly_paid"
    late = client.loans.pay_link(loan.id, expires_in_seconds=60)
    server.clock.advance(timedelta(seconds=61))
    with pytest.raises(TransitionNotAllowed):
        server.pay_order(late.id)
    with pytest.raises(InvalidArgument, match="payment order"):
        server.pay_order("pay_nothing")


def test_a_body_signed_with_a_private_key_verifies_with_the_public_one() -> None:
    private, public = key_pair(b"s" * 32)
    server = FakeServer()
    sell(server)
    sent_at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    body, headers = server.signed_event(secret=private, sent_at=sent_at)
    assert webhooks.verify(body, headers, public, now=sent_at).type == "checkout.created"
    with pytest.raises(errors.SignatureVerificationError):
        webhooks.verify(body, headers, key_pair(b"t" * 32)[1], now=sent_at)
    for wrong in ("whsk_", "whsk_***", "whsk_c2hvcnQ="):
        with pytest.raises(InvalidArgument, match="private key"):
            sign(body, wrong, message_id="evt_1", sent_at=sent_at)
    with pytest.raises(InvalidArgument, match="32 bytes"):
        key_pair(b"short")


def test_failures_come_when_asked_for_and_have_no_effect(server: FakeServer) -> None:
    server.fail_next(500, code="internal")
    with pytest.raises(errors.ServerError):
        sell(server)
    assert server.events == ()
    server.fail_next(429, code="rate_limited", retry_after_seconds=4)
    sell(server)
    assert server.clock.slept_seconds == [4.0]


def test_a_lost_answer_acts_once_over_the_retry(server: FakeServer) -> None:
    server.lose_next_answer()
    sell(server)
    assert [event.type for event in server.events] == ["checkout.created"]
    assert len({key for _, _, key in server.requests if key}) == 1


def test_time_stands_still_until_it_is_turned() -> None:
    clock = ManualClock(datetime(2026, 1, 31, tzinfo=UTC))
    server = FakeServer(clock=clock)
    assert server.client().test_clock.advance(months=1).now == datetime(2026, 2, 28, tzinfo=UTC)
    assert clock.now() == datetime(2026, 1, 31, tzinfo=UTC)


def test_two_servers_given_the_same_calls_give_the_same_ids() -> None:
    assert sell(FakeServer()) == sell(FakeServer())


def test_signing_refuses_a_naive_time_and_a_useless_secret() -> None:
    with pytest.raises(InvalidArgument, match="time zone"):
        sign(b"{}", FakeServer.webhook_secret, message_id="m", sent_at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidArgument, match="secret"):
        sign(b"{}", "whsec_", message_id="m", sent_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidArgument, match="UTF-8"):
        sign(b"\xff", FakeServer.webhook_secret, message_id="m", sent_at=datetime(2026, 1, 1, tzinfo=UTC))
