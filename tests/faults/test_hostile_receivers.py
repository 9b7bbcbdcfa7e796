"""Three of ten receivers are hostile: nothing is lost, and the other seven do not notice.

FENQI_EVENTS sets how many events there are; `make soak` makes it ten thousand.
"""

import contextlib
import json
import math
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from standardwebhooks import Webhook

from merchant_server.providers.system import SystemClock
from merchant_server.providers.webhook_sender import HttpWebhookSender
from merchant_server.services.operation.delivery import Courier
from merchant_server.services.operation.webhooks import create_endpoint
from merchant_server.worker import PUSH_THREADS
from tests.fakes.receiver import RawReceiver, Receiver
from tests.installation import Installation

EVENTS = int(os.environ.get("FENQI_EVENTS", "60"))
EVENTS_PER_SECOND = 25
HEALTHY = 7
P95_SECONDS_MAX = 2.0


def _slow(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.recv(65_536)
        time.sleep(4)


def _reset(connection: socket.socket) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


@dataclass
class Arrivals:
    """What a healthy receiver got: every event's id, and the seconds from its commit to its arrival."""

    ids: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def take_in(self, receiver: Receiver, secret: str) -> None:
        """Read what came, until nothing more comes for a moment."""
        while not receiver.received.empty():
            got = receiver.received.get()
            event = json.loads(got.body)
            self.ids.append(event["id"])
            self.seconds.append(float(got.headers["x-arrived"]) - _seconds(event["created_at"]))
            if len(self.ids) % 20 == 1:
                # Not verify(): it reads the wall clock, and a long run ends after the tolerance of its first events.
                sent_at = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC)
                signed = Webhook(secret).sign(got.headers["webhook-id"], sent_at, got.body.decode())
                assert got.headers["webhook-signature"] == signed


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class StampingReceiver(Receiver):
    """A receiver that notes when each request arrived."""

    def __init__(self) -> None:
        super().__init__((204, b"", {}))
        put = self.received.put

        def stamped(got: object, **_: object) -> None:
            got.headers["x-arrived"] = str(datetime.now(UTC).timestamp())  # type: ignore[attr-defined]
            put(got)  # type: ignore[arg-type]

        self.received.put = stamped  # type: ignore[method-assign, assignment]


def test_thirty_percent_hostile_receivers_lose_nothing_and_slow_nobody(installation: Installation) -> None:
    deps = replace(
        installation.deps,
        clock=SystemClock(),
        sender=HttpWebhookSender(version="0", allow_private=True, total_timeout_seconds=3.0),
    )
    installation.deps = deps
    with ExitStack() as stack:
        healthy = [stack.enter_context(StampingReceiver()) for _ in range(HEALTHY)]
        huge = Receiver(
            (500, b"x" * 300_000, {"location": "http://169.254.169.254/"}), (302, b"", {"location": "/"})
        )
        hostile = [
            f"http://127.0.0.1:{stack.enter_context(RawReceiver(_slow)).port}/",
            f"http://127.0.0.1:{stack.enter_context(RawReceiver(_reset)).port}/",
            stack.enter_context(huge).url,
        ]
        secrets = []
        for url in (*[each.url for each in healthy], *hostile):
            with deps.storage.unit_of_work() as uow:
                secrets.append(
                    create_endpoint(uow, deps, installation.caller, {"url": url, "events": ["*"]}).secret
                )
        over = threading.Event()
        worker = threading.Thread(target=_work, args=(installation, over))
        worker.start()
        try:
            _make_events(installation)
            _wait_for(installation, HEALTHY * EVENTS)
        finally:
            over.set()
            worker.join()
        arrivals = [Arrivals() for _ in healthy]
        for arrived, receiver, secret in zip(arrivals, healthy, secrets, strict=False):
            arrived.take_in(receiver, secret)
    made = sorted(row["id"] for row in installation.rows("SELECT id FROM events"))
    assert len(made) == EVENTS
    for arrived in arrivals:
        assert sorted(set(arrived.ids)) == made
    seconds = sorted(each for arrived in arrivals for each in arrived.seconds)
    p95 = seconds[math.ceil(len(seconds) * 0.95) - 1]
    print(
        f"{EVENTS} events, {len(seconds)} healthy arrivals, p50 {seconds[len(seconds) // 2]:.3f} s, p95 {p95:.3f} s"
    )
    assert p95 <= P95_SECONDS_MAX, p95
    left = installation.rows("SELECT status, COUNT(*) AS n FROM deliveries GROUP BY status")
    # What the hostile ones did not take is still listed: pending until its last try, and dead after it.
    assert {row["status"]: row["n"] for row in left} == {"delivered": 7 * EVENTS, "pending": 3 * EVENTS}


def _work(house: Installation, over: threading.Event) -> None:
    with ThreadPoolExecutor(PUSH_THREADS) as pool:
        courier = Courier(house.deps, pool)
        while not over.is_set():
            courier.push_due()
            over.wait(0.05)
        courier.finish()


def _make_events(house: Installation) -> None:
    begun = time.monotonic()
    for number in range(EVENTS):
        house.checkout(reference=f"order-{number}")
        time.sleep(max(0.0, begun + (number + 1) / EVENTS_PER_SECOND - time.monotonic()))


def _wait_for(house: Installation, delivered: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        (row,) = house.rows("SELECT COUNT(*) AS n FROM deliveries WHERE status = 'delivered'")
        if row["n"] >= delivered:
            return
        time.sleep(0.1)
