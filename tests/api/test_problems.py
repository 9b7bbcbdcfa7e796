"""Every refusal of every route that is no page: one shape, one status for each reason, nothing leaked."""

import re
from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from merchant_server.services.operation import merchants
from tests.api.asking import draft, is_problem, refused
from tests.api.inventory import operations
from tests.installation import Installation

EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")


def api_rules(house: Installation) -> Iterator[Rule]:
    """Yield every route of /v1 and /callbacks; a new one is walked without being named here."""
    for rule in house.app.url_map.iter_rules():
        if rule.rule.startswith(("/v1/", "/callbacks/")):
            yield rule


def path_of(rule: Rule) -> str:
    return re.sub(r"<(\w+)>", r"\1_1", rule.rule)


def asked(house: Installation) -> Iterator[tuple[str, str]]:
    """Yield (method, path) of every operation that needs a key."""
    for rule in api_rules(house):
        if rule.rule.startswith("/v1/") and rule.rule != "/v1/openapi.json":
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, path_of(rule)


def test_the_walk_finds_every_route(sqlite_installation: Installation) -> None:
    assert len(list(asked(sqlite_installation))) >= 35


def test_a_wrong_method_is_405_with_allow(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    taken: dict[str, set[str]] = {}
    for rule in api_rules(house):
        taken.setdefault(path_of(rule), set()).update(rule.methods or set())
    for path, methods in taken.items():
        for method in sorted(set(EVERY_METHOD) - methods):
            answer = house.client.open(
                path, method=method, headers={"Authorization": f"Bearer {house.api_key}"}
            )
            refused(answer, 405, "method_not_allowed")
            assert set(answer.headers["Allow"].split(", ")) == methods


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "authentication_required"),
        ("", "authentication_required"),
        ("Bearer", "authentication_required"),
        ("Bearer  ", "authentication_required"),
        ("Basic c2s6", "authentication_required"),
        ("Bearer sk_test_wrong", "key_invalid"),
        ("Bearer sk_live_wrong", "key_invalid"),
        ("Bearer 密钥".encode().decode("latin-1"), "key_invalid"),
        ("Bearer " + "k" * 5_000, "key_invalid"),
    ],
)
def test_no_route_answers_without_a_good_key(
    sqlite_installation: Installation, header: str | None, code: str
) -> None:
    for method, path in asked(sqlite_installation):
        headers = {} if header is None else {"Authorization": header}
        answer = sqlite_installation.client.open(path, method=method, headers=headers)
        refused(answer, 401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_for_live_mode_cannot_be_made_while_every_provider_is_a_sandbox(
    installation: Installation,
) -> None:
    with pytest.raises(merchants.RuleRefused) as refusal:
        merchants.create_key(installation.deps, installation.caller.merchant_id, mode="live")
    assert refusal.value.code == "live_unavailable"


def test_a_revoked_key_opens_nothing_from_the_next_request_on(installation: Installation) -> None:
    assert installation.get("/v1/plans").status_code == 200
    merchants.revoke_key(installation.deps, installation.caller.key_id)
    for method, path in asked(installation):
        answer = installation.client.open(
            path, method=method, headers={"Authorization": f"Bearer {installation.api_key}"}
        )
        problem = refused(answer, 401, "key_revoked")
        assert installation.api_key not in str(problem)


def test_a_key_without_the_scope_is_known_and_may_not(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    key = merchants.create_key(house.deps, house.caller.merchant_id, scopes=())
    for each in operations(house):
        answer = house.client.open(
            each.at({}), method=each.method, json=each.body,
            headers={"Authorization": f"Bearer {key.secret}", "Idempotency-Key": "scope"},
        )  # fmt: skip
        refused(answer, 403, "scope_missing")
    assert house.rows("SELECT * FROM checkouts") == []


def test_each_scope_opens_its_own_routes_and_no_other(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    key = merchants.create_key(house.deps, house.caller.merchant_id, scopes=("read",))
    headers = {"Authorization": f"Bearer {key.secret}", "Idempotency-Key": "scope"}
    assert house.client.get("/v1/checkouts", headers=headers).status_code == 200
    refused(house.client.post("/v1/checkouts", json=draft(), headers=headers), 403, "scope_missing")
    refused(house.client.get("/v1/webhook_endpoints", headers=headers), 403, "scope_missing")


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/v1/checkouts/a/b/c", "/callbacks/nobody", "/v1/checkouts/"]
)
def test_an_unknown_path_is_a_problem_too(sqlite_installation: Installation, path: str) -> None:
    refused(sqlite_installation.get(path), 404, "not_found")


def test_a_redirect_says_where_to(sqlite_installation: Installation) -> None:
    answer = sqlite_installation.get("/v1//plans")
    assert answer.status_code == 308
    assert answer.headers["Location"].endswith("/v1/plans")


def test_a_callback_that_is_not_signed_is_a_problem(installation: Installation) -> None:
    refused(installation.client.post("/callbacks/bank", data=b"{}"), 401, "callback_forged")


def test_a_mistake_of_ours_is_told_without_its_details(
    sqlite_installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    house = sqlite_installation
    sold = house.checkout()
    with house.engine.transaction() as connection:
        connection.execute("UPDATE checkouts SET status = 'nonsense' WHERE id = :id", {"id": sold.id})
    problem = refused(house.get(f"/v1/checkouts/{sold.id}"), 500, "internal")
    assert "nonsense" not in str(problem)
    assert problem["request_id"] in caplog.text
    with house.engine.transaction() as connection:
        connection.execute("UPDATE checkouts SET status = 'created' WHERE id = :id", {"id": sold.id})


def test_a_database_that_cannot_serve_is_503_with_retry_after(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    house.engine.close()
    answer = house.get("/v1/plans")
    assert is_problem(answer)["code"] == "database_unavailable"
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
    house.engine.__init__(house.engine.path)  # type: ignore[misc, attr-defined]
