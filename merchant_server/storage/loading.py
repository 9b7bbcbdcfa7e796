"""Rows put into a database as they are: nothing that it does by itself at an insert happens a second time.

Triggers rest and given numbers are taken while the block is open; the schema is afterwards as it was, in the
same transaction. It moves no row and knows no table.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from merchant_server.storage.engine import Connection


@contextmanager
def as_they_are(connection: Connection, dialect: str) -> Iterator[frozenset[str]]:
    """Let triggers rest, and yield the tables whose numbers the database would give; counters go on after the highest.

    When the block raises, the transaction must be rolled back, which brings the triggers back.
    """
    if dialect == "sqlite":
        triggers = connection.all("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        for trigger in triggers:
            connection.execute(f"DROP TRIGGER {trigger['name']}")
        yield frozenset()
        for trigger in triggers:
            connection.execute(trigger["sql"])
        return
    tables = [
        row["name"]
        for row in connection.all(
            "SELECT DISTINCT CAST(tgrelid::regclass AS TEXT) AS name FROM pg_trigger WHERE NOT tgisinternal"
        )
    ]
    counted = connection.all(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND is_identity = 'YES'"
    )
    for table in tables:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield frozenset(row["table_name"] for row in counted)
    for table in tables:
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    for row in counted:
        table, column = row["table_name"], row["column_name"]
        connection.one(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), MAX({column})) FROM {table}"
            f" HAVING MAX({column}) IS NOT NULL"
        )
