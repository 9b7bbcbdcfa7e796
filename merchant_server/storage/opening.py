"""Opens the database that a URL names. What it can then do is in `engine.py`."""

from pathlib import Path

from merchant_server.storage.engine import Engine, StorageError
from merchant_server.storage.sqlite import SqliteEngine


def open_engine(url: str) -> Engine:
    """Open "sqlite:///relative.sqlite", "sqlite:////absolute.sqlite" or "postgresql://…" safely.

    A PostgreSQL URL also takes `pool_size=5` and `pgbouncer=true` (no prepared statements). Raises
    `StorageUnavailable` when the database cannot be reached, `UnsafeStorage` when its settings may lose a
    commit.
    """
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return SqliteEngine(Path(url.removeprefix("sqlite:///")))
    if url.startswith(("postgresql://", "postgres://")):
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise StorageError("a postgresql URL needs the driver: pip install 'fenqi[postgres]'") from error
        # Its driver need not be there for SQLite.
        from merchant_server.storage.postgres import PostgresEngine

        return PostgresEngine(url)
    scheme = url.partition(":")[0]
    raise StorageError(
        f"cannot open a database of kind {scheme!r}: use sqlite:///path/file.sqlite or postgresql://user@host/name"
    )
