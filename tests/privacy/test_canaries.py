"""Fifty planted pieces of personal data, through whole sales and visits: nowhere in clear but on the open page.

On SQLite every byte of its files is searched; on PostgreSQL every value of every table, the files of the database
and the write-ahead log, and the server's own log.
"""

import json
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from merchant_server.ports import BankAccount
from merchant_server.services.decisioning import reviewing
from merchant_server.services.person import erasure
from merchant_server.services.person.complaints import answer_complaint, complaint_desk
from merchant_server.storage.engine import Conflict, Engine
from merchant_server.storage.opening import open_engine
from tests.databases import postgres_database
from tests.decision.people import id_number
from tests.fakes.providers import FakeBank
from tests.installation import Installation, build
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
    """Return the canaries in some bytes; one pass over them, since files of a database are large."""
    found = set(_every_spelling().findall(data))
    return [each for each in canaries() if found.intersection(spellings(each))]


@cache
def _every_spelling() -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(spelling) for each in canaries() for spelling in spellings(each)))


def furnished(made: Installation, caplog: pytest.LogCaptureFixture) -> Installation:
    caplog.set_level(logging.DEBUG)
    made.bank = LabelBank()
    made.deps = replace(made.deps, bank=made.bank, retention_years=0)
    reviewing.add_reviewer(made.deps, "Li Wei", id_number(1, "19800101"))
    return made


@pytest.fixture
def house(sqlite_installation: Installation, caplog: pytest.LogCaptureFixture) -> Installation:
    return furnished(sqlite_installation, caplog)


@pytest.fixture
def postgres_house(
    postgres_url: str,
    migrated_postgres: str,
    tmp_path: Path,
    authority_folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Installation]:
    with postgres_database(postgres_url, migrated_postgres) as url:
        engine = open_engine(url)
        made = build(engine, authority_folder, tmp_path / "keys" / "wrapping-keys.json")
        yield furnished(made, caplog)
        assert made.breaches() == []
        engine.close()


def live(house: Installation) -> list[Any]:
    """Let ten people buy, look at their pages, complain and take copies; some go wrong, one is erased."""
    answers = []
    for who in PEOPLE:
        sold = sell(house, who, account=label(who))
        visitor = Visitor(house, who)
        visitor.sign_in()
        visitor.get("/complaints")
        visitor.post("/complaints", text=complaint(who))
        if who.number % 3 == 0:
            waiting = max(complaint_desk(house.deps).open, key=lambda each: each.id)
            answer_complaint(house.deps, waiting.id, {"en": f"Re: {complaint(who)}"}, staff="Li Wei")
        else:
            assert complaint(who).encode() in visitor.get("/complaints").data
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


def values_of(engine: Engine) -> dict[str, bytes]:
    """Return every value of every table, by the table's name."""
    with engine.reading() as connection:
        tables = connection.all("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
        told = {}
        for table in sorted(row["name"] for row in tables):
            rows = connection.all(f'SELECT * FROM "{table}"')
            values = [value for row in rows for value in row.values() if value is not None]
            told[table] = b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)
    return told


def files_of(engine: Engine, wal_from: str) -> list[Path]:
    """Return the database's own files, its write-ahead log since then and the server's log, if they are here."""
    with engine.transaction() as connection:
        connection.execute("CHECKPOINT")
        row = connection.one(
            "SELECT current_setting('data_directory') AS folder, oid FROM pg_database"
            " WHERE datname = current_database()"
        )
    assert row is not None
    folder = Path(row["folder"])
    if not folder.is_dir():
        return []
    files = [
        *(folder / "base" / str(row["oid"])).iterdir(),
        *(folder / "pg_wal").iterdir(),
        folder.parent / "log",
    ]
    return [path for path in files if path.is_file()]


def test_fifty_canaries_are_in_no_table_file_or_log_of_postgresql(
    postgres_house: Installation, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    house = postgres_house
    wal_from = wal_now(house)
    live(house)
    told = values_of(house.engine)
    assert {"consumers", "applicants", "complaints", "mandates", "audit", "events"} <= set(told)
    for table, values in told.items():
        assert found_in(values) == [], table
    # A statement that fails is written to the server's log, with what it collided with.
    with pytest.raises(Conflict), house.engine.transaction() as connection:
        connection.execute("INSERT INTO consumers SELECT * FROM consumers LIMIT 1")
    files = files_of(house.engine, wal_from)
    if "FENQI_TEST_PG_URL" not in os.environ:
        assert {"log"} < {path.name for path in files} and len(files) > 50
    for path in files:
        assert found_in(path.read_bytes()) == [], path.name
    shown = capfd.readouterr()
    assert found_in((caplog.text + shown.out + shown.err).encode()) == []


def wal_now(house: Installation) -> str:
    return str(house.rows("SELECT pg_walfile_name(pg_current_wal_lsn()) AS name")[0]["name"])


def test_the_search_of_postgresql_finds_what_is_in_clear(postgres_house: Installation) -> None:
    wal_from = wal_now(postgres_house)
    with postgres_house.engine.transaction() as db:
        db.execute(
            "INSERT INTO chores (name, done_at) VALUES (:name, :at)",
            {"name": Somebody(260).name, "at": PEOPLE[4].id_number[::-1]},
        )
    needles = [Somebody(260).name.encode(), PEOPLE[4].id_number[::-1].encode()]
    assert all(needle in values_of(postgres_house.engine)["chores"] for needle in needles)
    files = [path.read_bytes() for path in files_of(postgres_house.engine, wal_from)]
    assert not files or all(any(needle in data for data in files) for needle in needles)


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
