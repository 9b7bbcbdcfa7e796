"""One server of several processes: on one port, one file, one set of figures, and stopped as one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.running import RunningHouse, wait_for

TOKEN = "t" * 24
MADE = 24


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RunningHouse]:
    """Two server processes on one SQLite file."""
    programs = ("sandbox", "run")
    settings = {"FENQI_METRICS_TOKEN": TOKEN, "FENQI_REFUSED_KEYS_PER_MINUTE": "0"}
    running = RunningHouse(tmp_path, programs=programs, FENQI_PROCESSES="2", **settings)
    running.ask("POST", "/v1/plans", {"id": "p3", "installments": 3, "annual_rate": "0.12"})
    yield running
    running.stop()


def make(house: RunningHouse, number: int) -> str:
    """Make a checkout over a connection of its own."""
    body = {"amount": {"minor": 60_000 + number, "currency": "CNY"}, "reference": f"order-{number}"}
    headers = {**house.authorization, "Idempotency-Key": uuid4().hex}
    answer = requests.post(f"{house.url}/v1/checkouts", json=body, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def figures(house: RunningHouse, name: str) -> list[tuple[dict[str, str], float]]:
    answer = requests.get(f"{house.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name
    ]


def counted(house: RunningHouse) -> float:
    return sum(
        value
        for labels, value in figures(house, "fenqi_http_request_seconds_count")
        if (labels["method"], labels["route"]) == ("POST", "/v1/checkouts")
    )


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def statuses(house: RunningHouse, secret: str) -> set[int]:
    """Ask over connections of their own, so that both processes are met."""
    holder = {"Authorization": f"Bearer {secret}"}
    return {requests.get(f"{house.url}/v1/plans", headers=holder, timeout=10).status_code for _ in range(8)}


def serving(house: RunningHouse) -> list[int]:
    """Return the processes that the server's first one has started to serve."""
    first = house._processes["run"].pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def cores_of(pid: int) -> str:
    """Return which cores a process may use."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("Cpus_allowed_list"))


def test_processes_keep_to_cores_of_their_own_while_there_are_some() -> None:
    program = (
        "import os, sys; from merchant_server.serving import keep_to_a_core; keep_to_a_core(sys.argv[1]);"
        " print(*sorted(os.sched_getaffinity(0)), flush=True); sys.stdin.read()"
    )
    command, every = [sys.executable, "-c", program, f"test-{uuid4().hex}"], os.sched_getaffinity(0)

    def start() -> tuple["subprocess.Popen[str]", str]:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    started = [start() for _ in range(len(every) + 1)]
    *kept, left = [cores for _, cores in started]
    assert sorted(kept) == sorted(map(str, every)) and left == " ".join(map(str, sorted(every)))
    ended, core = started[0]
    ended.kill()
    ended.wait()
    successor, cores = start()
    assert cores == core
    for process in (successor, *(each for each, _ in started)):
        process.communicate()


def test_two_processes_are_one_server(house: RunningHouse) -> None:
    kept = [core for core in map(cores_of, serving(house)) if core.isdecimal()]
    assert len(kept) == len(set(kept)), "a core is kept by one; another server on this machine may have some"

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: make(house, number), range(MADE)))
    assert len(set(made)) == MADE

    events = requests.get(
        f"{house.url}/v1/events", params={"limit": 100}, headers=house.authorization, timeout=10
    ).json()["data"]
    assert [each["sequence"] for each in events] == list(range(1, MADE + 1))
    assert {counted(house) for _ in range(6)} == {MADE}
    held = figures(house, "process_resident_memory_bytes")
    assert len({labels["pid"] for labels, _ in held}) == 2 and min(value for _, value in held) > 30e6
    assert min(value for _, value in figures(house, "process_cpu_seconds_total")) > 0

    key = house.ask("POST", "/v1/keys", {"name": "till"}, key="one")
    assert statuses(house, key["secret"]) == {200}
    house.ask("POST", f"/v1/keys/{key['id']}/revoke", {}, key="two")
    revoked_at = time.monotonic()
    while statuses(house, key["secret"]) != {401}:
        assert time.monotonic() - revoked_at < 1

    group = house._processes["run"].pid
    assert house.end("run") == 0
    wait_for(lambda: not alive(group), "the end of all its processes")


def test_a_process_that_is_killed_is_replaced_while_the_other_serves(house: RunningHouse) -> None:
    killed, other = serving(house)
    cores = {cores_of(killed), cores_of(other)}
    os.kill(killed, signal.SIGKILL)
    # What waited at its own socket is cut off with it; whoever comes now is served.
    wait_for(lambda: not Path(f"/proc/{killed}").exists(), "its end, with all its threads")

    def replaced() -> bool:
        return requests.get(f"{house.url}/readyz", timeout=30).ok and len({*serving(house)} - {killed}) == 2

    wait_for(replaced, "a process in the place of the killed one")
    assert other in serving(house)
    wait_for(lambda: {cores_of(pid) for pid in serving(house)} == cores, "its core is taken again")
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda number: make(house, number), range(MADE)))) == MADE
    assert counted(house) == MADE


def test_processes_whose_first_one_is_killed_give_up_the_port(house: RunningHouse) -> None:
    server = house._processes["run"]
    server.kill()
    server.wait()
    wait_for(lambda: not alive(server.pid), "the end of the processes that it left behind")
    house.start("run")
    house.await_ready()
    assert make(house, 1)
