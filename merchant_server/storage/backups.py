"""Backups: one SQLite file of a running installation of either kind, checked before it counts; and the way back.

The keys of sealed columns are never in it: who finds a backup cannot read personal data. After a restore the
installation knows nothing of what came later, so its worker stands still until a person has reconciled it.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from merchant_server.storage import laws
from merchant_server.storage.copying import Progress, copy
from merchant_server.storage.engine import (
    WAIT_SECONDS,
    Connection,
    Engine,
    StorageError,
    StorageUnavailable,
)
from merchant_server.storage.migrations import applied_names
from merchant_server.storage.repositories.rows import moment, stamp
from merchant_server.storage.sqlite import SqliteEngine
from merchant_server.storage.sqlite_connection import DRIVER_ERRORS, connect, driver, typed

PAGES_A_STEP = 500
_BESIDE = ("-wal", "-shm", "-queue", "-writer")
_RESTORED = "restored"


class BackupRefused(StorageError):
    """The backup is no sound database of this release, or its target must not be replaced; nothing was changed."""


def back_up(engine: Engine, out: Path, progress: Progress) -> None:
    """Write one consistent snapshot of a running database to a new file with mode 0600, whole or not at all.

    Raises BackupRefused when the file is there already or the snapshot is not sound, StorageUnavailable on a full disk.
    """
    if out.exists():
        raise BackupRefused(f"{out} is there already: name a new file")
    with draft_of(out) as draft:
        if isinstance(engine, SqliteEngine):
            _snapshot(engine.path, draft, progress)
        else:
            target = SqliteEngine(draft)
            try:
                copy(engine, target, progress, online=True)
            finally:
                target.close()
        verify(draft)
        checksum_of(out).write_text(f"{_sha256(draft)}  {out.name}\n", "ascii")
        keep(draft, out)


def checksum_of(backup: Path) -> Path:
    """Return where a backup's SHA-256 stands, in the form that `sha256sum --check` reads."""
    return backup.with_name(f"{backup.name}.sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _snapshot(path: Path, draft: Path, progress: Progress) -> None:
    """Use SQLite's online backup: readers and writers go on meanwhile."""
    source = connect(path, WAIT_SECONDS, read_only=True)
    try:
        target = driver.connect(str(draft))
        try:
            source.execute("BEGIN")
            source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # fixes the snapshot
            source.backup(
                target, pages=PAGES_A_STEP, progress=lambda _, left, total: progress(total - left, total)
            )
        finally:
            target.close()
    except DRIVER_ERRORS as error:
        raise typed(error) from error
    finally:
        source.close()


def verify(path: Path) -> list[str]:
    """Read a whole backup, brought to this release: pages, keys, laws; return the names of the wrapping keys it needs.

    Raises BackupRefused, SchemaMismatch when a newer release wrote it.
    """
    engine = SqliteEngine(path)
    try:
        if not applied_names(engine):
            raise BackupRefused(f"{path.name} is no database of fenqi")
        engine.migrate()
        with engine.reading() as connection:
            _require_sound(connection)
            rows = connection.all(
                "SELECT DISTINCT wrapping_key_id AS id FROM data_keys WHERE status <> 'erased'"
            )
            return [str(row["id"]) for row in rows]
    except StorageUnavailable as broken:
        raise BackupRefused(f"{path.name} cannot be read as a database: {broken}") from broken
    finally:
        engine.close()
        _tidy(path)


def _require_sound(connection: Connection) -> None:
    for pragma in ("integrity_check", "foreign_key_check"):
        rows = [row for row in connection.all(f"PRAGMA {pragma}") if row != {pragma: "ok"}]
        if rows:
            raise BackupRefused(f"the backup fails {pragma}: {rows[0]}")
    broken = laws.breaches(connection, at_most=1)
    if broken:
        raise BackupRefused(f"the backup breaks the law {broken[0].law!r} by {broken[0].subject}")


def restore_file(
    backup: Path, target: Path, keys: tuple[str, ...], at: datetime, *, replace: bool
) -> Path | None:
    """Put a backup in the place of a SQLite installation that stands still; return where the old file is now.

    `keys` are the names of the wrapping keys at hand. Raises BackupRefused before anything is changed.
    """
    if target.exists() and not replace:
        raise BackupRefused(f"{target} is there already: use --replace to move it aside")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with draft_of(target) as draft:
        _read_whole(backup, draft)
        _require_keys(verify(draft), keys)
        engine = SqliteEngine(draft)
        try:
            mark_restored(engine, at)
        finally:
            engine.close()
        _require_whole(draft)
        aside = _move_aside(target) if target.exists() else None
        keep(draft, target)
    return aside


def restore_rows(
    backup: Path, target: Engine, keys: tuple[str, ...], at: datetime, progress: Progress
) -> None:
    """Copy a backup into an empty database of another kind. Raises BackupRefused, CopyRefused."""
    with draft_of(backup) as draft:
        _read_whole(backup, draft)
        _require_keys(verify(draft), keys)
        source = SqliteEngine(draft)
        try:
            mark_restored(source, at)
            copy(source, target, progress)
        finally:
            source.close()


def mark_restored(engine: Engine, at: datetime) -> None:
    """Note that the database was restored, so that no worker acts on it before a person has looked."""
    with engine.transaction() as connection:
        connection.execute(
            "INSERT INTO chores (name, done_at) VALUES (:name, :at)"
            " ON CONFLICT (name) DO UPDATE SET done_at = excluded.done_at",
            {"name": _RESTORED, "at": stamp(at)},
        )


def restored_at(engine: Engine) -> datetime | None:
    """Return when the database was restored, or None when it was not or a person has reconciled it since."""
    with engine.reading() as connection:
        row = connection.one("SELECT done_at FROM chores WHERE name = :name", {"name": _RESTORED})
    return None if row is None else moment(row["done_at"])


def mark_reconciled(engine: Engine) -> None:
    """Take the note of a restore away."""
    with engine.transaction() as connection:
        connection.execute("DELETE FROM chores WHERE name = :name", {"name": _RESTORED})


def _require_keys(needed: list[str], keys: tuple[str, ...]) -> None:
    missing = sorted(set(needed) - set(keys))
    if missing:
        raise BackupRefused(
            f"the backup's personal data is sealed under {', '.join(missing)}, which the key file does not hold:"
            " restore the state folder of that time first"
        )


def _move_aside(target: Path) -> Path:
    """Rename a database that nobody has open; it is one whole file then."""
    try:
        raw = driver.connect(str(target), timeout=0.2)
        try:
            # Leaving WAL mode needs the file alone, so a running program shows here.
            alone = raw.execute("PRAGMA journal_mode=DELETE").fetchone()[0] == "delete"
        finally:
            raw.close()
    except DRIVER_ERRORS:
        alone = False
    if not alone:
        raise BackupRefused(f"{target.name} is in use: stop every server and worker first")
    number = 1
    while (aside := target.with_name(f"{target.name}.replaced-{number}")).exists():
        number += 1
    target.rename(aside)
    _tidy(target)
    return aside


def _read_whole(backup: Path, draft: Path) -> None:
    try:
        shutil.copyfile(backup, draft)
        expected = checksum_of(backup).read_text("ascii").partition(" ")[0]
    except (OSError, UnicodeError) as error:
        raise BackupRefused(
            f"cannot read {backup.name} and its {checksum_of(backup).name}: {error}"
        ) from error
    if _sha256(draft) != expected:
        raise BackupRefused(f"{backup.name} is not what was backed up: its SHA-256 differs")


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Yield the name of a private draft beside `path`, and leave none of it behind."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
    except OSError as error:
        raise StorageUnavailable(f"cannot write {draft.parent}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            draft.unlink()
        _tidy(draft)


def keep(draft: Path, path: Path) -> None:
    """Give a finished draft its name, durably."""
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def _require_whole(draft: Path) -> None:
    wal = draft.with_name(f"{draft.name}-wal")
    if wal.exists() and wal.stat().st_size:
        raise StorageUnavailable(f"{draft.parent} has no room for the whole database")


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _tidy(path: Path) -> None:
    for end in _BESIDE:
        with suppress(OSError):
            path.with_name(path.name + end).unlink()
