"""What is around every answer: limits, versions, request ids, ETags, and how long an answer is kept."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merchant_server.app import build_app
from merchant_server.domain.errors import RateLimited
from merchant_server.services.operation.idempotency import KEPT_DAYS, forget_answers
from merchant_server.web.api.versions import NEWEST
from merchant_server.web.limits import BUCKETS_MAX, Buckets, Limits, Policy
from tests.api.asking import draft, is_problem, refused
from tests.installation import Installation

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def limited(house: Installation, per_second: int = 0, refused_per_minute: int = 0) -> Installation:
    """Serve the house with limits."""
    house.app = build_app(
        house.deps, secret_key=b"w" * 32, secure=False, limited=Limits(per_second, refused_per_minute)
    )
    return house


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_slowed(
    sqlite_installation: Installation,
) -> None:
    house = limited(sqlite_installation, per_second=5)
    answers = [house.get("/v1/plans") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in answers[:10]]
    assert left == list(range(9, -1, -1))
    assert answers[0].headers["RateLimit-Policy"] == '"key";q=10;w=2'
    assert answers[0].headers["RateLimit"] == '"key";r=9;t=1'
    problem = refused(answers[10], 429, "rate_limited")
    assert int(answers[10].headers["Retry-After"]) == 1 and "Retry-After" in problem["hint"]
    assert answers[10].headers["RateLimit-Remaining"] == "0"
    assert house.another_merchant().get("/v1/plans").status_code == 200
    house.clock.pass_(seconds=1)
    assert house.get("/v1/plans").status_code == 200


def test_an_address_that_guesses_keys_is_stopped_and_a_good_key_never_is(
    sqlite_installation: Installation,
) -> None:
    house = limited(sqlite_installation, refused_per_minute=6)
    wrong = {"Authorization": "Bearer sk_test_wrong"}
    here, there = {"REMOTE_ADDR": "198.51.100.7"}, {"REMOTE_ADDR": "203.0.113.9"}
    guesses = [house.client.get("/v1/plans", headers=wrong, environ_overrides=here) for _ in range(8)]
    assert [answer.status_code for answer in guesses] == [401] * 6 + [429] * 2
    assert int(guesses[-1].headers["Retry-After"]) == 10
    good = {"Authorization": f"Bearer {house.api_key}"}
    assert house.client.get("/v1/plans", headers=good, environ_overrides=there).status_code == 200
    # Behind one proxy all callers share an address, so a good key is never turned away for it.
    assert house.client.get("/v1/plans", headers=good, environ_overrides=here).status_code == 200
    house.clock.pass_(seconds=10)
    assert house.client.get("/v1/plans", headers=wrong, environ_overrides=here).status_code == 401


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(min_value=-5, max_value=5), max_size=80), st.integers(1, 20))
def test_no_bucket_ever_gives_more_than_its_size_and_what_has_flowed_in(
    steps: list[float], size: int
) -> None:
    buckets = Buckets(Policy("key", size, 2.0))
    now, latest, given_out = NOW, NOW, 0
    for step in steps:
        now += timedelta(seconds=step)
        latest = max(latest, now)
        try:
            buckets.take("one", now)
            given_out += 1
        except RateLimited as told:
            assert told.facts["retry_after_seconds"] >= 1
    forwards = sum(max(step, 0) for step in steps)
    assert given_out <= size + 2 * forwards + 1


def test_the_memory_of_the_limits_is_bounded() -> None:
    buckets = Buckets(Policy("address", 3, 0.1))
    for number in range(BUCKETS_MAX + 50):
        buckets.take(str(number), NOW)
    assert len(buckets._levels) <= BUCKETS_MAX


def test_an_answer_is_in_the_version_asked_for_else_in_that_of_the_key(installation: Installation) -> None:
    installation.checkout()
    new = installation.get("/v1/events")
    assert (new.headers["Fenqi-Version"], new.get_json()["next_cursor"][:4]) == (NEWEST, "evt_")
    old = installation.get("/v1/events", **{"Fenqi-Version": "2026-11-01"})
    assert (old.headers["Fenqi-Version"], old.get_json()["next_cursor"]) == ("2026-11-01", "1")
    assert old.get_json()["data"] == new.get_json()["data"]
    assert old.headers["ETag"] != new.headers["ETag"]
    with installation.engine.transaction() as connection:
        connection.execute("UPDATE api_keys SET version = '2026-11-01'")
    assert installation.get("/v1/events").get_json()["next_cursor"] == "1"
    assert installation.get("/v1/events", **{"Fenqi-Version": NEWEST}).get_json() == new.get_json()


def test_a_request_id_is_one_from_the_caller_to_the_event_and_the_receiver(
    installation: Installation,
) -> None:
    installation.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook"})
    made = installation.post("/v1/checkouts", draft(), **{"X-Request-Id": "till-7:2026-11-22.0001"})
    assert made.headers["X-Request-Id"] == made.headers["Request-Id"] == "till-7:2026-11-22.0001"
    own = installation.post(f"/v1/checkouts/{made.get_json()['id']}/cancel").headers["X-Request-Id"]
    events = installation.get("/v1/events").get_json()["data"]
    assert [event["request_id"] for event in events] == ["till-7:2026-11-22.0001", own]
    installation.work()
    pushed = [json.loads(sent[4])["request_id"] for sent in installation.sender.sent]
    assert pushed == ["till-7:2026-11-22.0001", own]
    installation.checkout(reference="by hand")
    assert installation.get("/v1/events").get_json()["data"][-1]["request_id"] is None


@pytest.mark.parametrize(
    "given_id", ["", "short", "x" * 65, "a b c d e f", "line\tbreak", "<script>alert(1)</script>"]
)
def test_a_request_id_that_could_do_harm_is_replaced(house: Installation, given_id: str) -> None:
    answer = house.get("/v1/nothing", **{"X-Request-Id": given_id})
    assert re.fullmatch(r"req_[0-9a-z]{26}", answer.headers["X-Request-Id"])
    assert is_problem(answer)["request_id"] == answer.headers["X-Request-Id"]


def test_a_read_that_has_not_changed_is_304_without_a_body(installation: Installation) -> None:
    made = installation.post("/v1/checkouts", draft()).get_json()
    path = f"/v1/checkouts/{made['id']}"
    tag = installation.get(path).headers["ETag"]
    same = installation.get(path, **{"If-None-Match": tag})
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    installation.post(f"{path}/cancel")
    changed = installation.get(path, **{"If-None-Match": tag})
    assert (changed.status_code, changed.get_json()["status"]) == (200, "cancelled")
    assert changed.headers["Cache-Control"] == "private, no-cache"
    assert "ETag" not in installation.post(f"{path}/cancel").headers


def test_an_answer_is_forgotten_after_a_month_and_one_about_money_never(installation: Installation) -> None:
    sold = installation.sell(capture="manual")
    captured = installation.post(f"/v1/checkouts/{sold.id}/capture", {}, key="money")
    made = installation.post("/v1/checkouts", draft(), key="order")
    installation.clock.pass_(days=KEPT_DAYS, seconds=-1)
    assert forget_answers(installation.deps) == 0
    assert installation.post("/v1/checkouts", draft(), key="order").data == made.data
    installation.clock.pass_(seconds=2)
    installation.work()
    assert [row["key"] for row in installation.rows("SELECT key FROM idempotency_keys")] == ["money"]
    again = installation.post("/v1/checkouts", draft(), key="order")
    assert again.status_code == 201 and again.get_json()["id"] != made.get_json()["id"]
    installation.clock.pass_(days=4_000)
    installation.work()
    assert installation.post(f"/v1/checkouts/{sold.id}/capture", {}, key="money").data == captured.data
