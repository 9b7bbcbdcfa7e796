"""What one merchant owns does not exist for another: every route, every id."""

from typing import Any

from merchant_server.domain.merchant import SCOPES
from merchant_server.services.operation.api_keys import create_key
from tests.api.asking import refused
from tests.api.inventory import operations
from tests.api.test_problems import api_rules
from tests.installation import Installation

# Who may do what, decided here and not read from the views: any one of the scopes is enough.
POLICY = {
    "GET /v1/checkouts": {"read"},
    "POST /v1/checkouts": {"create"},
    "GET /v1/checkouts/{checkout_id}": {"read", "watch"},
    "GET /v1/checkouts/{checkout_id}/stream": {"read", "watch"},
    "POST /v1/checkouts/{checkout_id}/cancel": {"create"},
    "POST /v1/checkouts/{checkout_id}/send_link": {"create"},
    "POST /v1/checkouts/{checkout_id}/capture": {"capture"},
    "POST /v1/checkouts/{checkout_id}/void": {"capture"},
    "POST /v1/checkouts/{checkout_id}/void_previews": {"capture"},
    "POST /v1/loans/{loan_id}/refund_previews": {"refund"},
    "POST /v1/loans/{loan_id}/settlement_quote": {"read"},
    "GET /v1/loans/{loan_id}/settlement_quote": {"read"},
    "POST /v1/loans/{loan_id}/payment_orders": {"create"},
    "GET /v1/loans/{loan_id}/payment_orders/{order_id}": {"read"},
    "POST /v1/refunds": {"refund"},
    "GET /v1/refunds": {"read"},
    "GET /v1/disputes": {"read"},
    "GET /v1/disputes/{dispute_id}": {"read"},
    "POST /v1/disputes/{dispute_id}/evidence": {"refund"},
    "POST /v1/disputes/{dispute_id}/challenge": {"refund"},
    "POST /v1/disputes/{dispute_id}/accept": {"refund"},
    "GET /v1/payouts": {"read"},
    "GET /v1/payouts/{payout_id}": {"read"},
    "GET /v1/payouts/{payout_id}/statement": {"read"},
    "GET /v1/statements": {"read"},
    "GET /v1/balance": {"read"},
    "GET /v1/test_clocks": {"read"},
    "GET /v1/test_clocks/{clock_id}": {"read"},
    "POST /v1/test_clocks/{clock_id}/advance": {"settings"},
    "GET /v1/refunds/{refund_id}": {"read"},
    "GET /v1/offers": {"read", "price"},
    "GET /v1/plans": {"read", "price"},
    "POST /v1/plans": {"settings"},
    "GET /v1/loans": {"read"},
    "GET /v1/loans/{loan_id}": {"read"},
    "GET /v1/events": {"read"},
    "POST /v1/events/ack": {"read"},
    "GET /v1/webhook_endpoints": {"settings"},
    "POST /v1/webhook_endpoints": {"settings"},
    "GET /v1/webhook_endpoints/{endpoint_id}": {"settings"},
    "PATCH /v1/webhook_endpoints/{endpoint_id}": {"settings"},
    "DELETE /v1/webhook_endpoints/{endpoint_id}": {"settings"},
    "POST /v1/webhook_endpoints/{endpoint_id}/roll_secret": {"settings"},
    "POST /v1/webhook_endpoints/{endpoint_id}/ping": {"settings"},
    "GET /v1/webhook_endpoints/{endpoint_id}/deliveries": {"settings"},
    "POST /v1/webhook_endpoints/{endpoint_id}/replay": {"settings"},
    "GET /v1/deliveries/{delivery_id}": {"settings"},
    "GET /v1/deliveries/{delivery_id}/attempts": {"settings"},
    "POST /v1/deliveries/{delivery_id}/replay": {"settings"},
    "GET /v1/stores": {"read"},
    "POST /v1/stores": {"settings"},
    "GET /v1/stores/{store_id}": {"read"},
    "PATCH /v1/stores/{store_id}": {"settings"},
    "GET /v1/tills": {"read"},
    "POST /v1/tills": {"settings"},
    "GET /v1/tills/{till_id}": {"read"},
    "PATCH /v1/tills/{till_id}": {"settings"},
    "GET /v1/keys": {"settings"},
    "POST /v1/keys": {"settings"},
    "GET /v1/keys/{key_id}": {"settings"},
    "POST /v1/keys/{key_id}/roll": {"settings"},
    "POST /v1/keys/{key_id}/revoke": {"settings"},
    "GET /v1/test_clock": {"read"},
    "POST /v1/test_clock/advance": {"settings"},
}
TABLES = ("checkouts", "loans", "refunds", "plans", "stores", "tills", "webhook_endpoints", "event_readers")


def belongings(house: Installation) -> dict[str, str]:
    """Make one of everything that has an id, and return the ids by the names that paths give them."""
    hook = house.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook"}).get_json()["id"]
    sold = house.sell(plan="p3")
    (newest, *_) = house.get(f"/v1/webhook_endpoints/{hook}/deliveries").get_json()["data"]
    assert sold.loan_id is not None
    refund = house.post(
        "/v1/refunds", {"loan_id": sold.loan_id, "amount": {"minor": 10_000, "currency": "CNY"}}
    ).get_json()
    return {
        "refund_id": refund["id"],
        "checkout_id": sold.id,
        "loan_id": sold.loan_id,
        "endpoint_id": hook,
        "delivery_id": newest["id"],
        "store_id": house.store_id,
        "till_id": house.till_id,
        "key_id": house.caller.key_id,
    }


def roles(house: Installation) -> dict[str, tuple[str, set[str]]]:
    """Return a key and its scopes for every role: one for each scope, a publishable one and a till's."""
    merchant_id = house.caller.merchant_id
    made = {scope: create_key(house.deps, merchant_id, scopes=(scope,)) for scope in SCOPES}
    made["publishable"] = create_key(house.deps, merchant_id, kind="publishable")
    made["till"] = create_key(house.deps, merchant_id, kind="till", till_id=house.till_id)
    return {role: (key.secret, set(key.key.scopes)) for role, key in made.items()}


def owned(house: Installation, tables: tuple[str, ...] = TABLES) -> list[Any]:
    """Return every row of a merchant."""
    merchant_id = house.caller.merchant_id
    return [
        house.rows(f"SELECT * FROM {table} WHERE merchant_id = :id ORDER BY 1, 2, 3", id=merchant_id)
        for table in tables
    ]


def test_every_route_of_the_api_is_in_the_description_and_in_the_policy(installation: Installation) -> None:
    described = {each.name for each in operations(installation)}
    routed = {
        f"{method} {rule.rule.replace('<', '{').replace('>', '}')}"
        for rule in api_rules(installation)
        if rule.rule.startswith("/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routed - described == {"GET /v1/openapi.json"}
    assert described == set(POLICY)


def test_no_role_of_another_merchant_reaches_or_moves_anything(installation: Installation) -> None:
    mine = installation
    ids = belongings(mine)
    stranger = mine.another_merchant()
    before, crossed = owned(mine), 0
    for role, (secret, scopes) in roles(stranger).items():
        for each in operations(mine):
            answer = stranger.client.open(
                each.at(ids), method=each.method, json=each.body,
                headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": f"{role}:{each.path}"},
            )  # fmt: skip
            if not scopes & POLICY[each.name]:
                refused(answer, 403, "scope_missing")
            elif "{" in each.path:
                refused(answer, 404, "not_found")
                crossed += 1
            else:
                text = answer.get_data(as_text=True)
                assert not any(each_id in text for each_id in ids.values()), each.name
    assert crossed >= 20
    assert owned(mine) == before


def test_each_role_does_what_its_scopes_say_and_no_more(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    ids = belongings(house)
    ids["key_id"] = create_key(house.deps, house.caller.merchant_id).key.id
    for role, (secret, scopes) in roles(house).items():
        for each in sorted(operations(house), key=lambda each: each.method == "DELETE"):
            answer = house.client.open(
                each.at(ids), method=each.method, json=each.body,
                headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": f"{role}:{each.path}"},
            )  # fmt: skip
            allowed = bool(scopes & POLICY[each.name])
            problem = answer.get_json(force=True) if answer.status_code == 403 else {"code": ""}
            # A key may give no more than it has: that is another 403 than a missing scope of its own.
            if allowed and each.path.startswith("/v1/keys"):
                continue
            assert (problem["code"] == "scope_missing") is not allowed, (role, each.name, answer.status_code)
            answer.close()


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
