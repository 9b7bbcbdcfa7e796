"""Several processes on one database, one of them killed: nothing acknowledged is lost, nobody hangs."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from merchant_server.storage.engine import Engine, StorageUnavailable
from merchant_server.storage.postgres import PostgresEngine
from merchant_server.storage.sqlite import SqliteEngine

INSERT = "INSERT INTO marks (id) VALUES (:id)"
WRITER = """
import sys
from merchant_server.storage.opening import open_engine
url, name, count = sys.argv[1:]
engine = open_engine(url)
for number in range(int(count)):
    with engine.transaction() as connection:
        connection.execute("INSERT INTO marks (id) VALUES (:id)", {"id": f"{name}-{number:06}"})
    print(number, flush=True)
"""
HOLDER = """
import sys, time
from merchant_server.storage.opening import open_engine
with open_engine(sys.argv[1]).transaction() as connection:
    connection.execute("INSERT INTO marks (id) VALUES ('held')")
    print("holding", flush=True)
    time.sleep(600)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def database(fresh_engine: Engine) -> Engine:
    """An engine of each kind with one table."""
    with fresh_engine.transaction() as connection:
        connection.execute("CREATE TABLE marks (id TEXT PRIMARY KEY)")
    return fresh_engine


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python programs that are ended after the test."""
    running: list[subprocess.Popen[str]] = []

    def start_one(program: str, *arguments: str) -> "subprocess.Popen[str]":
        running.append(
            subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)
        )
        return running[-1]

    yield start_one
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def count(engine: Engine) -> int:
    with engine.reading() as connection:
        row = connection.one("SELECT count(*) AS n FROM marks")
    assert row is not None
    return int(row["n"])


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_what_a_killed_writer_acknowledged_is_there(database: Engine, fresh_url: str, start: Start) -> None:
    writer = start(WRITER, fresh_url, "w", "1000000")
    for _ in range(300):
        read_line(writer)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert writer.stdout is not None
    acknowledged = 300 + sum(1 for line in writer.stdout if line.endswith("\n"))
    with database.transaction() as connection:  # waits until the server has noticed the death, if it has to
        connection.execute(INSERT, {"id": "after"})
    assert acknowledged <= count(database) - 1 <= acknowledged + 1


def test_processes_that_write_at_once_all_get_through(database: Engine, fresh_url: str, start: Start) -> None:
    writers = [start(WRITER, fresh_url, f"w{number}", "200") for number in range(3)]
    for number in range(200):
        with database.transaction() as connection:
            connection.execute(INSERT, {"id": f"own-{number}"})
    for writer in writers:
        assert writer.communicate(timeout=60)[0].split()[-1] == "199"
    assert count(database) == 800


def test_a_killed_holder_of_the_write_turn_frees_it(database: Engine, fresh_url: str, start: Start) -> None:
    holder = start(HOLDER, fresh_url)
    assert read_line(holder) == "holding"
    assert count(database) == 0
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with database.transaction() as connection:
        connection.execute(INSERT, {"id": "held"})
    assert count(database) == 1


def test_a_turn_that_another_process_keeps_is_waited_for_only_so_long(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "one.sqlite"
    engine = SqliteEngine(path, wait_seconds=0.3)
    with engine.transaction() as connection:
        connection.execute("CREATE TABLE marks (id TEXT PRIMARY KEY)")
    holder = start(HOLDER, f"sqlite:///{path}")
    assert read_line(holder) == "holding"
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match=r"0\.3 s"), engine.transaction():
            pytest.fail("got a turn that another process holds")
    holder.kill()
    holder.wait()
    with engine.transaction() as connection:
        connection.execute(INSERT, {"id": "free again"})
    assert count(engine) == 1
    engine.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_turn_that_another_thread_keeps_is_waited_for_only_so_long(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    engine: Engine
    if kind == "sqlite":
        engine = SqliteEngine(tmp_path / "one.sqlite", wait_seconds=0.2)
    else:
        engine = PostgresEngine(request.getfixturevalue("postgres_url") + "&pool_size=1", wait_seconds=0.2)
    errors: list[StorageUnavailable] = []

    def wait_in_vain() -> None:
        try:
            with engine.transaction():
                pass
        except StorageUnavailable as error:
            errors.append(error)

    with engine.transaction():
        waiter = threading.Thread(target=wait_in_vain)
        waiter.start()
        waiter.join(30)
    assert len(errors) == 1
    assert not errors[0].maybe_committed
    with engine.transaction():
        pass
    engine.close()
