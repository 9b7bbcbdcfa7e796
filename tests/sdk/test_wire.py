"""The schemas of every JSON body: what a draft refuses and where it points, and what an answer tolerates."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from fenqi import wire
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.wire import first_error
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

EPOCH = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)
DRAFT = {"amount": {"minor": 399900, "currency": "CNY"}, "reference": "order-1001"}


def refusal(schema: Schema, body: Any) -> wire.FirstError:
    with pytest.raises(ValidationError) as caught:
        schema.load(body)
    return first_error(caught.value.messages)


def test_a_draft_loads_to_money_and_documented_defaults() -> None:
    loaded = wire.CheckoutDraftSchema().load(DRAFT)
    assert loaded["amount"] == Money(399900, "CNY")
    assert (loaded["capture"], loaded["expires_in_seconds"], loaded["plan_ids"], loaded["metadata"]) == (
        "automatic",
        900,
        None,
        {},
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": None}, "amount"),
        ({"amount": 399900}, "amount"),
        ({"amount": {"minor": 399900}}, "amount.currency"),
        ({"amount": {"minor": 0, "currency": "CNY"}}, "amount.minor"),
        ({"amount": {"minor": -1, "currency": "CNY"}}, "amount.minor"),
        ({"amount": {"minor": 10**15 + 1, "currency": "CNY"}}, "amount.minor"),
        ({"amount": {"minor": True, "currency": "CNY"}}, "amount.minor"),
        ({"amount": {"minor": 1.0, "currency": "CNY"}}, "amount.minor"),
        ({"amount": {"minor": "1", "currency": "CNY"}}, "amount.minor"),
        ({"amount": {"minor": None, "currency": "CNY"}}, "amount.minor"),
        ({"amount": {"minor": 1, "currency": "cny"}}, "amount.currency"),
        ({"amount": {"minor": 1, "currency": "CNY\n"}}, "amount.currency"),
        ({"amount": {"minor": 1, "currency": "XXX"}}, "amount.currency"),
        ({"reference": ""}, "reference"),
        ({"reference": "   "}, "reference"),
        ({"reference": "r" * 65}, "reference"),
        ({"reference": 7}, "reference"),
        ({"reference": "a\0b"}, "reference"),
        ({"reference": "a\u202eb"}, "reference"),
        ({"reference": "a\ud800"}, "reference"),
        ({"description": "d" * 201}, "description"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"return_url": "//shop.example/x"}, "return_url"),
        ({"return_url": "https://user:pw@shop.example"}, "return_url"),
        ({"return_url": "https://shop.example:99999/"}, "return_url"),
        ({"return_url": "https://[::1/"}, "return_url"),
        ({"return_url": "https://shop.example\\@evil.example/"}, "return_url"),
        ({"return_url": "https:///path"}, "return_url"),
        ({"return_url": "https://x#a#b"}, "return_url"),
        ({"plan_ids": []}, "plan_ids"),
        ({"plan_ids": ["p"] * 21}, "plan_ids"),
        ({"plan_ids": ["p", "p"]}, "plan_ids"),
        ({"plan_ids": ["p", 3]}, "plan_ids.1"),
        ({"plan_ids": "p12"}, "plan_ids"),
        ({"capture": "later"}, "capture"),
        ({"expires_in_seconds": 59}, "expires_in_seconds"),
        ({"expires_in_seconds": 172801}, "expires_in_seconds"),
        ({"expires_in_seconds": False}, "expires_in_seconds"),
        ({"language": "de"}, "language"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"metadata": {"key": 1}}, "metadata.key"),
        ({"metadata": {f"k{n}": "v" for n in range(21)}}, "metadata"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_a_bad_field_is_refused_and_pointed_at(change: dict[str, Any], field: str) -> None:
    first = refusal(wire.CheckoutDraftSchema(), DRAFT | change)
    assert (first.code, first.field) == ("field_invalid", field)
    assert len(first.detail) > 10


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (DRAFT | {"ammount": 1}, "ammount"),
        (DRAFT | {"amount": {"minor": 1, "currency": "CNY", "x": 0}}, "amount.x"),
    ],
)
def test_unknown_fields_of_a_draft_are_refused_by_name(body: dict[str, Any], field: str) -> None:
    first = refusal(wire.CheckoutDraftSchema(), body)
    assert (first.code, first.field) == ("field_unknown", field)


@pytest.mark.parametrize("body", [[], "text", 7, None, [DRAFT]])
def test_a_body_that_is_no_object_is_malformed(body: Any) -> None:
    assert refusal(wire.CheckoutDraftSchema(), body) == wire.FirstError(
        "body_malformed", None, "Expected a JSON object."
    )


@pytest.mark.parametrize(
    "body", [{}, {"months": 1, "days": 1}, {"months": 0}, {"days": -1}, {"seconds": 1.5}, {"years": 1}]
)
def test_a_test_clock_goes_forwards_by_one_unit_only(body: dict[str, Any]) -> None:
    assert refusal(wire.TestClockAdvanceSchema(), body).code in ("field_invalid", "field_unknown")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000/hook", "https://shop.example", "https://shop.example:8443/a?b=c#d"]
)
def test_ordinary_web_addresses_pass(url: str) -> None:
    assert wire.WebhookEndpointDraftSchema().load({"url": url})["url"] == url


def test_an_unknown_event_type_is_refused() -> None:
    assert (
        refusal(wire.WebhookEndpointDraftSchema(), {"url": "http://a", "events": ["loan.eaten"]}).field
        == "events.0"
    )


PLAN = Plan(
    id="p12",
    installments=12,
    annual_rate="0.12",
    down_payment_rate="0.2",
    max_amount=Money(500000, "CNY"),
    subsidy_bps={"merchant": 5000, "brand": 100},
    cash_back_bps={"merchant": 100, "lender": 50},
    first_due_after="2 weeks",
    name="十二期",
)


def test_a_plan_survives_the_wire_and_back() -> None:
    shown = wire.PlanSchema().dump(PLAN)
    assert shown["object"] == "plan"
    assert wire.PlanSchema().load(shown | {"newer": 1}) == PLAN
    del shown["object"]
    assert wire.PlanDraftSchema().load(shown) == PLAN


def test_the_wire_knows_every_term_of_a_plan() -> None:
    assert set(wire.PlanDraftSchema().fields) == set(PLAN.to_dict())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"annual_rate": 0.12}, "annual_rate"),
        ({"annual_rate": "-0.1"}, "annual_rate"),
        ({"installments": True}, "installments"),
        ({"installments": 0}, "installments"),
        ({"method": "magic"}, "method"),
        ({"period": "fortnight"}, "period"),
        ({"max_amount": {"minor": 1, "currency": "??"}}, "max_amount.currency"),
        ({"id": ""}, "id"),
        ({"aprr": "1"}, "aprr"),
    ],
)
def test_a_bad_term_of_a_plan_is_pointed_at(change: dict[str, Any], field: str) -> None:
    assert refusal(wire.PlanDraftSchema(), {"id": "p", "installments": 3} | change).field == field


ANSWER = DRAFT | {
    "id": "chk_1",
    "status": "created",
    "created_at": "2026-11-21T08:00:00.123456Z",
    "expires_at": "2026-11-21T08:15:00Z",
    "sequence": 1,
}


def test_answers_tolerate_fields_and_states_of_a_newer_server() -> None:
    loaded = wire.CheckoutSchema().load(
        ANSWER | {"status": "meditating", "aura": 7, "amount": {"minor": 1, "currency": "CNY", "mood": "x"}}
    )
    assert (loaded["status"], loaded["amount"]) == ("meditating", Money(1, "CNY"))
    assert "aura" not in loaded


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T08:00:00+00:00",
        "2026-11-21 08:00:00Z",
        "2026-11-21T08:00:00",
        "2026-02-30T08:00:00Z",
        "",
        5,
        None,
    ],
)
def test_a_time_that_is_not_plainly_utc_is_refused(text: Any) -> None:
    assert refusal(wire.CheckoutSchema(), ANSWER | {"created_at": text}).field == "created_at"


@given(st.datetimes(EPOCH, EPOCH.replace(year=2200), timezones=st.just(UTC)))
def test_times_keep_their_microseconds(instant: datetime) -> None:
    text = wire.utc_text(instant)
    assert wire.CheckoutSchema().load(ANSWER | {"created_at": text})["created_at"] == instant


@given(st.integers(1, 10**15), st.sampled_from(["CNY", "JPY", "KWD", "USD"]))
def test_amounts_survive_the_wire(minor: int, currency: str) -> None:
    dumped = wire.CaptureSchema().dump({"amount": Money(minor, currency)})
    assert dumped == {"amount": {"minor": minor, "currency": currency}}
    assert wire.CaptureSchema().load(dumped) == {"amount": Money(minor, currency)}


def test_dates_are_days() -> None:
    row: dict[str, Any] = {
        name: {"minor": 1, "currency": "CNY"} for name in ("principal", "interest", "fee", "total", "paid")
    }
    row |= {"number": 1, "status": "due"}
    assert wire.InstallmentSchema().load(row | {"due_on": "2026-12-21"})["due_on"] == date(2026, 12, 21)
    assert refusal(wire.InstallmentSchema(), row | {"due_on": "2026-12-21T00:00:00Z"}).field == "due_on"
    assert refusal(wire.InstallmentSchema(), row | {"due_on": "20261221"}).field == "due_on"


def test_a_page_is_one_class_per_resource_and_keeps_rows() -> None:
    page = wire.page_of(wire.PlanSchema)
    assert page is wire.page_of(wire.PlanSchema)
    loaded = page().load({"data": [wire.PlanSchema().dump(PLAN)], "has_more": True, "next_cursor": "c"})
    assert loaded["data"] == [PLAN]


@given(st.text(max_size=80))
def test_the_published_pattern_of_text_accepts_what_the_field_accepts(text: str) -> None:
    """OpenAPI readers and the server agree about a reference, but for the length, which is published apart."""
    import re

    field = wire.CheckoutDraftSchema().fields["reference"]
    accepted = not wire.CheckoutDraftSchema().validate(DRAFT | {"reference": text})
    # A pattern in OpenAPI is ECMA 262, where $ is the very end.
    pattern = field.metadata["pattern"].removesuffix("$") + r"\Z"
    published = re.search(pattern, text) is not None and 1 <= len(text) <= 64
    assert accepted == published
