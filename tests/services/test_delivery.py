"""Events out (law 7): each reaches every live endpoint at least once, signed, or is listed as failed."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from fenqi.finance.money import Money
from standardwebhooks import Webhook

from merchant_server.domain.event import RETRY_SECONDS
from merchant_server.ports import Endpoint, Sent
from merchant_server.providers.webhook_sender import HttpWebhookSender
from merchant_server.services.operation.delivery import LEASE_SECONDS, Courier
from merchant_server.services.operation.webhooks import create_endpoint, delete_endpoint
from tests.fakes.providers import FakeWebhookSender
from tests.fakes.receiver import Receiver
from tests.installation import Installation, push_due


def endpoint(house: Installation, url: str = "https://shop.example/hook", *events: str) -> Endpoint:
    with house.deps.storage.unit_of_work() as uow:
        return create_endpoint(uow, house.deps, house.caller, {"url": url, "events": list(events) or ["*"]})


def deliveries(house: Installation) -> list[tuple[str, int]]:
    return [
        (row["status"], row["attempts"])
        for row in house.rows("SELECT status, attempts FROM deliveries ORDER BY endpoint_id, event_id")
    ]


def push(house: Installation) -> int:
    with ThreadPoolExecutor(4) as pool:
        return push_due(house.deps, pool)


@contextmanager
def over_the_wire(house: Installation, *answers: tuple[int, bytes, dict[str, str]]) -> Iterator[Receiver]:
    """Push by real HTTP to a loopback receiver."""
    sender = HttpWebhookSender(version="0", allow_private=True)
    deps = house.deps
    house.deps = replace(deps, sender=sender)
    with Receiver(*answers) as receiver:
        yield receiver
    house.deps = deps


def test_every_event_of_a_sale_arrives_and_verifies_with_an_independent_library(
    installation: Installation,
) -> None:
    with over_the_wire(installation) as receiver:
        hook = endpoint(installation, receiver.url)
        installation.sell(plan="p3")
        push(installation)
        stored = [
            json.loads(row["body"]) for row in installation.rows("SELECT body FROM events ORDER BY sequence")
        ]
        got = [receiver.next() for _ in stored]
    for received, event in zip(got, stored, strict=True):
        headers = {name.lower(): value for name, value in received.headers.items()}
        seconds = int(headers["webhook-timestamp"])
        signed = Webhook(hook.secret).sign(
            headers["webhook-id"],
            datetime.fromtimestamp(seconds, tz=installation.clock.now().tzinfo),
            received.body.decode(),
        )
        assert headers["webhook-signature"] == signed
        assert headers["webhook-id"] == event["id"]
        assert json.loads(received.body) == event
        assert received.body.decode() == next(
            row["body"]
            for row in installation.rows("SELECT id, body FROM events")
            if row["id"] == event["id"]
        )
    assert set(deliveries(installation)) == {("delivered", 1)}


def test_a_receiver_that_fails_is_tried_again_by_the_schedule_with_the_same_id(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    endpoint(installation)
    installation.checkout()
    installation.sender.default = Sent(500, 0.01)
    tried_at = []
    for wait in (0, *RETRY_SECONDS):
        if wait:
            installation.clock.pass_(seconds=wait - 1)
            assert push(installation) == 0, wait
            installation.clock.pass_(seconds=wait // 5 + 2)
        assert push(installation) == 1, wait
        tried_at.append(installation.clock.now())
    assert deliveries(installation) == [("dead", len(RETRY_SECONDS) + 1)]
    assert len({message_id for _, _, message_id, _, _ in installation.sender.sent}) == 1
    assert [sent[3] for sent in installation.sender.sent] == tried_at
    installation.clock.pass_(days=30)
    assert push(installation) == 0


def test_a_receiver_says_when_to_come_back(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    endpoint(installation)
    installation.checkout()
    installation.sender.answers = [Sent(429, 0.01, retry_after_seconds=3_600)]
    push(installation)
    installation.clock.pass_(seconds=3_599)
    assert push(installation) == 0
    installation.clock.pass_(seconds=722)
    assert push(installation) == 1
    assert deliveries(installation) == [("delivered", 2)]


@pytest.mark.parametrize(
    "answer", [Sent(0, 1.0, "timed out"), Sent(301, 0.1), Sent(404, 0.1), Sent(199, 0.1)]
)
def test_anything_but_a_success_is_a_failure_with_its_reason(
    sqlite_installation: Installation, answer: Sent
) -> None:
    installation = sqlite_installation
    endpoint(installation)
    installation.checkout()
    installation.sender.answers = [answer]
    push(installation)
    (row,) = installation.rows("SELECT status, last_status, last_reason FROM deliveries")
    assert (row["status"], row["last_status"]) == ("pending", answer.status)
    assert row["last_reason"] == (answer.reason or f"HTTP {answer.status}")


def test_gone_disables_the_endpoint_and_lists_what_was_queued_as_dead(installation: Installation) -> None:
    endpoint(installation)
    for number in range(3):
        installation.checkout(reference=f"order-{number}")
    installation.sender.answers = [Sent(410, 0.01)]
    push(installation)
    assert {row["status"] for row in installation.rows("SELECT status FROM deliveries")} == {"dead"}
    assert installation.get("/v1/webhook_endpoints").get_json()["data"][0]["status"] == "disabled"
    installation.checkout(reference="later")
    assert len(deliveries(installation)) == 3


def test_a_deleted_endpoint_gets_nothing_more(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    hook = endpoint(installation)
    installation.checkout()
    with installation.deps.storage.unit_of_work() as uow:
        delete_endpoint(uow, installation.caller, hook.id)
    installation.checkout(reference="order-2")
    assert push(installation) == 0
    assert installation.sender.sent == []


def test_an_endpoint_gets_the_events_that_it_asked_for(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    endpoint(installation, "https://a.example/", "checkout.cancelled", "loan.created")
    installation.sell(plan="p3")
    push(installation)
    assert [json.loads(sent[4])["type"] for sent in installation.sender.sent] == ["loan.created"]


def test_one_merchants_events_never_go_to_another(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    stranger = installation.another_merchant()
    endpoint(stranger, "https://stranger.example/")
    installation.checkout()
    push(installation)
    assert installation.sender.sent == []


@dataclass
class HangingSender(FakeWebhookSender):
    """One address hangs until the test lets go; every other one answers at once."""

    hangs: str = "https://hangs.example/"
    let_go: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    arrived: list[str] = field(default_factory=list)

    def send(self, *, url: str, secret: str, message_id: str, timestamp: datetime, body: bytes) -> Sent:
        if url == self.hangs:
            self.hanging.set()
            self.let_go.wait(20)
            return Sent(0, 15.0, "timed out")
        self.arrived.append(message_id)
        return Sent(200, 0.01)


def test_a_receiver_that_hangs_holds_up_no_other_and_not_the_worker(installation: Installation) -> None:
    sender = HangingSender()
    installation.deps = replace(installation.deps, sender=sender)
    endpoint(installation, sender.hangs)
    endpoint(installation, "https://healthy.example/")
    with ThreadPoolExecutor(4) as pool:
        courier = Courier(installation.deps, pool)
        for number in range(3):
            installation.checkout(reference=f"order-{number}")
            courier.push_due()
            assert sender.hanging.wait(10)
            while len(sender.arrived) <= number:
                courier.push_due()
        sender.let_go.set()
    assert len(set(sender.arrived)) == 3
    states = installation.rows(
        "SELECT d.status, d.attempts FROM deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id"
        " WHERE w.url = :url ORDER BY d.id",
        url=sender.hangs,
    )
    # Only the first was tried; the others wait for their turn without having lost one.
    assert [(row["status"], row["attempts"]) for row in states] == [
        ("pending", 1),
        ("pending", 0),
        ("pending", 0),
    ]


def test_what_a_dead_worker_had_claimed_falls_due_again_soon_with_the_same_id(
    installation: Installation,
) -> None:
    hook = endpoint(installation)
    installation.checkout()
    now = installation.clock.now()
    with installation.deps.storage.unit_of_work() as uow:
        (claimed,) = uow.deliveries.claim(hook.id, now, now + timedelta(seconds=LEASE_SECONDS), 1)
    assert push(installation) == 0
    installation.clock.pass_(seconds=LEASE_SECONDS)
    assert push(installation) == 1
    assert installation.sender.sent[0][2] == claimed.event_id
    assert LEASE_SECONDS <= 60


def test_two_workers_push_nothing_twice(installation: Installation) -> None:
    endpoint(installation)
    for number in range(10):
        installation.checkout(reference=f"order-{number}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: push(installation), range(4)))
    assert len(installation.sender.sent) == 10
    assert set(deliveries(installation)) == {("delivered", 1)}


def test_eight_writers_at_once_leave_no_gap_in_the_sequence(installation: Installation) -> None:
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        for each in range(6):
            installation.checkout(Money(10_000 + each, "CNY"), reference=f"order-{number}-{each}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    sequences = [
        row["sequence"] for row in installation.rows("SELECT sequence FROM events ORDER BY sequence")
    ]
    assert sequences == list(range(1, 49))
    read: list[int] = []
    while True:
        page = installation.get(f"/v1/events?limit=7&after={read[-1] if read else 0}").get_json()
        read += [event["sequence"] for event in page["data"]]
        if not page["has_more"]:
            break
    assert read == sequences


def test_a_feed_read_while_others_write_never_passes_over_an_event(installation: Installation) -> None:
    over = threading.Event()
    read: list[int] = []

    def follow() -> None:
        while True:
            last = over.is_set()
            page = installation.get(f"/v1/events?limit=100&after={read[-1] if read else 0}").get_json()
            read.extend(event["sequence"] for event in page["data"])
            if last and not page["has_more"]:
                return

    assert installation.app
    with ThreadPoolExecutor(5) as pool:
        following = pool.submit(follow)
        writers = [
            pool.submit(lambda n=n: [installation.checkout(reference=f"o-{n}-{m}") for m in range(8)])
            for n in range(4)
        ]
        for writer in writers:
            writer.result()
        over.set()
        following.result()
    assert read == list(range(1, 33))
