"""SQLite's write-ahead log: moved into the database beside the writers, bounded, and never at the cost of a lock."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from merchant_server.storage import sqlite_log
from merchant_server.storage.engine import StorageUnavailable
from merchant_server.storage.sqlite import SqliteEngine
from merchant_server.storage.sqlite_connection import MOVES_BESIDE_WRITERS, PAGE_BYTES
from merchant_server.storage.sqlite_log import COMMITS_BETWEEN_CUTS, COMMITS_BETWEEN_LOOKS, WriteAheadLog

PAGES, LIMIT = 500, 2000
TEN_PAGES = bytes(40_000)

pytestmark = pytest.mark.skipif(not MOVES_BESIDE_WRITERS, reason="this SQLite moves its log in its turn")


class Shop:
    """An engine with a log of a sixteenth of the usual size, and what can be seen of it."""

    def __init__(self, path: Path) -> None:
        self.engine = SqliteEngine(path, batch_transactions=1)
        self.log = self.engine._log = WriteAheadLog(path, PAGES, LIMIT)
        self.wal = path.with_name(path.name + "-wal")
        with self.engine.transaction() as connection:
            connection.execute("CREATE TABLE blobs (id INTEGER PRIMARY KEY, body BLOB)")

    def fill(self, commits: int) -> int:
        """Write about ten pages in each commit; return the most that the log's file held."""
        highest = 0
        for _ in range(commits):
            with self.engine.transaction() as connection:
                connection.execute("INSERT INTO blobs (body) VALUES (:body)", {"body": TEN_PAGES})
            highest = max(highest, self.wal.stat().st_size)
        return highest

    def length(self) -> tuple[int, int]:
        """Return how many pages the log has, and how many of them the database has too."""
        return self.log._look(self.engine._writer)

    def let_it_move(self) -> None:
        """Write until there is something to move, and wait until it has been."""
        while self.log._mover is None:
            self.fill(COMMITS_BETWEEN_LOOKS)
        self.log._mover.join(60)
        assert not self.log._mover.is_alive()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path / "shop.sqlite")
    yield opened
    opened.engine.close()


def test_a_long_log_is_moved_beside_the_writers_and_begun_anew(shop: Shop) -> None:
    shop.let_it_move()
    _, moved = shop.length()
    assert moved >= PAGES, "nothing was moved"
    shop.fill(COMMITS_BETWEEN_LOOKS)  # one of these moves what is left
    shop.fill(1)
    assert shop.length()[0] < PAGES, "the log was not begun anew"


def test_no_commit_waits_while_the_log_is_moved(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    flushing, let_go = threading.Event(), threading.Event()

    def flush(_: int) -> None:
        flushing.set()
        let_go.wait(60)

    monkeypatch.setattr("merchant_server.storage.sqlite_log.os.fsync", flush)
    while not flushing.is_set():
        shop.fill(COMMITS_BETWEEN_LOOKS)
    shop.fill(COMMITS_BETWEEN_LOOKS * 3)
    assert shop.log._mover is not None
    assert shop.log._mover.is_alive()
    let_go.set()


def test_the_log_stays_bounded_and_shrinks_once_a_reader_lets_go(shop: Shop) -> None:
    limit = (LIMIT + COMMITS_BETWEEN_LOOKS * 12) * PAGE_BYTES
    assert shop.fill(COMMITS_BETWEEN_CUTS + 4) <= limit
    with shop.engine.reading() as reading:
        reading.all("SELECT COUNT(*) AS n FROM blobs")
        pinned = shop.fill(COMMITS_BETWEEN_CUTS + 4)
    assert pinned > limit
    shop.fill(COMMITS_BETWEEN_CUTS + 4)
    assert shop.wal.stat().st_size <= limit


def test_it_stays_bounded_when_nothing_can_be_moved_beside_the_writers(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageUnavailable("no more files")

    monkeypatch.setattr(sqlite_log, "connect", refuse)
    monkeypatch.setattr(shop.log, "_pages", LIMIT * 10)
    assert shop.fill(400) <= (LIMIT + COMMITS_BETWEEN_LOOKS * 12) * PAGE_BYTES


def test_what_a_reader_holds_on_to_is_not_tried_again_and_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[int] = []
    move = shop.log._move
    monkeypatch.setattr(shop.log, "_move", lambda: (moves.append(1), move()))
    shop.fill(COMMITS_BETWEEN_LOOKS)
    with shop.engine.reading() as reading:
        reading.all("SELECT COUNT(*) AS n FROM blobs")
        shop.let_it_move()
        before = len(moves)
        shop.fill(COMMITS_BETWEEN_LOOKS * 2)
        assert len(moves) == before


def test_what_was_written_while_the_log_was_moved_is_there_after_opening_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop.sqlite")
    shop.fill(300)
    shop.engine.close()
    engine = SqliteEngine(tmp_path / "shop.sqlite")
    with engine.reading() as reading:
        assert reading.one("SELECT COUNT(*) AS n, MIN(LENGTH(body)) AS least FROM blobs") == {
            "n": 300,
            "least": len(TEN_PAGES),
        }
        assert reading.all("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    engine.close()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="a Linux file tells of locks")
def test_neither_moving_nor_opening_again_drops_the_locks_that_sqlite_has_on_the_file(shop: Shop) -> None:
    """Without them another program believes itself alone, and removes the log that is still in use."""
    inode = f":{(shop.wal.parent / 'shop.sqlite').stat().st_ino} "

    def locks() -> int:
        return sum(
            inode in line and " POSIX " in line for line in Path("/proc/locks").read_text().splitlines()
        )

    assert locks() > 0
    shop.let_it_move()
    assert locks() > 0, "dropped by the move"
    again = SqliteEngine(shop.engine.path)
    assert locks() > 0, "dropped by the second opening"
    again.close()
