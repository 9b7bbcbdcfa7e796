"""Events in a table for each month, on PostgreSQL: what came before stays one table, and a month comes off whole."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from merchant_server.storage.engine import Connection, Engine, StorageError
from merchant_server.storage.migrations import patiently, wait_briefly

OTHERS, MONTHS_AHEAD = "events_others", 3
_MONTH = re.compile(r"(2[0-9]{3})-(0[1-9]|1[0-2])")
_PARTITIONS = """SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'events'::regclass ORDER BY c.relname"""
# The whole table becomes the partition of all that came before, so that no row is copied.
_SPLIT = """
LOCK TABLE events, deliveries IN ACCESS EXCLUSIVE MODE;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_event_id_fkey;
ALTER TABLE events RENAME TO {before};
ALTER TABLE {before} DROP CONSTRAINT events_pkey, DROP CONSTRAINT events_merchant_id_mode_sequence_key,
    DROP CONSTRAINT events_aggregate_id_aggregate_sequence_key;
CREATE TABLE events (LIKE {before} INCLUDING DEFAULTS) PARTITION BY RANGE (created_at);
CREATE TABLE events_others PARTITION OF events DEFAULT;
WITH moved AS (DELETE FROM {before} WHERE created_at >= '{month}' RETURNING *)
    INSERT INTO events_others SELECT * FROM moved;
ALTER TABLE events ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO ('{month}');
ALTER TABLE events ADD PRIMARY KEY (id, created_at);
CREATE UNIQUE INDEX events_in_order ON events (merchant_id, mode, sequence, created_at);
CREATE UNIQUE INDEX events_of_aggregate ON events (aggregate_id, aggregate_sequence, created_at);
"""
# Rows of a test merchant whose clock is ahead may be in the month already.
_ADD_MONTH = """
CREATE TABLE {name} (LIKE events INCLUDING DEFAULTS);
WITH moved AS (DELETE FROM events_others WHERE created_at >= '{month}' AND created_at < '{end}' RETURNING *)
    INSERT INTO {name} SELECT * FROM moved;
ALTER TABLE events ATTACH PARTITION {name} FOR VALUES FROM ('{month}') TO ('{end}');
"""


class MonthsRefused(StorageError):
    """Events cannot be kept by month as asked; nothing was changed."""


def month_after(month: str) -> str:
    """Return the month after "2026-12": "2027-01". Raises MonthsRefused for what is no month."""
    found = _MONTH.fullmatch(month)
    if found is None:
        raise MonthsRefused(f"{month!r} is no month: write it like 2026-11")
    year, number = int(found[1]), int(found[2])
    return f"{year + number // 12}-{number % 12 + 1:02}"


def split_by_month(engine: Engine, now: datetime, months_ahead: int) -> list[str]:
    """Keep events by month from the next one on, and make tables for months to come; return the names of new tables.

    Programs may go on meanwhile: they wait while the table's indexes are built anew. Asked again, it only makes the
    months that are wanting. Raises MonthsRefused on SQLite, LockNotGranted when the table was in use for too long.
    """
    if engine.dialect != "postgresql":
        raise MonthsRefused("SQLite keeps all events in one table: months are for PostgreSQL")

    def split() -> list[str]:
        with _having_the_table(engine) as connection:
            return [*_split(connection, now), *_add_months(connection, now, months_ahead)]

    made = patiently(split)
    with engine.transaction() as connection:
        connection.allow_seconds(0)
        connection.execute("ANALYZE events")
    return made


def add_months(engine: Engine, now: datetime, months_ahead: int) -> list[str]:
    """Make the months to come that are wanting where events are kept by month already; return the new tables' names.

    Raises LockNotGranted when the table was in use; the months can wait, since their events are kept all the same.
    """
    if engine.dialect != "postgresql":
        return []
    with engine.reading() as connection:
        there = partitions(connection)
    if not there or set(there).issuperset(name for name, _, _ in _months(now, months_ahead)):
        return []
    with _having_the_table(engine) as connection:
        return list(_add_months(connection, now, months_ahead))


@contextmanager
def _having_the_table(engine: Engine) -> Iterator[Connection]:
    with engine.transaction() as connection:
        connection.allow_seconds(0)
        wait_briefly(connection)
        # Whoever makes months waits here for another that does, and then sees that they are there.
        connection.execute("LOCK TABLE events IN SHARE UPDATE EXCLUSIVE MODE")
        yield connection


def _split(connection: Connection, now: datetime) -> Iterator[str]:
    if not partitions(connection):
        month = month_after(f"{now:%Y-%m}")
        before = f"events_before_{_named(month)}"
        _run(connection, _SPLIT.format(before=before, month=month))
        yield before


def _add_months(connection: Connection, now: datetime, months_ahead: int) -> Iterator[str]:
    there = partitions(connection)
    for name, month, end in _months(now, months_ahead):
        if name not in there:
            _run(connection, _ADD_MONTH.format(name=name, month=month, end=end))
            yield name


def _months(now: datetime, months_ahead: int) -> Iterator[tuple[str, str, str]]:
    """Yield the months after now: the table's name, the month and the one after it."""
    month = month_after(f"{now:%Y-%m}")
    for _ in range(months_ahead):
        end = month_after(month)
        yield f"events_{_named(month)}", month, end
        month = end


def partitions(connection: Connection) -> list[str]:
    """Return the names of the tables that events are kept in, none when they are one table."""
    return [str(row["name"]) for row in connection.all(_PARTITIONS)]


def over_by(name: str, end: str) -> bool:
    """Say whether a partition holds nothing from the month `end` on."""
    if name.startswith("events_before_"):
        return name <= f"events_before_{_named(end)}"
    return name != OTHERS and name < f"events_{_named(end)}"


def _named(month: str) -> str:
    return month.replace("-", "_")


def _run(connection: Connection, script: str) -> None:
    connection.run_script(script)  # type: ignore[attr-defined]
