"""Events of past months move into a file, whole and once, and the laws go on holding without them."""

import errno
import hashlib
import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from merchant_server.cli import main
from merchant_server.services.operation.keeping import check_up
from merchant_server.storage import backups, event_archive, migrations
from merchant_server.storage.engine import StorageUnavailable
from merchant_server.storage.event_archive import Archived, ArchiveRefused
from merchant_server.storage.event_months import MonthsRefused, month_after, split_by_month
from tests.installation import Installation

MONTH = "2026-11"
Quiet = lambda done, total: None  # noqa: E731


@pytest.fixture
def house(installation: Installation) -> Installation:
    """An installation that sold in November and goes on in December."""
    installation.sell()
    installation.work()
    installation.clock.pass_(days=31)
    installation.sell(plan="p6")
    installation.work()
    return installation


def archive(house: Installation, out: Path, through: str = MONTH, *, unread: bool = False) -> Archived:
    return event_archive.archive_events(house.engine, out, through, house.clock.now(), Quiet, unread=unread)


@contextmanager
def lost(house: Installation, which: str) -> Iterator[None]:
    """Take an event away for the block."""
    (row,) = house.rows(f"SELECT * FROM events WHERE sequence = {which}")
    with house.engine.transaction() as connection:
        connection.execute("DELETE FROM events WHERE id = :id", {"id": row["id"]})
    yield
    columns = ", ".join(row)
    with house.engine.transaction() as connection:
        connection.execute(
            f"INSERT INTO events ({columns}) VALUES ({', '.join(f':{each}' for each in row)})", row
        )


def feed(house: Installation) -> list[str]:
    return [row["body"] for row in house.rows("SELECT body FROM events ORDER BY merchant_id, mode, sequence")]


def months(house: Installation) -> list[str]:
    """Return the tables of single months."""
    tables = house.rows(
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'events_20%' ORDER BY relname"
    )
    return [row["name"] for row in tables]


def old_and_new(house: Installation) -> tuple[list[str], list[str]]:
    bodies = feed(house)
    old = [each for each in bodies if json.loads(each)["created_at"] < month_after(MONTH)]
    return old, bodies[len(old) :]


def test_a_month_goes_into_a_file_as_the_feed_had_it_and_the_house_goes_on(
    house: Installation, tmp_path: Path
) -> None:
    old, new = old_and_new(house)
    out = tmp_path / "events.jsonl"

    made = archive(house, out)

    assert old and new
    assert out.read_text("utf-8").splitlines() == old
    assert (made.events, made.removed) == (len(old), len(old))
    assert made.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert feed(house) == new
    assert house.breaches() == []
    first = house.get("/v1/events").get_json()["data"][0]
    assert first["sequence"] == len(old) + 1
    gone = house.get(f"/v1/events?after={json.loads(old[0])['id']}")
    assert (gone.status_code, gone.get_json()["code"]) == (422, "cursor_unknown")
    house.advance(months=1)
    house.work()
    house.sell(plan="p3")
    assert len(feed(house)) > len(new)
    assert house.breaches() == []


def test_the_next_file_begins_where_the_last_one_ended(house: Installation, tmp_path: Path) -> None:
    old, _ = old_and_new(house)
    archive(house, tmp_path / "november.jsonl")
    house.clock.pass_(days=31)
    house.sell()
    kept = feed(house)

    made = archive(house, tmp_path / "december.jsonl", "2026-12")

    lines = (tmp_path / "december.jsonl").read_text("utf-8").splitlines()
    assert lines == kept[: made.events]
    assert json.loads(lines[0])["sequence"] == len(old) + 1
    assert house.breaches() == []


def test_what_is_still_needed_is_refused_by_name_and_stays(house: Installation, tmp_path: Path) -> None:
    out, before = tmp_path / "events.jsonl", feed(house)
    with pytest.raises(ArchiveRefused, match="2026-12 is not over"):
        archive(house, out, "2026-12")
    with pytest.raises(MonthsRefused, match="write it like 2026-11"):
        archive(house, out, "2026-13")
    middle = json.loads(before[1])["id"]
    assert house.post("/v1/events/ack", {"reader": "books", "cursor": middle}).status_code == 200
    with pytest.raises(ArchiveRefused, match=r"reader 'books' .* has acknowledged 2 of"):
        archive(house, out)
    assert not out.exists()
    assert feed(house) == before
    assert archive(house, out, unread=True).events > 0
    with pytest.raises(ArchiveRefused, match="is there already"):
        archive(house, out)


def test_an_event_whose_delivery_waits_is_not_archived(installation: Installation, tmp_path: Path) -> None:
    installation.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook"})
    installation.sell()
    installation.clock.pass_(days=31)
    with pytest.raises(ArchiveRefused, match=r"\d+ deliveries of .* still wait"):
        archive(installation, tmp_path / "early.jsonl")
    installation.work()

    made = archive(installation, tmp_path / "events.jsonl")

    assert made.removed == made.events > 0
    gone = "SELECT COUNT(*) AS n FROM deliveries d LEFT JOIN events e ON e.id = d.event_id WHERE e.id IS NULL"
    assert installation.rows(gone) == [{"n": 0}]
    assert installation.breaches() == []


def test_a_crash_after_the_file_leaves_all_and_one_after_the_note_is_ended_by_the_next_run(
    house: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, (old, new) = feed(house), old_and_new(house)

    def crash(*given: object) -> int:
        raise StorageUnavailable("the machine stopped")

    with monkeypatch.context() as patched, pytest.raises(StorageUnavailable):
        patched.setattr(event_archive, "_note", crash)
        archive(house, tmp_path / "first.jsonl")
    assert feed(house) == before
    with monkeypatch.context() as patched, pytest.raises(StorageUnavailable):
        patched.setattr(event_archive, "_remove", crash)
        archive(house, tmp_path / "second.jsonl")
    assert feed(house) == before
    assert house.breaches() == []
    assert (tmp_path / "second.jsonl").read_text("utf-8").splitlines() == old

    monkeypatch.setattr(event_archive, "PAGE", 3)
    made = archive(house, tmp_path / "third.jsonl")

    assert (made.events, made.removed) == (0, len(old))
    assert not (tmp_path / "third.jsonl").exists()
    assert feed(house) == new
    assert house.breaches() == []


@pytest.mark.parametrize("faster", ["2026-11", "2026-12"])
def test_of_two_archives_at_once_one_is_refused_and_leaves_no_file(
    house: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faster: str
) -> None:
    house.clock.pass_(days=31)
    first, second, write = tmp_path / "first.jsonl", tmp_path / "second.jsonl", event_archive._write
    before = feed(house)

    def overtaken(*given: Any) -> str:
        monkeypatch.setattr(event_archive, "_write", write)
        digest = write(*given)
        archive(house, first, faster)
        return digest

    monkeypatch.setattr(event_archive, "_write", overtaken)
    with pytest.raises(ArchiveRefused, match="another archive was faster"):
        archive(house, second)

    assert (first.exists(), second.exists()) == (True, False)
    assert sorted(first.read_text("utf-8").splitlines() + feed(house)) == sorted(before)
    assert house.breaches() == []


def test_a_disk_that_is_full_leaves_no_half_file(
    house: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, out = feed(house), tmp_path / "events.jsonl"

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched, pytest.raises(StorageUnavailable, match="no space left"):
        patched.setattr(backups, "_sync", full)
        archive(house, out)
    assert [each.name for each in tmp_path.iterdir() if "events.jsonl" in each.name] == []
    assert feed(house) == before
    assert archive(house, out).events > 0


def test_an_event_that_is_missing_is_no_archived_one(house: Installation, tmp_path: Path) -> None:
    with lost(house, "3"), pytest.raises(ArchiveRefused, match="1 events are missing"):
        archive(house, tmp_path / "events.jsonl")
    assert not (tmp_path / "events.jsonl").exists()


@pytest.mark.parametrize("which", ["MIN", "MAX"])
def test_an_event_that_is_lost_after_an_archive_is_found(
    house: Installation, tmp_path: Path, which: str
) -> None:
    archive(house, tmp_path / "events.jsonl")
    with lost(house, f"(SELECT {which}(sequence) FROM events)"):
        assert any("a merchant's events are numbered without gaps" in each for each in house.breaches())


def test_months_are_kept_apart_and_come_off_whole(house: Installation, tmp_path: Path) -> None:
    if house.engine.dialect != "postgresql":
        with pytest.raises(MonthsRefused, match="for PostgreSQL"):
            split_by_month(house.engine, house.clock.now(), 3)
        return
    house.advance(months=2)  # events of a month to come, which a test clock makes
    house.work()
    before = feed(house)

    made = split_by_month(house.engine, house.clock.now(), 2)

    assert made == ["events_before_2027_01", "events_2027_01", "events_2027_02"]
    assert feed(house) == before
    assert house.breaches() == []
    assert split_by_month(house.engine, house.clock.now(), 2) == []
    house.clock.pass_(days=31)
    house.sell()
    house.work()
    assert {"events_2027_03", "events_2027_04"} <= set(months(house))  # by the worker
    assert split_by_month(house.engine, house.clock.now(), 3) == []
    assert house.breaches() == []

    explained = house.rows(
        "EXPLAIN SELECT * FROM events WHERE created_at >= '2027-01' AND created_at < '2027-02'"
    )
    assert {name for row in explained for name in re.findall(r"on (\w+)", row["QUERY PLAN"])} == {
        "events_2027_01"
    }

    old = [each for each in feed(house) if json.loads(each)["created_at"] < "2027"]
    made_file = archive(house, tmp_path / "events.jsonl", "2026-12")

    assert (made_file.events, made_file.removed) == (len(old), len(old))
    assert months(house) == [f"events_2027_0{month}" for month in (1, 2, 3, 4)]
    assert house.rows("SELECT to_regclass('events_before_2027_01') AS gone") == [{"gone": None}]
    assert house.breaches() == []
    house.sell(plan="p6")
    house.work()
    assert house.breaches() == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_table_in_use_keeps_the_worker_from_making_months_and_from_nothing_else(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_by_month(house.engine, house.clock.now(), 1)
    monkeypatch.setattr(migrations, "_LOCK_SECONDS", 0.05)
    house.clock.pass_(days=1)
    with house.engine.reading() as somebody:
        somebody.all("SELECT 1 FROM events_others")
        assert check_up(house.deps) == 1
    assert months(house) == ["events_2027_01"]
    house.clock.pass_(seconds=3_600)
    assert check_up(house.deps) == 1
    assert months(house) == ["events_2027_01", "events_2027_02", "events_2027_03"]


def test_an_operator_archives_and_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENQI_DATABASE_URL", f"sqlite:///{tmp_path}/fenqi.sqlite")
    monkeypatch.setenv("FENQI_STATE_FOLDER", str(tmp_path / "state"))
    out = str(tmp_path / "events.jsonl")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    assert run("migrate").exit_code == 0
    assert run("merchant", "create", "--name", "小满商店").exit_code == 0
    assert "0 events left the database" in run("events", "archive", "--through", "2026-01", out).output
    assert not Path(out).exists()
    for refused, why in (
        (("archive", "--through", "2026-1", out), "'2026-1' is no month: write it like 2026-11"),
        (("archive", "--through", "2999-01", out), "2999-01 is not over"),
        (("months",), "SQLite keeps all events in one table"),
    ):
        told = run("events", *refused)
        assert (told.exit_code, why in told.output) == (1, True), told.output
