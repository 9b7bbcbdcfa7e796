"""What one merchant owns does not exist for another: every route, every id."""

from tests.api.asking import body_for, refused
from tests.api.test_problems import api_rules
from tests.installation import Installation

IDS = ("checkout_id", "loan_id", "endpoint_id", "payout_id", "clock_id", "refund_id")


def test_another_merchants_ids_are_not_found_anywhere(installation: Installation) -> None:
    mine = installation
    sold = mine.sell(plan="p3")
    hook = mine.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook"}).get_json()["id"]
    stranger = mine.another_merchant()
    before = mine.rows("SELECT id, status, version FROM checkouts ORDER BY id")

    crossed = 0
    for rule in api_rules(mine):
        if not rule.arguments:
            continue
        for given in (sold.id, sold.loan_id, hook, mine.caller.merchant_id, mine.store_id):
            path = rule.rule
            for name in IDS:
                path = path.replace(f"<{name}>", str(given))
            for method in sorted((rule.methods or set()) & {"GET", "POST", "DELETE"}):
                answer = stranger.client.open(
                    path, method=method, json=body_for(path) if method == "POST" else None,
                    headers={"Authorization": f"Bearer {stranger.api_key}", "Idempotency-Key": f"{path}{method}"},
                )  # fmt: skip
                refused(answer, 404, "not_found")
                crossed += 1
    assert crossed >= 25
    assert mine.rows("SELECT id, status, version FROM checkouts ORDER BY id") == before
    assert mine.get("/v1/webhook_endpoints").get_json()["data"][0]["status"] == "active"


def test_lists_hold_nothing_of_another_merchant(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook"})
    stranger = installation.another_merchant()
    for path in (
        "/v1/checkouts", "/v1/loans", "/v1/events", "/v1/webhook_endpoints", f"/v1/loans?checkout_id={sold.id}",
        "/v1/checkouts?reference=order-1001",
    ):  # fmt: skip
        assert stranger.get(path).get_json()["data"] == []
    assert [each["id"] for each in stranger.get("/v1/plans").get_json()["data"]] == ["p3", "p6", "p12"]


def test_another_merchants_store_till_and_plan_cannot_be_sold_with(installation: Installation) -> None:
    stranger = installation.another_merchant()
    installation.post("/v1/plans", {"id": "own", "installments": 2})
    for field, value, code in (
        ("store_id", installation.store_id, "store_unknown"),
        ("till_id", installation.till_id, "till_unknown"),
    ):
        answer = stranger.post(
            "/v1/checkouts", {"amount": {"minor": 10_000, "currency": "CNY"}, "reference": "r", field: value}
        )
        refused(answer, 422, code, field)
    answer = stranger.post(
        "/v1/checkouts",
        {"amount": {"minor": 10_000, "currency": "CNY"}, "reference": "r", "plan_ids": ["own"]},
    )
    refused(answer, 422, "field_invalid", "plan_ids")


def test_one_merchants_clock_is_not_anothers(installation: Installation) -> None:
    stranger = installation.another_merchant()
    installation.post("/v1/test_clock/advance", {"days": 40})
    assert stranger.get("/v1/test_clock").get_json()["offset_seconds"] == 0
