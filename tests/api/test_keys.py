"""Keys: each kind does its own, a rolled one lives on for its overlap, a revoked one ends everywhere at once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from merchant_server.app import build_app
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.merchant import USE_WRITTEN_SECONDS, key_hash
from merchant_server.services.operation import api_keys
from merchant_server.services.operation.api_keys import authenticate
from merchant_server.storage.opening import open_engine
from merchant_server.storage.unit_of_work import SqlStorage
from merchant_server.web.api import known_keys
from merchant_server.web.api.known_keys import KnownKeys
from tests.api.asking import draft, refused
from tests.installation import Installation


def bearer(secret: str, key: str = "one") -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}


def test_a_rolled_key_and_its_successor_are_both_alive_until_the_overlap_ends(
    installation: Installation,
) -> None:
    old = installation.post("/v1/keys", {"name": "shop"}).get_json()
    new = installation.post(f"/v1/keys/{old['id']}/roll", {"overlap_seconds": 3_600}).get_json()
    assert (new["name"], new["scopes"], new["secret"] != old["secret"]) == ("shop", old["scopes"], True)
    for secret in (old["secret"], new["secret"]):
        assert installation.client.get("/v1/plans", headers=bearer(secret)).status_code == 200
    installation.clock.pass_(seconds=3_600)
    refused(installation.client.get("/v1/plans", headers=bearer(old["secret"])), 401, "key_expired")
    assert installation.client.get("/v1/plans", headers=bearer(new["secret"])).status_code == 200
    refused(installation.post(f"/v1/keys/{old['id']}/roll"), 409, "key_not_live")
    assert installation.get(f"/v1/keys/{old['id']}").get_json()["status"] == "expired"


def test_a_key_revoked_by_one_server_is_refused_by_another_within_a_second(
    installation: Installation, database_url: str
) -> None:
    other_engine = open_engine(database_url)
    storage = installation.deps.storage
    assert isinstance(storage, SqlStorage)
    deps = replace(
        installation.deps, storage=SqlStorage(other_engine, storage._ring, installation.deps.ids.new)
    )
    other = build_app(deps, secret_key=b"w" * 32, secure=False, known=KnownKeys()).test_client()
    key = installation.post("/v1/keys", {}).get_json()
    assert other.get("/v1/plans", headers=bearer(key["secret"])).status_code == 200
    installation.post(f"/v1/keys/{key['id']}/revoke")
    revoked_at = installation.clock.now()
    while other.get("/v1/plans", headers=bearer(key["secret"])).status_code == 200:
        installation.clock.pass_(seconds=0.1)
    assert installation.clock.now() - revoked_at < timedelta(seconds=1)
    refused(other.get("/v1/plans", headers=bearer(key["secret"])), 401, "key_revoked")
    other_engine.close()


def test_a_busy_key_is_looked_up_twice_a_second_and_a_wrong_one_each_time(
    sqlite_installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, looked_up = sqlite_installation, []
    monkeypatch.setattr(
        known_keys,
        "authenticate",
        lambda deps, secret: looked_up.append(secret) or authenticate(deps, secret),
    )
    app = build_app(house.deps, secret_key=b"w" * 32, secure=False, known=KnownKeys())
    for _ in range(20):
        assert app.test_client().get("/v1/plans", headers=bearer(house.api_key)).status_code == 200
        refused(app.test_client().get("/v1/plans", headers=bearer("sk_test_no")), 401, "key_invalid")
        house.clock.pass_(seconds=0.1)
    assert (looked_up.count(house.api_key), looked_up.count("sk_test_no")) == (4, 20)


def test_only_hashes_of_keys_are_kept(installation: Installation) -> None:
    key = installation.post("/v1/keys", {}).get_json()
    (row,) = installation.rows("SELECT * FROM api_keys WHERE id = :id", id=key["id"])
    assert row["key_hash"] == key_hash(key["secret"])
    assert key["secret"] not in str(row)
    assert "secret" not in installation.get("/v1/keys").get_data(as_text=True).replace('"kind":"secret"', "")


def test_the_last_use_is_noted_about_once_a_minute_and_costs_no_write_between(
    sqlite_installation: Installation,
) -> None:
    house = sqlite_installation
    key = house.post("/v1/keys", {}).get_json()
    assert key["last_used_at"] is None
    noted = []
    for _ in range(4):
        house.client.get("/v1/plans", headers=bearer(key["secret"]))
        noted.append(house.get(f"/v1/keys/{key['id']}").get_json()["last_used_at"])
        house.clock.pass_(seconds=USE_WRITTEN_SECONDS / 2)
    assert noted[0] is not None
    assert noted == [noted[0], noted[0], noted[2], noted[2]] and noted[2] > noted[0]


def test_a_publishable_key_prices_offers_from_any_page_and_does_nothing_else(
    sqlite_installation: Installation,
) -> None:
    house = sqlite_installation
    key = house.post("/v1/keys", {"kind": "publishable"}).get_json()
    assert key["secret"].startswith("pk_test_")
    priced = house.client.get("/v1/offers?amount_minor=399900&currency=CNY", headers=bearer(key["secret"]))
    assert priced.headers["Access-Control-Allow-Origin"] == "*"
    offers = priced.get_json()["data"]
    assert {offer["plan"]["id"] for offer in offers} == {"p3", "p6", "p12"}
    assert "Access-Control-Allow-Origin" not in house.get("/v1/checkouts").headers
    asked = house.client.options("/v1/offers", headers={"Origin": "https://shop.example"})
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (200, "*")
    refused(
        house.client.post("/v1/checkouts", json=draft(), headers=bearer(key["secret"])), 403, "scope_missing"
    )
    refused(house.client.get("/v1/checkouts", headers=bearer(key["secret"])), 403, "scope_missing")


def test_a_tills_key_sells_at_its_own_till_and_sees_no_other(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    other = house.post("/v1/tills", {"store_id": house.store_id, "name": "2 号台"}).get_json()["id"]
    key = house.post("/v1/keys", {"kind": "till", "till_id": house.till_id}).get_json()
    assert key["secret"].startswith("tk_test_")
    headers = bearer(key["secret"], "a")
    made = house.client.post("/v1/checkouts", json=draft(), headers=headers).get_json()
    assert (made["till_id"], made["store_id"]) == (house.till_id, house.store_id)
    answer = house.client.post("/v1/checkouts", json=draft(till_id=other), headers=bearer(key["secret"], "b"))
    refused(answer, 422, "till_unknown", "till_id")
    theirs = house.post("/v1/checkouts", draft(till_id=other, reference="o-2")).get_json()["id"]
    refused(house.client.get(f"/v1/checkouts/{theirs}", headers=headers), 404, "not_found")
    refused(
        house.client.post(f"/v1/checkouts/{theirs}/cancel", headers=bearer(key["secret"], "c")),
        404,
        "not_found",
    )
    assert house.client.get(f"/v1/checkouts/{made['id']}", headers=headers).status_code == 200


def test_nothing_new_is_sold_at_a_closed_till_or_in_a_closed_store(installation: Installation) -> None:
    installation.patch(f"/v1/tills/{installation.till_id}", {"status": "closed"})
    refused(
        installation.post("/v1/checkouts", draft(till_id=installation.till_id)),
        422,
        "till_unknown",
        "till_id",
    )
    installation.patch(f"/v1/tills/{installation.till_id}", {"status": "open"})
    installation.patch(f"/v1/stores/{installation.store_id}", {"status": "closed"})
    for place, field in ((installation.till_id, "till_id"), (installation.store_id, "store_id")):
        refused(installation.post("/v1/checkouts", draft(**{field: place})), 422, "store_unknown", "store_id")


def test_a_key_gives_no_more_than_it_has(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    narrow = house.post("/v1/keys", {"scopes": ["settings"]}).get_json()
    strong = house.post("/v1/keys", {}).get_json()
    headers = bearer(narrow["secret"], "x")
    wider = house.client.post("/v1/keys", json={"scopes": ["settings", "refund"]}, headers=headers)
    refused(wider, 403, "scope_missing", "scopes")
    refused(house.client.post("/v1/keys", json={"kind": "till", "till_id": house.till_id}, headers=headers), 403,
            "scope_missing", "scopes")  # fmt: skip
    refused(
        house.client.post(f"/v1/keys/{strong['id']}/roll", json={}, headers=headers),
        403,
        "scope_missing",
        "scopes",
    )
    same = house.client.post("/v1/keys", json={}, headers=headers)
    assert (same.status_code, same.get_json()["scopes"]) == (201, ["settings"])


def test_a_live_key_over_plain_http_opens_nothing(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    with pytest.raises(RuleRefused):
        api_keys.create_key(house.deps, house.caller.merchant_id, "live")
    made = api_keys.create_key(house.deps, house.caller.merchant_id)
    with house.engine.transaction() as connection:
        connection.execute("UPDATE api_keys SET mode = 'live' WHERE id = :id", {"id": made.key.id})
    refused(house.client.get("/v1/plans", headers=bearer(made.secret)), 403, "live_needs_https")
    house.deps = replace(house.deps, public_url="https://fenqi.example")
    caller = api_keys.authenticate(house.deps, made.secret)
    assert caller.mode == "live"


def test_every_step_of_a_key_is_in_the_audit(installation: Installation) -> None:
    key = installation.post("/v1/keys", {}).get_json()
    installation.post(f"/v1/keys/{key['id']}/roll")
    installation.post(f"/v1/keys/{key['id']}/revoke")
    installation.post(f"/v1/keys/{key['id']}/revoke")
    rows = installation.rows("SELECT action, actor FROM audit WHERE subject = :id ORDER BY id", id=key["id"])
    assert [row["action"] for row in rows] == ["key.created", "key.rolled", "key.revoked"]
    assert {row["actor"] for row in rows} == {installation.caller.key_id}
