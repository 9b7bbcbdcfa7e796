"""A batch of sales by real processes while the server and the worker are killed: nothing acknowledged is lost."""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from stdnum.cn import ric

from tests.fakes.receiver import Received, Receiver
from tests.faults.running import RunningHouse, wait_for
from tests.phone import Phone

SALES = int(os.environ.get("FENQI_SALES", "12"))
# In two rounds at least, so that programs die at every step of a sale.
AT_ONCE = min(12, SALES // 2)
KILLS = max(6, SALES // 6)
INSTALLMENTS = 3
SEED = 20261121


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningHouse]:
    """Server, worker and sandbox."""
    house = RunningHouse(tmp_path)
    yield house
    house.stop()


def person(number: int) -> tuple[str, str]:
    """Return a phone number and an id number (GB 11643) of somebody new."""
    body = f"1101011985{1 + number % 12:02d}{1 + number // 12 % 28:02d}{number % 1000:03d}"
    return f"+86138{number:08d}", body + ric.calc_check_digit(body + "0")


def sell(house: RunningHouse, number: int) -> dict[str, Any]:
    """Make one sale as shop and consumer, through whatever is killed meanwhile; return its checkout.

    A phone whose answer is lost opens the link again: no kill may lock it out.
    """
    phone_number, id_number = person(number)
    made: dict[str, Any] = house.ask("POST", "/v1/checkouts", draft(number), key=f"order-{number}")
    phone = Phone(house.inbox, phone_number, "王小明", id_number, plan_id="p3")
    assert phone.buy(made["url"]) == "done", (number, phone.page)
    return made


def draft(number: int) -> dict[str, Any]:
    return {"amount": {"minor": 60_000 + number, "currency": "CNY"}, "reference": f"order-{number}"}


def kill_at_random(house: RunningHouse, over: threading.Event, kills: Counter[str]) -> None:
    """Kill the server and the worker in turn at moments that a seed decides, and start them again."""
    moments = random.Random(SEED)
    while sum(kills.values()) < KILLS and not over.wait(moments.uniform(0.2, 1.2)):
        name = ("run", "worker")[sum(kills.values()) % 2]
        house.restart(name)
        house.await_ready()
        kills[name] += 1


def sell_all(house: RunningHouse) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Make every sale, many at once, while programs are killed; return the checkouts and the kills."""
    over, kills = threading.Event(), Counter[str]()
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        killer = pool.submit(kill_at_random, house, over, kills)
        try:
            sales = list(pool.map(lambda number: sell(house, number), range(SALES)))
        finally:
            over.set()
        killer.result()
    return sales, kills


@pytest.mark.timeout(120 + 6 * SALES)
def test_sales_survive_a_killed_server_and_a_killed_worker(running: RunningHouse) -> None:
    """Every acknowledged checkout is there, every event arrives, every loan is repaid, and the books balance."""
    running.ask("POST", "/v1/plans", {"id": "p3", "installments": INSTALLMENTS, "annual_rate": "0.12"})
    with Receiver() as receiver:
        hook = running.ask("POST", "/v1/webhook_endpoints", {"url": receiver.url})
        sales, kills = sell_all(running)
        assert kills["run"] >= 2 and kills["worker"] >= 2, kills

        # The same keys again give the same answers: nothing was made twice, nothing forgotten.
        for number in (0, SALES - 1):
            again = running.ask("POST", "/v1/checkouts", draft(number), key=f"order-{number}")
            assert again == sales[number]
        stored = {each["id"]: each["status"] for each in running.everything("/v1/checkouts")}
        assert stored == {made["id"]: "captured" for made in sales}

        repay(running)
        assert Counter(each["status"] for each in running.everything("/v1/checkouts"))["closed"] == SALES
        arrive(running, receiver, hook["secret"])
    checkup = json.loads(running.command("doctor", "--json"))
    assert checkup["healthy"] and checkup["breaches"] == []


def repay(house: RunningHouse) -> None:
    """Turn the clock month by month, killing once in between, until every loan is repaid."""
    for month in range(1, INSTALLMENTS + 1):
        house.ask("POST", "/v1/test_clock/advance", {"months": 1})
        if month == 2:
            time.sleep(0.3)
            house.restart("worker")
            house.restart("run")
            house.await_ready()
        wait_for(
            lambda month=month: paid(house) == {month},
            f"installment {month} is paid everywhere\n{house.logs()}",
            75,
        )  # type: ignore[misc]
    assert {loan["status"] for loan in house.everything("/v1/loans")} == {"repaid"}


def paid(house: RunningHouse) -> set[int]:
    """Return how many installments each loan has paid."""
    return {
        sum(row["status"] == "paid" for row in loan["installments"]) for loan in house.everything("/v1/loans")
    }


def arrive(house: RunningHouse, receiver: Receiver, secret: str) -> None:
    """Assert that every event arrives, whole and verifying, some perhaps more than once."""
    got: dict[str, Received] = {}

    def all_here() -> bool:
        while not receiver.received.empty():
            received = receiver.received.get()
            got[{name.lower(): value for name, value in received.headers.items()}["webhook-id"]] = received
        return {event["id"] for event in house.everything("/v1/events")} <= set(got)

    wait_for(all_here, "every event arrives", 75)
    for received in got.values():
        Webhook(secret).verify(received.body, received.headers)
    told = [event["sequence"] for event in house.everything("/v1/events")]
    assert told == list(range(1, len(told) + 1))
