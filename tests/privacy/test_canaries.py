"""Fifty planted pieces of personal data, through whole sales and visits: nowhere in clear but on the open page."""

import json
import logging
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from merchant_server.ports import BankAccount
from merchant_server.services.person import erasure
from tests.fakes.providers import FakeBank
from tests.installation import Installation
from tests.privacy.people import Somebody, Visitor, sell

PEOPLE = [Somebody(200 + number) for number in range(10)]


def label(who: Somebody) -> str:
    return f"Canary Bank {7_000_000 + who.number} of {who.number}"


def complaint(who: Somebody) -> str:
    return f"My complaint {who.number * 1_000_003} is personal"


class LabelBank(FakeBank):
    """A bank whose account labels tell who somebody is."""

    def accounts(self, *, name: str, id_number: str, phone: str) -> tuple[BankAccount, ...]:
        who = next(each for each in PEOPLE if each.id_number == id_number)
        found = super().accounts(name=name, id_number=id_number, phone=phone)
        return (BankAccount(found[0].token, label(who)), *found[1:])


def canaries() -> list[str]:
    """Five of each person; a number also counts without its country code."""
    return [
        each
        for who in PEOPLE
        for each in (who.name, who.id_number, who.phone.removeprefix("+86"), label(who), complaint(who))
    ]


def spellings(canary: str) -> list[bytes]:
    return [canary.encode(), json.dumps(canary)[1:-1].encode(), canary.encode("utf-16-le")]


def found_in(data: bytes) -> list[str]:
    return [each for each in canaries() for spelling in spellings(each) if spelling in data]


@pytest.fixture
def house(sqlite_installation: Installation, caplog: pytest.LogCaptureFixture) -> Installation:
    caplog.set_level(logging.DEBUG)
    bank = LabelBank()
    sqlite_installation.bank = bank
    sqlite_installation.deps = replace(sqlite_installation.deps, bank=bank, retention_years=0)
    return sqlite_installation


def live(house: Installation) -> list[Any]:
    """Let ten people buy, look at their pages, complain and take copies; some go wrong, one is erased."""
    answers = []
    for who in PEOPLE:
        sold = sell(house, who, account=label(who))
        visitor = Visitor(house, who)
        visitor.sign_in()
        visitor.get("/complaints")
        visitor.post("/complaints", text=complaint(who))
        visitor.get("/data")
        assert who.name.encode() in visitor.post("/data.json").data
        visitor.post("/data.pdf")
        visitor.get(f"/loans/{sold.loan_id}/mandate")
        if who.number % 2:
            visitor.post(f"/loans/{sold.loan_id}/mandate")
        stranger = house.client
        answers += [
            stranger.get(f"/p/{sold.token}"),
            stranger.get(f"/p/{sold.token}/done"),
            stranger.post("/my/code", data={"code": who.phone, "id_number_end": who.id_number}),
            stranger.get(f"/my/agreements/{who.id_number}.pdf"),
            stranger.get(f"/v1/loans/{who.name}"),
            house.get(f"/v1/loans/{sold.loan_id}"),
            house.get(f"/v1/checkouts/{sold.id}"),
            house.post("/v1/checkouts", {"amount": "1"}),
        ]
        house.clock.pass_(minutes=15)
    house.advance(months=1)
    house.work()
    return answers


def test_fifty_canaries_are_in_no_file_log_event_error_or_backup(
    house: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(set(canaries())) == 50
    answers = live(house)
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert {"fenqi.sqlite", "fenqi.sqlite-wal"} <= {path.name for path in files}
    for path in files:
        assert found_in(path.read_bytes()) == [], path.name
    copied = tmp_path / "backup.sqlite"
    shutil.copyfile(tmp_path / "fenqi.sqlite", copied)
    shutil.copyfile(tmp_path / "fenqi.sqlite-wal", tmp_path / "backup.sqlite-wal")
    source, target = sqlite3.connect(copied), sqlite3.connect(tmp_path / "online.sqlite")
    source.backup(target)
    dump = "\n".join(source.iterdump())
    source.close()
    target.close()
    assert found_in(dump.encode()) == []
    assert found_in((tmp_path / "online.sqlite").read_bytes()) == []
    events = house.get("/v1/events?limit=100").data + str(house.rows("SELECT body FROM events")).encode()
    assert found_in(events) == []
    assert found_in(str(house.rows("SELECT * FROM audit")).encode()) == []
    for answer in answers:
        # What a stranger typed into an address is not said back either.
        assert found_in(answer.data) == [], answer.request.path
    shown = capfd.readouterr()
    assert found_in((caplog.text + shown.out + shown.err).encode()) == []


def test_the_search_finds_what_is_in_clear(house: Installation, tmp_path: Path) -> None:
    """The test above could not fail otherwise."""
    with house.engine.transaction() as db:
        db.execute(
            "INSERT INTO chores (name, done_at) VALUES (:name, :at)",
            {"name": PEOPLE[3].name, "at": label(PEOPLE[4])},
        )
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    found = [each for path in files for each in found_in(path.read_bytes())]
    assert set(found) == {PEOPLE[3].name, label(PEOPLE[4])}


def test_an_exception_that_escapes_does_not_say_whose_data_it_was_about(
    house: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    sold = sell(house, PEOPLE[0], account=label(PEOPLE[0]))
    visitor = Visitor(house, PEOPLE[0])
    visitor.sign_in()
    with house.engine.transaction() as db:
        db.execute("UPDATE consumers SET person_sealed = :damaged", {"damaged": b"\x02xx"})
    answer = visitor.get("/data")
    assert answer.status_code == 500
    assert found_in(answer.data + caplog.text.encode()) == []
    with house.engine.transaction() as db:
        db.execute("DELETE FROM my_codes")
        db.execute("DELETE FROM my_visits")
    assert sold.consumer_id


def test_after_erasure_the_keys_are_gone_from_the_database(house: Installation) -> None:
    sold = sell(house, PEOPLE[0], account=label(PEOPLE[0]))
    for _ in range(3):
        house.advance(months=1)
        house.work()
    erasure.erase_consumer(house.deps, sold.consumer_id or "")
    rows = house.rows(
        "SELECT status, wrapped FROM data_keys WHERE owner IN (:consumer_id, :checkout_id)",
        consumer_id=sold.consumer_id,
        checkout_id=sold.id,
    )
    assert [(row["status"], row["wrapped"]) for row in rows] == [("erased", None)] * 2
