"""A database that cannot serve: refused at start in one sentence, or 503 with Retry-After; nothing half done."""

import os
import resource
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from click.testing import CliRunner

from merchant_server.cli import main
from merchant_server.providers.system import SystemClock
from merchant_server.storage.engine import Engine, StorageUnavailable
from merchant_server.storage.migrations import SCHEMA_FOLDER, check_schema
from merchant_server.storage.opening import open_engine
from merchant_server.storage.postgres import PostgresEngine
from merchant_server.storage.readiness import (
    CLOCK_APART_SECONDS_MAX,
    ClocksApart,
    clock_apart_seconds,
    require_ready,
    require_writable,
)
from tests.databases import postgres_cluster, postgres_database
from tests.faults.running import PROGRAM
from tests.installation import HandClock, Installation, build

DRAFT = {"amount": {"minor": 399_900, "currency": "CNY"}, "reference": "order-1"}
FILE_BYTES = 200_000


def command(*words: str, folder: Path, url: str, **limits: Any) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), "sdk"]),
        "FENQI_DATABASE_URL": url, "FENQI_STATE_FOLDER": str(folder / "state"),
    }  # fmt: skip
    return subprocess.run(
        [*PROGRAM, *words], env=environment, capture_output=True, text=True, timeout=60, check=False, **limits
    )


def wrong_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(
        netloc=f"{parts.username}:not-the-password@{parts.netloc.rpartition('@')[2]}"
    ).geturl()


@pytest.mark.parametrize("program", ["run", "worker"])
@pytest.mark.parametrize(
    "trouble",
    ["wrong password", "server down", "no migrations", "no folder", "no such kind", "no such option"],
)
def test_a_program_does_not_start_and_says_why_in_one_sentence(
    trouble: str, program: str, postgres_url: str, tmp_path: Path
) -> None:
    url = {
        "wrong password": wrong_password(postgres_url),
        "server down": "postgresql://fenqi:not-the-password@127.0.0.1:1/fenqi",
        "no migrations": f"sqlite:///{tmp_path / 'empty.sqlite'}",
        "no folder": "sqlite:////proc/nothing/fenqi.sqlite",
        "no such kind": "mysql://fenqi:not-the-password@db/fenqi",
        "no such option": f"{postgres_url}&not_an_option=1",
    }[trouble]
    environment = {"FENQI_DATABASE_URL": url, "FENQI_STATE_FOLDER": str(tmp_path / "state")}
    done = CliRunner().invoke(main, [program], env=environment)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert "not-the-password" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_stops_a_migration_and_a_backup_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The limit on file sizes stands for the disk: the system refuses to write on."""
    url = f"sqlite:///{tmp_path / 'fenqi.sqlite'}"
    full: dict[str, Any] = {
        "preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    }
    stopped = command("migrate", folder=tmp_path, url=url, **full)
    assert (stopped.returncode, stopped.stderr[:7]) == (1, "Error: ")
    assert "Traceback" not in stopped.stderr

    done = command("migrate", folder=tmp_path, url=url)
    assert (done.returncode, done.stderr) == (0, "")
    made = command("backup", str(tmp_path / "out.sqlite"), folder=tmp_path, url=url, **full)
    assert (made.returncode, "Traceback" in made.stderr) == (1, False)
    assert list(tmp_path.glob("*out.sqlite*")) == []


def test_a_full_disk_is_503_for_the_shop_and_the_same_key_works_when_there_is_room(
    sqlite_installation: Installation,
) -> None:
    with sqlite_installation.engine.transaction() as connection:
        (pages,) = connection.all("PRAGMA page_count")
        connection.execute(f"PRAGMA max_page_count = {pages['page_count']}")
    refused, tried = None, []
    for number in range(200):
        tried.append(number)
        refused = sqlite_installation.post("/v1/checkouts", DRAFT, key=f"key-{number}")
        if refused.status_code != 201:
            break
    assert refused is not None
    assert (refused.status_code, refused.get_json()["code"]) == (503, "database_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert sqlite_installation.get("/v1/checkouts").status_code == 200
    with sqlite_installation.engine.transaction() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    again = sqlite_installation.post("/v1/checkouts", DRAFT, key=f"key-{tried[-1]}")
    assert again.status_code == 201
    assert len(sqlite_installation.rows("SELECT id FROM checkouts")) == len(tried)


@pytest.fixture
def postgres_installation(
    postgres_url: str, migrated_postgres: str, authority_folder: Path, tmp_path: Path
) -> Iterator[tuple[Installation, str]]:
    """An installation on PostgreSQL alone, with its URL; afterwards the laws hold."""
    with postgres_database(postgres_url, migrated_postgres) as url:
        engine = open_engine(url)
        made = build(engine, authority_folder, tmp_path / "keys" / "wrapping-keys.json")
        yield made, url
        assert made.breaches() == []
        engine.close()


@contextmanager
def shut(server_url: str, url: str) -> Iterator[None]:
    """Let nobody in: what a server looks like that is down or has no connection left."""
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


def test_a_server_that_goes_away_is_503_and_the_same_key_works_when_it_is_back(
    postgres_installation: tuple[Installation, str], postgres_url: str
) -> None:
    house, url = postgres_installation
    assert house.post("/v1/checkouts", DRAFT).status_code == 201
    with shut(postgres_url, url):
        for answer in (house.post("/v1/checkouts", DRAFT, key="key-1"), house.get("/v1/checkouts")):
            assert (answer.status_code, answer.get_json()["code"]) == (503, "database_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
    assert house.post("/v1/checkouts", DRAFT, key="key-1").status_code == 201


def test_too_many_connections_is_unavailable_and_passes(
    postgres_installation: tuple[Installation, str], postgres_url: str
) -> None:
    _, url = postgres_installation
    role, password = f"few_{secrets.token_hex(4)}", secrets.token_hex(8)
    database = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}' CONNECTION LIMIT 1".encode())
        admin.execute(f"GRANT pg_read_all_data TO {role}".encode())
    parts = urlsplit(url)
    few = parts._replace(netloc=f"{role}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()
    try:
        first = open_engine(few)
        with first.reading(), pytest.raises(StorageUnavailable, match="too many connections"):
            open_engine(few)
        first.close()
        open_engine(few).close()
    finally:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f"REVOKE ALL ON DATABASE {database} FROM {role}".encode())
            admin.execute(f"DROP ROLE {role}".encode())


def test_a_standby_that_only_reads_is_refused() -> None:
    with postgres_cluster(standby=True) as url:
        engine = PostgresEngine(url)
        with pytest.raises(StorageUnavailable, match="standby"):
            require_writable(engine)
        with pytest.raises(StorageUnavailable), engine.transaction() as connection:
            connection.execute("CREATE TABLE t (id TEXT)")
        engine.close()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_differs_from_the_databases_is_refused_at_the_start(engine: Engine, hours: int) -> None:
    clock = HandClock(SystemClock().now() + timedelta(hours=hours))
    if engine.dialect == "sqlite":
        require_ready(engine, clock.now)
        return
    with pytest.raises(ClocksApart, match="NTP") as caught:
        require_ready(engine, clock.now)
    assert caught.value.seconds == pytest.approx(hours * 3_600, abs=CLOCK_APART_SECONDS_MAX)


def test_a_clock_that_agrees_is_taken_even_when_the_way_is_slow(engine: Engine) -> None:
    started = SystemClock().now()
    ticks = iter([started - timedelta(seconds=20), started + timedelta(seconds=20)])
    assert clock_apart_seconds(engine, lambda: next(ticks)) == 0
    require_ready(engine, SystemClock().now)


def test_a_ready_installation_says_so_and_a_schema_behind_says_what_to_do(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "schema"
    folder.mkdir()
    for file in sorted(SCHEMA_FOLDER.glob("*.sql"))[:-1]:
        (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    fresh_engine.migrate(folder)
    check_schema(fresh_engine, folder)
    with pytest.raises(Exception, match="fenqi-server migrate"):
        require_ready(fresh_engine, SystemClock().now)
    fresh_engine.migrate()
    require_ready(fresh_engine, SystemClock().now)
