"""New checkouts over HTTP on either database, and reads while they are made."""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.measuring import Figure, Goal, Round, Scale, compare, percentile
from benchmarks.paths import callbacks
from benchmarks.paths.pair import Pair
from benchmarks.world import databases, servers
from benchmarks.world.floor_script import over_own_engine, write_script
from benchmarks.world.load import Connection, drive, request
from benchmarks.world.seeding import World
from tests.databases import postgres_database

ALONE, TOGETHER = 200, 1600
CONNECTIONS = 32
TAIL_ON_POSTGRES = 3
READS, READERS, WRITERS = 1200, 8, 2
BODY = json.dumps(
    {"amount": {"minor": 399_900, "currency": "CNY"}, "reference": "order-1001", "description": "自行车",
     "return_url": "https://shop.example/back", "expires_in_seconds": 900, "metadata": {"cart": "c-1001"}}
).encode()  # fmt: skip


def figures(pair: Pair, database: str, tail: int) -> Iterator[Figure]:
    """Make checkouts over one connection and over many; `tail` is how many times its p50 the p99 may be."""
    key = pair.world.house.api_key
    for port in (pair.ours, pair.floor, pair.bound):
        drive(port, _asked(key, pair.scale.of(20)), 1, 201)
    path = f"POST /v1/checkouts, {database}"
    floor = "a bare Flask view with the same SQL by the raw driver, a commit each"
    alone, together = pair.scale.of(ALONE), max(pair.scale.of(TOGETHER), CONNECTIONS)
    yield pair.measure(
        f"{path}, 1 conn.",
        floor,
        Goal("at least", 0.7),
        (lambda _: _asked(key, alone), lambda _: _asked(key, alone)),
        connections=1,
        status=(201, 201),
    )
    figure = pair.measure_with_bound(
        f"{path}, {CONNECTIONS} conn.",
        floor,
        Goal("at least", 1.2),
        lambda _: _asked(key, together),
        connections=CONNECTIONS,
        status=201,
    )
    yield _waits(figure, tail)


def _asked(key: str, count: int) -> list[bytes]:
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return [
        request("POST", "/v1/checkouts", {**head, "Idempotency-Key": secrets.token_hex(16)}, BODY)
        for _ in range(count)
    ]


def _waits(figure: Figure, tail: int) -> Figure:
    p99, p50 = percentile(figure.ours, 0.99), percentile(figure.ours, 0.5)
    times = f"p99 {p99 / p50:.1f}× own p50, wanted at most {tail}×; longest wait "
    return figure.saying(times + "{}, wanted at most 250 ms", 1)


def on_postgres(world: World, scale: Scale) -> Iterator[Figure]:
    """Make checkouts and send callbacks on PostgreSQL, product and floor on copies of the same database."""
    with ExitStack() as running:
        url = running.enter_context(databases.postgres_server())
        template = running.enter_context(databases.filled_postgres(url, world.database))
        script, floor, bound, mine = (
            running.enter_context(postgres_database(url, template)) for _ in range(4)
        )
        ours = running.enter_context(servers.product(world.folder, mine))
        written = write_script(world, script, floor)
        bare = running.enter_context(servers.bare(world.folder, written))
        shared = running.enter_context(servers.bare(world.folder, over_own_engine(written, bound)))
        pair = Pair(ours, bare, shared, world, scale)
        yield from figures(pair, "PostgreSQL", TAIL_ON_POSTGRES)
        yield callbacks.over_http(pair, "PostgreSQL")


def beside_writers(pair: Pair) -> Figure:
    """Read checkouts while others are made without a pause, against reads alone; an operation is its p99."""
    key, count = pair.world.house.api_key, max(pair.scale.of(READS) // READERS, 20)
    made = Connection(pair.ours)
    checkout = json.loads(made.ask(_asked(key, 1)[0]).body)["id"]
    made.close()
    asked = [request("GET", f"/v1/checkouts/{checkout}", {"Authorization": f"Bearer {key}"})] * count

    def reads() -> Round:
        # The system gives each connection to one of the processes, which may be one that writes or one that does not.
        done = [drive(pair.ours, asked, 1, 200).latencies for _ in range(READERS)]
        latencies = [each for connection in done for each in connection]
        return Round(latencies, percentile(tuple(latencies), 0.99))

    def beside(_: int) -> Round:
        with _writing(pair.ours, key):
            return reads()

    figure = compare(
        "reads beside writers, SQLite, p99",
        "the same reads alone",
        Goal("at most", 2),
        pair.scale.rounds,
        beside,
        lambda _: reads(),
        note=f"{WRITERS} connections make checkouts without a pause, {READERS} read one after another",
    )
    return figure.saying("p99 of all rounds {}", 0.99)


@contextmanager
def _writing(port: int, key: str) -> Iterator[None]:
    """Make checkouts until the block is left."""
    over = threading.Event()

    def write() -> None:
        connection = Connection(port)
        while not over.is_set():
            assert connection.ask(_asked(key, 1)[0]).status == 201
        connection.close()

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        over.set()
        for writer in writers:
            writer.join()
