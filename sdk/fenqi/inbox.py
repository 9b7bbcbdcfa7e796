"""Run a handler once per event, and never let an old event overwrite a newer state. One SQLite file.

Deliveries come at least once and in any order; this table turns that into once and forwards.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum

from fenqi.api.resources import Event
from fenqi.errors import FenqiError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fenqi_inbox (
    event_id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    handling TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fenqi_inbox_sequence (
    aggregate TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL
) WITHOUT ROWID;
"""


class Handling(StrEnum):
    """What became of an event; answer 200 to all three."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    STALE = "stale"


class InboxUnavailable(FenqiError):
    """The inbox file could not be used in time; answer 503 and fenqi delivers again."""

    default_code = "inbox_unavailable"


class Inbox:
    """Remembers events in an SQLite file that threads and processes may share; handlers run one at a time.

    A handler that raises leaves no trace, so the next delivery runs it again. A crash after the handler's own
    effect and before its return runs it again too: write through the connection that the handler is given,
    which commits together with the inbox row, or be harmless to repeat.
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout_seconds: float = 30.0) -> None:
        """Open or create the file. Raises InboxUnavailable."""
        self._path = os.fspath(path)
        self._timeout_seconds = timeout_seconds
        with self._transaction() as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)

    def handle(
        self, event: Event, handler: Callable[[Event, sqlite3.Connection], object], *, drop_stale: bool = True
    ) -> Handling:
        """Run `handler(event, connection)` unless this event was handled, or is older than one that was.

        Older means a lower `aggregate.sequence` of the same thing. Pass drop_stale=False for handlers that
        must see every event, such as one mail per paid installment. The handler must not commit or roll back.
        Raises InboxUnavailable, and whatever the handler raises.
        """
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM fenqi_inbox WHERE event_id = ?", (event.id,)).fetchone():
                return Handling.DUPLICATE
            aggregate = f"{event.aggregate.type}/{event.aggregate.id}"
            row = connection.execute(
                "SELECT sequence FROM fenqi_inbox_sequence WHERE aggregate = ?", (aggregate,)
            ).fetchone()
            newest = row[0] if row else 0
            stale = drop_stale and event.aggregate.id != "" and event.aggregate.sequence <= newest
            handling = Handling.STALE if stale else Handling.HANDLED
            connection.execute(
                "INSERT INTO fenqi_inbox (event_id, created_at, handling) VALUES (?, ?, ?)",
                (event.id, _stamp(event.created_at), handling.value),
            )
            connection.execute(
                "INSERT INTO fenqi_inbox_sequence (aggregate, sequence) VALUES (?, ?)"
                " ON CONFLICT (aggregate) DO UPDATE SET sequence = max(sequence, excluded.sequence)",
                (aggregate, event.aggregate.sequence),
            )
            if not stale:
                handler(event, connection)
            return handling

    def prune(self, before: datetime) -> int:
        """Forget events made before an aware datetime and return how many; their late copies would run again.

        Keep at least the 30 days for which events may be sent again. Raises InboxUnavailable.
        """
        with self._transaction() as connection:
            return connection.execute(
                "DELETE FROM fenqi_inbox WHERE created_at < ?", (_stamp(before),)
            ).rowcount

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        # The write lock comes before the look-up: two copies of one event that arrive together run in turn.
        try:
            connection = sqlite3.connect(self._path, timeout=self._timeout_seconds, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error
        with contextlib.closing(connection):
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                raise self._unavailable(error) from error
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _unavailable(self, error: sqlite3.Error) -> InboxUnavailable:
        return InboxUnavailable(f"The inbox {self._path} cannot be used: {error}.")


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
