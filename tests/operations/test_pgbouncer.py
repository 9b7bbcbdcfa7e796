"""PgBouncer in transaction mode, with fewer server connections than threads: nothing leaks from one to another.

It runs where Debian's pgbouncer is installed, and says so where it is not; `make failover` needs it as well.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from merchant_server.storage.engine import Engine
from merchant_server.storage.opening import open_engine
from tests.databases import postgres_database, unprivileged
from tests.faults.running import free_port
from tests.installation import build

SERVER_CONNECTIONS = 2
THREADS = 8
pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="Debian's pgbouncer is not installed: apt-get install pgbouncer"
)


@pytest.fixture
def pooled_url(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database behind a pooler that lends out two connections, a transaction at a time."""
    home = tmp_path_factory.mktemp("pgbouncer")
    with postgres_database(postgres_url) as url:
        parts = urlsplit(url)
        socket_folder, port = parse_qs(parts.query)["host"][0], free_port()
        name = parts.path.removeprefix("/")
        settings = home / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n{name} = host={socket_folder} port=5432 user={parts.username} password={parts.password}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 50\n"
        )
        # The pooler runs under an account that may not enter the folders of this one.
        for path in (settings, home, *home.parents):
            if path.owner() == settings.owner() and path.stat().st_mode & 0o055 != 0o055:
                path.chmod(0o755)
        pooler = subprocess.Popen(
            ["pgbouncer", str(settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **unprivileged(),
        )
        pooled = f"postgresql://fenqi@127.0.0.1:{port}/{name}?pgbouncer=true&pool_size={THREADS}"
        try:
            _await(pooled.partition("?")[0])
            yield pooled
        finally:
            pooler.terminate()
            pooler.wait(10)


def _await(url: str) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def pooled(pooled_url: str) -> Iterator[Engine]:
    """An engine through the pooler."""
    engine = open_engine(pooled_url)
    yield engine
    engine.close()


def test_a_whole_house_lives_behind_a_pooler(pooled: Engine, tmp_path: Path, authority_folder: Path) -> None:
    """Migrations under their lock, many threads on few connections, a sale, a collection, and lawful books."""
    assert pooled.migrate()
    assert pooled.migrate() == []
    house = build(pooled, authority_folder, tmp_path / "keys.json", real_documents=False)
    with ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(lambda number: house.checkout(reference=f"order-{number}").id, range(80)))
    assert len(set(made)) == 80
    house.sell()
    house.advance(months=1)
    house.work()
    assert house.rows("SELECT number FROM installments WHERE status = 'paid'") == [{"number": 1}]
    assert house.breaches() == []


def test_limits_of_one_transaction_do_not_reach_the_next_client(pooled: Engine) -> None:
    with pooled.transaction() as connection:
        connection.allow_seconds(600)
        assert connection.one("SHOW statement_timeout") == {"statement_timeout": "10min"}
    with ThreadPoolExecutor(THREADS) as pool:

        def limits(_: int) -> str:
            with pooled.transaction() as connection:
                row = connection.one("SHOW statement_timeout")
                assert row is not None
                assert connection.one("SELECT COUNT(*) AS n FROM pg_prepared_statements") == {"n": 0}
                return str(row["statement_timeout"])

        assert set(pool.map(limits, range(40))) == {"30s"}
