"""The storage layer by itself, on both engines: the transactions of a signature, a callback and a new checkout."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.floors import sql
from benchmarks.measuring import Figure, Goal, Scale, compare, side_by_side, timed
from benchmarks.paths import callbacks
from benchmarks.world import databases
from benchmarks.world.copied_loans import add_book
from benchmarks.world.cores import one_core
from benchmarks.world.recording import (
    Calls,
    RecordingEngine,
    RecordingStorage,
    Transaction,
    play,
    play_statements,
)
from benchmarks.world.seeding import World, draft, fill, new_world
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.operation.idempotency import Once, run_once
from merchant_server.services.resources import checkout_resource
from merchant_server.services.sale import checkouts, signing
from merchant_server.storage.engine import Engine
from merchant_server.storage.opening import open_engine
from merchant_server.storage.sqlite import SqliteEngine
from tests.databases import postgres_database

PRELOADED, BOOK = 1000, 20_000
SIGNATURES, CALLBACKS, WAITERS, CHECKOUTS = 40, 120, 16, 640


@dataclass(frozen=True, slots=True)
class Recorded:
    """The same work twice: as calls of repositories, and as statements."""

    calls: list[Calls]
    statements: list[Transaction]


@dataclass(frozen=True, slots=True)
class Tape:
    """What one engine is asked for in each kind of transaction."""

    signatures: Recorded
    callbacks: Recorded
    checkouts: Recorded


def figures(scale: Scale) -> Iterator[Figure]:
    """Measure on SQLite, then on PostgreSQL where one can be started."""
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        world = new_world(Path(folder), datetime.now(UTC))
        fill(
            world,
            checkouts_made=scale.of(PRELOADED),
            to_sign=scale.of(SIGNATURES) * scale.rounds,
            to_decide=0,
            opened=0,
            loans=scale.of(CALLBACKS) * scale.rounds,
        )
        add_book(world, scale.of(BOOK))
        world.close()
        yield from _on_sqlite(world, scale)
        try:
            with (
                databases.postgres_server() as url,
                databases.filled_postgres(url, world.database) as template,
            ):
                yield from _on_postgres(world, scale, url, template)
        except databases.PostgresMissing as missing:
            print(f"PostgreSQL was not measured: {missing}", file=sys.stderr)


def _record(world: World, engine: Engine, scale: Scale) -> Tape:
    """Let the services do everything once on an engine of its own, and keep what they asked for."""
    taped = RecordingEngine(engine)
    units = RecordingStorage(world.storage(taped))
    deps = replace(world.deps, storage=units)
    rows = _pending(engine)

    def last(work: Callable[[], object]) -> tuple[Calls, Transaction]:
        work()
        return units.units[-1], taped.writes[-1]

    def make(number: int) -> object:
        once = Once(f"key-{number}", "f" * 64)
        return run_once(deps, world.caller, once, 201, lambda uow: checkout_resource(
            checkouts.create_checkout(uow, deps, world.caller, draft(f"new-{number}")), "https://pay.example"
        ))  # fmt: skip

    def call_back(row: dict[str, Any]) -> object:
        event_id, body = world.callback(row)
        return receive(deps, body, world.sign_callback(event_id, body, world.house.clock.now()))

    signed = [
        last(lambda a=applicant, d=digits: signing.sign(deps, a.checkout.token, a.claim, d))  # type: ignore[misc]
        for applicant, digits in world.to_sign
    ]
    told = [last(lambda r=row: call_back(r)) for row in rows]  # type: ignore[misc]
    made = [last(lambda n=n: make(n)) for n in range(scale.of(CHECKOUTS) * scale.rounds)]  # type: ignore[misc]
    return Tape(*(Recorded([c for c, _ in each], [s for _, s in each]) for each in (signed, told, made)))


def _pending(engine: Engine) -> list[dict[str, Any]]:
    with engine.reading() as connection:
        return connection.all("SELECT * FROM deductions WHERE status = 'pending' ORDER BY id")


def _slice(number: int, count: int) -> range:
    return range(number * count, (number + 1) * count)


def _on_sqlite(world: World, scale: Scale) -> Iterator[Figure]:
    engine = open_engine(f"sqlite:///{databases.copy_of(world.database, 'record')}")
    tape = _record(world, engine, scale)
    engine.close()
    engine = open_engine(f"sqlite:///{databases.copy_of(world.database, 'ours')}")
    raw = sql.open_sqlite(databases.copy_of(world.database, "floor"))
    storage = world.storage(engine)
    for name, recorded, count in (
        ("storage: sign, SQLite", tape.signatures, scale.of(SIGNATURES)),
        ("storage: bank callback, SQLite", tape.callbacks, scale.of(CALLBACKS)),
    ):
        yield compare(
            name,
            "the same statements by the bare driver, same durability",
            Goal("at least", 0.85),
            scale.rounds,
            lambda n, r=recorded, c=count: timed(lambda i: play(storage, r.calls[i]), _slice(n, c)),  # type: ignore[misc]
            lambda n, r=recorded, c=count: timed(
                lambda i: sql.run_sqlite(raw, r.statements[i]), _slice(n, c)
            ),  # type: ignore[misc]
        )
    _prove(world)
    yield from callbacks.on_sqlite(world, tape.callbacks.statements, scale.of(CALLBACKS), scale)
    yield from _group_commit(world, tape.checkouts.statements, scale)
    engine.close()
    raw.close()


def _prove(world: World) -> None:
    """Check that both sides wrote the same rows."""
    for table in ("loans", "installments", "postings", "events", "transitions", "callbacks", "audit"):
        ours, floor = (
            databases.count(world.folder / f"{side}.sqlite", f"SELECT COUNT(*) FROM {table}")
            for side in ("ours", "floor")
        )
        assert ours == floor > 0, f"{table}: {ours} and {floor} rows"


def _group_commit(world: World, made: Sequence[Transaction], scale: Scale) -> Iterator[Figure]:
    """A new checkout's statements through the engine: by one client against the bare driver, then by many waiters."""
    count = scale.of(CHECKOUTS)
    engine = open_engine(f"sqlite:///{databases.copy_of(world.database, 'alone')}")
    raw = sql.open_sqlite(databases.copy_of(world.database, "alone-floor"))
    alone = compare(
        "group commit, one client",
        "the same statements by the bare driver, one commit a transaction",
        Goal("at most", 1.15),
        scale.rounds,
        lambda number: timed(lambda n: _through(engine, made[n]), _slice(number, count)),
        lambda number: timed(lambda n: sql.run_sqlite(raw, made[n]), _slice(number, count)),
    )
    yield alone
    engine.close()
    raw.close()
    grouping = SqliteEngine(databases.copy_of(world.database, "group"))
    single = SqliteEngine(databases.copy_of(world.database, "single"), batch_transactions=1)
    with one_core(), ThreadPoolExecutor(WAITERS) as pool:
        yield compare(
            f"group commit, {WAITERS} waiters",
            "the same waiters on the same engine and the same core, one transaction a commit",
            Goal("at least", 2.2),
            scale.rounds,
            lambda number: side_by_side(
                lambda n: _through(grouping, made[n]), _slice(number, count), pool, WAITERS
            ),
            lambda number: side_by_side(
                lambda n: _through(single, made[n]), _slice(number, count), pool, WAITERS
            ),
            note=f"one thread over the bare driver alone makes {alone.operations_per_second[1]:,.0f} a second",
        )
    grouping.close()
    single.close()


def _through(engine: Engine, transaction: Transaction) -> None:
    engine.run(lambda connection: play_statements(connection, transaction))


def _on_postgres(world: World, scale: Scale, url: str, template: str) -> Iterator[Figure]:
    """One client, in the order of the recording."""
    with postgres_database(url, template) as recording:
        engine = open_engine(recording)
        tape = _record(world, engine, scale)
        engine.close()
    with postgres_database(url, template) as ours_url, postgres_database(url, template) as floor_url:
        engine, raw = open_engine(ours_url), sql.open_postgres(floor_url)
        storage = world.storage(engine)
        for name, recorded, count in (
            ("storage: sign, PostgreSQL", tape.signatures, scale.of(SIGNATURES)),
            ("storage: bank callback, PostgreSQL", tape.callbacks, scale.of(CALLBACKS)),
        ):
            bare = sql.for_postgres(recorded.statements)
            yield compare(
                name,
                "the same statements by bare psycopg, one after another",
                Goal("at least", 0.85),
                scale.rounds,
                lambda n, r=recorded, c=count: timed(lambda i: play(storage, r.calls[i]), _slice(n, c)),  # type: ignore[misc]
                lambda n, b=bare, c=count: timed(lambda i: sql.run_postgres(raw, b[i]), _slice(n, c)),  # type: ignore[misc]
            )
        engine.close()
        raw.close()
    yield from callbacks.on_postgres(
        world, tape.callbacks.statements, scale.of(CALLBACKS), scale, url, template
    )
