"""The monthly run of deductions: what one loan costs when ten times as many are due on the same day; and a quote.

The floor is the same run over a tenth of the loans, so a ratio of 1 is a run that grows with the loans and no faster.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.floors import sql
from benchmarks.measuring import Figure, Goal, Round, Scale, compare, timed
from benchmarks.world import databases
from benchmarks.world.copied_loans import ForgetfulBank, loans_due
from benchmarks.world.recording import RecordingEngine
from benchmarks.world.seeding import World
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.collection.early_settlement import quote_for_merchant
from merchant_server.services.deps import Deps
from merchant_server.storage.engine import Engine
from merchant_server.storage.opening import open_engine
from tests.databases import postgres_database

# `make bench-full` asks for ten times as many.
LOANS = int(os.environ.get("FENQI_BENCH_LOANS", "10000"))
ROUNDS, QUOTES = 2, 200
GOAL = Goal("at most", 1.15)


def figures(scale: Scale) -> Iterator[Figure]:
    """Measure on SQLite, then on PostgreSQL where one can be started."""
    many = scale.of(LOANS)
    few = max(many // 10, 2)
    with tempfile.TemporaryDirectory(prefix="fenqi-run-") as folder:
        worlds = [_filled(Path(folder) / str(count), count) for count in (many, few)]
        yield _quotes(worlds[1], scale.of(QUOTES), scale.rounds)
        yield _compared("SQLite", worlds, many, few, [_sqlite_deps, _sqlite_deps])
        try:
            with (
                databases.postgres_server() as url,
                databases.filled_postgres(url, worlds[0].database) as full,
                databases.filled_postgres(url, worlds[1].database) as tenth,
            ):
                openers = [_postgres_opener(url, template) for template in (full, tenth)]
                yield _compared("PostgreSQL", worlds, many, few, openers)
        except databases.PostgresMissing as missing:
            print(f"PostgreSQL was not measured: {missing}", file=sys.stderr)


def _filled(folder: Path, count: int) -> World:
    folder.mkdir()
    world = loans_due(folder, count)
    world.close()
    return world


def _quotes(world: World, count: int, rounds: int) -> Figure:
    """Quote loan after loan, and beside it the same statements by the bare driver."""
    taped = RecordingEngine(open_engine(f"sqlite:///{databases.copy_of(world.database, 'quote-tape')}"))
    engine = open_engine(f"sqlite:///{databases.copy_of(world.database, 'quote')}")
    raw = sql.open_sqlite(databases.copy_of(world.database, "quote-floor"))
    with engine.reading() as connection:
        loans = [
            row["id"] for row in connection.all("SELECT id FROM loans ORDER BY id LIMIT :n", {"n": count})
        ]

    def quoting(on: Engine) -> Callable[[int], object]:
        deps = replace(world.deps, storage=world.storage(on))

        def quote(number: int) -> object:
            with deps.storage.unit_of_work() as uow:
                return quote_for_merchant(uow, deps, world.caller, loans[number % len(loans)])

        return quote

    record, ours = quoting(taped), quoting(engine)
    for number in range(count * rounds):
        record(number)
    figure = compare(
        "settlement quote, SQLite",
        "the same statements by the bare driver, same durability",
        None,
        rounds,
        lambda n: timed(ours, range(n * count, (n + 1) * count)),
        lambda n: timed(lambda i: sql.run_sqlite(raw, taped.writes[i]), range(n * count, (n + 1) * count)),
    )
    for opened in (taped, engine, raw):
        opened.close()
    return figure.saying("p95 {}, at most 5 ms wanted", 0.95)


def _compared(engine: str, worlds: list[World], many: int, few: int, openers: list) -> Figure:  # type: ignore[type-arg]
    grown: list[int] = []

    def run(place: int, count: int) -> Round:
        with openers[place](worlds[place]) as deps:
            before = _memory_bytes()
            done = _run(deps, worlds[place].caller.merchant_id, count)
            if place == 0:
                grown.append(_memory_bytes() - before)
            return done

    figure = compare(
        f"deduction run, {engine}",
        "the same run over a tenth of the loans, per loan",
        GOAL,
        ROUNDS,
        lambda _: run(0, many),
        lambda _: run(1, few),
    )
    return replace(figure, note=f"{many:,} loans; memory {max(grown) / 1e6:+.1f} MB")


def _run(deps: Deps, merchant_id: str, count: int) -> Round:
    """Request and send everything that is due; a latency is what one loan of a batch took."""
    latencies, started = [], time.perf_counter()
    for step in (lambda: request_due(deps, merchant_id), lambda: ask_bank(deps)):
        while True:
            before = time.perf_counter()
            done = step()
            if not done:
                break
            latencies.append((time.perf_counter() - before) / done)
    with deps.storage.reading() as uow:
        assert uow.deductions.under_way(merchant_id, sent_only=True) == count
    return Round(latencies, (time.perf_counter() - started) / count)


@contextmanager
def _sqlite_deps(world: World) -> Iterator[Deps]:
    engine = open_engine(f"sqlite:///{databases.copy_of(world.database, 'run')}")
    yield replace(world.deps, storage=world.storage(engine), bank=ForgetfulBank())
    engine.close()


def _postgres_opener(server_url: str, template: str):  # type: ignore[no-untyped-def]
    @contextmanager
    def opened(world: World) -> Iterator[Deps]:
        with postgres_database(server_url, template) as url:
            engine = open_engine(url)
            yield replace(world.deps, storage=world.storage(engine), bank=ForgetfulBank())
            engine.close()

    return opened


def _memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
