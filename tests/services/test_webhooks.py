"""Endpoints and their deliveries as their owner sees them: tried out, looked into, rolled, and sent again."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fenqi.finance.money import Money
from fenqi.webhooks import verify
from standardwebhooks import Webhook

from merchant_server.ports import Sent
from merchant_server.providers.webhook_signing import signed_headers
from merchant_server.services.operation.delivery import BATCH_MAX
from merchant_server.services.operation.keeping import forget_deliveries
from tests.api.asking import refused
from tests.installation import Installation

HOOKS = "/v1/webhook_endpoints"
PAYLOAD_BYTES_MAX = 20_000


def hook(house: Installation, url: str = "https://shop.example/hook", **more: object) -> dict[str, str]:
    made: dict[str, str] = house.post(HOOKS, {"url": url, **more}).get_json()
    return made


def log(house: Installation, endpoint: dict[str, str], query: str = "") -> list[dict[str, object]]:
    rows: list[dict[str, object]] = house.get(
        f"{HOOKS}/{endpoint['id']}/deliveries?limit=100{query}"
    ).get_json()["data"]
    return rows


def test_a_ping_reaches_the_one_endpoint_whatever_it_asked_for_and_its_outcome_is_seen(
    installation: Installation,
) -> None:
    mine = hook(installation, events=["loan.repaid"])
    hook(installation, "https://other.example/")
    pinged = installation.post(f"{HOOKS}/{mine['id']}/ping").get_json()
    assert (pinged["event_type"], pinged["status"]) == ("webhook_endpoint.ping", "pending")
    installation.sender.answers = [Sent(500, 0.25, "status_500")]
    installation.work()
    seen = installation.get(f"/v1/deliveries/{pinged['id']}").get_json()
    assert (seen["status"], seen["attempts"], seen["took_ms"]) == ("delivered", 2, 10)
    assert {sent[0] for sent in installation.sender.sent} == {"https://shop.example/hook"}
    again = installation.post(f"{HOOKS}/{mine['id']}/ping")
    assert again.status_code == 200


def test_the_log_says_when_how_often_and_why_and_holds_no_body(installation: Installation) -> None:
    mine = hook(installation)
    installation.sell(plan="p3")
    installation.sender.answers = [Sent(503, 1.5, "status_503", retry_after_seconds=60)]
    installation.work()
    installation.clock.pass_(seconds=80)
    installation.work()
    rows = log(installation, mine)
    assert {row["status"] for row in rows} == {"delivered"}
    first = rows[-1]
    assert (first["event_type"], first["attempts"], first["last_status"]) == ("checkout.created", 2, 200)
    assert all(row["tried_at"] and row["delivered_at"] and row["next_try_at"] is None for row in rows)
    text = json.dumps(rows, ensure_ascii=False)
    assert not any(word in text for word in ("王小明", "110101", "13800138000", "order-1001"))
    newest, second = rows[0]["id"], rows[1]["id"]
    page = installation.get(f"{HOOKS}/{mine['id']}/deliveries?limit=1").get_json()
    assert (page["data"][0]["id"], page["next_cursor"]) == (newest, newest)
    turned = installation.get(f"{HOOKS}/{mine['id']}/deliveries?limit=1&cursor={newest}").get_json()
    assert turned["data"][0]["id"] == second
    assert log(installation, mine, "&status=dead") == []


def test_every_try_is_kept_with_its_own_outcome_and_forgotten_with_its_delivery(
    installation: Installation,
) -> None:
    mine = hook(installation)
    installation.checkout()
    installation.sender.answers = [Sent(0, 15.0, "timeout"), Sent(503, 1.5, "status_503"), Sent(200, 0.02)]
    for wait in (7, 370, 0):
        installation.work()
        installation.clock.pass_(seconds=wait)
    (row,) = log(installation, mine)
    path = f"/v1/deliveries/{row['id']}/attempts"

    def tries(query: str = "") -> list[tuple[object, ...]]:
        shown = installation.get(path + query).get_json()["data"]
        assert {each["delivery_id"] for each in shown} == {row["id"]}
        return [(each["number"], each["status"], each["reason"], each["took_ms"]) for each in shown]

    wanted = [(3, 200, "", 20), (2, 503, "status_503", 1500), (1, 0, "timeout", 15_000)]
    assert tries() == wanted
    first = installation.get(f"{path}?limit=2").get_json()
    assert first["has_more"] and tries(f"?cursor={first['next_cursor']}") == wanted[2:]
    installation.post(f"/v1/deliveries/{row['id']}/replay")
    installation.work()
    assert [each[0] for each in tries()] == [1, 3, 2, 1]
    installation.clock.pass_(days=installation.deps.deliveries_kept_days + 1)
    assert forget_deliveries(installation.deps) == 1
    assert installation.rows("SELECT id FROM delivery_attempts") == []


def test_gone_disables_with_a_reason_and_an_event_to_the_others(installation: Installation) -> None:
    gone = hook(installation, "https://gone.example/")
    installation.checkout()
    installation.sender.answers = [Sent(410, 0.01, "status_410")]
    installation.work()
    other = hook(installation, "https://other.example/")
    seen = installation.get(f"{HOOKS}/{gone['id']}").get_json()
    assert (seen["status"], seen["reason"]) == ("disabled", "the receiver answered 410 Gone")
    last = installation.get("/v1/events").get_json()["data"][-1]
    assert (last["type"], last["data"]["id"], last["data"]["reason"]) == (
        "webhook_endpoint.disabled",
        gone["id"],
        seen["reason"],
    )
    assert "secret" not in last["data"]
    (dead,) = log(installation, gone, "&status=dead")
    assert (dead["last_status"], dead["attempts"]) == (410, 1)
    refused(installation.post(f"/v1/deliveries/{dead['id']}/replay"), 409, "endpoint_disabled")
    refused(installation.post(f"{HOOKS}/{gone['id']}/ping"), 409, "endpoint_disabled")
    installation.patch(f"{HOOKS}/{gone['id']}", {"status": "active"})
    assert installation.post(f"/v1/deliveries/{dead['id']}/replay").get_json()["status"] == "pending"
    installation.work()
    assert installation.get(f"/v1/deliveries/{dead['id']}").get_json()["status"] == "delivered"
    assert other["id"] != gone["id"]


def test_what_was_missed_in_a_span_is_sent_again_in_order_and_once(installation: Installation) -> None:
    mine = hook(installation, events=["checkout.created"])
    installation.patch(f"{HOOKS}/{mine['id']}", {"status": "disabled"})
    missed = [installation.checkout(reference=f"o-{number}").id for number in range(3)]
    installation.clock.pass_(hours=1)
    installation.patch(f"{HOOKS}/{mine['id']}", {"status": "active"})
    later = installation.checkout(reference="later").id
    installation.work()
    assert [json.loads(sent[4])["aggregate"]["id"] for sent in installation.sender.sent] == [later]
    now = installation.clock.now()
    span = {"since": _text(now - timedelta(hours=2)), "until": _text(now - timedelta(minutes=30))}
    answer = installation.post(f"{HOOKS}/{mine['id']}/replay", span, key="replay")
    assert answer.get_json() == {"object": "replay", "queued": 3, "has_more": False}
    assert installation.post(f"{HOOKS}/{mine['id']}/replay", span, key="replay").data == answer.data
    assert installation.post(f"{HOOKS}/{mine['id']}/replay", span).get_json()["queued"] == 0
    installation.work()
    sent = [json.loads(sent[4])["aggregate"]["id"] for sent in installation.sender.sent]
    assert sent == [later, *missed]
    everything = {"since": span["since"], "until": _text(now + timedelta(hours=1)), "what": "all"}
    assert installation.post(f"{HOOKS}/{mine['id']}/replay", everything).get_json()["queued"] == 4


def _text(at: object) -> str:
    return str(at).replace(" ", "T").replace("+00:00", "Z")


def test_a_dead_delivery_is_listed_and_sent_again_with_all_its_tries_and_its_id(
    installation: Installation,
) -> None:
    mine = hook(installation, events=["checkout.created"])
    installation.checkout()
    installation.sender.default = Sent(500, 0.01, "status_500")
    for _ in range(12):
        installation.clock.pass_(hours=30)
        installation.work()
    (dead,) = log(installation, mine, "&status=dead")
    assert (dead["attempts"], dead["last_reason"]) == (10, "status_500")
    installation.sender.default = Sent(200, 0.01)
    installation.post(f"/v1/deliveries/{dead['id']}/replay")
    installation.work()
    assert installation.get(f"/v1/deliveries/{dead['id']}").get_json()["status"] == "delivered"
    assert len({sent[2] for sent in installation.sender.sent}) == 1


def test_while_a_secret_is_rolled_both_sign_and_then_only_the_new_one(installation: Installation) -> None:
    mine = hook(installation)
    rolled = installation.post(f"{HOOKS}/{mine['id']}/roll_secret", {"overlap_seconds": 600}).get_json()
    assert rolled["secret"] != mine["secret"]
    installation.checkout()
    installation.work()
    installation.clock.pass_(seconds=601)
    installation.checkout(reference="later")
    installation.work()
    both, alone = (sent[1] for sent in installation.sender.sent)
    assert both == f"{rolled['secret']} {mine['secret']}"
    assert alone == rolled["secret"]
    _, _, message_id, at, body = installation.sender.sent[0]
    headers = signed_headers(both, message_id, at, body)
    for secret in (mine["secret"], rolled["secret"]):
        signature = Webhook(secret).sign(message_id, at, body.decode())
        assert signature in headers["webhook-signature"].split()
    assert "secret" not in installation.get(f"{HOOKS}/{mine['id']}").get_json()


def test_an_ed25519_endpoint_shows_its_public_key_only_and_verifies_with_it(
    installation: Installation,
) -> None:
    mine = hook(installation, signature="v1a")
    assert "secret" not in mine and mine["public_key"].startswith("whpk_")
    installation.checkout()
    installation.work()
    _, secret, message_id, at, body = installation.sender.sent[0]
    headers = signed_headers(secret, message_id, at, body)
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1a"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(mine["public_key"].removeprefix("whpk_")))
    signed = f"{message_id}.{headers['webhook-timestamp']}.".encode() + body
    public.verify(base64.b64decode(signature), signed)
    assert verify(body, headers, mine["public_key"], now=at).raw == json.loads(body)
    stored = installation.rows("SELECT secret_sealed FROM webhook_endpoints")[0]["secret_sealed"]
    assert secret.encode() not in bytes(stored)


def test_no_event_is_larger_than_a_thin_one_may_be(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    house.post("/v1/plans", {"id": "p120", "installments": 60, "annual_rate": "0.12"})
    wide = {f"{number:02d}" + "k" * 38: "值" * 200 for number in range(10)}
    house.sell(Money(1_000_000, "CNY"), plan="p12", description="宽" * 200, metadata=wide)
    sizes = [len(row["body"].encode()) for row in house.rows("SELECT body FROM events")]
    assert max(sizes) <= PAYLOAD_BYTES_MAX, max(sizes)


def test_a_healthy_endpoint_is_served_in_growing_batches_and_a_failing_one_by_one(
    installation: Installation,
) -> None:
    mine = hook(installation)
    for number in range(40):
        installation.checkout(reference=f"o-{number}")
    installation.sender.answers = [Sent(200, 0.01)] * 20 + [Sent(500, 0.01)]
    before = len(installation.sender.sent)
    installation.work()
    rows = log(installation, mine)
    assert {row["status"] for row in rows} == {"delivered"}
    # One failure cost one try of one delivery; what was claimed with it lost none.
    assert sorted(row["attempts"] for row in rows) == [1] * 39 + [2]
    assert len(installation.sender.sent) - before == 41
    assert BATCH_MAX > 1


@pytest.mark.parametrize("lost", [2, 3])
def test_a_receiver_that_loses_its_pushes_ends_equal_by_the_feed(
    installation: Installation, lost: int
) -> None:
    hook(installation)
    for number in range(6):
        installation.sell(reference=f"o-{number}", plan="p3") if number < 2 else installation.checkout(
            reference=f"o-{number}"
        )
    installation.work()
    pushed = [json.loads(sent[4]) for sent in installation.sender.sent]
    shop = {event["id"]: event for number, event in enumerate(pushed) if number % lost}
    assert len(shop) < len(pushed)
    while True:
        page = installation.get("/v1/events?reader=shop&limit=4").get_json()["data"]
        if not page:
            break
        shop |= {event["id"]: event for event in page}
        installation.post("/v1/events/ack", {"reader": "shop", "cursor": page[-1]["id"]})
    stored = [
        json.loads(row["body"]) for row in installation.rows("SELECT body FROM events ORDER BY sequence")
    ]
    assert sorted(shop.values(), key=lambda event: event["sequence"]) == stored
