"""One effect a key (law 5): the answer is replayed byte for byte, and a refusal frees the key."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from tests.api.asking import draft, refused
from tests.installation import Installation

RUNNERS = 16


def test_the_same_key_and_body_answer_the_same_bytes_and_act_once(installation: Installation) -> None:
    first = installation.post("/v1/checkouts", draft(), key="one")
    installation.clock.pass_(days=40)
    # The same JSON in another order and spacing is the same request.
    second = installation.post(
        "/v1/checkouts",
        b'{ "reference": "order-1001",\n "amount": {"currency": "CNY", "minor": 399900}}',
        key="one",
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(installation.rows("SELECT * FROM checkouts")) == 1
    assert len(installation.rows("SELECT * FROM events")) == 1


def test_a_replay_shows_what_was_answered_and_not_what_became_of_it(installation: Installation) -> None:
    made = installation.post("/v1/checkouts", draft(), key="one")
    installation.post(f"/v1/checkouts/{made.get_json()['id']}/cancel")
    assert installation.post("/v1/checkouts", draft(), key="one").get_json()["status"] == "created"


@pytest.mark.parametrize(
    "changed",
    [draft(reference="other"), draft(amount={"minor": 1, "currency": "CNY"}), draft(description="x")],
)
def test_another_body_under_the_same_key_is_refused_and_does_nothing(
    installation: Installation, changed: dict[str, object]
) -> None:
    installation.post("/v1/checkouts", draft(), key="one")
    refused(installation.post("/v1/checkouts", changed, key="one"), 422, "idempotency_mismatch")
    assert len(installation.rows("SELECT * FROM checkouts")) == 1


def test_another_route_under_the_same_key_is_refused(installation: Installation) -> None:
    made = installation.post("/v1/checkouts", draft(), key="one").get_json()
    refused(
        installation.post(f"/v1/checkouts/{made['id']}/cancel", {}, key="one"), 422, "idempotency_mismatch"
    )
    assert installation.get(f"/v1/checkouts/{made['id']}").get_json()["status"] == "created"


def test_a_refusal_frees_the_key_for_the_corrected_request(installation: Installation) -> None:
    refused(
        installation.post("/v1/checkouts", draft(store_id="sto_none"), key="one"),
        422,
        "store_unknown",
        "store_id",
    )
    refused(installation.post("/v1/checkouts", {"reference": "r"}, key="one"), 422, "field_invalid", "amount")
    assert installation.post("/v1/checkouts", draft(), key="one").status_code == 201


def test_a_quoted_key_is_the_same_key(installation: Installation) -> None:
    first = installation.post("/v1/checkouts", draft(), key="one")
    assert installation.post("/v1/checkouts", draft(), key='"one"').data == first.data


def test_another_merchants_key_of_the_same_name_is_another_key(installation: Installation) -> None:
    stranger = installation.another_merchant()
    mine = installation.post("/v1/checkouts", draft(), key="one").get_json()
    theirs = stranger.post("/v1/checkouts", draft(reference="theirs"), key="one")
    assert theirs.status_code == 201
    assert theirs.get_json()["id"] != mine["id"]


def test_a_key_of_255_visible_characters_is_taken(installation: Installation) -> None:
    key = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != '"').ljust(255, "k")
    assert installation.post("/v1/checkouts", draft(), key=key).status_code == 201


@pytest.mark.parametrize("same_body", [True, False])
def test_sixteen_requests_at_once_under_one_key_act_once(installation: Installation, same_body: bool) -> None:
    start = threading.Barrier(RUNNERS)

    def ask(number: int) -> TestResponse:
        start.wait()
        return installation.post(
            "/v1/checkouts", draft(reference="r" if same_body else f"r{number}"), key="one"
        )

    assert installation.app
    with ThreadPoolExecutor(RUNNERS) as pool:
        answers = list(pool.map(ask, range(RUNNERS)))
    created = {answer.data for answer in answers if answer.status_code == 201}
    others = {
        (answer.status_code, answer.get_json(force=True)["code"])
        for answer in answers
        if answer.status_code != 201
    }
    assert len(created) == 1
    assert others <= {(409, "idempotency_in_progress")} | (
        set() if same_body else {(422, "idempotency_mismatch")}
    )
    assert len(installation.rows("SELECT * FROM checkouts")) == 1
    assert len(installation.rows("SELECT * FROM events")) == 1


@pytest.mark.parametrize(
    ("path", "body", "count"),
    [
        ("/v1/plans", {"id": "p9", "installments": 9}, "SELECT * FROM plans WHERE id = 'p9'"),
        ("/v1/webhook_endpoints", {"url": "https://shop.example/hook"}, "SELECT * FROM webhook_endpoints"),
        ("/v1/test_clock/advance", {"months": 1}, "SELECT * FROM audit WHERE action = 'test_clock.advanced'"),
    ],
)
def test_every_other_post_acts_once_too(
    installation: Installation, path: str, body: dict[str, object], count: str
) -> None:
    answers = [installation.post(path, body, key="one") for _ in range(3)]
    assert len({(answer.status_code, answer.data) for answer in answers}) == 1
    assert answers[0].status_code in (200, 201)
    assert len(installation.rows(count)) == 1


def test_a_capture_and_a_cancel_act_once(installation: Installation) -> None:
    sold = installation.sell(capture="manual")
    captured = [
        installation.post(f"/v1/checkouts/{sold.id}/capture", {}, key="capture").data for _ in range(2)
    ]
    assert captured[0] == captured[1]
    fresh = installation.checkout(reference="order-2")
    cancelled = [
        installation.post(f"/v1/checkouts/{fresh.id}/cancel", {}, key="cancel").data for _ in range(2)
    ]
    assert cancelled[0] == cancelled[1]
    assert len(installation.rows("SELECT * FROM journal_entries WHERE kind = 'capture'")) == 1
