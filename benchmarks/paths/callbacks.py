"""Bank callbacks as they come, several at once: each verified, applied, durable and acknowledged, on both engines.

In one process the floor commits the same rows by the bare driver: only what is written, nothing read, verified or
understood. Over HTTP it is a bare view that verifies and runs the same SQL.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any

from benchmarks.floors import sql
from benchmarks.measuring import Figure, Goal, Scale, compare, side_by_side
from benchmarks.paths.pair import Pair
from benchmarks.world import databases
from benchmarks.world.cores import one_core
from benchmarks.world.load import drive, request
from benchmarks.world.recording import Transaction
from benchmarks.world.seeding import World
from merchant_server.services.collection.callbacks import receive
from merchant_server.storage.engine import Engine
from merchant_server.storage.opening import open_engine
from merchant_server.storage.sqlite_connection import driver
from tests.databases import postgres_database

TOGETHER = 8
OVER_HTTP, CONNECTIONS = 480, 32
WARMING = 96  # before the first round: threads and connections are made, statements prepared
_WRITES = ("INSERT", "UPDATE", "DELETE")


def on_sqlite(world: World, recorded: Sequence[Transaction], count: int, scale: Scale) -> Iterator[Figure]:
    """Measure against one bare connection, which suits SQLite best."""
    engine = open_engine(f"sqlite:///{databases.copy_of(world.database, 'told')}")
    raw = sql.open_sqlite(databases.copy_of(world.database, "told-floor"))
    transactions = _written(recorded)
    yield _figure(world, engine, "SQLite", count, scale, lambda n: sql.run_sqlite(raw, transactions[n]), 1)
    engine.close()
    raw.close()


def on_postgres(
    world: World, recorded: Sequence[Transaction], count: int, scale: Scale, url: str, template: str
) -> Iterator[Figure]:
    """Measure against as many bare connections as there are callers."""
    transactions = sql.for_postgres(_written(recorded))
    with (
        postgres_database(url, template) as ours_url,
        postgres_database(url, template) as floor_url,
        ExitStack() as opened,
    ):
        engine = open_engine(ours_url)
        idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(TOGETHER):
            idle.put(opened.enter_context(sql.open_postgres(floor_url)))

        def commit(number: int) -> None:
            raw = idle.get()
            sql.run_postgres(raw, transactions[number])
            idle.put(raw)

        yield _figure(world, engine, "PostgreSQL", count, scale, commit, TOGETHER)
        engine.close()


def _written(recorded: Sequence[Transaction]) -> list[Transaction]:
    return [[each for each in transaction if each.sql.startswith(_WRITES)] for transaction in recorded]


def _figure(
    world: World,
    engine: Engine,
    name: str,
    count: int,
    scale: Scale,
    commit: Callable[[int], object],
    bare_threads: int,
) -> Figure:
    deps = replace(world.deps, storage=world.storage(engine))
    with engine.reading() as connection:
        rows = connection.all("SELECT * FROM deductions WHERE status = 'pending' ORDER BY id")
    now = world.house.clock.now()
    # Signing is the bank's work.
    told = [(body, world.sign_callback(event_id, body, now)) for event_id, body in map(world.callback, rows)]

    def acknowledge(number: int) -> None:
        verdict = receive(deps, *told[number])
        assert verdict.outcome == "applied", verdict

    def side(work: Callable[[int], object], threads: int, pool: ThreadPoolExecutor) -> Callable[[int], Any]:
        return lambda number: side_by_side(work, range(number * count, (number + 1) * count), pool, threads)

    with one_core(), ThreadPoolExecutor(TOGETHER) as pool:
        return compare(
            f"bank callbacks, {TOGETHER} callers, {name}",
            f"the same rows committed by the bare driver, {bare_threads} connection{'s' * (bare_threads > 1)}",
            Goal("at least", 0.5),
            scale.rounds,
            side(acknowledge, TOGETHER, pool),
            side(commit, bare_threads, pool),
        )


def wanted_over_http(scale: Scale) -> int:
    """Return how many callbacks `over_http` sends to each side."""
    return scale.of(OVER_HTTP) * scale.rounds + scale.of(WARMING)


def over_http(pair: Pair, name: str) -> Figure:
    """Send a database's waiting callbacks to both servers over many connections."""
    world, count, warming = pair.world, pair.scale.of(OVER_HTTP), pair.scale.of(WARMING)
    told = _told(world)

    def posted(some: list[tuple[str, bytes]]) -> list[bytes]:
        now = datetime.now(UTC)
        return [
            request("POST", "/callbacks/bank", world.sign_callback(event_id, body, now), body)
            for event_id, body in some
        ]

    def asked(number: int) -> list[bytes]:
        return posted(told[warming + number * count :][:count])

    for port in (pair.ours, pair.floor, pair.bound):
        drive(port, posted(told[:warming]), min(CONNECTIONS, warming), 200)
    return pair.measure_with_bound(
        f"POST bank callback, {name}, {CONNECTIONS} conn.",
        "a bare Flask view: signature verified, the same SQL by the raw driver, a commit each",
        Goal("at least", 1.3),
        asked,
        connections=min(CONNECTIONS, count),
        status=200,
    )


def _told(world: World) -> list[tuple[str, bytes]]:
    source = driver.connect(str(world.database))
    names = ("id", "mandate_id", "amount_minor", "currency")
    rows = source.execute(f"SELECT {', '.join(names)} FROM deductions WHERE status = 'pending' ORDER BY id")
    told = [world.callback(dict(zip(names, row, strict=True))) for row in rows.fetchall()]
    source.close()
    return told
