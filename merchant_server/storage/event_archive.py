"""Events of past months in a file: written whole first, then noted, then taken out of the database.

The laws go on holding: the note says up to which number a merchant's events are in files, and how many they are.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from merchant_server.storage.backups import draft_of, keep
from merchant_server.storage.copying import Progress
from merchant_server.storage.engine import Connection, Engine, Row, StorageError
from merchant_server.storage.event_months import month_after, over_by, partitions
from merchant_server.storage.migrations import patiently
from merchant_server.storage.repositories.rows import stamp

PAGE = 500
_UP_TO = "SELECT merchant_id, mode, MAX(up_to) AS up_to FROM event_archives GROUP BY merchant_id, mode"
_WAITING = "EXISTS (SELECT 1 FROM deliveries w WHERE w.event_id = e.id AND w.status = 'pending')"
# A merchant's numbers follow the time but for the instant around midnight, so the last number of the month is the end.
_ENDS = f"""SELECT e.merchant_id, e.mode, COALESCE(a.up_to, 0) AS after, MAX(e.sequence) AS up_to,
    MAX(e.sequence) - COALESCE(a.up_to, 0) AS events
    FROM events e LEFT JOIN ({_UP_TO}) a ON a.merchant_id = e.merchant_id AND a.mode = e.mode
    WHERE e.created_at < :end AND e.sequence > COALESCE(a.up_to, 0)
    GROUP BY e.merchant_id, e.mode, a.up_to ORDER BY e.merchant_id, e.mode"""


class ArchiveRefused(StorageError):
    """These events are still needed, or the file is there already; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What one file holds, and how many events left the database."""

    events: int
    removed: int
    sha256: str


def archive_events(
    engine: Engine, out: Path, through: str, now: datetime, progress: Progress, *, unread: bool = False
) -> Archived:
    """Move every event up to the end of a month ("2026-10") into a new file, one JSON text a line, as the feed had it.

    Each merchant's lines are in order. Asked again after a crash, with a new file, it ends what was begun. Raises
    ArchiveRefused while a delivery waits, for a file that is there, for what a reader of the feed has not
    acknowledged unless `unread`, and when another archive was faster; MonthsRefused for what is no month.
    """
    end = month_after(through)
    if end > f"{now:%Y-%m}":
        raise ArchiveRefused(f"{through} is not over: archive months that are")
    if out.exists():
        raise ArchiveRefused(f"{out} is there already: name a new file")
    with engine.reading() as connection:
        ends = connection.all(_ENDS, {"end": end})
        _require_done(connection, ends, unread=unread)
        sha256 = _write(connection, out, ends, progress) if ends else ""
    with engine.transaction() as connection:
        connection.hold("event_archives")
        if _overtaken(connection, ends):
            out.unlink()
            raise ArchiveRefused("another archive was faster and holds some of these events: run it again")
        connection.executemany(
            "INSERT INTO event_archives (merchant_id, mode, up_to, events, through_month, file_sha256, archived_at)"
            " VALUES (:merchant_id, :mode, :up_to, :events, :through, :sha256, :at)",
            [_note(each, through, sha256, now) for each in ends],
        )
    removed = _drop_months(engine, end) + _remove(engine)
    return Archived(sum(each["events"] for each in ends), removed, sha256)


def _overtaken(connection: Connection, ends: list[Row]) -> bool:
    """Say whether somebody has noted an archive since these ends were read."""
    noted = {(row["merchant_id"], row["mode"]): row["up_to"] for row in connection.all(_UP_TO)}
    return any(noted.get((each["merchant_id"], each["mode"]), 0) != each["after"] for each in ends)


def _note(end: Row, through: str, sha256: str, now: datetime) -> Row:
    known = {name: end[name] for name in ("merchant_id", "mode", "up_to", "events")}
    return {**known, "through": through, "sha256": sha256, "at": stamp(now)}


def _require_done(connection: Connection, ends: list[Row], *, unread: bool) -> None:
    for each in ends:
        of_merchant = {name: each[name] for name in ("merchant_id", "mode", "up_to")}
        whose = f"{each['merchant_id']} in {each['mode']} mode"
        waiting = connection.one(
            "SELECT COUNT(*) AS n FROM deliveries w JOIN events e ON e.id = w.event_id WHERE w.status = 'pending'"
            " AND e.merchant_id = :merchant_id AND e.mode = :mode AND e.sequence <= :up_to",
            of_merchant,
        )
        if waiting is not None and waiting["n"]:
            raise ArchiveRefused(f"{waiting['n']} deliveries of {whose} still wait: let them end first")
        reader = connection.one(
            "SELECT name, sequence FROM event_readers WHERE merchant_id = :merchant_id AND mode = :mode"
            " AND sequence < :up_to ORDER BY sequence LIMIT 1",
            of_merchant,
        )
        if reader is not None and not unread:
            raise ArchiveRefused(
                f"the reader {reader['name']!r} of {whose} has acknowledged {reader['sequence']} of {each['up_to']}:"
                " wait for it, or say --unread"
            )


def _write(connection: Connection, out: Path, ends: list[Row], progress: Progress) -> str:
    """Write the file, durably and readable for its owner only, whole or not at all; return its SHA-256."""
    digest, done, total = hashlib.sha256(), 0, sum(each["events"] for each in ends)
    with draft_of(out) as draft:
        with draft.open("wb") as file:
            for body in _bodies(connection, ends):
                line = body.encode() + b"\n"
                file.write(line)
                digest.update(line)
                done += 1
                progress(done, total)
        if done != total:
            raise ArchiveRefused(
                f"{total - done} events are missing: run `fenqi-server doctor`, which names them"
            )
        keep(draft, out)
    return digest.hexdigest()


def _bodies(connection: Connection, ends: list[Row]) -> Iterator[str]:
    for each in ends:
        after = each["after"]
        while rows := connection.all(
            "SELECT sequence, body FROM events WHERE merchant_id = :merchant_id AND mode = :mode"
            f" AND sequence > :after AND sequence <= :up_to ORDER BY sequence LIMIT {PAGE}",
            {
                "merchant_id": each["merchant_id"],
                "mode": each["mode"],
                "up_to": each["up_to"],
                "after": after,
            },
        ):
            yield from (row["body"] for row in rows)
            after = rows[-1]["sequence"]


def _drop_months(engine: Engine, end: str) -> int:
    """Drop the months of which nothing is kept, on PostgreSQL; return how many events they held."""

    def drop() -> int:
        with engine.transaction() as connection:
            connection.allow_seconds(0)
            over = [name for name in partitions(connection) if over_by(name, end)]
            return sum(_drop(connection, name) for name in over if not _holds_more(connection, name))

    return patiently(drop) if engine.dialect == "postgresql" else 0


def _drop(connection: Connection, name: str) -> int:
    of_month = f"SELECT d.id FROM deliveries d JOIN {name} e ON e.id = d.event_id"
    connection.execute(f"DELETE FROM delivery_attempts WHERE delivery_id IN ({of_month})")
    connection.execute(f"DELETE FROM deliveries WHERE id IN ({of_month})")
    (counted,) = connection.all(f"SELECT COUNT(*) AS n FROM {name}")
    connection.execute(f"DROP TABLE {name}")
    return int(counted["n"])


def _holds_more(connection: Connection, name: str) -> bool:
    return bool(
        connection.all(
            f"SELECT 1 AS more FROM {name} e LEFT JOIN ({_UP_TO}) a ON a.merchant_id = e.merchant_id"
            f" AND a.mode = e.mode WHERE a.up_to IS NULL OR e.sequence > a.up_to OR {_WAITING} LIMIT 1"
        )
    )


def _remove(engine: Engine) -> int:
    """Delete row by row what is archived, some in a transaction; an event that is delivered anew stays until it is."""
    removed = 0
    while True:
        with engine.transaction() as connection:
            found = connection.all(
                f"SELECT e.id FROM events e JOIN ({_UP_TO}) a ON a.merchant_id = e.merchant_id AND a.mode = e.mode"
                f" AND e.sequence <= a.up_to WHERE NOT {_WAITING} LIMIT {PAGE}"
            )
            rows = [{"id": row["id"]} for row in found]
            connection.executemany(
                "DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id = :id)",
                rows,
            )
            connection.executemany("DELETE FROM deliveries WHERE event_id = :id", rows)
            connection.executemany("DELETE FROM events WHERE id = :id", rows)
        removed += len(rows)
        if len(rows) < PAGE:
            return removed
