"""The paths over HTTP: product and floor as processes on the same kind of server, over copies of one database."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import Figure, Goal, Scale
from benchmarks.paths import callbacks, creating, decisions, deliveries
from benchmarks.paths.pair import Pair
from benchmarks.world import databases, servers
from benchmarks.world.copied_loans import add_book
from benchmarks.world.floor_script import over_own_engine, write_script
from benchmarks.world.load import Connection, request
from benchmarks.world.seeding import fill, new_world

PRELOADED, BOOK = 1000, 20_000
PAGES = 120
COPIES = ("script", "floor", "bound", "ours")
TAIL_ON_SQLITE = 4


def figures(scale: Scale) -> Iterator[Figure]:
    """Measure page, checkouts, callbacks and decisions on one pair of servers, then deliveries."""
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as name, ExitStack() as running:
        folder = Path(name)
        world = new_world(folder, datetime.now(UTC))
        fill(
            world,
            checkouts_made=scale.of(PRELOADED),
            to_sign=0,
            to_decide=(scale.of(decisions.COUNT) + 1) * scale.rounds,
            opened=1,
            loans=callbacks.wanted_over_http(scale),
        )
        add_book(world, scale.of(BOOK))
        world.close()
        script, floor, bound, mine = (
            f"sqlite:///{databases.copy_of(world.database, name)}" for name in COPIES
        )
        ours = running.enter_context(servers.product(folder, mine))
        written = write_script(world, script, floor)
        bare = running.enter_context(servers.bare(folder, written))
        shared = running.enter_context(servers.bare(folder, over_own_engine(written, bound)))
        pair = Pair(ours, bare, shared, world, scale)
        yield _page(pair)
        yield decisions.on_an_amount(pair)
        yield from creating.figures(pair, "SQLite", TAIL_ON_SQLITE)
        yield callbacks.over_http(pair, "SQLite")
        yield decisions.on_a_person(pair)
        _prove(pair)
        yield creating.beside_writers(pair)
        yield deliveries.figure(folder, pair.floor, scale)
        running.close()
        yield from creating.on_postgres(world, scale)


def _page(pair: Pair) -> Figure:
    opened, count = pair.world.opened[0], pair.scale.of(PAGES)
    ours = request("GET", f"/p/{opened.checkout.token}", {"Cookie": f"fenqi_phone={opened.claim}"})
    floor = request("GET", "/page", {})
    sizes = [len(_warm(port, asked)) for port, asked in ((pair.ours, ours), (pair.floor, floor))]
    return pair.measure(
        "GET hosted page, five plans",
        "a bare Flask view that renders such a page with Jinja from ready texts",
        Goal("at least", 0.6),
        (lambda _: [ours] * count, lambda _: [floor] * count),
        connections=1,
        status=(200, 200),
        note=f"pages of {sizes[0]:,} and {sizes[1]:,} bytes",
    ).saying("p50 {}, wanted under 50 ms", 0.5)


def _prove(pair: Pair) -> None:
    """Check that what was acknowledged was done, by both sides: nothing is fast that was left out."""
    folder, rounds = pair.world.folder, pair.scale.rounds
    found = {
        name: [databases.count(folder / f"{side}.sqlite", sql) for side in ("ours", "floor")]
        for name, sql in {
            "checkouts": "SELECT COUNT(*) FROM checkouts",
            "kept answers": "SELECT COUNT(*) FROM idempotency_keys WHERE response_status = 201",
            "repayments": "SELECT COUNT(*) FROM journal_entries WHERE kind = 'repayment'",
            "callbacks": "SELECT COUNT(*) FROM callbacks WHERE verdict = 'applied'",
        }.items()
    }
    for name, (ours, floor) in found.items():
        assert ours == floor > 0, f"{name}: {ours} and {floor}"
    assert found["callbacks"][0] == callbacks.wanted_over_http(pair.scale)
    asked = ", ".join(
        f"'{each.checkout.id}'" for each in pair.world.to_decide[: pair.scale.of(decisions.COUNT) * rounds]
    )
    undecided = databases.count(
        folder / "ours.sqlite",
        f"SELECT COUNT(*) FROM checkouts WHERE id IN ({asked}) AND status NOT IN ('offered', 'declined', 'referred')",
    )
    assert undecided == 0, f"{undecided} people were not decided on"


def _warm(port: int, asked: bytes, times: int = 20) -> bytes:
    connection = Connection(port)
    for _ in range(times):
        body = connection.ask(asked).body
    connection.close()
    return body
