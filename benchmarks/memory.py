"""How much memory one server and one worker hold under load, and whether it stays flat.

`python -m benchmarks.memory --minutes 60` loads an installation with new checkouts, prices and hosted pages, while a
worker does its rounds, and prints the resident memory of each as time passes. It writes nothing.
"""

import argparse
import itertools
import json
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.paths.creating import BODY
from benchmarks.world import databases, servers
from benchmarks.world.load import Connection, request
from benchmarks.world.seeding import World, fill, new_world

PRELOADED, OPENED, CLIENTS = 1000, 20, 4
SHELF = range(99_900, 599_900, 10_000)  # what a shop sells, in minor units
WANTED_MB = 160
SAMPLES = 30
# Memory is flat when its last third lies no more than this above its second.
FLAT = 1.03


@dataclass(frozen=True, slots=True)
class Held:
    """What one program held, in MB, sample by sample."""

    name: str
    megabytes: tuple[float, ...]

    @property
    def later(self) -> tuple[float, float]:
        """The medians of the second and of the last third."""
        third = len(self.megabytes) // 3
        return median(self.megabytes[third : 2 * third]), median(self.megabytes[2 * third :])

    def __str__(self) -> str:
        second, last = self.later
        verdict = "flat" if last <= second * FLAT else "growing"
        most = max(self.megabytes)
        within = "met" if most <= WANTED_MB else "not yet"
        return (
            f"{self.name}: {self.megabytes[0]:.0f} MB at first, {second:.0f} then {last:.0f} MB ({verdict}), at most "
            f"{most:.0f} MB, wanted at most {WANTED_MB}: {within}"
        )


def main(arguments: list[str]) -> int:
    """Load for some minutes and print what was held; the exit code is 0 whatever it was."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--per-second", type=float, default=100, help="requests that are begun in a second")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fenqi-memory-") as name:
        folder = Path(name)
        world = new_world(folder, datetime.now(UTC))
        fill(world, checkouts_made=PRELOADED, to_sign=0, to_decide=0, opened=OPENED, loans=1)
        world.close()
        database = f"sqlite:///{databases.copy_of(world.database, 'ours')}"
        with servers.programs(folder, database) as running:
            assert running.worker is not None
            ids = {"server": running.server, "worker": running.worker}
            held: dict[str, list[float]] = {each: [] for each in ids}
            with _loading(running.port, world, options.per_second) as answered:
                for _ in range(SAMPLES):
                    time.sleep(options.minutes * 60 / SAMPLES)
                    for each, process in ids.items():
                        held[each].append(largest_mb(process))
            print(f"{len(answered):,} answers in {options.minutes:g} minutes")
    for each, megabytes in held.items():
        print(Held(each, tuple(megabytes)))
    return 0


def largest_mb(process: int) -> float:
    """Return the resident memory of a process or of its largest child, in MB: a server's parent only watches."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return max(_resident_mb(each) for each in (process, *map(int, children)))


def _resident_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextmanager
def _loading(port: int, world: World, per_second: float) -> Iterator[list[None]]:
    """Ask at a steady pace until the block is left; yield a list that grows by one with each answer."""
    over, answered = threading.Event(), list[None]()

    def client() -> None:
        connection = Connection(port)
        for asked in _requests(world):
            if over.wait(CLIENTS / per_second):
                return
            assert connection.ask(asked).status in (200, 201)
            answered.append(None)

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    try:
        yield answered
    finally:
        over.set()
        for each in clients:
            each.join()


def _requests(world: World) -> Iterator[bytes]:
    key = {"Authorization": f"Bearer {world.house.api_key}"}
    opened, shelf = itertools.cycle(world.opened), itertools.cycle(SHELF)
    while True:
        yield request("GET", f"/v1/offers?amount_minor={next(shelf)}&currency=CNY", key)
        phone = next(opened)
        yield request("GET", f"/p/{phone.checkout.token}", {"Cookie": f"fenqi_phone={phone.claim}"})
        body = json.dumps({**json.loads(BODY), "amount": {"minor": next(shelf), "currency": "CNY"}}).encode()
        head = {**key, "Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        yield request("POST", "/v1/checkouts", head, body)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
