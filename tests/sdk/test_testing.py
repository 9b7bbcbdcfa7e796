"""What `fenqi.testing` gives a merchant: the consumer played, faults on demand, signed events, no waiting."""

from datetime import UTC, datetime
from textwrap import dedent

import fenqi.testing
import pytest
from fenqi import InvalidArgument, Money, Plan, errors, webhooks
from fenqi.testing import FakeServer, ManualClock, TransitionNotAllowed, sign

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
