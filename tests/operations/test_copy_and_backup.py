"""The whole database from one place to another: equal on both sides, readable under the same keys, or not at all."""

import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from merchant_server.storage import backups, copying
from merchant_server.storage.backups import BackupRefused
from merchant_server.storage.copying import CopyRefused
from merchant_server.storage.engine import Engine, RuleBroken, StorageUnavailable
from merchant_server.storage.opening import open_engine
from merchant_server.storage.wrapping_keys import WrappingKeys
from tests.databases import postgres_database
from tests.installation import START, Installation, build

Quiet = lambda done, total: None  # noqa: E731
OpenEngine = Callable[[str], Engine]


@pytest.fixture
def sold(installation: Installation) -> Installation:
    """An installation with two sales and a paid installment."""
    installation.sell()
    installation.sell(plan="p6")
    installation.advance(months=1)
    installation.work()
    return installation


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, installation: Installation, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of the other kind."""
    if installation.engine.dialect == "postgresql":
        yield f"sqlite:///{tmp_path / 'other.sqlite'}"
        return
    with postgres_database(request.getfixturevalue("postgres_url")) as url:
        yield url


def keys_of(house: Installation, tmp_path: Path) -> tuple[str, ...]:
    return WrappingKeys(tmp_path / "keys" / "wrapping-keys.json").names()


def person_of(house: Installation) -> str:
    with house.deps.storage.reading() as uow:
        (row,) = house.rows("SELECT id FROM consumers")
        consumer = uow.consumers.get(row["id"])
    assert consumer is not None
    return repr(consumer)


def test_a_copy_is_equal_lawful_and_readable_under_the_same_keys(
    sold: Installation, empty_url: str, open_again: OpenEngine, tmp_path: Path, authority_folder: Path
) -> None:
    steps: list[tuple[int, int]] = []
    target = open_again(empty_url)

    tallies = copying.copy(sold.engine, target, lambda done, total: steps.append((done, total)))

    by_table = {tally.table: tally for tally in tallies}
    assert by_table["loans"].rows == 2
    assert dict(by_table["postings"].sums)["amount_minor"] > 0
    assert steps[-1][0] == steps[-1][1] == 2 * sum(tally.rows for tally in tallies)
    moved = build(target, authority_folder, tmp_path / "keys" / "wrapping-keys.json")
    assert person_of(moved) == person_of(sold)
    assert moved.breaches() == []


def test_only_tables_with_rows_get_statistics_or_the_others_are_read_whole_as_they_fill(
    sold: Installation, empty_url: str, open_again: OpenEngine
) -> None:
    target = open_again(empty_url)
    rows = {tally.table: tally.rows for tally in copying.copy(sold.engine, target)}
    if target.dialect != "postgresql":
        return
    with target.reading() as connection:
        told = connection.all(
            "SELECT relname AS name, CAST(reltuples AS BIGINT) AS told FROM pg_class WHERE relkind = 'r'"
        )
    known = {row["name"]: row["told"] for row in told if row["name"] in rows}
    assert {name for name, number in known.items() if number >= 0} == {name for name, n in rows.items() if n}


def test_a_moved_installation_sells_and_collects_on(
    sold: Installation, empty_url: str, open_again: OpenEngine, tmp_path: Path, authority_folder: Path
) -> None:
    target = open_again(empty_url)
    copying.copy(sold.engine, target)
    moved = build(target, authority_folder, tmp_path / "keys" / "wrapping-keys.json")

    with pytest.raises(RuleBroken, match="never changed"), target.transaction() as connection:
        connection.execute("UPDATE postings SET amount_minor = amount_minor + 1")
    moved.sell()
    moved.work()

    assert len(moved.rows("SELECT id FROM loans")) == 3
    assert moved.breaches() == []


def test_a_copy_back_again_gives_the_same_digests(
    sold: Installation, empty_url: str, open_again: OpenEngine, tmp_path: Path
) -> None:
    middle = open_again(empty_url)
    there = copying.copy(sold.engine, middle)

    back = copying.copy(middle, open_again(f"sqlite:///{tmp_path / 'back.sqlite'}"))

    assert back == there


def test_a_target_with_rows_is_refused_and_left_alone(
    sold: Installation, empty_url: str, open_again: OpenEngine
) -> None:
    target = open_again(empty_url)
    copying.copy(sold.engine, target)
    with pytest.raises(CopyRefused, match="empty"):
        copying.copy(sold.engine, target)
    with target.reading() as connection:
        assert len(connection.all("SELECT id FROM loans")) == 2


def test_a_copy_that_is_cut_off_leaves_nothing(
    sold: Installation, empty_url: str, open_again: OpenEngine
) -> None:
    target = open_again(empty_url)

    def cut_off(done: int, total: int) -> None:
        if done > total // 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(sold.engine, target, cut_off)
    with target.reading() as connection:
        assert connection.all("SELECT id FROM merchants") == []
    copying.copy(sold.engine, target)


def test_a_source_that_goes_on_selling_is_noticed(
    sold: Installation, empty_url: str, open_again: OpenEngine
) -> None:
    target, sold_more = open_again(empty_url), []

    def sell_once(done: int, total: int) -> None:
        if not sold_more:
            sold_more.append(sold.checkout())

    with pytest.raises(CopyRefused, match="stop every server"):
        copying.copy(sold.engine, target, sell_once)
    with target.reading() as connection:
        assert connection.all("SELECT id FROM merchants") == []


def test_a_source_that_breaks_a_law_is_refused(
    sold: Installation, empty_url: str, open_again: OpenEngine
) -> None:
    with sold.engine.transaction() as connection:
        connection.execute("UPDATE loans SET paid_minor = paid_minor + 1")
    with pytest.raises(CopyRefused, match="doctor"):
        copying.copy(sold.engine, open_again(empty_url))
    with sold.engine.transaction() as connection:
        connection.execute("UPDATE loans SET paid_minor = paid_minor - 1")


def test_a_backup_of_a_busy_installation_restores_to_a_lawful_one(
    sold: Installation, tmp_path: Path, authority_folder: Path, open_again: OpenEngine
) -> None:
    """More is sold while the backup is taken; it is the snapshot of its first moment, in one private file."""
    sold_more = []

    def sell_once(done: int, total: int) -> None:
        if not sold_more:
            sold_more.append(sold.checkout())

    backup = tmp_path / "backup.sqlite"
    backups.back_up(sold.engine, backup, sell_once)
    assert sold_more
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("*backup*")) == [
        "backup.sqlite",
        "backup.sqlite.sha256",
    ]

    restored = tmp_path / "restored" / "fenqi.sqlite"
    assert backups.restore_file(backup, restored, keys_of(sold, tmp_path), START, replace=False) is None

    engine = open_again(f"sqlite:///{restored}")
    assert backups.restored_at(engine) == START
    house = build(engine, authority_folder, tmp_path / "keys" / "wrapping-keys.json")
    assert person_of(house) == person_of(sold)
    assert house.breaches() == []
    assert {row["id"] for row in house.rows("SELECT id FROM checkouts")} == {
        row["id"] for row in sold.rows("SELECT id FROM checkouts")
    } - {sold_more[0].id}
    backups.mark_reconciled(engine)
    assert backups.restored_at(engine) is None


def test_a_backup_restores_into_an_empty_database_of_the_other_kind(
    sold: Installation, empty_url: str, tmp_path: Path, open_again: OpenEngine
) -> None:
    backup = tmp_path / "backup.sqlite"
    backups.back_up(sold.engine, backup, Quiet)
    target = open_again(empty_url)

    backups.restore_rows(backup, target, keys_of(sold, tmp_path), START, Quiet)

    assert backups.restored_at(target) == START
    with target.reading() as connection:
        assert len(connection.all("SELECT id FROM loans")) == 2


@pytest.fixture
def backup(sqlite_installation: Installation, tmp_path: Path) -> Path:
    """A backup of one sale, on SQLite alone."""
    sqlite_installation.sell()
    out = tmp_path / "backup.sqlite"
    backups.back_up(sqlite_installation.engine, out, Quiet)
    return out


def test_a_backup_holds_no_key_and_no_personal_data(backup: Path, tmp_path: Path) -> None:
    data = backup.read_bytes()
    for name in (keys := WrappingKeys(tmp_path / "keys" / "wrapping-keys.json")).names():
        assert keys.get(name) not in data
        assert keys.get(name).hex().encode() not in data
    assert "王小明".encode() not in data
    assert b"13800138000" not in data


def test_a_backup_never_overwrites_a_file(sqlite_installation: Installation, backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(BackupRefused, match="there already"):
        backups.back_up(sqlite_installation.engine, backup, Quiet)
    assert backup.read_bytes() == before


@pytest.mark.parametrize("at", [0.0, 0.3, 0.6, 0.999])
def test_a_torn_or_altered_backup_is_refused_before_anything_is_changed(
    sqlite_installation: Installation, backup: Path, tmp_path: Path, at: float
) -> None:
    torn, data = tmp_path / "torn.sqlite", bytearray(backup.read_bytes())
    place = int(len(data) * at)
    data[place : place + 4096] = b"\xff" * len(data[place : place + 4096])
    torn.write_bytes(data)
    target = tmp_path / "target.sqlite"
    shutil.copyfile(backup, target)
    before = target.read_bytes()
    with pytest.raises((BackupRefused, StorageUnavailable)):
        backups.restore_file(torn, target, keys_of(sqlite_installation, tmp_path), START, replace=True)
    assert target.read_bytes() == before
    assert list(tmp_path.glob(".target*")) == []


def test_a_backup_whose_keys_are_lost_is_refused_by_the_name_of_the_key(backup: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match=r"w_.*state folder"):
        backups.restore_file(backup, tmp_path / "new.sqlite", ("w_other",), START, replace=False)
    assert not (tmp_path / "new.sqlite").exists()


def test_a_database_in_the_way_is_moved_aside_and_only_when_asked(
    sqlite_installation: Installation, backup: Path, tmp_path: Path
) -> None:
    keys = keys_of(sqlite_installation, tmp_path)
    target = tmp_path / "target.sqlite"
    shutil.copyfile(backup, target)
    with pytest.raises(BackupRefused, match="--replace"):
        backups.restore_file(backup, target, keys, START, replace=False)
    aside = backups.restore_file(backup, target, keys, START, replace=True)
    assert aside == tmp_path / "target.sqlite.replaced-1"
    with sqlite3.connect(aside) as old:
        assert old.execute("SELECT COUNT(*) FROM loans").fetchone() == (1,)
    old.close()


def test_a_database_that_a_program_has_open_is_not_replaced(
    sqlite_installation: Installation, backup: Path, tmp_path: Path
) -> None:
    with pytest.raises(BackupRefused, match="in use"):
        backups.restore_file(
            backup, tmp_path / "fenqi.sqlite", keys_of(sqlite_installation, tmp_path), START, replace=True
        )
    assert sqlite_installation.checkout().id


def test_a_full_disk_ends_a_copy_and_leaves_nothing(
    sqlite_installation: Installation, tmp_path: Path
) -> None:
    sqlite_installation.sell()
    engine = open_engine(f"sqlite:///{tmp_path / 'small.sqlite'}")
    engine.migrate()
    with engine.transaction() as connection:
        (pages,) = connection.all("PRAGMA page_count")
        connection.execute(f"PRAGMA max_page_count = {pages['page_count'] + 4}")
    with pytest.raises(StorageUnavailable, match="full"):
        copying.copy(sqlite_installation.engine, engine)
    with engine.reading() as connection:
        assert connection.all("SELECT id FROM merchants") == []
    engine.close()
