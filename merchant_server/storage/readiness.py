"""What must be true of a database before a program begins to work on it, and while it says that it is ready.

Each check raises one sentence that says what to do. Nothing is changed here.
"""

from collections.abc import Callable
from datetime import datetime

from merchant_server.storage.engine import Engine, StorageUnavailable
from merchant_server.storage.migrations import check_schema

# Leases last twenty seconds and more; workers whose clocks differ by less never hold one thing at once.
CLOCK_APART_SECONDS_MAX = 5.0
_MICROSECONDS = 1_000_000


class ClocksApart(StorageUnavailable):
    """This machine's clock and the database's differ too much to share work; `seconds` is by how much."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"this machine's clock is {seconds:+.1f} s from the database's, {CLOCK_APART_SECONDS_MAX:g} s are allowed:"
            " set both by NTP"
        )


def require_ready(engine: Engine, now: Callable[[], datetime]) -> None:
    """Raise unless the schema suits this code, the database takes writes, and its clock agrees with ours.

    Raises SchemaMismatch, StorageUnavailable, ClocksApart.
    """
    check_schema(engine)
    require_writable(engine)
    apart = clock_apart_seconds(engine, now)
    if abs(apart) > CLOCK_APART_SECONDS_MAX:
        raise ClocksApart(apart)


def require_writable(engine: Engine) -> None:
    """Raise StorageUnavailable when the server is a standby, which reads and never writes."""
    if engine.dialect != "postgresql":
        return
    with engine.reading() as connection:
        standby = connection.one("SELECT CAST(pg_is_in_recovery() AS INT) AS standby")
    if standby != {"standby": 0}:
        raise StorageUnavailable(
            "this PostgreSQL server is a read-only standby: name the leader, or list all servers in the URL with"
            " target_session_attrs=read-write"
        )


def clock_apart_seconds(engine: Engine, now: Callable[[], datetime]) -> float:
    """Return how far our clock is ahead of the database's; 0 on SQLite, which has no clock of its own.

    The question's own way is taken off, so that a slow network does not look like a wrong clock.
    """
    if engine.dialect != "postgresql":
        return 0.0
    with engine.reading() as connection:
        before = now().timestamp()
        row = connection.one(
            f"SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * {_MICROSECONDS} AS BIGINT) AS at"
        )
        after = now().timestamp()
    assert row is not None
    there = float(row["at"]) / _MICROSECONDS
    if before <= there <= after:
        return 0.0
    return before - there if there < before else after - there
