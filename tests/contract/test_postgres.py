"""What PostgreSQL alone can do to us: lost servers, lost sessions, lost races, settings that lose commits."""

import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from merchant_server.storage.engine import (
    Conflict,
    Connection,
    Engine,
    Retry,
    Row,
    StorageUnavailable,
    UnsafeStorage,
    run_until_won,
)
from merchant_server.storage.postgres import PostgresEngine
from merchant_server.storage.postgres_session import numbered
from tests.databases import postgres_cluster, postgres_database

pytestmark = pytest.mark.usefixtures("postgres_url")
OpenEngine = Callable[[str], Engine]


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with postgres_database(postgres_url) as made:
        yield made


@pytest.fixture
def database(url: str, open_again: OpenEngine) -> Engine:
    """An engine on it, with a table of two counters."""
    engine = open_again(url)
    with engine.transaction() as connection:
        connection.execute("CREATE TABLE counters (id TEXT PRIMARY KEY, n BIGINT NOT NULL)")
        connection.execute("INSERT INTO counters (id, n) VALUES ('a', 0), ('b', 0)")
    return engine


def counters(engine: Engine) -> list[int]:
    with engine.reading() as connection:
        return [row["n"] for row in connection.all("SELECT n FROM counters ORDER BY id")]


def end_sessions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_wrong_password_is_unavailable_and_not_repeated_in_the_message(postgres_url: str) -> None:
    parts = urlsplit(postgres_url)
    host = parts.netloc.rpartition("@")[2]
    wrong = parts._replace(netloc=f"{parts.username}:not-the-password@{host}").geturl()
    with pytest.raises(StorageUnavailable) as caught:
        PostgresEngine(wrong)
    assert "not-the-password" not in str(caught.value)


def test_a_server_that_is_down_is_unavailable() -> None:
    with pytest.raises(StorageUnavailable):
        PostgresEngine("postgresql://fenqi@127.0.0.1:1/fenqi")


def test_a_server_that_stops_is_unavailable_for_the_next_block() -> None:
    with postgres_cluster() as url:
        engine = PostgresEngine(url)
    with pytest.raises(StorageUnavailable), engine.transaction():
        pytest.fail("a stopped server opened a transaction")
    engine.close()


def test_an_idle_session_that_the_server_ended_is_replaced(database: Engine, url: str) -> None:
    end_sessions(url)
    with database.transaction() as connection:
        connection.execute("UPDATE counters SET n = 5")
    assert counters(database) == [5, 5]


def test_a_session_that_is_lost_inside_a_block_commits_nothing(database: Engine, url: str) -> None:
    with pytest.raises(StorageUnavailable), database.transaction() as connection:
        connection.execute("UPDATE counters SET n = 5")
        end_sessions(url)
        connection.execute("UPDATE counters SET n = 6")
    assert counters(database) == [0, 0]


def test_a_session_that_is_lost_at_the_commit_leaves_its_outcome_open(database: Engine, url: str) -> None:
    with pytest.raises(StorageUnavailable) as caught, database.transaction() as connection:
        connection.execute("UPDATE counters SET n = 5")
        end_sessions(url)
    assert caught.value.maybe_committed


def _crossing_transfers(engine: Engine, transfer: Callable[[str, str, threading.Barrier], None]) -> None:
    barrier = threading.Barrier(2)
    ways = (("a", "b", barrier), ("b", "a", barrier))
    threads = [threading.Thread(target=transfer, args=way) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_a_deadlock_is_a_retry_for_one_and_run_finishes_both(database: Engine) -> None:
    attempts: list[str] = []

    def transfer(mine: str, other: str, barrier: threading.Barrier) -> None:
        def work(connection: Connection) -> None:
            first_try = mine not in attempts
            attempts.append(mine)
            connection.execute("UPDATE counters SET n = n - 1 WHERE id = :id", {"id": mine})
            if first_try:
                barrier.wait(30)
            connection.execute("UPDATE counters SET n = n + 1 WHERE id = :id", {"id": other})

        run_until_won(database, work)

    _crossing_transfers(database, transfer)
    assert counters(database) == [0, 0]
    assert len(attempts) >= 3


def test_a_question_behind_a_refused_write_can_be_asked_again(url: str, open_again: OpenEngine) -> None:
    engine = open_again(url + ("&" if "?" in url else "?") + "pool_size=1")
    with engine.transaction() as connection:
        connection.execute("CREATE TABLE ones (id BIGINT PRIMARY KEY)")
        connection.execute("INSERT INTO ones (id) VALUES (1)")
    for _ in range(5):  # each time the driver is nearer to preparing the question
        with engine.reading() as connection:
            assert connection.one("SELECT id FROM ones WHERE id = :id", {"id": 1}) == {"id": 1}
    with pytest.raises(Conflict), engine.transaction() as connection:
        connection.write("INSERT INTO ones (id) VALUES (:id)", {"id": 1})
        connection.one("SELECT id FROM ones WHERE id = :id", {"id": 1})
    with engine.reading() as connection:
        assert connection.one("SELECT id FROM ones WHERE id = :id", {"id": 1}) == {"id": 1}


def test_statements_prepared_for_an_older_schema_are_a_retry_once(url: str, open_again: OpenEngine) -> None:
    ours, migrating = open_again(url), open_again(url)
    question = "SELECT * FROM ones WHERE id = :id"
    with migrating.transaction() as connection:
        connection.execute("CREATE TABLE ones (id BIGINT PRIMARY KEY)")

    def ask(*connections: Connection) -> list[Row | None]:
        return [connection.one(question, {"id": 1}) for connection in connections]

    def ask_on_two() -> None:
        with ours.reading() as first, ours.reading() as second:
            ask(first, second)

    for _ in range(6):
        ask_on_two()
    with migrating.transaction() as connection:
        connection.execute("ALTER TABLE ones ADD COLUMN later TEXT")
        connection.execute("INSERT INTO ones (id) VALUES (1)")
    with pytest.raises(Retry), ours.reading() as connection:
        ask(connection)
    with ours.reading() as first, ours.reading() as second:
        assert ask(first, second) == [{"id": 1, "later": None}] * 2


def test_a_lost_serialization_race_is_a_retry(database: Engine) -> None:
    outcomes: list[str] = []

    def transfer(mine: str, other: str, barrier: threading.Barrier) -> None:
        try:
            with database.transaction(serializable=True) as connection:
                row = connection.one("SELECT n FROM counters WHERE id = :id", {"id": other})
                assert row is not None
                barrier.wait(30)
                change = "UPDATE counters SET n = :n WHERE id = :id"
                connection.execute(change, {"n": row["n"] + 1, "id": mine})
            outcomes.append("committed")
        except Retry:
            outcomes.append("retry")

    _crossing_transfers(database, transfer)
    assert sorted(outcomes) == ["committed", "retry"]


@pytest.mark.parametrize("setting", ["synchronous_commit"])
def test_a_database_that_may_lose_commits_is_refused(url: str, setting: str) -> None:
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET {setting} = off".encode())
    with pytest.raises(UnsafeStorage, match=setting):
        PostgresEngine(url)


@pytest.mark.parametrize("option", ["", "&pgbouncer=true"])
def test_statements_and_locks_have_time_limits_with_and_without_pgbouncer(url: str, option: str) -> None:
    engine = PostgresEngine(url + option)
    with engine.transaction() as connection:
        assert connection.one("SHOW statement_timeout") == {"statement_timeout": "30s"}
        assert connection.one("SHOW lock_timeout") == {"lock_timeout": "10s"}
        for _ in range(8):
            connection.one("SELECT CAST(:n AS BIGINT) AS n", {"n": 1})
        prepared = connection.one("SELECT count(*) AS n FROM pg_prepared_statements")
        assert prepared is not None
        assert (prepared["n"] == 0) == bool(option)
    engine.close()


def test_a_lock_that_is_held_too_long_is_unavailable(database: Engine) -> None:
    errors: list[BaseException] = []

    def wait_in_vain() -> None:
        try:
            with database.transaction() as connection:
                connection.execute("SET LOCAL lock_timeout = '50ms'")
                connection.execute("UPDATE counters SET n = 9")
        except StorageUnavailable as error:
            errors.append(error)

    with database.transaction() as connection:
        connection.execute("UPDATE counters SET n = 1")
        waiter = threading.Thread(target=wait_in_vain)
        waiter.start()
        waiter.join(30)
    assert len(errors) == 1
    assert counters(database) == [1, 1]


@pytest.mark.parametrize(
    ("sql", "converted"),
    [
        ("SELECT :a, :a_b, :a", "SELECT $1, $2, $1"),
        ("SELECT n::text, :a::bigint", "SELECT n::text, $1::bigint"),
        ("SELECT ':a', 'it''s :a', \":a\"", "SELECT ':a', 'it''s :a', \":a\""),
        ("SELECT 1 % 2, '50%'", "SELECT 1 % 2, '50%'"),
        ("SELECT 1 -- :a\n, :b /* :c\n:d */", "SELECT 1 -- :a\n, $1 /* :c\n:d */"),
        ("DO $$ BEGIN :a; END $$", "DO $$ BEGIN :a; END $$"),
        ("SELECT '10:30', now() - :t", "SELECT '10:30', now() - $1"),
    ],
)
def test_parameters_are_told_from_texts_casts_and_comments(sql: str, converted: str) -> None:
    assert numbered(sql)[0].decode() == converted
