"""Personal data at rest (law 11): sealed to its row, unreadable anywhere else, and nowhere in the clear."""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from stdnum.cn import ric

from merchant_server.providers.system import SystemIds
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.opening import open_engine
from merchant_server.storage.sealed import Sealer, Unsealable
from tests.installation import Installation

PLACE = ("consumers", "person", "con_1")
PEOPLE = 17


@pytest.fixture
def sealer(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Sealer]:
    """A sealer inside one unit of work."""
    path = shutil.copyfile(migrated_sqlite, tmp_path / "sealed.sqlite")
    engine = open_engine(f"sqlite:///{path}")
    with engine.transaction() as connection:
        yield Sealer(connection, KeyRing.open(tmp_path / "keys.json", b"i" * 32), SystemIds().new)
    engine.close()


def test_a_sealed_value_opens_in_its_own_place(sealer: Sealer) -> None:
    assert sealer.open(sealer.seal("王小明".encode(), *PLACE), *PLACE) == "王小明".encode()


@pytest.mark.parametrize(
    "place",
    [("applicants", "person", "con_1"), ("consumers", "name", "con_1"), ("consumers", "person", "con_2")],
)
def test_a_sealed_value_opens_in_no_other_table_column_or_row(
    sealer: Sealer, place: tuple[str, str, str]
) -> None:
    with pytest.raises(Unsealable):
        sealer.open(sealer.seal(b"secret", *PLACE), *place)


def test_a_change_of_any_byte_is_noticed(sealer: Sealer) -> None:
    sealed = sealer.seal(b"secret", *PLACE)
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(Unsealable):
            sealer.open(bytes(altered), *PLACE)


@pytest.mark.parametrize("character", ["\0", "\x1f", "é", "\n"])
def test_a_key_of_no_possible_name_is_as_good_as_none(sealer: Sealer, character: str) -> None:
    name = f"dky_{character}".encode()
    with pytest.raises(Unsealable):
        sealer.open(bytes([len(name)]) + name + bytes(40), *PLACE)


@pytest.mark.parametrize("length", range(20))
def test_a_cut_value_does_not_open(sealer: Sealer, length: int) -> None:
    with pytest.raises(Unsealable):
        sealer.open(sealer.seal(b"secret", *PLACE)[:length], *PLACE)


def test_the_same_value_is_never_sealed_to_the_same_bytes(sealer: Sealer) -> None:
    assert len({sealer.seal(b"secret", *PLACE) for _ in range(100)}) == 100


def test_a_look_up_hash_depends_on_its_key_and_kind(sealer: Sealer, tmp_path: Path) -> None:
    phone = "+8613800138000"
    other = KeyRing.open(tmp_path / "keys.json", b"j" * 32)
    assert (
        len({sealer.index("phone", phone), sealer.index("id_number", phone), other.index("phone", phone)})
        == 3
    )
    assert sealer.index("phone", phone) == sealer.index("phone", phone)


def test_a_ciphertext_that_an_insider_moves_to_another_row_does_not_open(installation: Installation) -> None:
    first = installation.checkout()
    installation.apply(first)
    second = installation.checkout(reference="order-2")
    installation.apply(second, claim="phone-2")
    with installation.engine.transaction() as connection:
        connection.execute(
            "UPDATE applicants SET person_sealed = (SELECT person_sealed FROM applicants WHERE checkout_id = :from_id)"
            " WHERE checkout_id = :to_id",
            {"from_id": first.id, "to_id": second.id},
        )
    with installation.deps.storage.reading() as uow:
        assert uow.applicants.get(first.id) is not None
        with pytest.raises(Unsealable):
            uow.applicants.get(second.id)


def canary(number: int) -> tuple[str, str, str]:
    """Return a name, an id number and a mobile number that appear nowhere else."""
    body = f"11010119850{1 + number % 9}{10 + number % 18}{700 + number}"
    letters = "".join(chr(97 + (number * 7 + each * 3) % 26) for each in range(6))
    return f"Qzxw{letters}", body + ric.calc_check_digit(body + "0"), f"139{number:02d}774{number:03d}"


def test_fifty_planted_canaries_are_nowhere_in_the_clear(
    sqlite_installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole sales of seventeen people: their names, id numbers and phones are in no file, event, answer or log."""
    house = sqlite_installation
    caplog.set_level(logging.DEBUG)
    house.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook"})
    answers = []
    for number in range(PEOPLE):
        name, id_number, phone = canary(number)
        monkeypatch.setattr("tests.installation.NAME", name)
        monkeypatch.setattr("tests.installation.PHONE", f"+86{phone}")
        checkout = house.checkout(reference=f"order-{number}")
        # A wrong checksum, a card number and a name in the wrong place are what people mistype.
        answers.append(house.post(f"/v1/checkouts/{checkout.id}/cancel", {"name": name, "phone": phone}))
        answers.append(house.get(f"/v1/checkouts?cursor={id_number}&surprise=1"))
        if house.apply(checkout, id_number=id_number).status == "offered":
            house.choose(checkout, plan="p3")
            house.sign(checkout)
        answers.append(house.get(f"/v1/checkouts/{checkout.id}"))
    house.advance(months=1)
    house.work()
    answers += [house.get("/v1/events?limit=100"), house.get("/v1/loans?limit=100")]
    assert len(house.rows("SELECT * FROM loans")) >= PEOPLE // 2

    folder: Path = house.engine.path.parent  # type: ignore[attr-defined]
    places = {file.name: file.read_bytes() for file in folder.glob("fenqi.sqlite*")}
    assert any(name.endswith("-wal") for name in places)
    places |= {
        "events": json.dumps(house.rows("SELECT body FROM events"), ensure_ascii=False).encode(),
        "webhooks": b"\n".join(sent[4] for sent in house.sender.sent),
        "answers": b"\n".join(answer.data for answer in answers),
        "logs": caplog.text.encode(),
    }
    planted = [word for number in range(PEOPLE) for word in canary(number)]
    assert len(set(planted)) == 51
    leaks = [(place, word) for place, data in places.items() for word in planted if word.encode() in data]
    assert leaks == []
