"""Copies every row from one database to another, of either kind: whole and checked, or not at all.

It reads one snapshot and writes one transaction. What is copied is read back and compared: rows, sums of
amounts, and a digest of every value. Sealed columns are copied as they are; their keys lie in the state folder.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from merchant_server.storage import laws
from merchant_server.storage.catalog import Table, tables
from merchant_server.storage.engine import Connection, Engine, Row, StorageError
from merchant_server.storage.loading import as_they_are
from merchant_server.storage.migrations import applied_names, check_schema

CHUNK_ROWS = 250  # a signed agreement is a document, so rows can be large
_DIGEST_BYTES = 32
Progress = Callable[[int, int], None]


class CopyRefused(StorageError):
    """The copy was not made, and the target is as it was; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a table holds: rows, the sum of each column of amounts, and a digest that no order of rows changes."""

    table: str
    rows: int
    sums: tuple[tuple[str, int], ...]
    digest: str


class _Counter:
    """Adds row after row to a tally."""

    def __init__(self, table: Table) -> None:
        self._table, self._rows, self._digest = table, 0, 0
        self._sums = dict.fromkeys(table.sums, 0)

    def add(self, row: Row) -> None:
        self._rows += 1
        for column in self._sums:
            self._sums[column] += row[column] or 0
        hashed = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        for column in self._table.columns:
            value = row[column]
            kind = type(value).__name__[0]
            raw = value if isinstance(value, bytes) else str(value).encode()
            hashed.update(f"{kind}{len(raw)}:".encode() + raw)
        self._digest = (self._digest + int.from_bytes(hashed.digest(), "big")) % (1 << 8 * _DIGEST_BYTES)

    def tally(self) -> Tally:
        return Tally(
            self._table.name, self._rows, tuple(self._sums.items()), f"{self._digest:0{2 * _DIGEST_BYTES}x}"
        )


def copy(
    source: Engine, target: Engine, progress: Progress = lambda done, total: None, *, online: bool = False
) -> list[Tally]:
    """Copy every row of `source` to an empty `target`, migrating that first; return what each table holds.

    Raises CopyRefused when a database breaks a law, the target is not empty, the two differ afterwards, or, unless
    `online`, when the source got new rows meanwhile. Until the end the target shows nothing of it.
    """
    check_schema(source)
    if not applied_names(target):
        target.migrate()
    check_schema(target)
    catalog = tables()
    with source.reading() as reading, target.transaction() as writing:
        _require_lawful(reading, "the source")
        _require_empty(writing, catalog)
        for connection in (reading, writing):
            connection.allow_seconds(0)
        total = 2 * sum(_count(reading, table) for table in catalog)
        count = _Steps(progress, total)
        with as_they_are(writing, target.dialect) as numbered:
            read = [
                _copy_table(reading, writing, table, count, given=table.name in numbered) for table in catalog
            ]
        kept = [_tally(writing, table, count) for table in catalog]
        _require_equal(read, kept)
        _require_lawful(writing, "the copy")
        if not online:
            _require_still(source, read)
        full = [tally.table for tally in kept if tally.rows]
        if target.dialect == "postgresql" and full:
            # Plans made for empty tables would read full ones from end to end: statistics only where there are rows.
            writing.execute(f"ANALYZE {', '.join(full)}")
    return kept


class _Steps:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, rows: int) -> None:
        self._done += rows
        self._progress(self._done, self._total)


def _copy_table(
    reading: Connection, writing: Connection, table: Table, steps: _Steps, *, given: bool
) -> Tally:
    counter = _Counter(table)
    values = ", ".join(f":{name}" for name in table.columns)
    numbers = "OVERRIDING SYSTEM VALUE " if given else ""
    insert = f"INSERT INTO {table.name} ({', '.join(table.columns)}) {numbers}VALUES ({values})"
    if table.seeds:
        kept = ", ".join(f"{name} = excluded.{name}" for name in table.columns if name not in table.key)
        insert += f" ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {kept}"
    for rows in _chunks(reading, table):
        for row in rows:
            counter.add(row)
        writing.executemany(insert, rows)
        steps.add(len(rows))
    return counter.tally()


def _tally(connection: Connection, table: Table, steps: _Steps) -> Tally:
    counter = _Counter(table)
    for rows in _chunks(connection, table):
        for row in rows:
            counter.add(row)
        steps.add(len(rows))
    return counter.tally()


def _chunks(connection: Connection, table: Table) -> Iterator[list[Row]]:
    """Read a table in the order of its key, a bounded number of rows at a time."""
    key, columns = ", ".join(table.key), ", ".join(table.columns)
    after = ", ".join(f":{name}" for name in table.key)
    where = ""
    last: Row = {}
    while True:
        rows = connection.all(
            f"SELECT {columns} FROM {table.name} {where} ORDER BY {key} LIMIT :most",
            {name: last[name] for name in table.key if last} | {"most": CHUNK_ROWS},
        )
        if rows:
            yield rows
        if len(rows) < CHUNK_ROWS:
            return
        last, where = rows[-1], f"WHERE ({key}) > ({after})"


def _count(connection: Connection, table: Table) -> int:
    row = connection.one(f"SELECT COUNT(*) AS n FROM {table.name}")
    assert row is not None
    return int(row["n"])


def _require_lawful(connection: Connection, name: str) -> None:
    broken = laws.breaches(connection, at_most=1)
    if broken:
        first = broken[0]
        raise CopyRefused(
            f"{name} breaks {len(broken)} laws, first {first.law!r} by {first.subject}: run `fenqi-server doctor`"
        )


def _require_empty(connection: Connection, catalog: tuple[Table, ...]) -> None:
    for table in catalog:
        rows = connection.all(f"SELECT * FROM {table.name} LIMIT {len(table.seeds) + 1}")
        if _comparable(rows) != _comparable(table.seeds):
            raise CopyRefused(f"the target has rows in {table.name}: name a database that is empty")


def _comparable(rows: Iterable[Row]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def _require_equal(read: list[Tally], kept: list[Tally]) -> None:
    differing = [a.table for a, b in zip(read, kept, strict=True) if a != b]
    if differing:
        raise CopyRefused(f"the copy of {', '.join(differing)} differs from the source: nothing was kept")


def _require_still(source: Engine, read: list[Tally]) -> None:
    with source.reading() as connection:
        connection.allow_seconds(0)
        for tally in read:
            row = connection.one(f"SELECT COUNT(*) AS n FROM {tally.table}")
            if row != {"n": tally.rows}:
                raise CopyRefused(
                    f"{tally.table} changed while it was copied: stop every server and worker, then try again"
                )
