"""What both databases promise behind the engine port: one suite, run on SQLite and on PostgreSQL."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import pytest

from merchant_server.storage.engine import (
    Conflict,
    Connection,
    Engine,
    Retry,
    RuleBroken,
    StorageError,
    TransactionMisuse,
    run_until_won,
)
from merchant_server.storage.opening import open_engine

SCHEMA = """
CREATE TABLE items (
  id TEXT PRIMARY KEY, state TEXT NOT NULL DEFAULT 'new', version BIGINT NOT NULL DEFAULT 1,
  amount_minor BIGINT NOT NULL DEFAULT 0 CHECK (amount_minor >= -9223372036854775807), body BLOB
);
CREATE UNIQUE INDEX items_amount ON items (amount_minor) WHERE amount_minor <> 0;
CREATE TABLE parts (id TEXT PRIMARY KEY, item_id TEXT NOT NULL REFERENCES items (id));
"""
INSERT = "INSERT INTO items (id, state, amount_minor, body) VALUES (:id, :state, :amount_minor, :body)"


@pytest.fixture
def database(fresh_engine: Engine, tmp_path: Path) -> Engine:
    """An engine of each kind with the tables of this suite."""
    folder = tmp_path / "schema"
    folder.mkdir()
    (folder / "0001_items.sql").write_text(SCHEMA)
    fresh_engine.migrate(folder)
    return fresh_engine


def item(name: str, **values: object) -> dict[str, object]:
    return {"id": name, "state": "new", "amount_minor": 0, "body": None, **values}


def add(engine: Engine, name: str, **values: object) -> None:
    with engine.transaction() as connection:
        connection.execute(INSERT, item(name, **values))


def names(engine: Engine) -> list[str]:
    with engine.reading() as connection:
        return [row["id"] for row in connection.all("SELECT id FROM items ORDER BY id")]


def test_a_block_that_ends_well_is_committed(database: Engine) -> None:
    add(database, "a")
    assert names(database) == ["a"]


def test_a_block_that_raises_leaves_nothing_and_lets_its_error_through(database: Engine) -> None:
    with pytest.raises(LookupError, match="mine"), database.transaction() as connection:
        connection.execute(INSERT, item("a"))
        raise LookupError("mine")
    assert names(database) == []


def test_a_reading_block_sees_one_snapshot_and_does_not_stop_writers(database: Engine) -> None:
    with database.reading() as connection:
        assert connection.all("SELECT id FROM items") == []
        add(database, "a")
        assert connection.all("SELECT id FROM items") == []
    assert names(database) == ["a"]


def test_a_reading_block_cannot_write(database: Engine) -> None:
    with pytest.raises(StorageError), database.reading() as connection:
        connection.execute(INSERT, item("a"))
    assert names(database) == []


def test_a_taken_key_is_a_conflict_that_names_the_constraint(database: Engine) -> None:
    add(database, "a", amount_minor=7)
    with pytest.raises(Conflict) as caught:
        add(database, "b", amount_minor=7)
    assert "amount" in caught.value.constraint
    assert names(database) == ["a"]


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        ("INSERT INTO items (id, amount_minor) VALUES ('x', -9223372036854775808)", "amount_minor"),
        ("INSERT INTO items (id, state) VALUES ('x', NULL)", "NULL"),
    ],
)
def test_a_check_or_not_null_rule_is_a_broken_rule(database: Engine, sql: str, part: str) -> None:
    with pytest.raises(RuleBroken, match=f"(?i){part}"), database.transaction() as connection:
        connection.execute(sql)


def test_a_missing_parent_row_is_a_broken_rule(database: Engine) -> None:
    with pytest.raises(RuleBroken), database.transaction() as connection:
        connection.execute("INSERT INTO parts (id, item_id) VALUES ('p', 'nowhere')")


def test_compare_and_set_changes_the_row_once(database: Engine) -> None:
    add(database, "a")
    change = "UPDATE items SET state = 'done', version = version + 1 WHERE id = :id AND version = :version"
    with database.transaction() as connection:
        assert connection.execute(change, {"id": "a", "version": 1}) == 1
        assert connection.execute(change, {"id": "a", "version": 1}) == 0


def test_returning_gives_the_changed_rows(database: Engine) -> None:
    insert = "INSERT INTO items (id) VALUES (:id) ON CONFLICT (id) DO NOTHING RETURNING id, version"
    with database.transaction() as connection:
        assert connection.one(insert, {"id": "a"}) == {"id": "a", "version": 1}
        assert connection.one(insert, {"id": "a"}) is None
        assert connection.all("UPDATE items SET state = 'x' RETURNING state") == [{"state": "x"}]
        assert connection.execute("DELETE FROM items RETURNING id") == 1


def test_forty_threads_that_race_for_one_key_have_one_winner(database: Engine) -> None:
    gate = threading.Barrier(40)

    def race(number: int) -> bool:
        gate.wait()
        with database.transaction() as connection:
            sql = "INSERT INTO items (id, state) VALUES ('key', :state) ON CONFLICT (id) DO NOTHING"
            return connection.execute(sql, {"state": str(number)}) == 1

    with ThreadPoolExecutor(40) as pool:
        assert sum(pool.map(race, range(40))) == 1


def test_workers_that_claim_due_rows_share_them_without_overlap(database: Engine) -> None:
    with database.transaction() as connection:
        connection.executemany(INSERT, [item(f"{number:02}") for number in range(30)])

    def claim(_: int) -> list[str]:
        with database.transaction() as connection:
            due = f"SELECT id FROM items WHERE state = 'new' ORDER BY id LIMIT 3 {connection.claim_suffix}"
            found = [row["id"] for row in connection.all(due)]
            for name in found:
                connection.execute("UPDATE items SET state = 'claimed' WHERE id = :id", {"id": name})
            return found

    with ThreadPoolExecutor(8) as pool:
        claimed = [name for batch in pool.map(claim, range(40)) for name in batch]
    assert sorted(claimed) == [f"{number:02}" for number in range(30)]


@pytest.mark.parametrize("amount", [2**53 + 1, 2**63 - 1, -(2**53) - 1, 1])
def test_whole_numbers_come_back_exactly(database: Engine, amount: int) -> None:
    add(database, "a", amount_minor=amount)
    with database.reading() as connection:
        assert connection.one("SELECT amount_minor FROM items WHERE amount_minor = :n", {"n": amount}) == {
            "amount_minor": amount
        }


def test_arithmetic_on_small_parameters_does_not_overflow(database: Engine) -> None:
    with database.reading() as connection:
        assert connection.one("SELECT :n * :n AS product", {"n": 30_000}) == {"product": 900_000_000}


def test_a_change_that_begins_with_a_query_counts_its_rows(database: Engine) -> None:
    add(database, "a")
    add(database, "b")
    sql = "WITH old AS (SELECT id FROM items) UPDATE items SET state = 'x' WHERE id IN (SELECT id FROM old)"
    with database.transaction() as connection:
        assert connection.execute(sql) == 2


def test_bytes_and_chinese_text_come_back_exactly(database: Engine) -> None:
    body, name = bytes(range(256)), "分期付款 — 'ÿ' 100% :id 🧧"
    add(database, name, body=body)
    with database.reading() as connection:
        row = connection.one("SELECT id, body FROM items")
    assert row == {"id": name, "body": body}
    assert row is not None and type(row["body"]) is bytes


class _State(StrEnum):
    DONE = "done"


def test_a_text_enum_is_stored_as_its_value(database: Engine) -> None:
    add(database, "a", state=_State.DONE)
    with database.reading() as connection:
        assert connection.one("SELECT state FROM items") == {"state": "done"}


@pytest.mark.parametrize("value", [1.5, True, "a\x00b", "\ud800", 2**63, ["list"], object()])
def test_a_value_that_the_databases_store_differently_is_refused(database: Engine, value: object) -> None:
    with pytest.raises(StorageError):
        add(database, "a", **{"amount_minor" if isinstance(value, int) else "state": value})
    assert names(database) == []


def test_texts_comments_and_percent_signs_in_sql_are_not_parameters(database: Engine) -> None:
    sql = """SELECT ':id' AS literal, '100%' AS percent, CAST(:id AS TEXT) AS "a:b" /* :no */ -- :no 'too"""
    with database.reading() as connection:
        assert connection.one(sql, {"id": "x"}) == {"literal": ":id", "percent": "100%", "a:b": "x"}
        assert connection.one("SELECT '%' AS percent") == {"percent": "%"}


def test_a_parameter_that_is_not_given_is_refused(database: Engine) -> None:
    with pytest.raises(StorageError, match="id"), database.reading() as connection:
        connection.one("SELECT CAST(:id AS TEXT)", {"other": 1})


def test_a_failed_statement_cannot_be_swallowed_and_committed_around(database: Engine) -> None:
    add(database, "a")
    with pytest.raises(TransactionMisuse, match="already taken"), database.transaction() as connection:
        connection.execute(INSERT, item("b"))
        with pytest.raises(Conflict):
            connection.execute(INSERT, item("a"))
        with pytest.raises(TransactionMisuse):
            connection.execute(INSERT, item("c"))
    assert names(database) == ["a"]


def test_a_block_inside_a_transaction_of_the_same_thread_is_refused(database: Engine) -> None:
    with database.transaction() as connection:
        connection.execute(INSERT, item("a"))
        with pytest.raises(TransactionMisuse), database.transaction():
            pass
        with pytest.raises(TransactionMisuse), database.reading():
            pass
    assert names(database) == ["a"]


def test_a_connection_is_of_no_use_after_its_block(database: Engine) -> None:
    with database.transaction() as connection:
        pass
    with pytest.raises(TransactionMisuse):
        connection.execute(INSERT, item("a"))


def test_many_rows_are_written_by_one_call(database: Engine) -> None:
    with database.transaction() as connection:
        connection.executemany(INSERT, [item(f"{number:03}") for number in range(500)])
        connection.executemany(INSERT, [])
    assert len(names(database)) == 500


def test_a_conflict_in_one_of_many_rows_leaves_none(database: Engine) -> None:
    with pytest.raises(Conflict), database.transaction() as connection:
        connection.executemany(INSERT, [item("a"), item("b"), item("a")])
    assert names(database) == []


def test_work_is_committed_and_what_it_returns_is_given_back(database: Engine) -> None:
    def work(connection: Connection) -> str:
        connection.execute(INSERT, item("a"))
        return "done"

    assert database.run(work) == "done"
    assert names(database) == ["a"]


def test_work_that_raises_leaves_nothing_and_lets_its_error_through(database: Engine) -> None:
    def work(connection: Connection) -> None:
        connection.execute(INSERT, item("a"))
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        database.run(work)
    assert names(database) == []


def test_work_whose_failed_statement_was_swallowed_is_not_committed(database: Engine) -> None:
    def work(connection: Connection) -> None:
        connection.execute(INSERT, item("a"))
        with suppress(Conflict):
            connection.execute(INSERT, item("a"))

    with pytest.raises(TransactionMisuse):
        database.run(work)
    assert names(database) == []


def test_run_repeats_a_whole_transaction_that_lost_a_race(database: Engine) -> None:
    seen: list[int] = []

    def work(connection: Connection) -> str:
        seen.append(connection.execute(INSERT, item("a")))
        if len(seen) < 3:
            raise Retry("lost")
        return "won"

    assert run_until_won(database, work) == "won"
    assert seen == [1, 1, 1]
    with pytest.raises(Retry):
        run_until_won(database, _always_lost, tries=2)
    assert names(database) == ["a"]


def _always_lost(connection: Connection) -> None:
    connection.execute(INSERT, item("z"))
    raise Retry("lost")


def test_a_forked_child_and_its_parent_write_at_once_through_the_engine_both_know(database: Engine) -> None:
    def write(who: str) -> None:
        for number in range(60):
            add(database, f"{who}-{number}")

    add(database, "before")
    child = os.fork()
    if child == 0:
        # A lock that another thread held at the fork stays held here: better an end than a test that never ends.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        try:
            write("child")
            os._exit(0)
        finally:
            os._exit(1)
    write("parent")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(names(database)) == 121


def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(StorageError, match="mysql"):
        open_engine("mysql://localhost/fenqi")


class TestWrites:
    """Statements that wait for the next question or the end, where that saves round trips."""

    def test_they_are_seen_by_the_next_question_in_their_order(self, database: Engine) -> None:
        counts: list[int] = []
        with database.transaction() as connection:
            connection.write(INSERT, item("a"))
            connection.write_all(INSERT, [item("b"), item("c")])
            connection.write("UPDATE items SET state = 'done' WHERE id <> :id", {"id": "a"}, counts.append)
            connection.write("DELETE FROM items WHERE id = :id", {"id": "c"})
            connection.write_all(INSERT, [])
            rows = connection.all("SELECT id, state FROM items ORDER BY id")
            assert [(row["id"], row["state"]) for row in rows] == [("a", "new"), ("b", "done")]
            assert counts == [2]
            connection.write(INSERT, item("d"))
        assert names(database) == ["a", "b", "d"]

    @pytest.mark.parametrize("asks", [False, True], ids=["at the end", "at the next question"])
    def test_one_that_is_refused_takes_all_of_the_block_with_it(self, database: Engine, asks: bool) -> None:
        add(database, "a", amount_minor=7)
        with pytest.raises(Conflict), database.transaction() as connection:
            connection.write(INSERT, item("b"))
            connection.write(INSERT, item("c", amount_minor=7))
            connection.write(INSERT, item("d"))
            if asks:
                connection.all("SELECT id FROM items")
        assert names(database) == ["a"]
        add(database, "b")

    def test_who_counts_may_refuse_and_nothing_is_committed_even_when_that_is_swallowed(
        self, database: Engine
    ) -> None:
        def refuse(changed: int) -> None:
            raise LookupError(changed)

        change = "UPDATE items SET state = 'done' WHERE id = :id"
        with pytest.raises(LookupError), database.transaction() as connection:
            connection.write(INSERT, item("a"))
            connection.write(change, {"id": "nobody"}, refuse)
        with pytest.raises(TransactionMisuse), database.transaction() as connection:
            with pytest.raises(LookupError):
                connection.write(INSERT, item("b"))
                connection.write(change, {"id": "nobody"}, refuse)
                connection.one("SELECT id FROM items")
            connection.write(INSERT, item("c"))
        assert names(database) == []

    def test_what_comes_behind_a_checked_one_is_committed_with_it(self, database: Engine) -> None:
        counts: list[int] = []
        with database.transaction() as connection:
            connection.write(INSERT, item("a"))
            connection.write("UPDATE items SET state = 'done' WHERE id = 'a'", then=counts.append)
            connection.write(INSERT, item("b"))
        assert (counts, names(database)) == ([1], ["a", "b"])

    def test_what_comes_behind_a_refused_one_is_not_committed(self, database: Engine) -> None:
        def refuse(changed: int) -> None:
            raise LookupError(changed)

        with pytest.raises(LookupError), database.transaction() as connection:
            connection.write("UPDATE items SET state = 'done' WHERE id = 'nobody'", then=refuse)
            connection.write(INSERT, item("b"))
        assert names(database) == []


class TestQuestionsAhead:
    """Questions that are asked before their answers are needed, to travel with others."""

    def test_it_sees_what_was_written_before_it_and_answers_once_needed(self, database: Engine) -> None:
        with database.transaction() as connection:
            connection.write(INSERT, item("a"))
            count = connection.later("SELECT COUNT(*) AS n FROM items")
            found = connection.later("SELECT id FROM items WHERE id = :id", {"id": "a"})
            assert connection.one("SELECT 1 AS one") == {"one": 1}
            assert found() == [{"id": "a"}]
            assert count() == [{"n": 1}]

    def test_one_that_nobody_needs_is_no_hindrance(self, database: Engine) -> None:
        with database.transaction() as connection:
            connection.write(INSERT, item("a"))
            connection.later("SELECT id FROM items")
        with database.reading() as connection:
            connection.later("SELECT id FROM items")
        assert names(database) == ["a"]

    def test_one_that_is_refused_ends_the_block(self, database: Engine) -> None:
        with pytest.raises(StorageError), database.transaction() as connection:
            connection.write(INSERT, item("a"))
            wrong = connection.later("SELECT nothing FROM items")
            wrong()
        assert names(database) == []

    def test_nothing_is_answered_in_a_block_that_has_failed(self, database: Engine) -> None:
        add(database, "a")
        with pytest.raises(TransactionMisuse), database.transaction() as connection:
            found = connection.later("SELECT id FROM items")
            with pytest.raises(Conflict):
                connection.execute(INSERT, item("a"))
            assert found() == [{"id": "a"}]
            connection.one("SELECT id FROM items")
