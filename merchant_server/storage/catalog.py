"""Every table of the schema with its columns and key, parents before children, as the migrations make it.

Read from an empty database that is migrated on the spot, so that no list must be kept beside the migrations.
"""

import tempfile
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.sqlite import SqliteEngine

_NOT_OURS = ("sqlite_", "_sqlite_")


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `seeds` are the rows that a freshly migrated database has; `sums` its columns of amounts."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    sums: tuple[str, ...]
    seeds: tuple[Row, ...]


def tables() -> tuple[Table, ...]:
    """Return every table, each after the ones that its rows refer to."""
    with tempfile.TemporaryDirectory(prefix="fenqi-catalog-") as folder:
        engine = SqliteEngine(Path(folder) / "empty.sqlite")
        try:
            engine.migrate()
            with engine.reading() as connection:
                return _read(connection)
        finally:
            engine.close()


def _read(connection: Connection) -> tuple[Table, ...]:
    found = connection.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    names = [str(row["name"]) for row in found if not row["name"].startswith(_NOT_OURS)]
    parents = {
        name: {row["table"] for row in connection.all(f"SELECT * FROM pragma_foreign_key_list('{name}')")}
        - {name}
        for name in names
    }
    return tuple(_table(connection, name) for name in TopologicalSorter(parents).static_order())


def _table(connection: Connection, name: str) -> Table:
    columns = connection.all(f"SELECT name, pk, type FROM pragma_table_info('{name}') ORDER BY cid")
    key = sorted((row["pk"], row["name"]) for row in columns if row["pk"])
    return Table(
        name=name,
        columns=tuple(row["name"] for row in columns),
        key=tuple(column for _, column in key),
        sums=tuple(row["name"] for row in columns if row["name"].endswith("_minor")),
        seeds=tuple(connection.all(f"SELECT * FROM {name}")),
    )
