"""Webhook deliveries by one worker to one receiver, marking included."""

import base64
import hmac
import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fenqi._version import __version__

from benchmarks.measuring import Figure, Goal, Round, Scale, compare
from benchmarks.world.seeding import add_checkouts, new_world
from merchant_server.providers.webhook_sender import HttpWebhookSender
from merchant_server.services.operation.delivery import Courier
from merchant_server.services.operation.webhooks import create_endpoint
from merchant_server.worker import PUSH_THREADS

DELIVERIES = 1_000


def figure(folder: Path, receiver: int, scale: Scale) -> Figure:
    """Deliver rounds of events to the receiver's port, by the worker's step and by a loop over http.client."""
    (folder / "deliveries").mkdir()
    world = new_world(folder / "deliveries", datetime.now(UTC))
    count = scale.of(DELIVERIES)
    sender = HttpWebhookSender(version=__version__, allow_private=True)
    deps = replace(world.deps, sender=sender)
    with deps.storage.unit_of_work() as uow:
        draft = {"url": f"http://127.0.0.1:{receiver}/hook", "events": ["*"]}
        endpoint = create_endpoint(uow, deps, world.caller, draft)
    with ThreadPoolExecutor(PUSH_THREADS) as pool:
        courier = Courier(deps, pool)

        def ours(_: int) -> Round:
            add_checkouts(world, count)
            latencies, delivered, started = [], 0, time.perf_counter()
            while delivered < count:
                before = time.perf_counter()
                courier.push_due()
                some = courier.finish()
                latencies.append((time.perf_counter() - before) / some)
                delivered += some
            return Round(latencies, (time.perf_counter() - started) / delivered)

        def bare(_: int) -> Round:
            return _post(receiver, bodies, endpoint.secret)

        add_checkouts(world, count)
        bodies = [row["body"].encode() for row in world.house.rows("SELECT body FROM events ORDER BY id")]
        courier.push_due()
        while courier.finish():
            courier.push_due()
        made = compare(
            "webhook deliveries, one worker",
            "a loop over one kept http.client connection: the same bodies signed and posted, nothing marked",
            Goal("at least", 0.7),
            scale.rounds,
            ours,
            bare,
        )
    left = world.house.rows("SELECT COUNT(*) AS left FROM deliveries WHERE status <> 'delivered'")[0]["left"]
    assert left == 0, f"{left} deliveries were not made"
    world.close()
    return made


def _post(port: int, bodies: list[bytes], secret: str) -> Round:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    connection = http.client.HTTPConnection("127.0.0.1", port)
    latencies, started = [], time.perf_counter()
    for number, body in enumerate(bodies):
        before = time.perf_counter()
        message, at = f"evt_{number}", str(int(time.time()))
        signature = base64.b64encode(hmac.digest(key, f"{message}.{at}.".encode() + body, "sha256")).decode()
        headers = {
            "content-type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{signature}",
        }
        connection.request("POST", "/hook", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        latencies.append(time.perf_counter() - before)
    connection.close()
    return Round(latencies, (time.perf_counter() - started) / len(bodies))
