"""SQLite's writer: waiting transactions share one durable commit, and each stands or falls by itself."""

import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Protocol

import pytest

from merchant_server.storage.engine import (
    Conflict,
    Connection,
    RuleBroken,
    StorageUnavailable,
    TransactionMisuse,
)
from merchant_server.storage.sqlite import SqliteEngine

TABLES = (
    "CREATE TABLE marks (id TEXT PRIMARY KEY)",
    "CREATE TABLE later (id TEXT REFERENCES marks (id) DEFERRABLE INITIALLY DEFERRED)",
)
OTHER_PROGRAM = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("holding", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""
Body = Callable[[Connection], None]
WHO: ContextVar[str] = ContextVar("who")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    """A SQLite engine that never closes a batch for its age."""
    opened = SqliteEngine(tmp_path / "group.sqlite", batch_seconds=60)
    with opened.transaction() as connection:
        for table in TABLES:
            connection.execute(table)
    yield opened
    opened.close()


def mark(name: str) -> Body:
    def body(connection: Connection) -> None:
        connection.execute("INSERT INTO marks (id) VALUES (:id)", {"id": name})

    return body


def refuse(connection: Connection) -> None:
    connection.execute("INSERT INTO marks (id) VALUES ('refused')")
    raise LookupError("refused by a rule")


def break_the_commit(connection: Connection) -> None:
    connection.execute("INSERT INTO later (id) VALUES ('no such mark')")


def fill_the_disk(connection: Connection) -> None:
    pages = connection.one("PRAGMA page_count")
    assert pages is not None
    connection.one(f"PRAGMA max_page_count={pages['page_count']}")
    try:
        connection.execute("INSERT INTO marks (id) VALUES (:id)", {"id": "x" * 1_000_000})
    finally:
        connection.raw.execute("PRAGMA max_page_count=1000000")  # type: ignore[attr-defined]


class Together(Protocol):
    """Runs bodies as one batch in this order and returns how each ended."""

    def __call__(self, engine: SqliteEngine, *bodies: Body) -> list[BaseException | None]: ...


@pytest.fixture(params=["block by block", "one for all", "by turns"])
def in_one_batch(request: pytest.FixtureRequest) -> Together:
    """A batch of threads that each use their own turn, of work that one does for all, or of both by turns."""

    def by_block(engine: SqliteEngine, body: Body) -> None:
        with engine.transaction() as connection:
            body(connection)

    def by_work(engine: SqliteEngine, body: Body) -> None:
        engine.run(body)

    ways = {"block by block": [by_block], "one for all": [by_work], "by turns": [by_work, by_block]}
    return partial(_in_one_batch, cycle(ways[request.param]))


def _in_one_batch(
    ways: Iterator[Callable[[SqliteEngine, Body], None]], engine: SqliteEngine, *bodies: Body
) -> list[BaseException | None]:
    futures: list[Future[None]] = []
    with ThreadPoolExecutor(len(bodies)) as pool:
        first_is_in, all_wait = threading.Event(), threading.Event()

        def first(connection: Connection) -> None:
            first_is_in.set()
            assert all_wait.wait(30)
            bodies[0](connection)

        futures.append(pool.submit(next(ways), engine, first))
        assert first_is_in.wait(30)
        for place, body in enumerate(bodies[1:], start=1):
            futures.append(pool.submit(next(ways), engine, body))
            while engine.waiting < place:
                threading.Event().wait(0.001)
        all_wait.set()
    return [future.exception() for future in futures]


def marks(engine: SqliteEngine) -> list[str]:
    with engine.reading() as connection:
        return [row["id"] for row in connection.all("SELECT id FROM marks ORDER BY id")]


def test_waiting_transactions_share_one_commit(engine: SqliteEngine, in_one_batch: Together) -> None:
    before = engine.commits
    assert in_one_batch(engine, *[mark(f"{number:02}") for number in range(16)]) == [None] * 16
    assert engine.commits - before == 1
    assert len(marks(engine)) == 16


def test_a_transaction_that_meets_nobody_is_a_commit_of_its_own(engine: SqliteEngine) -> None:
    before = engine.commits
    for number in range(5):
        with engine.transaction() as connection:
            mark(str(number))(connection)
    assert engine.commits - before == 5


def test_a_batch_takes_in_only_so_many_transactions(tmp_path: Path, in_one_batch: Together) -> None:
    engine = SqliteEngine(tmp_path / "small.sqlite", batch_transactions=3, batch_seconds=60)
    with engine.transaction() as connection:
        connection.execute(TABLES[0])
    before = engine.commits
    assert in_one_batch(engine, *[mark(str(number)) for number in range(9)]) == [None] * 9
    assert engine.commits - before == 3
    engine.close()


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_transaction_that_raises_takes_only_its_own_rows_along(
    engine: SqliteEngine, place: int, in_one_batch: Together
) -> None:
    bodies = [mark("a"), mark("b"), mark("c")]
    bodies.insert(place, refuse)
    ends = in_one_batch(engine, *bodies)
    assert isinstance(ends.pop(place), LookupError)
    assert ends == [None] * 3
    assert marks(engine) == ["a", "b", "c"]


def test_a_conflict_with_a_row_of_the_same_batch_is_told_to_the_later_one(
    engine: SqliteEngine, in_one_batch: Together
) -> None:
    ends = in_one_batch(engine, mark("a"), mark("a"), mark("b"))
    assert ends[0] is None
    assert isinstance(ends[1], Conflict)
    assert ends[2] is None
    assert marks(engine) == ["a", "b"]


class TestMemory:
    """Rows that seldom change, which transactions remember for those after them."""

    def test_it_serves_later_transactions_of_the_same_and_of_the_next_commit(
        self, engine: SqliteEngine, in_one_batch: Together
    ) -> None:
        found: list[str | None] = []
        in_one_batch(engine, _recall(found), _recall(found))
        in_one_batch(engine, _recall(found))
        assert found == [None, "as it is", "as it is"]

    @pytest.mark.parametrize("forgetting", [refuse, break_the_commit, None])
    def test_it_ends_with_a_transaction_that_is_undone_or_does_not_say_that_it_remembers(
        self, engine: SqliteEngine, in_one_batch: Together, forgetting: Body | None
    ) -> None:
        found: list[str | None] = []

        def change_it(connection: Connection) -> None:
            connection.memory["row"] = "as it will not be"
            if forgetting is not None:
                connection.remembers = True
                forgetting(connection)

        in_one_batch(engine, _recall(found), change_it)
        in_one_batch(engine, _recall(found))
        assert found == [None, None]

    def test_it_ends_once_somebody_else_has_changed_the_database(
        self, engine: SqliteEngine, in_one_batch: Together
    ) -> None:
        found: list[str | None] = []
        other = SqliteEngine(engine.path)
        in_one_batch(engine, _recall(found))
        other.run(mark("x"))
        in_one_batch(engine, _recall(found), _recall(found))
        other.close()
        assert found == [None, None, "as it is"]

    def test_readers_remember_until_anybody_has_changed_the_database(self, engine: SqliteEngine) -> None:
        found: list[str | None] = []
        for change in (False, False, True, False):
            if change:
                engine.run(mark("x"))
            with engine.reading() as connection:
                _recall(found)(connection)
        assert found == [None, "as it is", None, "as it is"]


def _recall(found: list[str | None]) -> Body:
    def body(connection: Connection) -> None:
        connection.remembers = True
        found.append(connection.memory.get("row"))
        connection.memory["row"] = "as it is"

    return body


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_commit_that_fails_acknowledges_nobody(
    engine: SqliteEngine, place: int, in_one_batch: Together
) -> None:
    bodies = [mark("a"), mark("b")]
    bodies.insert(place, break_the_commit)
    ends = in_one_batch(engine, *bodies)
    assert [type(end) for end in ends] == [StorageUnavailable] * 3
    assert marks(engine) == []
    assert in_one_batch(engine, mark("a"), mark("b")) == [None, None]
    assert marks(engine) == ["a", "b"]


def test_a_refusal_that_rests_on_rows_of_a_failed_commit_is_not_given_out(
    engine: SqliteEngine, in_one_batch: Together
) -> None:
    ends = in_one_batch(engine, mark("a"), mark("a"), break_the_commit)
    assert [type(end) for end in ends] == [StorageUnavailable] * 3
    assert marks(engine) == []


def test_a_commit_that_fails_for_one_alone_says_why(engine: SqliteEngine) -> None:
    with pytest.raises(RuleBroken), engine.transaction() as connection:
        break_the_commit(connection)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_full_disk_is_unavailable_and_hurts_nobody_silently(
    engine: SqliteEngine, place: int, in_one_batch: Together
) -> None:
    bodies = [mark("a"), mark("b")]
    bodies.insert(place, fill_the_disk)
    ends = in_one_batch(engine, *bodies)
    assert isinstance(ends[place], StorageUnavailable)
    others = ends[:place] + ends[place + 1 :]
    kept = [name for name, end in zip(["a", "b"], others, strict=True) if end is None]
    assert marks(engine) == kept
    with engine.transaction() as connection:
        mark("after")(connection)
    assert "after" in marks(engine)


def test_readers_do_not_see_a_batch_before_it_is_durable(
    engine: SqliteEngine, in_one_batch: Together
) -> None:
    seen: list[list[str]] = []

    def look(connection: Connection) -> None:
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(marks, engine).result(30))

    assert in_one_batch(engine, mark("a"), look, mark("b")) == [None] * 3
    assert seen == [[]]
    assert marks(engine) == ["a", "b"]


def test_work_that_waits_is_done_by_the_thread_that_has_the_turn_in_the_callers_own_words(
    engine: SqliteEngine,
) -> None:
    done: dict[str, tuple[str, int]] = {}
    first_is_in, others_wait = threading.Event(), threading.Event()

    def work(name: str, connection: Connection) -> str:
        if name == "first":
            first_is_in.set()
            assert others_wait.wait(30)
        done[name] = (WHO.get(), threading.get_ident())
        mark(name)(connection)
        return f"{name} is done"

    def ask(name: str) -> str:
        WHO.set(name)
        return engine.run(partial(work, name))

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, "first")
        assert first_is_in.wait(30)
        others = {name: pool.submit(ask, name) for name in ("a", "b", "c")}
        while engine.waiting < 3:
            threading.Event().wait(0.001)
        others_wait.set()
        assert first.result(30) == "first is done"
        assert {name: each.result(30) for name, each in others.items()} == {
            name: f"{name} is done" for name in others
        }
    assert {name: who for name, (who, _) in done.items()} == {name: name for name in done}
    assert len({thread for _, thread in done.values()}) == 1
    assert marks(engine) == ["a", "b", "c", "first"]


def test_work_that_got_no_turn_in_time_is_never_done(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path / "late.sqlite", wait_seconds=0.05)
    with engine.transaction() as connection:
        connection.execute(TABLES[0])
        with ThreadPoolExecutor(1) as pool, pytest.raises(StorageUnavailable, match="no turn to write"):
            pool.submit(engine.run, mark("late")).result(30)
    assert marks(engine) == []
    engine.close()


def test_work_cannot_open_a_transaction_of_its_own_whoever_does_it(
    engine: SqliteEngine, in_one_batch: Together
) -> None:
    def nested(connection: Connection) -> None:
        engine.run(mark("nested"))

    ends = in_one_batch(engine, mark("a"), nested, mark("b"))
    assert [type(end) for end in ends] == [type(None), TransactionMisuse, type(None)]
    assert marks(engine) == ["a", "b"]


def test_a_lock_that_another_program_holds_on_the_file_is_waited_for(
    engine: SqliteEngine, in_one_batch: Together
) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROGRAM, str(engine.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "holding\n"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(in_one_batch, engine, mark("a"))
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        other.communicate("let go\n")
        assert waiting.result(30) == [None]
    assert marks(engine) == ["a"]


def test_the_file_is_private_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "shop.sqlite"
    engine = SqliteEngine(path)
    with engine.transaction() as connection:
        connection.execute(TABLES[0])
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    engine.close()


def test_the_settings_that_keep_a_commit_are_in_force(engine: SqliteEngine) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "wal_autocheckpoint": 32_000}
    with engine.transaction() as connection:
        assert {name: connection.one(f"PRAGMA {name}") for name in wanted} == {
            name: {name: value} for name, value in wanted.items()
        }


def test_a_path_that_cannot_be_a_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a database, but long enough to be looked at as one" * 100)
    for name in ("folder", "text", "text/below"):
        with pytest.raises(StorageUnavailable):
            SqliteEngine(tmp_path / name)
