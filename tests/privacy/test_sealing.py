"""Sealed values: bound to their place, under their owner's key; every sealed column is known to rotation."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from merchant_server.domain.errors import Erased
from merchant_server.storage.engine import Engine, StorageError
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.opening import open_engine
from merchant_server.storage.places import PLACES
from merchant_server.storage.sealed import Sealer, Unsealable, key_id_of
from merchant_server.storage.unit_of_work import SqlStorage
from merchant_server.storage.wrapping_keys import WrappingKeyMissing
from tests.installation import Installation
from tests.privacy.people import Somebody, apply, sell

# Look-up hashes that erasure clears or that belong to no consumer.
KNOWN_INDEXES = {
    ("consumers", "id_number_index"),
    ("applicants", "phone_index"),
    ("codes", "phone_index"),
    ("code_sends", "phone_index"),
    ("code_sends", "address_index"),
    ("my_visits", "phone_index"),
    ("my_codes", "phone_index"),
    ("preapprovals", "phone_index"),
    ("preapproval_codes", "phone_index"),
    ("velocity_facts", "key_index"),
    # A block outlives a wish to be erased, and reviewers are staff.
    ("block_list", "key_index"),
    ("reviewers", "id_number_index"),
}


def columns(engine: Engine) -> set[tuple[str, str]]:
    with engine.reading() as db:
        if engine.dialect == "sqlite":
            tables = [row["name"] for row in db.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {
                (table, row["name"])
                for table in tables
                for row in db.all(f"SELECT name FROM pragma_table_info('{table}')")
            }
        rows = db.all(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        )
        return {(row["table_name"], row["column_name"]) for row in rows}


def test_every_sealed_column_of_the_schema_is_a_place(engine: Engine) -> None:
    sealed = {(table, column) for table, column in columns(engine) if column.endswith("_sealed")}
    assert sealed == {(place.table, place.stored) for place in PLACES}


def test_every_hash_for_looking_up_is_one_that_erasure_knows(engine: Engine) -> None:
    assert {
        (table, column) for table, column in columns(engine) if column.endswith("_index")
    } == KNOWN_INDEXES


def test_a_value_moved_to_another_row_column_or_table_does_not_open(installation: Installation) -> None:
    one, other = sell(installation, Somebody(1)), sell(installation, Somebody(2))
    with installation.engine.transaction() as db:
        for table, column, key in (
            ("agreements", "signed_sealed", "id"),
            ("decisions", "record_sealed", "id"),
            ("consumers", "person_sealed", "id"),
            ("applicants", "person_sealed", "checkout_id"),
        ):
            names = {
                "agreements": (one.agreement_id, other.agreement_id),
                "decisions": (one.decision_id, other.decision_id),
                "consumers": (one.consumer_id, other.consumer_id),
                "applicants": (one.id, other.id),
            }[table]
            db.execute(
                f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE {key} = :from_id)"
                f" WHERE {key} = :to_id",
                {"from_id": names[0], "to_id": names[1]},
            )
    with installation.deps.storage.reading() as uow:
        for read, name in (
            (uow.agreements.get, other.agreement_id),
            (uow.decisions.get, other.decision_id),
            (uow.consumers.get, other.consumer_id),
            (uow.applicants.get, other.id),
        ):
            with pytest.raises(Unsealable):
                read(name)


def test_the_same_persons_values_cannot_change_places_either(installation: Installation) -> None:
    sold = sell(installation, Somebody(1))
    with installation.engine.transaction() as db:
        db.execute(
            "UPDATE agreements SET signed_sealed = shown_sealed WHERE id = :id", {"id": sold.agreement_id}
        )
    with installation.deps.storage.reading() as uow, pytest.raises(Unsealable):
        uow.agreements.get(sold.agreement_id)


@pytest.mark.parametrize("damage", [b"", b"\x00", b"\xff" * 40, b"\x05abcde"])
def test_a_damaged_value_is_refused_and_not_a_crash(installation: Installation, damage: bytes) -> None:
    with installation.engine.reading() as db, pytest.raises(Unsealable):
        sealer(installation, db).open(damage, "consumers", "person", "con_1")


def sealer(house: Installation, db: Any) -> Sealer:
    return Sealer(db, house.rotation.ring, house.deps.ids.new)


def test_each_person_has_a_key_of_their_own(installation: Installation) -> None:
    one, other = sell(installation, Somebody(1)), sell(installation, Somebody(2))
    used = {
        row["consumer_id"]: key_id_of(row["signed_sealed"])
        for row in installation.rows("SELECT consumer_id, signed_sealed FROM agreements")
    }
    assert len(set(used.values())) == 2
    owners = {row["id"]: row["owner"] for row in installation.rows("SELECT id, owner FROM data_keys")}
    assert [owners[used[each.consumer_id]] for each in (one, other)] == [one.consumer_id, other.consumer_id]
    typed = installation.rows("SELECT person_sealed FROM applicants WHERE checkout_id = :id", id=one.id)[0]
    assert owners[key_id_of(typed["person_sealed"])] == one.id


def test_somebody_who_comes_back_leaves_no_key_behind(installation: Installation) -> None:
    for _ in range(3):
        apply(installation, Somebody(1))
    owners = [
        row["owner"] for row in installation.rows("SELECT owner FROM data_keys WHERE owner LIKE 'con_%'")
    ]
    assert len(owners) == 1


def test_a_stolen_database_without_the_key_file_opens_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    sold = sell(installation, Somebody(1))
    stranger = SqlStorage(
        installation.engine, KeyRing.open(tmp_path / "other.json", b"i" * 32), installation.deps.ids.new
    )
    with stranger.reading() as uow, pytest.raises(WrappingKeyMissing, match="copy the newest key file"):
        uow.consumers.get(sold.consumer_id)


def test_an_altered_data_key_is_refused(installation: Installation) -> None:
    sold = sell(installation, Somebody(1))
    with installation.engine.transaction() as db:
        other = db.one("SELECT wrapped FROM data_keys WHERE owner <> :id", {"id": sold.consumer_id})
        assert other is not None
        db.execute(
            "UPDATE data_keys SET wrapped = :wrapped WHERE owner = :id",
            {"wrapped": other["wrapped"], "id": sold.consumer_id},
        )
    with installation.deps.storage.reading() as uow, pytest.raises(StorageError, match="was altered"):
        uow.consumers.get(sold.consumer_id)


def test_values_of_before_the_ring_open_until_they_are_sealed_anew(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    old, sold = b"o" * 32, sell(house, Somebody(1))
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    sealed = (
        b"\x02k1"
        + b"n" * 12
        + AESGCM(old).encrypt(b"n" * 12, b"secret", b"webhook_endpoints|secret|whe_1|k1")
    )
    with house.engine.transaction() as db:
        db.execute(
            "INSERT INTO webhook_endpoints (id, merchant_id, mode, url, event_types, secret_sealed, status, created_at)"
            " VALUES ('whe_1', :merchant_id, 'test', 'https://a.example/', '[]', :sealed, 'active', :at)",
            {"merchant_id": sold.merchant_id, "sealed": sealed, "at": "2026-11-21T08:00:00.000000Z"},
        )
        db.execute(
            "UPDATE mandates SET account_sealed = NULL, account_token = 'ba_old', account_label = 'Old Bank 0001'"
        )
    ring = KeyRing(house.rotation.ring.wrapping, b"i" * 32, {"k1": old})
    with SqlStorage(house.engine, ring, house.deps.ids.new).reading() as uow:
        found = uow.endpoints.get("whe_1")
        assert found is not None and found.secret == "secret"
        assert uow.mandates.latest(1)[0].account_label == "Old Bank 0001"
    type(house.rotation)(house.engine, ring, house.deps.ids.new).reseal()
    with house.deps.storage.reading() as uow:
        found = uow.endpoints.get("whe_1")
        assert found is not None and found.secret == "secret"
        assert uow.mandates.latest(1)[0].account_label == "Old Bank 0001"
    assert house.rows("SELECT account_label FROM mandates WHERE account_label <> ''") == []


def test_a_forked_process_opens_and_seals(sqlite_installation: Installation, tmp_path: Path) -> None:
    """Servers fork their workers after the ring was opened and used."""
    house = sqlite_installation
    sold = sell(house, Somebody(1))
    path = house.rows("SELECT file FROM pragma_database_list")[0]["file"]
    child = os.fork()
    if child == 0:
        # A lock that another thread held at the fork stays held here: better an end than a test that never ends.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        code = 1
        try:
            engine = open_engine(f"sqlite:///{path}")
            storage = SqlStorage(engine, house.rotation.ring, house.deps.ids.new)
            with storage.unit_of_work() as uow:
                consumer = uow.consumers.get(sold.consumer_id)
                assert consumer is not None and consumer.person.phone == Somebody(1).phone
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_erased_and_damaged_are_two_things(installation: Installation) -> None:
    sold = sell(installation, Somebody(1))
    with installation.engine.transaction() as db:
        db.execute(
            "UPDATE data_keys SET status = 'erased', wrapped = NULL WHERE owner = :id",
            {"id": sold.consumer_id},
        )
    with installation.deps.storage.unit_of_work() as uow:
        with pytest.raises(Erased):
            uow.consumers.get(sold.consumer_id)
        with pytest.raises(Unsealable):
            uow.agreements.get(sold.agreement_id)
        mandate = uow.mandates.latest(1)[0]
    assert mandate.account_label == "(erased 已删除)"
