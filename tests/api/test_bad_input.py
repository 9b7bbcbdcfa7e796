"""Bad input by name: each gets a clear refusal that names the field, and nothing is stored or moved."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.errors import DomainError
from merchant_server.providers.webhook_sender import HttpWebhookSender
from merchant_server.services.operation.merchants import create_store
from merchant_server.services.sale import choosing, claims, codes
from tests.api.asking import draft, is_problem, refused
from tests.api.inventory import operations
from tests.installation import Installation

AMOUNT = "amount.minor"
A_SHOP, EARLIER, LATER = "https://shop.example", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def body_with(amount_text: str) -> bytes:
    return f'{{"reference": "r", "amount": {{"minor": {amount_text}, "currency": "CNY"}}}}'.encode()


def nothing_stored(house: Installation) -> None:
    for table in ("checkouts", "events", "idempotency_keys"):
        assert house.rows(f"SELECT * FROM {table}") == []


@pytest.mark.parametrize(
    "text",
    ["3999.00", "1e3", "-0.0", "1E400", "0.1", "NaN", "Infinity", "-Infinity", "9" * 30, "01", "+1", "0x10"],
)
def test_a_number_that_is_not_whole_is_malformed(house: Installation, text: str) -> None:
    problem = refused(house.post("/v1/checkouts", body_with(text)), 400, "body_malformed")
    assert "character" in problem["detail"] or "position" in problem["detail"], problem
    nothing_stored(house)


@pytest.mark.parametrize(
    "text", ["-1", "0", "-399900", str(10**15 + 1), '"399900"', "true", "null", "[]", "{}"]
)
def test_an_amount_that_cannot_be_sold_names_its_field(house: Installation, text: str) -> None:
    refused(house.post("/v1/checkouts", body_with(text)), 422, "field_invalid", AMOUNT)
    nothing_stored(house)


@pytest.mark.parametrize(
    ("currency", "code"),
    [
        ("XXX", "field_invalid"),
        ("cny", "field_invalid"),
        ("¥", "field_invalid"),
        ("", "field_invalid"),
        (156, "field_invalid"),
        ("EUR", "currency_not_supported"),
        ("JPY", "currency_not_supported"),
    ],
)
def test_an_unknown_or_other_currency_is_refused(house: Installation, currency: Any, code: str) -> None:
    answer = house.post("/v1/checkouts", draft(amount={"minor": 100, "currency": currency}))
    refused(answer, 422, code, "amount.currency")
    nothing_stored(house)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"surprise": 1}, "surprise"),
        ({"status": "captured"}, "status"),
        ({"merchant_id": "mer_x"}, "merchant_id"),
        ({"amount": {"minor": 1, "currency": "CNY", "rate": "0"}}, "amount.rate"),
    ],
)
def test_an_unknown_field_is_refused_by_its_path(
    house: Installation, changes: dict[str, Any], field: str
) -> None:
    refused(house.post("/v1/checkouts", draft(**changes)), 422, "field_unknown", field)
    nothing_stored(house)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reference": ""}, "reference"),
        ({"reference": "x" * 65}, "reference"),
        ({"reference": "a\x00b"}, "reference"),
        ({"reference": 7}, "reference"),
        ({"description": "x" * 201}, "description"),
        ({"description": "\u202egnp.exe"}, "description"),
        ({"plan_ids": []}, "plan_ids"),
        ({"plan_ids": ["p3", "p3"]}, "plan_ids"),
        ({"capture": "later"}, "capture"),
        ({"language": "fr"}, "language"),
        ({"expires_in_seconds": 59}, "expires_in_seconds"),
        ({"expires_in_seconds": 172_801}, "expires_in_seconds"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {str(n): "x" for n in range(21)}}, "metadata"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_a_field_out_of_its_bounds_is_named(house: Installation, changes: dict[str, Any], field: str) -> None:
    refused(house.post("/v1/checkouts", draft(**changes)), 422, "field_invalid", field)
    nothing_stored(house)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "//evil.example/x", "/relative", "ftp://shop.example", "https://user:pw@shop.example",
        "https://", "https://shop.example:99999/", "http://shop.example\\@evil.example", "https://商店.example",
        "https://shop.example/a b", " https://shop.example", "data:text/html,x",
    ],
)  # fmt: skip
def test_a_return_url_that_a_browser_may_not_follow_is_refused(house: Installation, address: str) -> None:
    refused(house.post("/v1/checkouts", draft(return_url=address)), 422, "field_invalid", "return_url")
    refused(house.post("/v1/webhook_endpoints", {"url": address}), 422, "field_invalid", "url")
    nothing_stored(house)


@pytest.mark.parametrize("twice", ["reference", "amount"])
def test_a_key_that_appears_twice_is_malformed(house: Installation, twice: str) -> None:
    text = json.dumps(draft())
    body = text[:-1] + ', "' + twice + '": ' + json.dumps(draft()[twice]) + "}"
    problem = refused(house.post("/v1/checkouts", body.encode()), 400, "body_malformed")
    assert twice in problem["detail"]
    nothing_stored(house)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_a_body_that_is_no_object_is_malformed(house: Installation, body: bytes) -> None:
    refused(house.post("/v1/checkouts", body), 400, "body_malformed")
    nothing_stored(house)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_another_content_type_is_415(house: Installation, kind: str) -> None:
    answer = house.post("/v1/checkouts", draft(), **{"Content-Type": kind})
    refused(answer, 415, "unsupported_media_type")
    nothing_stored(house)


def test_a_body_over_the_limit_is_413_and_one_at_the_limit_is_read(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    body = json.dumps(draft()).encode()
    too_large = body + b" " * (256 * 1024 + 1 - len(body))
    refused(installation.post("/v1/checkouts", too_large), 413, "body_too_large")
    nothing_stored(installation)
    assert installation.post("/v1/checkouts", too_large[:-1]).status_code == 201


def test_a_callback_over_the_limit_is_413(house: Installation) -> None:
    refused(house.client.post("/callbacks/bank", data=b"x" * (256 * 1024 + 1)), 413, "body_too_large")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_missing"),
        ("", "idempotency_key_missing"),
        ('""', "idempotency_key_missing"),
        ("k" * 256, "idempotency_key_invalid"),
        ("two words", "idempotency_key_invalid"),
        ("clé".encode().decode("latin-1"), "idempotency_key_invalid"),
        ('"' + "k" * 256 + '"', "idempotency_key_invalid"),
    ],
)
def test_a_bad_idempotency_key_is_refused_on_every_post(
    house: Installation, key: str | None, code: str
) -> None:
    headers = {"Authorization": f"Bearer {house.api_key}"} | ({} if key is None else {"Idempotency-Key": key})
    for path in (
        "/v1/checkouts", "/v1/checkouts/chk_1/cancel", "/v1/checkouts/chk_1/capture", "/v1/plans",
        "/v1/webhook_endpoints", "/v1/test_clock/advance",
    ):  # fmt: skip
        refused(house.client.post(path, json={}, headers=headers), 400, code)
    nothing_stored(house)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"plan_ids": ["p99"]}, "field_invalid", "plan_ids"),
        ({"plan_ids": ["p3", "p99"]}, "field_invalid", "plan_ids"),
        ({"store_id": "sto_none"}, "store_unknown", "store_id"),
        ({"till_id": "til_none"}, "till_unknown", "till_id"),
        ({"plan_ids": ["p3"], "amount": {"minor": 2_000_001, "currency": "CNY"}}, "no_plan_fits", AMOUNT),
        # One fen in three installments would make installments of nothing.
        ({"plan_ids": ["p3"], "amount": {"minor": 1, "currency": "CNY"}}, "no_plan_fits", AMOUNT),
    ],
)
def test_a_checkout_that_nobody_could_pay_is_refused(
    house: Installation, changes: dict[str, Any], code: str, field: str
) -> None:
    refused(house.post("/v1/checkouts", draft(**changes)), 422, code, field)
    nothing_stored(house)


def test_a_plan_above_the_legal_cap_is_never_the_only_one(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    installation.post("/v1/plans", {"id": "dear", "installments": 12, "annual_rate": "0.36"})
    before = len(installation.rows("SELECT * FROM events"))
    refused(installation.post("/v1/checkouts", draft(plan_ids=["dear"])), 422, "no_plan_fits", AMOUNT)
    made = installation.post("/v1/checkouts", draft(plan_ids=["dear", "p3"]))
    assert made.get_json()["plan_ids"] == ["p3"]
    assert len(installation.rows("SELECT * FROM events")) == before + 1


def test_a_till_of_another_store_is_refused(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    other = create_store(installation.deps, installation.caller.merchant_id, "第二家店")
    answer = installation.post("/v1/checkouts", draft(store_id=other.id, till_id=installation.till_id))
    refused(answer, 422, "till_unknown", "till_id")


@pytest.mark.parametrize(
    ("amount", "status", "code", "field"),
    [
        (Money(399_901, "CNY"), 422, "capture_exceeds_authorized", "amount.minor"),
        (Money(399_900, "EUR"), 422, "currency_mismatch", "amount.currency"),
    ],
)
def test_a_capture_beyond_what_was_signed_is_refused(
    sqlite_installation: Installation, amount: Money, status: int, code: str, field: str
) -> None:
    installation = sqlite_installation
    sold = installation.sell(capture="manual")
    path = f"/v1/checkouts/{sold.id}/capture"
    refused(installation.post(path, {"amount": amount.to_dict()}), status, code, field)
    assert installation.now(sold).status == "authorized"


def test_nothing_unsigned_is_captured_and_nothing_signed_is_cancelled(installation: Installation) -> None:
    fresh = installation.checkout()
    refused(installation.post(f"/v1/checkouts/{fresh.id}/capture"), 409, "transition_not_allowed")
    sold = installation.sell(reference="order-2")
    refused(installation.post(f"/v1/checkouts/{sold.id}/cancel"), 409, "transition_not_allowed")
    refused(installation.post(f"/v1/checkouts/{sold.id}/capture"), 409, "transition_not_allowed")
    assert [len(installation.rows("SELECT * FROM journal_entries"))] == [2]


@pytest.mark.parametrize(
    ("end", "code"), [("expired", "checkout_expired"), ("cancelled", "checkout_cancelled")]
)
def test_a_phone_gets_no_further_with_an_ended_checkout(
    installation: Installation, end: str, code: str
) -> None:
    checkout = installation.checkout()
    installation.apply(checkout)
    if end == "expired":
        installation.clock.pass_(minutes=20)
    else:
        installation.post(f"/v1/checkouts/{checkout.id}/cancel", {"confirm": True})
    before = installation.rows("SELECT * FROM transitions")
    steps = (
        lambda: codes.send_phone_code(installation.deps, checkout.token, "phone-1", "13800138000"),
        lambda: choosing.choices(installation.deps, checkout.token, "phone-1"),
        lambda: choosing.prepare_agreement(
            installation.deps, checkout.token, "phone-1", plan_id="p3", account_token="x"
        ),
    )
    for step in steps:
        with pytest.raises(DomainError) as refusal:
            step()
        assert refusal.value.code in (code, "step_out_of_order")
    with pytest.raises(DomainError) as stranger:
        claims.open_link(installation.deps, checkout.token, "phone-2")
    assert stranger.value.code == code
    assert installation.rows("SELECT * FROM transitions") == before


@pytest.mark.parametrize(
    "step", [{}, {"months": 1, "days": 1}, {"days": 0}, {"days": -1}, {"months": 121}, {"hours": 1}]
)
def test_a_clock_that_would_not_go_forwards_by_one_unit_is_refused(
    house: Installation, step: dict[str, int]
) -> None:
    answer = house.post("/v1/test_clock/advance", step)
    assert (
        answer.status_code,
        answer.get_json(force=True)["code"] in ("field_invalid", "field_unknown"),
    ) == (422, True)
    assert house.get("/v1/test_clock").get_json()["offset_seconds"] == 0


def test_the_test_clock_cannot_be_turned_out_of_the_calendar(sqlite_installation: Installation) -> None:
    statuses = [
        sqlite_installation.post("/v1/test_clock/advance", {"months": 120}).status_code for _ in range(12)
    ]
    assert statuses[:9] == [200] * 9 and statuses[-1] == 422
    refused(sqlite_installation.post("/v1/test_clock/advance", {"months": 120}), 422, "clock_too_far")
    assert sqlite_installation.post("/v1/checkouts", draft()).status_code == 201


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=1.5",
        "status=nonsense",
        "cursor=",
        "reference=%00",
    ],
)
def test_a_bad_query_is_refused_by_its_name(house: Installation, query: str) -> None:
    answer = house.get(f"/v1/checkouts?{query}")
    problem = answer.get_json(force=True)
    assert answer.status_code == 422 and problem["field"] == query.partition("=")[0], problem


@pytest.mark.parametrize("after", ["-1", "x", "1" * 19, "%EF%BC%91"])
def test_a_bad_event_cursor_is_refused(house: Installation, after: str) -> None:
    refused(house.get(f"/v1/events?after={after}"), 422, "field_invalid", "after")


@pytest.mark.parametrize("after", ["evt_01kavd3e7qf4c0c0v2t5sj4w1n", "999"])
def test_an_event_cursor_of_no_event_here_is_refused_and_says_so(house: Installation, after: str) -> None:
    refused(house.get(f"/v1/events?after={after}"), 422, "cursor_unknown", "after")
    refused(house.post("/v1/events/ack", {"cursor": after}), 422, "cursor_unknown", "cursor")


def test_an_unknown_filter_is_refused_on_every_read_and_names_those_that_there_are(
    house: Installation,
) -> None:
    lists = [each for each in operations(house) if each.method == "GET" and "List" in str(each.described)]
    assert len(lists) >= 10
    for each in lists:
        path = each.at({})
        answer = house.get(f"{path}{'&' if '?' in path else '?'}surprise=1")
        problem = refused(answer, 400, "filter_unknown", "surprise")
        for parameter in each.described["parameters"]:
            assert parameter.get("in") != "query" or parameter["name"] in problem["detail"], each.name


@pytest.mark.parametrize(
    "address",
    [
        "http://shop.example/hook", "https://10.0.0.1/hook", "https://127.0.0.1/hook", "https://[::1]/hook",
        "https://169.254.169.254/latest/meta-data", "https://localhost/hook", "https://0x7f000001/",
    ],
)  # fmt: skip
def test_a_webhook_address_inside_a_private_network_is_refused_at_its_registration(
    sqlite_installation: Installation, address: str
) -> None:
    house = sqlite_installation
    house.deps = replace(house.deps, sender=HttpWebhookSender(version="0"))
    answer = house.post("/v1/webhook_endpoints", {"url": address})
    assert is_problem(answer)["code"] in ("url_refused", "address_refused")
    assert (answer.status_code, is_problem(answer)["field"]) == (422, "url")
    good = house.post("/v1/webhook_endpoints", {"url": "https://1.1.1.1/hook"}).get_json()
    changed = house.patch(f"/v1/webhook_endpoints/{good['id']}", {"url": address})
    assert is_problem(changed)["code"] in ("url_refused", "address_refused")
    assert house.get(f"/v1/webhook_endpoints/{good['id']}").get_json()["url"] == "https://1.1.1.1/hook"


@pytest.mark.parametrize(
    ("path", "body", "code", "field"),
    [
        ("/v1/stores", {}, "field_invalid", "name"),
        ("/v1/stores", {"name": " "}, "field_invalid", "name"),
        ("/v1/stores", {"name": "x" * 101}, "field_invalid", "name"),
        ("/v1/keys", {"kind": "master"}, "field_invalid", "kind"),
        ("/v1/keys", {"scopes": []}, "field_invalid", "scopes"),
        ("/v1/keys", {"scopes": ["everything"]}, "field_invalid", "scopes.0"),
        ("/v1/keys", {"kind": "till"}, "till_unknown", "till_id"),
        ("/v1/keys", {"till_id": "til_1"}, "till_unknown", "till_id"),
        ("/v1/webhook_endpoints", {"url": A_SHOP, "events": ["nothing.happened"]}, "field_invalid", "events.0"),
        ("/v1/webhook_endpoints", {"url": A_SHOP, "signature": "v2"}, "field_invalid", "signature"),
        ("/v1/webhook_endpoints/x/replay", {"since": LATER, "until": EARLIER}, "field_invalid", "until"),
        ("/v1/webhook_endpoints/x/replay", {"since": "yesterday", "until": LATER}, "field_invalid", "since"),
        ("/v1/webhook_endpoints/x/roll_secret", {"overlap_seconds": -1}, "field_invalid", "overlap_seconds"),
        ("/v1/events/ack", {"cursor": "-1"}, "field_invalid", "cursor"),
    ],
)  # fmt: skip
def test_a_setting_out_of_its_bounds_is_named(
    house: Installation, path: str, body: dict[str, Any], code: str, field: str
) -> None:
    refused(house.post(path, body), 422, code, field)


@pytest.mark.parametrize("version", ["2025-01-01", "", "latest", "2026-11-01; 1", "2026-11-01\u00a0x"])
def test_an_unknown_version_is_refused_with_the_list_of_those_that_there_are(
    house: Installation, version: str
) -> None:
    problem = refused(
        house.get("/v1/plans", **{"Fenqi-Version": version}), 400, "version_unknown", "Fenqi-Version"
    )
    assert "2026-11-01" in problem["detail"] and "2026-11-22" in problem["detail"]


def test_a_feed_cursor_of_another_merchant_is_refused_and_tells_nothing_of_it(
    sqlite_installation: Installation,
) -> None:
    mine = sqlite_installation
    mine.checkout()
    theirs = mine.another_merchant()
    for number in range(2):
        theirs.checkout(reference=f"o-{number}")
    event = theirs.get("/v1/events").get_json()["data"][1]
    for cursor in (event["id"], str(event["sequence"])):
        told = refused(mine.get(f"/v1/events?after={cursor}"), 422, "cursor_unknown", "after")
        refused(mine.post("/v1/events/ack", {"cursor": cursor}), 422, "cursor_unknown", "cursor")
        assert theirs.caller.merchant_id not in json.dumps(told)
