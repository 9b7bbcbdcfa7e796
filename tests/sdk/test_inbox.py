"""The inbox: one run per event, no old state over a newer one, nothing lost when a handler fails."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fenqi.api.resources import Aggregate, Event
from fenqi.inbox import Handling, Inbox, InboxUnavailable

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def event(number: int, sequence: int, *, about: str = "chk_1", at: datetime = AT) -> Event:
    return Event(
        f"evt_{number}", "checkout.captured", "test", at, number, Aggregate("checkout", about, sequence), {}
    )


class Handler:
    """Remembers which events it ran for."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def __call__(self, event: Event, connection: sqlite3.Connection) -> None:
        self.ran.append(event.id)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox.db")


def test_a_second_copy_of_an_event_does_not_run_the_handler(inbox: Inbox) -> None:
    handler = Handler()
    assert inbox.handle(event(1, 1), handler) is Handling.HANDLED
    assert inbox.handle(event(1, 1), handler) is Handling.DUPLICATE
    assert handler.ran == ["evt_1"]


def test_an_event_older_than_one_that_was_handled_is_dropped_as_stale(inbox: Inbox) -> None:
    handler = Handler()
    assert inbox.handle(event(5, 5), handler) is Handling.HANDLED
    assert inbox.handle(event(4, 4), handler) is Handling.STALE
    assert inbox.handle(event(6, 4, about="chk_2"), handler) is Handling.HANDLED
    assert handler.ran == ["evt_5", "evt_6"]


def test_a_handler_that_needs_every_event_gets_the_late_ones_too(inbox: Inbox) -> None:
    handler = Handler()
    inbox.handle(event(5, 5), handler)
    assert inbox.handle(event(4, 4), handler, drop_stale=False) is Handling.HANDLED
    assert inbox.handle(event(3, 5), handler) is Handling.STALE


def test_a_failing_handler_leaves_no_trace_so_the_next_delivery_runs_it(inbox: Inbox) -> None:
    def fail(event: Event, connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half_done (a)")
        raise RuntimeError("the shop is closed")

    with pytest.raises(RuntimeError, match="the shop is closed"):
        inbox.handle(event(1, 1), fail)

    seen: list[list[tuple[object, ...]]] = []

    def look(event: Event, connection: sqlite3.Connection) -> None:
        seen.append(connection.execute("SELECT name FROM sqlite_master WHERE name = 'half_done'").fetchall())

    assert inbox.handle(event(1, 1), look) is Handling.HANDLED
    assert seen == [[]]


def test_what_the_handler_writes_through_the_connection_commits_with_the_event(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    inbox = Inbox(path)

    def pay(event: Event, connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE orders (id)")
        connection.execute("INSERT INTO orders VALUES (?)", (event.aggregate.id,))

    inbox.handle(event(1, 1), pay)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT id FROM orders").fetchall() == [("chk_1",)]


def test_copies_that_arrive_together_run_the_handler_once(inbox: Inbox) -> None:
    handler, results = Handler(), []
    gate = threading.Barrier(8)

    def deliver() -> None:
        gate.wait()
        results.append(inbox.handle(event(1, 1), handler))

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [Handling.DUPLICATE] * 7 + [Handling.HANDLED]
    assert handler.ran == ["evt_1"]


def test_what_was_handled_is_remembered_after_a_restart(tmp_path: Path) -> None:
    handler = Handler()
    Inbox(tmp_path / "inbox.db").handle(event(1, 1), handler)
    assert Inbox(tmp_path / "inbox.db").handle(event(1, 1), handler) is Handling.DUPLICATE


def test_old_events_are_forgotten_on_request_and_sequences_are_not(inbox: Inbox) -> None:
    handler = Handler()
    inbox.handle(event(1, 1, at=AT - timedelta(days=60)), handler)
    inbox.handle(event(2, 2), handler)
    assert inbox.prune(before=AT - timedelta(days=30)) == 1
    assert inbox.handle(event(1, 1), handler) is Handling.STALE
    assert inbox.handle(event(2, 2), handler) is Handling.DUPLICATE


def test_an_unusable_or_busy_file_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(InboxUnavailable):
        Inbox(tmp_path / "no" / "such" / "folder.db")
    inbox = Inbox(tmp_path / "inbox.db", timeout_seconds=0.01)
    with sqlite3.connect(tmp_path / "inbox.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InboxUnavailable, match="locked"):
            inbox.handle(event(1, 1), Handler())
        other.execute("ROLLBACK")
