"""Rotation while sales go on: no read fails, a killed run goes on, and nothing stays under an old key."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from merchant_server.storage.engine import StorageError
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.places import PLACES
from merchant_server.storage.rotation import Rotation
from merchant_server.storage.sealed import key_id_of
from merchant_server.storage.unit_of_work import SqlStorage
from merchant_server.storage.wrapping_keys import WrappingKeyMissing
from tests.installation import Installation
from tests.privacy.people import Somebody, apply, sell


def used_keys(house: Installation) -> set[str]:
    return {
        key_id_of(row["sealed"])
        for place in PLACES
        for row in house.rows(
            f"SELECT {place.stored} AS sealed FROM {place.table} WHERE {place.stored} IS NOT NULL"
        )
    }


def test_a_new_wrapping_key_wraps_every_data_key(installation: Installation) -> None:
    sold = [sell(installation, Somebody(number)) for number in range(3)]
    before = {row["wrapping_key_id"] for row in installation.rows("SELECT wrapping_key_id FROM data_keys")}
    steps: list[tuple[int, int]] = []
    name = installation.rotation.rotate(lambda done, total: steps.append((done, total)))
    after = {row["wrapping_key_id"] for row in installation.rows("SELECT wrapping_key_id FROM data_keys")}
    assert (len(before), after) == (1, {name})
    assert steps[-1] == (6, 6)
    with installation.deps.storage.reading() as uow:
        assert all(uow.agreements.get(each.agreement_id) for each in sold)


def test_a_wrapping_key_in_use_is_not_destroyed_and_a_retired_one_is(installation: Installation) -> None:
    sold = sell(installation, Somebody(1))
    old = installation.rotation.counts()[-1].wrapping_key_id
    with pytest.raises(StorageError, match="run `keys rotate`"):
        installation.rotation.destroy(old)
    installation.rotation.rotate()
    installation.rotation.destroy(old)
    assert old not in installation.rotation.ring.wrapping.names()
    with installation.deps.storage.reading() as uow:
        assert uow.consumers.get(sold.consumer_id) is not None
    with pytest.raises(WrappingKeyMissing):
        installation.rotation.destroy(old)


def test_a_process_that_opened_the_ring_before_reads_and_seals_after_a_rotation(
    installation: Installation,
) -> None:
    sell(installation, Somebody(1))
    path = installation.rotation.ring.wrapping._path
    other = Rotation(installation.engine, KeyRing.open(path, b"i" * 32), installation.deps.ids.new)
    name = other.rotate()
    sold = sell(installation, Somebody(2))
    row = installation.rows("SELECT wrapping_key_id FROM data_keys WHERE owner = :id", id=sold.consumer_id)[0]
    assert row["wrapping_key_id"] == name


def test_a_rotation_cut_off_after_the_new_key_was_made_uses_that_key(installation: Installation) -> None:
    sell(installation, Somebody(1))
    made = installation.rotation.ring.wrapping.add()
    assert installation.rotation.rotate() == made


def test_everything_is_sealed_under_new_keys_and_the_old_ones_are_gone(installation: Installation) -> None:
    sold = [sell(installation, Somebody(number)) for number in range(3)]
    installation.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook", "event_types": ["*"]})
    before = used_keys(installation)
    steps: list[tuple[int, int]] = []
    moved = installation.rotation.reseal(lambda done, total: steps.append((done, total)))
    assert moved >= 3 * 7
    assert steps[-1][0] == steps[-1][1]
    assert used_keys(installation) & before == set()
    with installation.deps.storage.reading() as uow:
        for each in sold:
            agreement = uow.agreements.get(each.agreement_id)
            assert agreement is not None and agreement.signed_pdf is not None
    left = installation.rows("SELECT DISTINCT epoch, status FROM data_keys WHERE owner <> 'installation'")
    assert left == [{"epoch": 2, "status": "live"}]
    with installation.deps.storage.reading() as uow:
        assert all(event.personal is not None for event in uow.consents.of_checkout(sold[0].id))
    assert installation.rotation.reseal() == moved


class Cut(Exception):
    """Stands for the end of a process at any point."""


@pytest.mark.parametrize("at", [1, 2, 4, 6])
def test_a_run_that_was_cut_off_goes_on_with_both_versions_readable(
    installation: Installation, at: int
) -> None:
    sold = [sell(installation, Somebody(number)) for number in range(2)]
    before, calls = used_keys(installation), 0

    def cut(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise Cut

    with pytest.raises(Cut):
        installation.rotation.reseal(cut)
    sold.append(sell(installation, Somebody(9)))
    with installation.deps.storage.reading() as uow:
        assert all(
            uow.agreements.get(each.agreement_id) and uow.consumers.get(each.consumer_id) for each in sold
        )
    installation.rotation.reseal()
    assert used_keys(installation) & before == set()
    with installation.deps.storage.reading() as uow:
        assert all(
            uow.agreements.get(each.agreement_id) and uow.consumers.get(each.consumer_id) for each in sold
        )


RUN = """
import sys
from pathlib import Path
from merchant_server.providers.system import SystemIds
from merchant_server.storage.opening import open_engine
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.rotation import Rotation
def told(done, total):
    print(done, total, flush=True)
    sys.stdin.readline()
url, keys = sys.argv[1:]
Rotation(open_engine(url), KeyRing.open(Path(keys), b"i" * 32), SystemIds().new).reseal(told)
print("finished", flush=True)
"""


def test_a_killed_process_leaves_everything_readable_and_the_next_one_finishes(
    installation: Installation, database_url: str
) -> None:
    sold = [sell(installation, Somebody(number)) for number in range(3)]
    before = used_keys(installation)
    arguments = [sys.executable, "-c", RUN, database_url, str(installation.rotation.ring.wrapping._path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for batches in (1, 3):
        with subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            for _ in range(batches):
                assert process.stdout.readline().split()[0].isdecimal()
                process.stdin.write("\n")
                process.stdin.flush()
            process.send_signal(signal.SIGKILL)
        with installation.deps.storage.reading() as uow:
            assert all(uow.agreements.get(each.agreement_id) for each in sold)
    installation.rotation.reseal()
    assert used_keys(installation) & before == set()
    assert len(installation.rows("SELECT DISTINCT epoch FROM data_keys WHERE status = 'live'")) == 1


def test_under_load_no_read_and_no_sale_fails(installation: Installation, tmp_path: Path) -> None:
    """Readers, a writer and both rotations at once; everything reads back afterwards."""
    sold = [sell(installation, Somebody(number)) for number in range(3)]
    stop, failures, reads = threading.Event(), [], [0]
    path = installation.rotation.ring.wrapping._path
    applied: list[str] = []

    def until_stopped(step: Callable[[], None]) -> None:
        """Repeat a step; the first failure ends it, for a failure kept again and again would fill the memory."""
        try:
            while not stop.is_set():
                step()
        except Exception as failure:  # noqa: BLE001
            failures.append(failure)

    def read() -> None:
        storage = SqlStorage(installation.engine, KeyRing.open(path, b"i" * 32), installation.deps.ids.new)
        for each in sold:
            with storage.reading() as uow:
                assert uow.consumers.get(each.consumer_id) and uow.agreements.get(each.agreement_id)
            with storage.unit_of_work() as uow:
                assert uow.applicants.get(each.id) and uow.decisions.get(each.decision_id)
            reads[0] += 4

    def write() -> None:
        applied.append(apply(installation, Somebody(101 + len(applied))).consumer_id or "")

    threads = [
        threading.Thread(target=until_stopped, args=(step,), daemon=True) for step in (read, read, write)
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            installation.rotation.reseal()
            installation.rotation.rotate()
    finally:
        # Also when a rotation fails or takes too long: what goes on reading would outlive this test.
        stop.set()
        for thread in threads:
            thread.join(60)
    assert [(failure, failure.__cause__) for failure in failures] == []
    assert reads[0] > 20
    with installation.deps.storage.reading() as uow:
        assert all(uow.consumers.get(each) for each in applied)
    assert applied


def test_the_key_file_is_private_and_one_when_two_processes_make_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "wrapping-keys.json"
    rings: list[KeyRing] = []
    threads = [threading.Thread(target=lambda: rings.append(KeyRing.open(path, b"i" * 32))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ring.wrapping.newest() for ring in rings}) == 1
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("key", [None, "zz", "00", 7])
def test_a_damaged_key_file_is_refused_by_name(tmp_path: Path, key: object) -> None:
    path = tmp_path / "wrapping-keys.json"
    path.write_text("" if key is None else json.dumps({"newest": "a", "keys": {"a": key}}))
    with pytest.raises(StorageError, match="restore it from its backup"):
        KeyRing.open(path, b"i" * 32)
