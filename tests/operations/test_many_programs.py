"""Two servers and two workers on one PostgreSQL, as real programs: nothing is done twice, and each stops politely."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from merchant_server.ports import Tried
from tests.databases import postgres_database
from tests.fakes.receiver import Receiver
from tests.faults.running import RunningHouse, wait_for
from tests.faults.test_kill import person
from tests.installation import Installation
from tests.phone import Phone

SALES = 3
SERVERS, WORKERS = ("run", "run-2"), ("worker", "worker-2")


@pytest.fixture
def many(tmp_path: Path, postgres_url: str, migrated_postgres: str) -> Iterator[RunningHouse]:
    """The programs, over a PostgreSQL database of their own with small pools."""
    with postgres_database(postgres_url, migrated_postgres) as url:
        house = RunningHouse(tmp_path, f"{url}&pool_size=4", ("sandbox", *SERVERS, *WORKERS))
        yield house
        house.stop()


def servers(house: RunningHouse) -> list[str]:
    return [house.url, *(f"http://127.0.0.1:{port}" for port in house.ports.values())]


def arrived(receiver: Receiver) -> Counter[str]:
    """Return how often each event came."""
    seen: Counter[str] = Counter()
    while not receiver.received.empty():
        headers = {name.lower(): value for name, value in receiver.received.get().headers.items()}
        seen[headers["webhook-id"]] += 1
    return seen


@pytest.mark.timeout(180)
def test_two_servers_and_two_workers_do_everything_once_and_stop_with_0(many: RunningHouse) -> None:
    many.ask("POST", "/v1/plans", {"id": "p3", "installments": 3, "annual_rate": "0.12"})
    seen: Counter[str] = Counter()
    with Receiver() as receiver:
        many.ask("POST", "/v1/webhook_endpoints", {"url": receiver.url})
        turns = cycle(servers(many))
        with ThreadPoolExecutor(SALES) as pool:
            list(pool.map(lambda number: sell(many, number, next(turns)), range(SALES)))
            # Every server is told to turn the clock with one key: it turns once.
            key = uuid4().hex
            answers = set(pool.map(lambda url: turn_clock(many, url, key), servers(many) * 2))
        assert len(answers) == 1
        wait_for(lambda: paid(many) == [1] * SALES, f"every loan has paid once\n{many.logs()}", 60)

        def all_here() -> bool:
            seen.update(arrived(receiver))
            return {event["id"] for event in many.everything("/v1/events")} <= set(seen)

        wait_for(all_here, "every event arrives", 60)
        # One more round of every worker: nothing else may come.
        time.sleep(1)
        seen.update(arrived(receiver))
        assert set(seen.values()) == {1}
        assert [len(each["installments"]) for each in many.everything("/v1/loans")] == [3] * SALES

        started = begin_slowly(many)
        assert {name: many.end(name) for name in (*WORKERS, *SERVERS)} == dict.fromkeys(
            (*WORKERS, *SERVERS), 0
        )
        assert started.result() == 201
    checkup = json.loads(many.command("doctor", "--json"))
    assert checkup["breaches"] == []
    log = [json.loads(line) for line in many.logs().splitlines() if line.startswith('{"')]
    assert [line for line in log if line["level"] == "error"] == []


def sell(house: RunningHouse, number: int, server: str) -> None:
    """Make one sale whose checkout comes from one server and whose phone talks to whichever the link names."""
    phone_number, id_number = person(number)
    draft = {"amount": {"minor": 60_000 + number, "currency": "CNY"}, "reference": f"order-{number}"}
    made = requests.post(f"{server}/v1/checkouts", json=draft, headers=headers(house), timeout=20)
    assert made.status_code == 201, made.text
    url = made.json()["url"].replace(house.url, server)
    assert Phone(house.inbox, phone_number, "王小明", id_number, plan_id="p3").buy(url) == "done"


def headers(house: RunningHouse, key: str = "") -> dict[str, str]:
    return {**house.authorization, "Idempotency-Key": key or uuid4().hex}


def turn_clock(house: RunningHouse, server: str, key: str) -> bytes:
    while True:
        answer = requests.post(
            f"{server}/v1/test_clock/advance", json={"months": 1}, headers=headers(house, key), timeout=20
        )
        if answer.status_code != 409:  # the same key is under way on another server
            assert answer.status_code == 200, answer.text
            return answer.content
        time.sleep(0.05)


def paid(house: RunningHouse) -> list[int]:
    return [
        sum(row["status"] == "paid" for row in loan["installments"]) for loan in house.everything("/v1/loans")
    ]


def begin_slowly(house: RunningHouse) -> Any:
    """Begin a request whose body is sent in two parts, so that it is open while its server is told to stop."""
    pool = ThreadPoolExecutor(1)

    def body() -> Iterator[bytes]:
        yield b'{"amount": {"minor": 60000, "currency": "CNY"},'
        time.sleep(1.5)
        yield b' "reference": "order-late"}'

    def post() -> int:
        sent = {**headers(house), "Content-Type": "application/json"}
        return requests.post(f"{house.url}/v1/checkouts", data=body(), headers=sent, timeout=30).status_code

    started = pool.submit(post)
    pool.shutdown(wait=False)
    time.sleep(0.5)
    return started


def test_a_worker_that_lost_its_lease_cannot_put_off_what_another_one_pushes(
    installation: Installation,
) -> None:
    installation.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook"})
    installation.checkout()
    (endpoint,) = installation.rows("SELECT id FROM webhook_endpoints")
    start = installation.clock.now()

    def claim(at: int) -> Any:
        with installation.deps.storage.unit_of_work() as uow:
            now = start + timedelta(seconds=at)
            return uow.deliveries.claim(endpoint["id"], now, now + timedelta(seconds=30), 1)[0]

    slow, quick = claim(0), claim(31)
    assert (slow.id, slow.attempts, quick.attempts) == (quick.id, 1, 2)
    with installation.deps.storage.unit_of_work() as uow:
        uow.deliveries.record([Tried(slow.id, slow.attempts, start, 10, 500, "HTTP 500")])
    (row,) = installation.rows(
        "SELECT status, attempts, last_status FROM deliveries WHERE id = :id", id=slow.id
    )
    assert row == {"status": "pending", "attempts": 2, "last_status": None}
    with installation.deps.storage.unit_of_work() as uow:
        uow.deliveries.record([Tried(quick.id, quick.attempts, start, 10, 500, "HTTP 500")])
    (row,) = installation.rows("SELECT status FROM deliveries WHERE id = :id", id=slow.id)
    assert row == {"status": "dead"}


def test_a_worker_that_lost_its_lease_does_not_settle_a_deduction_again(installation: Installation) -> None:
    """Two workers ask about one deduction, one much later than it may: the answer is booked once."""
    from merchant_server.services.collection.deductions import ask_bank, request_due

    installation.sell()
    installation.advance(months=1)
    request_due(installation.deps, installation.caller.merchant_id)
    ask = installation.bank.deduct
    asked: list[str] = []

    def slow(**asking: Any) -> Any:
        answer = ask(**asking)
        asked.append(asking["reference"])
        if len(asked) == 1:
            installation.clock.pass_(seconds=60)
            installation.bank.deduct = ask  # type: ignore[method-assign]
            ask_bank(installation.deps)
        return answer

    installation.bank.deduct = slow  # type: ignore[method-assign]
    ask_bank(installation.deps)
    installation.work()
    entries = installation.rows("SELECT source_id FROM journal_entries WHERE kind = 'repayment'")
    assert len(entries) == len(installation.rows("SELECT id FROM deductions")) == 1
