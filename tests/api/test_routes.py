"""Every route of /v1 on its good path: the answers conform to fenqi.wire, and pages turn."""

from typing import Any

import pytest
from fenqi.finance.money import Money
from fenqi.wire import (
    CheckoutSchema,
    EventSchema,
    LoanSchema,
    PlanSchema,
    TestClockSchema,
    WebhookEndpointSchema,
    page_of,
)
from marshmallow import Schema

from tests.api.asking import draft, refused
from tests.installation import Installation


def conforms(
    resource: dict[str, Any], schema: type[Schema], *, without: set[str] = frozenset()
) -> dict[str, Any]:
    """Assert that a resource has exactly the fields of its schema, and loads."""
    fields = schema().fields
    assert set(resource) == {field.data_key or name for name, field in fields.items()} - without
    schema().load(resource)
    return resource


def test_a_checkout_is_created_retrieved_and_cancelled(installation: Installation) -> None:
    made = installation.post("/v1/checkouts", draft(store_id=installation.store_id, metadata={"basket": "7"}))
    assert made.status_code == 201
    checkout = conforms(made.get_json(), CheckoutSchema)
    assert (checkout["status"], checkout["mode"], checkout["metadata"]) == (
        "created",
        "test",
        {"basket": "7"},
    )
    assert checkout["url"].startswith("http://127.0.0.1:8010/p/")

    assert installation.get(f"/v1/checkouts/{checkout['id']}").get_json() == checkout

    cancelled = installation.post(f"/v1/checkouts/{checkout['id']}/cancel")
    assert cancelled.status_code == 200
    assert conforms(cancelled.get_json(), CheckoutSchema)["status"] == "cancelled"
    assert cancelled.get_json()["till"]["final"] is True


def test_a_till_brings_its_store_with_it(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    made = installation.post("/v1/checkouts", draft(till_id=installation.till_id)).get_json()
    assert (made["till_id"], made["store_id"]) == (installation.till_id, installation.store_id)


def test_a_signed_checkout_waits_for_its_capture_when_that_is_manual(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    sold = installation.sell(capture="manual")
    before = installation.get(f"/v1/checkouts/{sold.id}").get_json()
    assert (before["status"], before["captured"]["minor"]) == ("authorized", 0)

    captured = installation.post(
        f"/v1/checkouts/{sold.id}/capture", {"amount": {"minor": 399_900, "currency": "CNY"}}
    )
    assert captured.status_code == 200
    assert conforms(captured.get_json(), CheckoutSchema)["status"] == "captured"
    assert captured.get_json()["captured"] == {"minor": 399_900, "currency": "CNY"}


def test_a_loan_is_found_by_its_id_and_by_its_checkout(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    listed = installation.get(f"/v1/loans?checkout_id={sold.id}").get_json()
    conforms(listed, page_of(LoanSchema))
    loan = conforms(listed["data"][0], LoanSchema)
    assert loan == installation.get(f"/v1/loans/{loan['id']}").get_json()
    assert (loan["reference"], len(loan["installments"])) == ("order-1001", 3)
    assert installation.get("/v1/loans?checkout_id=chk_other").get_json()["data"] == []


@pytest.mark.parametrize(
    ("id_number", "amount", "code"),
    [("110101199003079227", 399_900, "general"), ("110101199003077651", 9_000_000, "amount_over_limit")],
    ids=["late payments are the person's", "the amount is the shop's too"],
)
def test_a_declined_checkout_says_what_the_shop_can_change_in_two_languages(
    sqlite_installation: Installation, id_number: str, amount: int, code: str
) -> None:
    installation = sqlite_installation
    checkout = installation.checkout(Money(amount, "CNY"))
    installation.apply(checkout, id_number=id_number)
    answered = conforms(installation.get(f"/v1/checkouts/{checkout.id}").get_json(), CheckoutSchema)
    assert answered["status"] == "declined"
    assert answered["decline"]["code"] == code
    events = installation.get("/v1/events?limit=100").get_data(as_text=True)
    assert "bureau" not in events and "overdue" not in events
    assert set(answered["decline"]["text"]) == set(answered["decline"]["hint"]) == {"zh-CN", "en"}


def test_plans_are_made_and_listed_in_order(installation: Installation) -> None:
    terms = {"id": "p24", "installments": 24, "annual_rate": "0.15", "name": "24 期"}
    made = installation.post("/v1/plans", terms)
    assert made.status_code == 201
    assert conforms(made.get_json(), PlanSchema)["annual_rate"] == "0.15"
    assert installation.post("/v1/plans", terms).status_code == 201

    listed = conforms(installation.get("/v1/plans").get_json(), page_of(PlanSchema))
    assert [plan["id"] for plan in listed["data"]] == ["p3", "p6", "p12", "p24"]


def test_a_plan_keeps_its_terms_under_its_id(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    refused(
        installation.post("/v1/plans", {"id": "p12", "installments": 24, "annual_rate": "0.1"}),
        409,
        "conflict",
        "id",
    )
    assert [plan["installments"] for plan in installation.get("/v1/plans").get_json()["data"]] == [3, 6, 12]


def test_events_come_oldest_first_without_gaps_and_page_by_cursor(installation: Installation) -> None:
    installation.sell(plan="p3")
    everything = installation.get("/v1/events?limit=100").get_json()
    conforms(everything, page_of(EventSchema))
    events = everything["data"]
    for event in events:
        schema = {"checkout": CheckoutSchema, "loan": LoanSchema}[event["aggregate"]["type"]]
        conforms(event, EventSchema)
        conforms(event["data"], schema, without={"url"} & set(schema().fields))
        assert event["aggregate"]["id"] == event["data"]["id"]
        assert event["aggregate"]["sequence"] == event["data"]["sequence"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events][-3:] == [
        "checkout.authorized",
        "loan.created",
        "checkout.captured",
    ]

    read, after = [], "0"
    while True:
        page = installation.get(f"/v1/events?limit=2&after={after}").get_json()
        read += page["data"]
        after = page["next_cursor"]
        if not page["has_more"]:
            break
    assert read == events
    assert installation.get(f"/v1/events?after={after}").get_json()["data"] == []


def test_checkouts_page_newest_first_and_filter(installation: Installation) -> None:
    made = [
        installation.post("/v1/checkouts", draft(reference=f"order-{number}")).get_json()["id"]
        for number in range(5)
    ]
    installation.post(f"/v1/checkouts/{made[0]}/cancel")
    read, cursor = [], None
    while True:
        page = installation.get(f"/v1/checkouts?limit=2{f'&cursor={cursor}' if cursor else ''}").get_json()
        conforms(page, page_of(CheckoutSchema))
        read += [checkout["id"] for checkout in page["data"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert read == made[::-1]
    for query, expected in (("status=cancelled", made[:1]), ("reference=order-3", [made[3]])):
        found = installation.get(f"/v1/checkouts?{query}").get_json()["data"]
        assert [checkout["id"] for checkout in found] == expected


def test_a_webhook_endpoint_shows_its_secret_once_and_can_be_deleted(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    made = installation.post(
        "/v1/webhook_endpoints", {"url": "https://shop.example/hook", "events": ["loan.created"]}
    )
    assert made.status_code == 201
    endpoint = conforms(made.get_json(), WebhookEndpointSchema)
    assert endpoint["secret"].startswith("whsec_")

    listed = installation.get("/v1/webhook_endpoints").get_json()
    conforms(listed["data"][0], WebhookEndpointSchema, without={"secret"})
    headers = {"Authorization": f"Bearer {installation.api_key}"}
    deleted = installation.client.delete(f"/v1/webhook_endpoints/{endpoint['id']}", headers=headers)
    assert (deleted.status_code, deleted.data) == (204, b"")
    again = installation.client.delete(f"/v1/webhook_endpoints/{endpoint['id']}", headers=headers)
    assert again.status_code == 404
    assert installation.get("/v1/webhook_endpoints").get_json()["data"] == []


@pytest.mark.parametrize(
    ("step", "seconds"), [({"months": 1}, 30 * 86_400), ({"days": 2}, 2 * 86_400), ({"seconds": 7}, 7)]
)
def test_the_test_clock_is_read_and_turned(
    sqlite_installation: Installation, step: dict[str, int], seconds: int
) -> None:
    installation = sqlite_installation
    before = conforms(installation.get("/v1/test_clock").get_json(), TestClockSchema)
    assert before["offset_seconds"] == 0
    after = installation.post("/v1/test_clock/advance", step)
    assert after.status_code == 200
    # 21 November plus a month is 21 December: 30 days.
    assert conforms(after.get_json(), TestClockSchema)["offset_seconds"] == seconds


def test_every_answer_carries_a_request_id(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    paths = ("/v1/plans", "/v1/checkouts/chk_none", "/v1/nothing", "/v1/openapi.json")
    ids = [installation.get(path).headers["Request-Id"] for path in paths]
    assert all(each.startswith("req_") for each in ids) and len(set(ids)) == len(ids)
