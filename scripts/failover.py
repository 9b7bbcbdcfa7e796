"""Kills the PostgreSQL leader under load and counts what was lost: `make failover`, about a minute and a half.

It needs Debian's patroni, etcd-server, pgbouncer and postgresql, and root, because PostgreSQL refuses to run as root
and is started under its own account. Everything lives in a temporary folder on free ports. The exit code is 0 when
every acknowledged checkout is there exactly once, the books are lawful, and sales went on within 30 seconds.

Usage: python -m scripts.failover [--seconds 15] [--json FILE]
"""

import argparse
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import requests

PROGRAMS = ("patroni", "etcd", "pgbouncer")
ACCOUNT = "postgres"
NODES = 2
SHOPPERS = 6
BACK_SECONDS_MAX = 30.0
START_SECONDS = 90.0
# ttl must be at least loop_wait + 2 × retry_timeout.
TIMES = {"ttl": 12, "loop_wait": 3, "retry_timeout": 4, "maximum_lag_on_failover": 1_048_576}
SERVER = [sys.executable, "-c", "from merchant_server.cli import main; main()"]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Node:
    """One PostgreSQL with its Patroni and a PgBouncer of its own in front."""

    name: str
    port: int = field(default_factory=free_port)
    api_port: int = field(default_factory=free_port)
    pool_port: int = field(default_factory=free_port)


class Cluster:
    """etcd, two Patroni nodes with a synchronous standby, and PgBouncer in transaction mode before each."""

    def __init__(self, home: Path) -> None:
        self.home, self.password = home, secrets.token_hex(12)
        self.nodes = [Node(f"node{number}") for number in range(1, NODES + 1)]
        self.etcd = f"127.0.0.1:{free_port()}"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        found = pwd.getpwnam(ACCOUNT)
        self._account: dict[str, Any] = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
        os.chown(home, found.pw_uid, found.pw_gid)

    def start(self) -> None:
        """Start everything and make the installation's database."""
        peer = f"http://127.0.0.1:{free_port()}"
        self._run(
            "etcd", "etcd", "--data-dir", str(self.home / "etcd"), "--listen-client-urls", f"http://{self.etcd}",
            "--advertise-client-urls", f"http://{self.etcd}", "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}", "--enable-v2=true",
        )  # fmt: skip
        for node in self.nodes:
            self._write(f"{node.name}.yml", json.dumps(self._patroni(node)))
            self._run(node.name, "patroni", str(self.home / f"{node.name}.yml"))
            self._write(f"{node.name}.ini", self._pgbouncer(node))
            self._write("users.txt", f'"fenqi" "{self.password}"\n')
            self._run(f"{node.name}-pool", "pgbouncer", str(self.home / f"{node.name}.ini"))
        wait_for(lambda: self.leader() is not None, "a leader")
        wait_for(
            lambda: any(m.get("role") == "sync_standby" for m in self.members()), "a synchronous standby"
        )
        with self.administer() as connection:
            connection.execute("CREATE DATABASE fenqi TEMPLATE template0 ENCODING 'UTF8' OWNER fenqi")

    def _patroni(self, node: Node) -> dict[str, Any]:
        binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
        return {
            "scope": "fenqi", "name": node.name, "etcd": {"host": self.etcd},
            "restapi": {"listen": f"127.0.0.1:{node.api_port}", "connect_address": f"127.0.0.1:{node.api_port}"},
            "bootstrap": {
                "dcs": {**TIMES, "synchronous_mode": True,
                        "postgresql": {"use_pg_rewind": True, "parameters": {"max_connections": 60}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
                "pg_hba": [f"host {name} all 127.0.0.1/32 scram-sha-256" for name in ("all", "replication")],
                "users": {"fenqi": {"password": self.password, "options": ["login"]}},
            },
            "postgresql": {
                "listen": f"127.0.0.1:{node.port}", "connect_address": f"127.0.0.1:{node.port}",
                "data_dir": str(self.home / node.name), "bin_dir": str(binaries),
                "pgpass": str(self.home / f"{node.name}.pgpass"),
                "authentication": {
                    name: {"username": name, "password": self.password}
                    for name in ("superuser", "replication", "rewind")
                },
                "parameters": {"unix_socket_directories": str(self.home), "password_encryption": "scram-sha-256"},
            },
        }  # fmt: skip

    def _pgbouncer(self, node: Node) -> str:
        return (
            f"[databases]\nfenqi = host=127.0.0.1 port={node.port} dbname=fenqi\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {node.pool_port}\nunix_socket_dir =\npool_mode = transaction\n"
            f"auth_type = scram-sha-256\nauth_file = {self.home}/users.txt\ndefault_pool_size = 10\n"
            "server_login_retry = 1\nserver_connect_timeout = 3\nquery_wait_timeout = 5\nmax_client_conn = 200\n"
        )

    def _write(self, name: str, text: str) -> None:
        path = self.home / name
        path.write_text(text, "utf-8")
        path.chmod(0o600)
        os.chown(path, self._account["user"], self._account["group"])

    def _run(self, name: str, program: str, *arguments: str) -> None:
        with (self.home / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                [program, *arguments],
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,
                **self._account,
            )

    def members(self) -> list[dict[str, Any]]:
        """Return what the first node that answers says of all."""
        for node in self.nodes:
            try:
                answer = requests.get(f"http://127.0.0.1:{node.api_port}/cluster", timeout=2)
                return list(answer.json()["members"])
            except (requests.RequestException, ValueError, KeyError):
                continue
        return []

    def leader(self) -> Node | None:
        """Return the node that takes writes, or None."""
        for node in self.nodes:
            try:
                if requests.get(f"http://127.0.0.1:{node.api_port}/leader", timeout=2).ok:
                    return node
            except requests.RequestException:
                continue
        return None

    def administer(self) -> "psycopg.Connection[Any]":
        """Return a superuser's connection to the leader."""
        leader = self.leader()
        assert leader is not None
        return psycopg.connect(
            host="127.0.0.1", port=leader.port, user="superuser", password=self.password, dbname="postgres",
            autocommit=True,
        )  # fmt: skip

    def url(self) -> str:
        """Return the URL that finds the leader through any of the poolers."""
        hosts, ports = ",".join(["127.0.0.1"] * NODES), ",".join(str(node.pool_port) for node in self.nodes)
        return (
            f"postgresql://fenqi:{self.password}@/fenqi?host={hosts}&port={ports}"
            "&target_session_attrs=read-write&pgbouncer=true&pool_size=8"
        )

    def kill(self, node: Node) -> None:
        """End a node as a power cut would: its Patroni and every process of its PostgreSQL, at once."""
        os.killpg(self._running[node.name].pid, signal.SIGKILL)
        postmaster = int((self.home / node.name / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(
            ["pgrep", "-P", str(postmaster)], capture_output=True, text=True, check=False
        )
        for process in (postmaster, *map(int, children.stdout.split())):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def stop(self) -> None:
        """End everything that was started."""
        for process in self._running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        for process in self._running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(holds: Any, what: str, seconds: float = START_SECONDS) -> None:
    """Wait until something holds; end the run when it does not."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"no {what} within {seconds:g} s")
        time.sleep(0.2)


class Shop:
    """Shoppers who make checkouts one after the other, each with its key until it is acknowledged."""

    def __init__(self, url: str, api_key: str) -> None:
        self._url, self._headers = f"{url}/v1/checkouts", {"Authorization": f"Bearer {api_key}"}
        self.over = threading.Event()
        self.acknowledged: dict[str, str] = {}
        self.moments: list[float] = []
        self.refused: Counter[str] = Counter()

    def shop(self, shopper: int) -> None:
        """Buy until it is over."""
        number = 0
        while not self.over.is_set():
            self._buy(f"order-{shopper}-{number}")
            number += 1

    def _buy(self, reference: str) -> None:
        draft = {"amount": {"minor": 60_000, "currency": "CNY"}, "reference": reference}
        while True:
            try:
                answer = requests.post(
                    self._url, json=draft, headers={**self._headers, "Idempotency-Key": reference}, timeout=10
                )
            except requests.RequestException as error:
                self.refused[type(error).__name__] += 1
            else:
                if answer.status_code == 201:
                    self.acknowledged[reference] = answer.json()["id"]
                    self.moments.append(time.monotonic())
                    return
                self.refused[str(answer.status_code)] += 1
            if self.over.is_set():
                return
            time.sleep(0.1)


def run(seconds: float) -> dict[str, Any]:
    """Sell, kill the leader, sell on; return what was seen."""
    home = Path(tempfile.mkdtemp(prefix="fenqi-failover-"))
    cluster, programs = Cluster(home), []
    port = free_port()
    try:
        cluster.start()
        environment = {
            **os.environ, "FENQI_DATABASE_URL": cluster.url(), "FENQI_STATE_FOLDER": str(home / "state"),
            "FENQI_PORT": str(port), "FENQI_THREADS": "16", "FENQI_LOG_FORMAT": "json",
        }  # fmt: skip
        command(environment, "migrate")
        made = json.loads(command(environment, "merchant", "create", "--name", "小满商店"))
        for name in ("run", "worker"):
            with (home / f"{name}.log").open("wb") as log:
                programs.append(subprocess.Popen([*SERVER, name], env=environment, stdout=log, stderr=log))
        shop = Shop(f"http://127.0.0.1:{port}", made["api_key"])
        wait_for(lambda: ready(port), "server that is ready")
        plan = {"id": "p3", "installments": 3, "annual_rate": "0.12"}
        requests.post(
            f"http://127.0.0.1:{port}/v1/plans", json=plan, timeout=10,
            headers={"Authorization": f"Bearer {made['api_key']}", "Idempotency-Key": "plan"},
        ).raise_for_status()  # fmt: skip
        seen = sell_through_a_kill(cluster, shop, seconds)
        seen["exit_codes"] = [end(program) for program in programs]
        seen |= judge(cluster, shop, environment)
        return seen
    except BaseException:
        for log in sorted(home.glob("*.log")):
            print(f"== {log.name}\n{log.read_text('utf-8', 'replace')[-1500:]}", file=sys.stderr)
        raise
    finally:
        for program in programs:
            if program.poll() is None:
                program.kill()
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def sell_through_a_kill(cluster: Cluster, shop: Shop, seconds: float) -> dict[str, Any]:
    """Let shoppers buy, kill the leader after a third of the time, and let them buy on."""
    threads = [threading.Thread(target=shop.shop, args=(number,)) for number in range(SHOPPERS)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 3)
    leader = cluster.leader()
    assert leader is not None
    before, killed_at = len(shop.moments), time.monotonic()
    cluster.kill(leader)
    wait_for(lambda: shop.moments and shop.moments[-1] > killed_at + 1.5 and cluster.leader() not in (None, leader),
             "sale after the kill", 2 * BACK_SECONDS_MAX)  # fmt: skip
    time.sleep(seconds / 3)
    shop.over.set()
    for thread in threads:
        thread.join(60)
    moments = sorted(shop.moments)
    gap = max(later - earlier for earlier, later in pairwise(moments))
    return {
        "acknowledged": len(moments),
        "acknowledged_before_the_kill": before,
        "longest_pause_seconds": round(gap, 1),
        "answers_in_between": dict(shop.refused),
        "new_leader": next((each.name for each in [cluster.leader()] if each), None) != leader.name,
    }


def judge(cluster: Cluster, shop: Shop, environment: dict[str, str]) -> dict[str, Any]:
    """Compare what was acknowledged with what the new leader holds, and read the laws."""
    leader = cluster.leader()
    assert leader is not None
    with psycopg.connect(
        host="127.0.0.1", port=leader.port, user="fenqi", password=cluster.password, dbname="fenqi"
    ) as connection:
        stored = dict(connection.execute("SELECT id, reference FROM checkouts").fetchall())
    twice = [name for name, count in Counter(stored.values()).items() if count > 1]
    checkup = json.loads(command(environment, "doctor", "--json"))
    return {
        "lost": sum(id not in stored for id in shop.acknowledged.values()),
        "made_twice": len(twice),
        "laws_broken": len(checkup["breaches"]),
    }


def command(environment: dict[str, str], *words: str) -> str:
    """Run a command of the server to its end."""
    done = subprocess.run(
        [*SERVER, *words], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        sys.exit(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


def ready(port: int) -> bool:
    """Say whether the server can serve."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


def end(program: "subprocess.Popen[bytes]") -> int:
    """Ask a program to stop and return its exit code."""
    program.terminate()
    return program.wait(60)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.failover", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="how long shoppers buy, apart from the pause"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was seen")
    options = parser.parse_args(arguments)
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        sys.exit(
            "make failover needs root and Debian's packages: apt-get install --no-install-recommends"
            f" patroni etcd-server pgbouncer postgresql (missing: {', '.join(missing) or 'root'})"
        )
    seen = run(options.seconds)
    print(json.dumps(seen, indent=2))
    if options.json:
        options.json.write_text(json.dumps(seen, indent=2) + "\n", "utf-8")
    kept = seen["lost"] == seen["made_twice"] == seen["laws_broken"] == 0 and seen["new_leader"]
    return 0 if kept and seen["longest_pause_seconds"] <= BACK_SECONDS_MAX else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
