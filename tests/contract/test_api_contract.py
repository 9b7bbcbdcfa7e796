"""What /v1 promises to the SDK: the same suite holds for the fake server and for the real one.

A target gives a client, plays the consumer and tells the time; add a target and every test runs on it too.
"""

import inspect
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest
from fenqi import Checkout, Client, Event, Loan, Money, Plan, errors, quote, wire
from fenqi.finance.lines import Line
from fenqi.testing import FakeServer
from fenqi.wire import CHECKOUT_STATUSES, EVENT_TYPES
from werkzeug.serving import make_server

from merchant_server.domain.dispute import DisputeReason, DisputeStatus
from merchant_server.services.disputes.closing import decide
from merchant_server.services.disputes.opening import open_by_consumer
from merchant_server.services.operation.test_clock import advance_clock
from merchant_server.services.settlement import terms
from tests.disputes.disputing import REVIEWER, RULING, with_reviewer
from tests.installation import ID_NUMBER, Installation

AMOUNT = Money(399900, "CNY")
# The sandbox's published person whose identity does not match.
MISMATCH = "110101199003079104"
P3 = Plan(id="p3-contract", installments=3, annual_rate="0.12")


class Target(Protocol):
    """One running fenqi with an empty test merchant."""

    client: Client

    def client_with_key(self, api_key: str) -> Client:
        """Return a client of the same server under another key."""
        ...

    def play(self, checkout_id: str, to: str) -> None:
        """Be the consumer until the checkout is authorized or declined."""
        ...

    def pay_installment(self, loan_id: str) -> None:
        """Be the bank: collect the next installment."""
        ...

    def open_dispute(self, loan_id: str) -> str:
        """Be the consumer who objects to the whole purchase; return the dispute's id."""
        ...

    def decide_dispute(self, dispute_id: str, outcome: str) -> None:
        """Be the operator."""
        ...

    def work(self) -> None:
        """Let the server do what is due."""
        ...

    def pay_out(self) -> None:
        """Let the payout day come."""
        ...

    def let_days_pass(self) -> None:
        """Let the worker take a clock that is on its way to where it goes."""
        ...


class FakeTarget:
    """The fake server of fenqi.testing."""

    def __init__(self) -> None:
        self._server = FakeServer()
        self.client = self._server.client()

    def client_with_key(self, api_key: str) -> Client:
        return self._server.client(api_key=api_key)

    def play(self, checkout_id: str, to: str) -> None:
        self._server.advance(checkout_id, to=to)

    def pay_installment(self, loan_id: str) -> None:
        self._server.pay_installment(loan_id)

    def open_dispute(self, loan_id: str) -> str:
        return self._server.open_dispute(loan_id, statement="It never came.")

    def decide_dispute(self, dispute_id: str, outcome: str) -> None:
        self._server.decide_dispute(dispute_id, outcome, ruling=RULING)

    def work(self) -> None:
        pass

    def pay_out(self) -> None:
        self._server.pay_out()

    def let_days_pass(self) -> None:
        """The fake is there at once."""


class ServerTarget:
    """The real server over real HTTP, on SQLite, with fake providers behind it."""

    def __init__(self, house: Installation, base_url: str) -> None:
        self._house, self._base_url = house, base_url
        self.client = self.client_with_key(house.api_key)

    def client_with_key(self, api_key: str) -> Client:
        return Client(api_key=api_key, base_url=self._base_url)

    def play(self, checkout_id: str, to: str) -> None:
        with self._house.deps.storage.reading() as uow:
            checkout = uow.checkouts.get(checkout_id)
        assert checkout is not None
        self._house.apply(checkout, id_number=MISMATCH if to == "declined" else ID_NUMBER)
        if to == "authorized":
            self._house.choose(checkout, plan=checkout.plan_ids[0])
            self._house.sign(checkout)

    def pay_installment(self, loan_id: str) -> None:
        with self._house.deps.storage.unit_of_work() as uow:
            advance_clock(uow, self._house.deps, self._house.caller, months=1)
        self._house.work()

    def open_dispute(self, loan_id: str) -> str:
        deps = self._house.deps
        with deps.storage.reading() as uow:
            loan = uow.loans.get(loan_id)
        assert loan is not None
        reason = DisputeReason.NOT_RECEIVED
        return open_by_consumer(deps, loan.consumer_id, loan_id, reason, "It never came.").id

    def decide_dispute(self, dispute_id: str, outcome: str) -> None:
        with_reviewer(self._house)
        decide(self._house.deps, dispute_id, DisputeStatus(outcome), reviewer=REVIEWER, reason=RULING)

    def work(self) -> None:
        self._house.work()

    def pay_out(self) -> None:
        terms.set_terms(self._house.deps, self._house.caller.merchant_id, payout_account="sandbox_9001")
        self._house.advance(days=4)
        self._house.work()

    def let_days_pass(self) -> None:
        for _ in range(3):
            self._house.work()


@pytest.fixture(params=["fake", "server"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    if request.param == "fake":
        yield FakeTarget()
        return
    house: Installation = request.getfixturevalue("sqlite_installation")
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield ServerTarget(house, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@pytest.fixture
def api_client(target: Target) -> Client:
    target.client.plans.create(P3)
    return target.client


def sell(client: Client, reference: str = "order-1", *, capture: str = "automatic") -> Checkout:
    return client.checkouts.create(amount=AMOUNT, reference=reference, plan_ids=[P3.id], capture=capture)


def events_of(client: Client, thing_id: str) -> list[Event]:
    return [event for event in client.events.list(limit=100) if event.aggregate.id == thing_id]


def test_a_new_checkout_is_open_and_carries_what_was_asked(api_client: Client) -> None:
    made = api_client.checkouts.create(
        amount=AMOUNT, reference="order-1001", description="自行车", return_url="https://shop.example/back",
        plan_ids=[P3.id], expires_in_seconds=600, language="zh-CN", metadata={"basket": "7"},
    )  # fmt: skip
    assert made.id.startswith("chk_")
    assert (made.status, made.mode, made.amount, made.captured) == (
        "created",
        "test",
        AMOUNT,
        Money(0, "CNY"),
    )
    assert (made.reference, made.description, made.plan_ids, made.language) == (
        "order-1001",
        "自行车",
        (P3.id,),
        "zh-CN",
    )
    assert made.expires_at - made.created_at == timedelta(seconds=600)
    assert made.url is not None
    assert made.url.startswith(("http://", "https://"))
    assert dict(made.metadata) == {"basket": "7"}
    assert not made.till.final
    assert made.till.text.zh_cn
    assert made.till.text.en


def test_what_was_created_can_be_retrieved_and_found_by_reference(api_client: Client) -> None:
    made = sell(api_client, "order-a")
    sell(api_client, "order-b")
    assert api_client.checkouts.retrieve(made.id).id == made.id
    assert [found.id for found in api_client.checkouts.list(reference="order-a")] == [made.id]
    assert {found.reference for found in api_client.checkouts.list(status="created")} >= {
        "order-a",
        "order-b",
    }


def test_lists_page_through_everything_once_newest_first(api_client: Client) -> None:
    made = [sell(api_client, f"order-{n}").id for n in range(5)]
    page = api_client.checkouts.list(limit=2)
    assert len(page.data) == 2
    assert page.has_more
    assert [one.id for one in page] == made[::-1]


def test_the_same_key_gives_the_same_checkout_and_another_body_is_refused(api_client: Client) -> None:
    first = api_client.checkouts.create(amount=AMOUNT, reference="o", idempotency_key="k-1")
    again = api_client.checkouts.create(amount=AMOUNT, reference="o", idempotency_key="k-1")
    assert (again.id, dict(again.raw)) == (first.id, dict(first.raw))
    with pytest.raises(errors.IdempotencyError) as caught:
        api_client.checkouts.create(amount=AMOUNT, reference="other", idempotency_key="k-1")
    assert (caught.value.code, caught.value.http_status) == ("idempotency_mismatch", 422)


def test_a_refused_request_leaves_its_key_free(api_client: Client) -> None:
    with pytest.raises(errors.InvalidRequestError):
        api_client.checkouts.create(amount=AMOUNT, reference="", idempotency_key="k-2")
    assert (
        api_client.checkouts.create(amount=AMOUNT, reference="o", idempotency_key="k-2").status == "created"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": Money(0, "CNY")}, "amount.minor"),
        ({"amount": Money(-5, "CNY")}, "amount.minor"),
        ({"reference": ""}, "reference"),
        ({"reference": "r" * 65}, "reference"),
        ({"reference": "a\u0000b"}, "reference"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"expires_in_seconds": 59}, "expires_in_seconds"),
        ({"capture": "someday"}, "capture"),
        ({"language": "tlh"}, "language"),
        ({"plan_ids": ["no-such-plan"]}, "plan_ids"),
        ({"metadata": {f"k{n}": "v" for n in range(21)}}, "metadata"),
    ],
)
def test_bad_input_is_refused_with_field_and_request_id(
    api_client: Client, change: dict[str, object], field: str
) -> None:
    with pytest.raises(errors.InvalidRequestError) as caught:
        api_client.checkouts.create(**({"amount": AMOUNT, "reference": "o"} | change))  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.field, caught.value.http_status) == ("field_invalid", field, 422)
    assert (caught.value.request_id or "").startswith("req_")
    assert caught.value.hint
    assert list(api_client.checkouts.list()) == []


def test_a_wrong_key_is_refused(target: Target) -> None:
    with pytest.raises(errors.AuthenticationError) as caught:
        target.client_with_key("sk_test_nobody_has_this_key").checkouts.list()
    assert caught.value.code == "key_invalid"


@pytest.mark.parametrize("checkout_id", ["chk_01arz3ndektsv4rrffq69g5fav", "nonsense"])
def test_an_unknown_checkout_is_not_found(api_client: Client, checkout_id: str) -> None:
    for act in (api_client.checkouts.retrieve, api_client.checkouts.cancel, api_client.checkouts.capture):
        with pytest.raises(errors.NotFoundError) as caught:
            act(checkout_id)
        assert caught.value.code == "not_found"


def test_cancelling_is_final_and_may_be_repeated(api_client: Client) -> None:
    made = sell(api_client)
    assert api_client.checkouts.cancel(made.id).status == "cancelled"
    assert api_client.checkouts.cancel(made.id, idempotency_key="again").status == "cancelled"
    assert api_client.checkouts.retrieve(made.id).till.final


def test_a_signed_checkout_is_captured_and_has_a_loan_that_adds_up(
    target: Target, api_client: Client
) -> None:
    made = sell(api_client)
    target.play(made.id, "authorized")
    sold = api_client.checkouts.retrieve(made.id)
    assert (sold.status, sold.captured, sold.plan_id, sold.till.final) == ("captured", AMOUNT, P3.id, True)
    assert sold.loan_id is not None
    loan = api_client.loans.retrieve(sold.loan_id)
    assert (loan.checkout_id, loan.status, loan.reference) == (made.id, "active", "order-1")
    assert loan.principal == AMOUNT
    assert sum(row.principal.minor for row in loan.installments) == AMOUNT.minor
    assert (
        sum(row.total.minor for row in loan.installments)
        == loan.total_payable.minor
        == loan.outstanding.minor
    )
    assert [row.number for row in loan.installments] == [1, 2, 3]
    assert [found.id for found in api_client.loans.list(checkout_id=made.id)] == [loan.id]


def test_a_manual_capture_waits_for_the_merchant_and_never_takes_more_than_was_signed(
    target: Target, api_client: Client
) -> None:
    made = sell(api_client, capture="manual")
    with pytest.raises(errors.ConflictError) as caught:
        api_client.checkouts.capture(made.id)
    assert caught.value.code == "transition_not_allowed"
    target.play(made.id, "authorized")
    assert api_client.checkouts.retrieve(made.id).status == "authorized"
    with pytest.raises(errors.InvalidRequestError) as too_much:
        api_client.checkouts.capture(made.id, amount=Money(AMOUNT.minor + 1, "CNY"))
    assert too_much.value.field == "amount.minor"
    assert api_client.checkouts.capture(made.id).captured == AMOUNT
    assert api_client.checkouts.capture(made.id).captured == AMOUNT


def test_a_signed_checkout_cannot_be_cancelled(target: Target, api_client: Client) -> None:
    made = sell(api_client)
    target.play(made.id, "authorized")
    with pytest.raises(errors.ConflictError):
        api_client.checkouts.cancel(made.id)


def test_a_decline_says_why_in_both_languages(target: Target, api_client: Client) -> None:
    made = sell(api_client)
    target.play(made.id, "declined")
    decline = api_client.checkouts.retrieve(made.id).decline
    assert decline is not None
    assert decline.code
    assert all((decline.text.zh_cn, decline.text.en, decline.hint.zh_cn, decline.hint.en))


def test_events_tell_the_whole_sale_without_gaps(target: Target, api_client: Client) -> None:
    made = sell(api_client)
    target.play(made.id, "authorized")
    everything = list(api_client.events.list(limit=2))
    sequences = [event.sequence for event in everything]
    assert sequences == list(range(sequences[0], sequences[0] + len(everything)))
    own = events_of(api_client, made.id)
    assert [event.aggregate.sequence for event in own] == list(range(1, len(own) + 1))
    types = [event.type for event in own]
    assert types[0] == "checkout.created"
    assert types[-2:] == ["checkout.authorized", "checkout.captured"]
    assert {event.type for event in everything} <= set(EVENT_TYPES)
    assert any(event.type == "loan.created" for event in everything)


def test_the_feed_goes_on_after_any_event(target: Target, api_client: Client) -> None:
    made = sell(api_client)
    target.play(made.id, "authorized")
    everything = list(api_client.events.list())
    for index, event in enumerate(everything):
        rest = [later.id for later in api_client.events.list(after=event.cursor)]
        assert rest == [later.id for later in everything[index + 1 :]]


def test_event_data_is_thin_and_its_states_are_known(target: Target, api_client: Client) -> None:
    made = sell(api_client)
    target.play(made.id, "authorized")
    for event in events_of(api_client, made.id):
        assert "url" not in event.data
        assert event.checkout is not None
        assert event.checkout.status in CHECKOUT_STATUSES
        assert event.checkout.sequence == event.aggregate.sequence


def test_paying_every_installment_repays_the_loan(target: Target, api_client: Client) -> None:
    made = sell(api_client)
    target.play(made.id, "authorized")
    loan_id = api_client.checkouts.retrieve(made.id).loan_id
    assert loan_id is not None
    for _ in range(3):
        target.pay_installment(loan_id)
    loan = api_client.loans.retrieve(loan_id)
    assert (loan.status, loan.outstanding, loan.paid) == ("repaid", Money(0, "CNY"), loan.total_payable)
    types = [event.type for event in events_of(api_client, loan_id)]
    assert types.count("installment.paid") == 3
    assert types[-1] == "loan.repaid"


def test_parts_are_captured_until_nothing_is_left(target: Target, api_client: Client) -> None:
    made = sell(api_client, capture="manual")
    target.play(made.id, "authorized")
    signed = api_client.checkouts.retrieve(made.id)
    assert signed.authorized_until is not None
    first = api_client.checkouts.capture(made.id, amount=Money(100_000, "CNY"))
    assert (first.status, first.captured.minor) == ("captured", 100_000)
    assert first.authorized_until == signed.authorized_until
    with pytest.raises(errors.InvalidRequestError) as beyond:
        api_client.checkouts.capture(made.id, amount=Money(299_901, "CNY"))
    assert beyond.value.field == "amount.minor"
    rest = api_client.checkouts.capture(made.id)
    assert (rest.captured, rest.authorized_until) == (AMOUNT, None)
    with pytest.raises(errors.ConflictError):
        api_client.checkouts.capture(made.id, idempotency_key="once-more")


def test_voiding_the_rest_leaves_a_loan_of_what_was_captured(target: Target, api_client: Client) -> None:
    made = sell(api_client, capture="manual")
    target.play(made.id, "authorized")
    api_client.checkouts.capture(made.id, amount=Money(100_000, "CNY"))
    voided = api_client.checkouts.void(made.id)
    assert (voided.status, voided.captured.minor, voided.voided.minor) == ("captured", 100_000, 299_900)
    loan = api_client.loans.retrieve(str(voided.loan_id))
    assert loan.status == "active"
    assert sum(row.principal.minor for row in loan.installments) == 100_000
    with pytest.raises(errors.ConflictError):
        api_client.checkouts.void(made.id, idempotency_key="once-more")


def test_a_part_that_will_not_be_delivered_is_given_up_as_its_preview_showed(
    target: Target, api_client: Client
) -> None:
    made = sell(api_client, capture="manual")
    target.play(made.id, "authorized")
    shown = api_client.checkouts.void_preview(made.id, amount=Money(100_000, "CNY"))
    assert set(shown.raw) == set(wire.VoidPreviewSchema().fields)
    assert sum(row.principal.minor for row in shown.after) == AMOUNT.minor - 100_000
    reduced = api_client.checkouts.void(made.id, preview=shown)
    assert api_client.checkouts.void(made.id, preview=shown) == reduced
    assert (reduced.status, reduced.voided.minor) == ("authorized", 100_000)
    assert reduced.authorized_until is not None
    loan = api_client.loans.retrieve(str(reduced.loan_id))
    assert [row.outstanding for row in loan.installments] == [row.total for row in shown.after]
    with pytest.raises(errors.InvalidRequestError) as stale:
        api_client.checkouts.void(made.id, preview=shown, idempotency_key="once-more")
    assert stale.value.code == "preview_stale"
    for wrong, field in ((Money(299_901, "CNY"), "amount.minor"), (Money(1, "USD"), "amount.currency")):
        for attempt in (api_client.checkouts.void_preview, api_client.checkouts.void):
            with pytest.raises(errors.InvalidRequestError) as refused:
                attempt(made.id, amount=wrong)
            assert refused.value.field == field
    rest = api_client.checkouts.capture(made.id)
    assert (rest.status, rest.captured.minor, rest.authorized_until) == ("captured", 299_900, None)
    types = [event.type for event in api_client.events.list(limit=100)]
    assert types.count("checkout.reduced") == 1


def test_voiding_all_of_it_ends_the_sale_and_the_loan(target: Target, api_client: Client) -> None:
    made = sell(api_client, capture="manual")
    target.play(made.id, "authorized")
    voided = api_client.checkouts.void(made.id)
    assert (voided.status, voided.till.final) == ("voided", True)
    loan = api_client.loans.retrieve(str(voided.loan_id))
    assert (loan.status, loan.outstanding.minor) == ("cancelled", 0)
    types = [event.type for event in api_client.events.list()]
    assert types[-3:] == ["checkout.voided", "loan.schedule_changed", "loan.cancelled"]


def sold_loan(target: Target, client: Client) -> Loan:
    made = sell(client)
    target.play(made.id, "authorized")
    loan_id = client.checkouts.retrieve(made.id).loan_id
    assert loan_id is not None
    return client.loans.retrieve(loan_id)


@pytest.mark.parametrize("strategy", ["last_first", "next_first", "equal", "shorter", "recompute"])
def test_a_refund_does_what_its_preview_showed(target: Target, api_client: Client, strategy: str) -> None:
    loan = sold_loan(target, api_client)
    shown = api_client.loans.refund_preview(loan.id, amount=Money(100_001, "CNY"), strategy=strategy)
    assert shown.from_merchant.minor <= 100_001
    assert api_client.loans.retrieve(loan.id) == loan
    done = api_client.loans.refund(preview=shown, reference="return-1")
    assert api_client.loans.refund(preview=shown, reference="return-1") == done
    assert (done.amount, done.preview_id, done.reference) == (shown.amount, shown.id, "return-1")
    after = api_client.loans.retrieve(loan.id)
    assert after.outstanding == loan.outstanding - shown.amount - shown.interest_given_back
    assert after.relieved == shown.amount + shown.interest_given_back
    owed = {row.number: row.outstanding for row in after.installments if row.outstanding.minor}
    assert owed == {row.number: row.total for row in shown.after}
    assert [found.id for found in api_client.refunds.list(loan_id=loan.id)] == [done.id]
    assert api_client.refunds.retrieve(done.id).status == "succeeded"
    types = [event.type for event in api_client.events.list()]
    assert types[-3:] == ["refund.pending", "loan.schedule_changed", "refund.succeeded"]


def test_a_service_desk_quotes_a_settlement_and_makes_a_link_to_pay(
    target: Target, api_client: Client
) -> None:
    loan = sold_loan(target, api_client)
    quote = api_client.loans.settlement_quote(loan.id)
    parts = (quote.principal, quote.interest, quote.fee, quote.penalty, quote.early_settlement_fee)
    assert quote.total.minor == sum(part.minor for part in parts)
    assert quote.total == loan.outstanding - quote.given_back + quote.early_settlement_fee
    assert quote.created_at < quote.expires_at
    usual = api_client.loans.pay_link(loan.id)
    assert usual.amount == loan.installments[0].outstanding
    link = api_client.loans.pay_link(loan.id, amount=Money(100, "CNY"), expires_in_seconds=60)
    assert (link.status, link.amount, link.loan_id) == ("requested", Money(100, "CNY"), loan.id)
    assert link.expires_at - link.created_at == timedelta(seconds=60) and "/pay/" in link.url
    assert api_client.loans.payment_order(loan.id, link.id) == link
    for code, attempt in {
        "payment_exceeds_owed": lambda: api_client.loans.pay_link(loan.id, amount=Money(10**9, "CNY")),
        "currency_mismatch": lambda: api_client.loans.pay_link(loan.id, amount=Money(1, "USD")),
    }.items():
        with pytest.raises(errors.InvalidRequestError) as refused:
            attempt()
        assert refused.value.code == code
    with pytest.raises(errors.NotFoundError):
        api_client.loans.payment_order(loan.id, "pay_none")
    with pytest.raises(errors.NotFoundError):
        api_client.loans.settlement_quote("loan_none")


def test_a_whole_refund_closes_the_loan(target: Target, api_client: Client) -> None:
    loan = sold_loan(target, api_client)
    done = api_client.loans.refund(loan.id, amount=AMOUNT, reference="return-1")
    assert done.to_consumer == Money(0, "CNY")
    assert api_client.loans.retrieve(loan.id).status == "refunded"


def test_two_equal_returns_are_two_refunds_and_one_return_is_one(target: Target, api_client: Client) -> None:
    loan = sold_loan(target, api_client)
    half = Money(100_000, "CNY")
    first = api_client.loans.refund(loan.id, amount=half, reference="return-1")
    assert api_client.loans.refund(loan.id, amount=half, reference="return-1").id == first.id
    assert api_client.loans.refund(loan.id, amount=half, reference="return-2").id != first.id
    assert api_client.loans.retrieve(loan.id).relieved.minor >= 200_000


def test_what_cannot_be_refunded_is_refused_by_name(target: Target, api_client: Client) -> None:
    loan = sold_loan(target, api_client)
    old = api_client.loans.refund_preview(loan.id, amount=Money(1, "CNY"))
    api_client.loans.refund(loan.id, amount=Money(399_899, "CNY"))
    for code, attempt in {
        "refund_exceeds_captured": lambda: api_client.loans.refund(loan.id, amount=Money(2, "CNY")),
        "currency_mismatch": lambda: api_client.loans.refund(loan.id, amount=Money(1, "USD")),
        "preview_stale": lambda: api_client.loans.refund(preview=old),
    }.items():
        with pytest.raises(errors.InvalidRequestError) as refused:
            attempt()
        assert refused.value.code == code
    with pytest.raises(errors.NotFoundError):
        api_client.loans.refund(preview="rfp_none")
    with pytest.raises(errors.InvalidArgument):
        api_client.loans.refund(loan.id, preview=old, amount=Money(1, "CNY"))


def test_lines_of_an_order_come_back_piece_by_piece_and_never_more_than_were_bought(
    target: Target, api_client: Client
) -> None:
    lines = [Line("frame", "Frame", 1, Money(299_900, "CNY")), Line("bell", "", 3, Money(100_000, "CNY"))]
    made = api_client.checkouts.create(amount=AMOUNT, reference="order-lines", lines=lines)
    target.play(made.id, "authorized")
    sold = api_client.checkouts.retrieve(made.id)
    assert (sold.lines, made.lines) == (tuple(lines), tuple(lines))
    loan_id = str(sold.loan_id)
    shown = api_client.loans.refund_preview(loan_id, lines={"bell": 1})
    assert (shown.amount.minor, [tuple(each)[:2] for each in shown.lines]) == (33_333, [("bell", 1)])
    assert api_client.loans.refund(preview=shown).lines == shown.lines
    rest = api_client.loans.refund(loan_id, lines={"bell": None}, amount=Money(66_667, "CNY"), reference="r2")
    assert [tuple(each)[:2] for each in rest.lines] == [("bell", 2)]
    for wrong, code in (
        ({"bell": 1}, "refund_line_exceeds"),
        ({"frame": 2}, "refund_line_exceeds"),
        ({"saddle": 1}, "refund_line_unknown"),
    ):
        with pytest.raises(errors.InvalidRequestError) as refused:
            api_client.loans.refund(loan_id, lines=wrong)
        assert refused.value.code == code
    with pytest.raises(errors.InvalidRequestError) as differs:
        api_client.loans.refund(loan_id, lines={"frame": 1}, amount=Money(1, "CNY"))
    assert differs.value.code == "refund_lines_differ"
    whole = api_client.loans.refund(loan_id, lines={"frame": None})
    assert whole.amount.minor == 299_900
    assert api_client.loans.retrieve(loan_id).outstanding.minor >= 0
    for bad in ([lines[0]], [lines[0], lines[0]], [Line("x", "", 1, Money(399_900, "USD"))]):
        with pytest.raises(errors.InvalidRequestError) as unfit:
            api_client.checkouts.create(amount=AMOUNT, reference=f"order-{len(bad)}", lines=bad)
        assert unfit.value.field == "lines"


def test_a_dispute_pauses_the_loan_takes_evidence_and_is_decided(target: Target, api_client: Client) -> None:
    loan = sold_loan(target, api_client)
    opened = api_client.disputes.retrieve(target.open_dispute(loan.id))
    assert (opened.status, opened.reason, opened.opened_by) == ("open", "not_received", "consumer")
    assert (opened.amount, opened.loan_id, opened.statement) == (AMOUNT, loan.id, "It never came.")
    assert opened.answer_due_on == opened.created_at.date() + timedelta(days=10)
    assert api_client.loans.retrieve(loan.id).collection_paused_reason == "dispute"
    with pytest.raises(errors.InvalidRequestError) as bare:
        api_client.disputes.challenge(opened.id)
    assert bare.value.code == "evidence_missing"
    link = "https://shop.example/slip.pdf"
    for _ in range(2):
        given = api_client.disputes.submit_evidence(
            opened.id, text="Signed for.\nSee the slip.", links=[link]
        )
    assert (given.status, given.sequence) == ("evidence_submitted", 2)
    assert [(each.text, each.links) for each in given.evidence] == [("Signed for.\nSee the slip.", (link,))]
    assert api_client.disputes.challenge(opened.id).status == "challenged"
    target.decide_dispute(opened.id, "won")
    won = api_client.disputes.retrieve(opened.id)
    assert (won.status, won.refund_id, won.ruling) == ("won", None, RULING)
    assert won.closed_at is not None and set(won.raw) == set(wire.DisputeSchema().fields)
    assert api_client.loans.retrieve(loan.id).collection_paused_reason is None
    (listed,) = api_client.disputes.list(loan_id=loan.id, status="won")
    assert (listed.id, listed.statement, listed.evidence) == (opened.id, None, ())
    types = [event.type for event in api_client.events.list(limit=100)]
    assert types[types.index("dispute.opened") :] == [
        "dispute.opened",
        "loan.collection_paused",
        "dispute.updated",
        "dispute.updated",
        "loan.collection_resumed",
        "dispute.closed",
    ]
    assert all("statement" not in event.data for event in events_of(api_client, opened.id))


def test_an_accepted_dispute_is_refunded_at_once_and_once(target: Target, api_client: Client) -> None:
    loan = sold_loan(target, api_client)
    dispute_id = target.open_dispute(loan.id)
    done = api_client.disputes.accept(dispute_id)
    assert api_client.disputes.accept(dispute_id) == done
    (refunded,) = api_client.refunds.list(loan_id=loan.id)
    assert (done.status, done.refund_id, refunded.amount) == ("accepted", refunded.id, AMOUNT)
    assert refunded.reference == dispute_id
    assert api_client.loans.retrieve(loan.id).status == "refunded"
    with pytest.raises(errors.ConflictError):
        api_client.disputes.submit_evidence(dispute_id, text="Too late.")


def test_a_dispute_without_an_answer_is_lost_after_ten_days(target: Target, api_client: Client) -> None:
    loan = sold_loan(target, api_client)
    dispute_id = target.open_dispute(loan.id)
    api_client.test_clock.advance(days=11)
    target.work()
    lost = api_client.disputes.retrieve(dispute_id)
    assert lost.status == "lost"
    assert api_client.refunds.retrieve(lost.refund_id or "").amount == AMOUNT


def test_disputes_and_evidence_that_are_none_are_refused(target: Target, api_client: Client) -> None:
    with pytest.raises(errors.NotFoundError):
        api_client.disputes.retrieve("dsp_none")
    dispute_id = target.open_dispute(sold_loan(target, api_client).id)
    for text, links in (("x" * 4_001, []), (" ", []), ("x", ["ftp://x"]), ("x", ["https://x.example"] * 11)):
        with pytest.raises(errors.InvalidRequestError):
            api_client.disputes.submit_evidence(dispute_id, text=text, links=links)
    assert api_client.disputes.retrieve(dispute_id).status == "open"


def test_watching_ends_with_the_final_state(target: Target, api_client: Client) -> None:
    made = sell(api_client)
    watching = api_client.checkouts.watch(made.id, timeout_seconds=120)
    assert next(watching).status == "created"
    target.play(made.id, "authorized")
    assert [state.status for state in watching][-1] == "captured"


def test_plans_are_listed_as_they_were_made_and_an_id_is_taken_once(api_client: Client) -> None:
    assert P3 in list(api_client.plans.list())
    assert api_client.plans.create(P3) == P3
    with pytest.raises(errors.ConflictError):
        api_client.plans.create(Plan(id=P3.id, installments=6, annual_rate="0.12"))


def test_a_plan_by_the_disclosure_of_another_place_is_refused(api_client: Client) -> None:
    with pytest.raises(errors.FenqiError) as refused:
        api_client.plans.create(Plan(id="abroad", installments=3, disclosure="EU"))
    assert (refused.value.code, refused.value.field) == ("disclosure_pack_wrong", "disclosure")
    assert "abroad" not in [plan.id for plan in api_client.plans.list()]


def test_a_webhook_endpoint_shows_its_secret_once(api_client: Client) -> None:
    made = api_client.webhook_endpoints.create(url="https://shop.example/hook", events=["checkout.captured"])
    assert made.id.startswith("whe_")
    assert (made.secret or "").startswith("whsec_")
    assert [(one.id, one.secret) for one in api_client.webhook_endpoints.list()] == [(made.id, None)]
    api_client.webhook_endpoints.delete(made.id)
    assert list(api_client.webhook_endpoints.list()) == []
    with pytest.raises(errors.NotFoundError):
        api_client.webhook_endpoints.delete(made.id)


def test_stores_and_tills_are_made_changed_closed_and_listed(api_client: Client) -> None:
    store = api_client.stores.create(name="南京路店")
    assert api_client.stores.retrieve(store.id) == store
    till = api_client.tills.create(store_id=store.id, name="1 号台")
    assert (store.id[:4], till.id[:4], till.store_id, till.status) == ("sto_", "til_", store.id, "open")
    assert api_client.stores.update(store.id, name="西湖店").name == "西湖店"
    assert api_client.tills.update(till.id, status="closed").status == "closed"
    assert api_client.tills.retrieve(till.id).status == "closed"
    assert [each.id for each in api_client.tills.list(store_id=store.id, status="closed")] == [till.id]
    assert list(api_client.tills.list(store_id=store.id, status="open")) == []
    assert store.id in [each.id for each in api_client.stores.list(limit=1)]
    with pytest.raises(errors.NotFoundError):
        api_client.tills.create(store_id="sto_none", name="x")
    with pytest.raises(errors.InvalidRequestError):
        api_client.stores.update(store.id)


def test_keys_are_shown_once_rolled_and_revoked(api_client: Client) -> None:
    made = api_client.keys.create(name="web shop", scopes=["create", "read"])
    assert (made.secret or "").startswith("sk_test_") and (made.secret or "").endswith(made.hint)
    assert (made.scopes, made.status) == (("create", "read"), "active")
    assert api_client.keys.retrieve(made.id).secret is None
    successor = api_client.keys.roll(made.id, overlap_seconds=3_600)
    assert (successor.scopes, successor.name) == (made.scopes, "web shop")
    assert api_client.keys.retrieve(made.id).status == "expiring"
    with pytest.raises(errors.ConflictError):
        api_client.keys.roll(made.id)
    assert api_client.keys.revoke(made.id).status == "revoked"
    assert api_client.keys.create(kind="publishable").scopes == ("price",)
    assert {made.id, successor.id} <= {each.id for each in api_client.keys.list(limit=1)}


def test_an_offer_is_priced_as_quote_prices_it(api_client: Client) -> None:
    (offer,) = api_client.offers.list(amount=AMOUNT, plan_ids=[P3.id])
    (own,) = quote(AMOUNT, [P3], offer.installments[0].due_on - timedelta(days=31))
    assert (offer.plan, offer.amount, offer.total_payable) == (P3, AMOUNT, own.total_payable)
    assert sum(row.total.minor for row in offer.installments) == offer.total_payable.minor
    with pytest.raises(errors.InvalidRequestError):
        api_client.offers.list(amount=AMOUNT, plan_ids=["none"])


def test_a_webhook_endpoint_is_changed_disabled_and_gets_another_secret(api_client: Client) -> None:
    made = api_client.webhook_endpoints.create(url="https://shop.example/hook", description="orders")
    changed = api_client.webhook_endpoints.update(made.id, events=["loan.repaid"], status="disabled")
    assert (changed.events, changed.status, changed.description) == (("loan.repaid",), "disabled", "orders")
    assert changed.reason
    rolled = api_client.webhook_endpoints.roll_secret(made.id, overlap_seconds=60)
    assert (rolled.secret or "").startswith("whsec_") and rolled.overlap_until is not None
    assert api_client.webhook_endpoints.retrieve(made.id).secret is None
    asymmetric = api_client.webhook_endpoints.create(url="https://shop.example/hook", signature="v1a")
    assert asymmetric.secret is None and (asymmetric.public_key or "").startswith("whpk_")


def test_a_link_is_sent_once_by_sms_and_not_after_a_phone_holds_it(
    target: Target, api_client: Client
) -> None:
    checkout = api_client.checkouts.create(amount=AMOUNT, reference="by-sms")
    assert api_client.checkouts.send_link(checkout.id, "13800138000").status == "created"
    with pytest.raises(errors.InvalidRequestError) as refused:
        api_client.checkouts.send_link(checkout.id, "no number", idempotency_key="another")
    assert refused.value.code == "phone_invalid"


def test_every_method_of_every_resource_is_held_against_the_server_and_the_fake(api_client: Client) -> None:
    told = Path(__file__).read_text("utf-8")
    methods = [
        f"{resource}.{name}"
        for resource, made in vars(api_client).items()
        if not resource.startswith("_")
        for name, each in vars(type(made)).items()
        if not name.startswith("_") and inspect.isfunction(each)
    ]
    assert len(methods) > 50
    assert [each for each in methods if not re.search(rf"\b{re.escape(each)}\b", told)] == []


def test_a_ping_is_a_delivery_that_can_be_looked_up_and_sent_again(api_client: Client) -> None:
    hook = api_client.webhook_endpoints.create(url="https://shop.example/hook")
    pinged = api_client.webhook_endpoints.ping(hook.id)
    assert (pinged.event_type, pinged.status, pinged.attempts) == ("webhook_endpoint.ping", "pending", 0)
    assert pinged.webhook_endpoint_id == hook.id
    assert api_client.deliveries.retrieve(pinged.id) == pinged
    assert pinged in list(api_client.webhook_endpoints.deliveries(hook.id))
    assert list(api_client.webhook_endpoints.deliveries(hook.id, status="dead")) == []
    assert list(api_client.deliveries.attempts(pinged.id)) == []
    assert api_client.deliveries.replay(pinged.id).status == "pending"
    now = api_client.server_time()
    assert now is not None
    replayed = api_client.webhook_endpoints.replay(
        hook.id, since=now - timedelta(1), until=now + timedelta(1)
    )
    assert (replayed.queued, replayed.has_more) == (0, False)
    with pytest.raises(errors.NotFoundError):
        api_client.deliveries.retrieve("dlv_none")
    with pytest.raises(errors.NotFoundError):
        list(api_client.deliveries.attempts("dlv_none"))


def test_a_reader_goes_on_where_it_acknowledged_and_never_back(api_client: Client) -> None:
    for number in range(3):
        sell(api_client, reference=f"order-{number}")
    events = list(api_client.events.list())
    mark = api_client.events.acknowledge(events[1].cursor, reader="books")
    assert (mark.reader, mark.sequence) == ("books", events[1].sequence)
    assert api_client.events.acknowledge(events[0].cursor, reader="books").sequence == events[1].sequence
    assert list(api_client.events.list(reader="books")) == events[2:]
    assert list(api_client.events.list(reader="mail")) == events
    for foreign in ("evt_01kavd3e7qf4c0c0v2t5sj4w1n", 10**6):
        with pytest.raises(errors.InvalidRequestError) as refusal:
            api_client.events.list(after=foreign)
        assert refusal.value.code == "cursor_unknown"


def test_a_listener_begins_behind_the_newest_event_without_reading_the_others(api_client: Client) -> None:
    assert list(api_client.events.list(after=api_client.events.newest_cursor())) == []
    sell(api_client, reference="before")
    began = api_client.events.newest_cursor()
    assert began == list(api_client.events.list())[-1].id
    made = sell(api_client, reference="after")
    assert next(event.aggregate.id for event in api_client.events.list(after=began)) == made.id
    with pytest.raises(errors.InvalidRequestError):
        api_client.events.acknowledge("latest")


def test_the_test_clock_goes_forwards_and_leaves_phones_their_own_time(api_client: Client) -> None:
    made = sell(api_client)
    before = api_client.test_clock.retrieve()
    after = api_client.test_clock.advance(months=1)
    assert timedelta(days=28) <= after.now - before.now <= timedelta(days=31, hours=1)
    assert after.offset_seconds > before.offset_seconds
    assert api_client.checkouts.retrieve(made.id).status == "created"
    with pytest.raises(errors.InvalidRequestError):
        api_client.test_clock.advance(days=-1)


def test_a_test_clock_goes_day_by_day_to_a_moment_or_by_a_duration(
    target: Target, api_client: Client
) -> None:
    before = api_client.test_clocks.retrieve()
    assert [one.id for one in api_client.test_clocks.list()] == [before.id]
    assert before.status == "ready"
    sent = api_client.test_clocks.advance("P10D")
    assert sent.id == before.id
    target.let_days_pass()
    after = api_client.test_clocks.wait()
    assert timedelta(days=10) <= after.now - before.now <= timedelta(days=10, hours=1)
    api_client.test_clocks.advance(to=after.now + timedelta(days=2), clock_id=before.id)
    target.let_days_pass()
    later = api_client.test_clocks.wait(before.id)
    assert (later.status, later.target) == ("ready", None)
    assert later.now >= after.now + timedelta(days=2)
    with pytest.raises(errors.InvalidRequestError):
        api_client.test_clocks.advance(to=before.now)
    with pytest.raises(errors.NotFoundError):
        api_client.test_clocks.retrieve("clk_nobody")
    for nonsense in ("soon", "0 days", "-1 day", "P", "PT", "1.5 days"):
        with pytest.raises(errors.InvalidArgument):
            api_client.test_clocks.advance(nonsense)


def test_a_capture_is_paid_out_and_explained_line_by_line(target: Target, api_client: Client) -> None:
    assert list(api_client.payouts.list()) == []
    made = sell(api_client, capture="manual")
    target.play(made.id, "authorized")
    api_client.checkouts.capture(made.id)
    assert api_client.statements.balance().payable.minor > 0
    target.pay_out()
    (payout,) = api_client.payouts.list(status="paid")
    assert payout.id.startswith("pyt_")
    assert payout == api_client.payouts.retrieve(payout.id)
    assert (payout.status, payout.code, payout.sequence) == ("paid", "", 2)
    assert list(api_client.payouts.list(status="failed")) == []
    assert [event.type for event in events_of(api_client, payout.id)] == ["payout.created", "payout.paid"]
    told = api_client.payouts.statement(payout.id)
    assert sum(line.amount.minor for line in told.lines) == payout.amount.minor == told.amount.minor
    assert {line.reference for line in told.lines} == {"order-1"}
    assert api_client.statements.balance().payable.minor == 0
    month = api_client.statements.retrieve(payout.payout_on - timedelta(days=60), payout.payout_on)
    assert month.opening.minor == month.closing.minor == 0
    assert month.totals["payout"] == -payout.amount
    assert sum(line.amount.minor for line in month.lines) == 0
    with pytest.raises(errors.NotFoundError):
        api_client.payouts.retrieve("pyt_nobody")
    with pytest.raises(errors.InvalidRequestError):
        api_client.statements.retrieve(payout.payout_on, payout.payout_on - timedelta(days=1))


def test_every_answer_has_the_shape_that_the_wire_describes(target: Target, api_client: Client) -> None:
    made = sell(api_client)
    target.play(made.id, "authorized")
    sold = api_client.checkouts.retrieve(made.id)
    assert set(sold.raw) == set(wire.CheckoutSchema().fields)
    loan = api_client.loans.retrieve(sold.loan_id or "")
    assert set(loan.raw) == set(wire.LoanSchema().fields)
    event = api_client.events.list(limit=1).data[0]
    assert set(event.raw) == set(wire.EventSchema().fields)
