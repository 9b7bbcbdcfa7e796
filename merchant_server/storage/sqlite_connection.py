"""SQLite connections: the driver, the file, the settings that keep a commit, typed errors and statements.

Decides nothing about when a transaction begins or ends: that is `sqlite.py`.
"""

import importlib
import os
import sqlite3
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from merchant_server.storage.engine import (
    NO_PARAMS,
    Block,
    Conflict,
    Counted,
    Params,
    Row,
    Rows,
    RuleBroken,
    StorageError,
    StorageUnavailable,
    UnsafeStorage,
    checked,
    checked_by,
)

# The stock library of many systems can corrupt a database when the WAL is reset under load (fixed in 3.51.3).
SOUND_VERSION = (3, 51, 3)
OLDEST_VERSION = (3, 35, 0)  # RETURNING
PAGE_BYTES = 4096
LOG_PAGES = 8000
LOG_LIMIT_PAGES = 4 * LOG_PAGES
_UNAVAILABLE_CODES = {5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26}  # BUSY … NOTADB, https://sqlite.org/rescode.html


def _load_driver() -> Any:
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return sqlite3


driver: Any = _load_driver()
# Below that version a log that is moved while others write is what corrupts, so each commit moves it in its turn.
MOVES_BESIDE_WRITERS = driver.sqlite_version_info >= SOUND_VERSION
DRIVER_ERRORS: tuple[type[Exception], ...] = (driver.Error, driver.Warning, OverflowError, UnicodeError)


def typed(error: BaseException, *, committing: bool = False) -> StorageError:
    """Return the storage error that says what a driver error means to the caller."""
    text = str(error)
    if isinstance(error, driver.IntegrityError):
        rule, _, where = text.partition(" constraint failed: ")
        if rule == "UNIQUE":
            return Conflict(f"already taken: {where}", constraint=where)
        return RuleBroken(text, constraint=where)
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _UNAVAILABLE_CODES:
        return StorageUnavailable(f"SQLite cannot serve now: {text}", maybe_committed=committing)
    return StorageError(f"SQLite refused a statement: {text}")


def as_storage_error(failure: BaseException | None) -> StorageError | None:
    """Return any failure of a batch as a storage error; None stays None."""
    if failure is None or isinstance(failure, StorageError):
        return failure
    return typed(failure) if isinstance(failure, DRIVER_ERRORS) else StorageError(repr(failure))


def prepare_file(path: Path) -> None:
    """Make the parent folder and a file that only its owner can read; tighten the mode of an existing one."""
    if driver.sqlite_version_info < OLDEST_VERSION:
        raise UnsafeStorage(f"SQLite {driver.sqlite_version} is too old: install pysqlite3")
    if driver.sqlite_version_info < SOUND_VERSION:
        warnings.warn(
            f"SQLite {driver.sqlite_version} can corrupt a database when its WAL is reset: install pysqlite3",
            RuntimeWarning,
            stacklevel=3,
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        elif path.is_file() and path.stat().st_mode & 0o077:
            # By its name: closing a descriptor of it would drop the locks that SQLite has on it in this process.
            path.chmod(0o600)
    except OSError as error:
        raise StorageUnavailable(f"cannot open the database file {path.name}: {error.strerror}") from error


def connect(path: Path, wait_seconds: float, *, read_only: bool) -> Any:
    """Open a connection and read its safety settings back; raise `UnsafeStorage` if one is not in force."""
    settings: dict[str, int | str] = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "busy_timeout": int(wait_seconds * 1000),
        "query_only": int(read_only),
        "wal_autocheckpoint": LOG_LIMIT_PAGES if MOVES_BESIDE_WRITERS else LOG_PAGES,
        "journal_size_limit": LOG_LIMIT_PAGES * PAGE_BYTES,
    }
    try:
        raw = driver.connect(
            str(path),
            timeout=wait_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        for name, value in settings.items():
            raw.execute(f"PRAGMA {name}={value}").fetchall()
            found = raw.execute(f"PRAGMA {name}").fetchone()[0]
            if found != value:
                raw.close()
                raise UnsafeStorage(f"SQLite keeps {name}={found} on {path.name}, but {value} is needed")
    except DRIVER_ERRORS as error:
        raise typed(error) from error
    return raw


def commit(raw: Any) -> StorageError | None:
    """Commit what a connection has written, durably; return why it was not."""
    try:
        raw.execute("COMMIT")
    except DRIVER_ERRORS as error:
        return typed(error, committing=True)
    return None


class Memory:
    """What was found on one connection, for as long as no other has changed the database (PRAGMA data_version)."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._version: int | None = None

    def of(self, raw: Any) -> dict[str, Any]:
        """Return it as it holds for the transaction that has just begun on its connection."""
        version = raw.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._found, self._version = {}, version
        return self._found


class SqliteConnection(Block):
    """One block's view of a SQLite connection; `raw` is the driver's, for migrations only."""

    claim_suffix = ""
    row_lock = ""

    def __init__(self, raw: Any, memory: dict[str, Any] | None = None) -> None:
        super().__init__(memory)
        self.raw = raw

    def _run(self, sql: str, params: Params) -> Any:
        if self.ended or self.failure is not None:
            self.require_usable()
        try:
            return self.raw.execute(sql, checked(params))
        except DRIVER_ERRORS as error:
            raise self.fail(typed(error)) from error

    def allow_seconds(self, seconds: int) -> None:
        """Do nothing: a statement may run as long as it needs."""

    def hold(self, name: str) -> None:
        """Do nothing: a block that writes is alone already."""

    def execute(self, sql: str, params: Params = NO_PARAMS) -> int:
        """Run one statement and return the number of rows it changed."""
        cursor = self._run(sql, params)
        if cursor.description is not None:
            return len(self._fetch(cursor))
        if cursor.rowcount < 0 and sql.lstrip()[:4].upper() == "WITH":
            return int(self.raw.execute("SELECT changes()").fetchone()[0])
        return max(int(cursor.rowcount), 0)

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        """Run one statement for each of many rows."""
        self.require_usable()
        try:
            self.raw.executemany(sql, [checked(row) for row in rows])
        except DRIVER_ERRORS as error:
            raise self.fail(typed(error)) from error

    def write(self, sql: str, params: Params = NO_PARAMS, then: Counted | None = None) -> None:
        """Run one statement at once: nothing is further away than the same process."""
        if then is None:
            self._run(sql, params)
        else:
            checked_by(self, then, self.execute(sql, params))

    def write_all(self, sql: str, rows: Sequence[Params]) -> None:
        """Run one statement for each of many rows at once."""
        self.executemany(sql, rows)

    def later(self, sql: str, params: Params = NO_PARAMS) -> Rows:
        """Ask when the rows are needed."""
        return partial(self.all, sql, params)

    def one(self, sql: str, params: Params = NO_PARAMS) -> Row | None:
        """Return the first row, or None when there is none."""
        cursor = self._run(sql, params)
        names = cursor.description
        try:
            row = cursor.fetchone()
        except DRIVER_ERRORS as error:
            raise self.fail(typed(error)) from error
        finally:
            cursor.close()  # a statement left half read would hold the snapshot
        return None if row is None else {name[0]: value for name, value in zip(names, row, strict=True)}

    def all(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        """Return every row."""
        cursor = self._run(sql, params)
        names = [name[0] for name in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self._fetch(cursor)]

    def _fetch(self, cursor: Any) -> list[tuple[Any, ...]]:
        try:
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        except DRIVER_ERRORS as error:
            raise self.fail(typed(error)) from error
        return rows
