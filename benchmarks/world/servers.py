"""The product's programs and the floor's, each as a process of its own, stopped when the block is left."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from merchant_server.settings import Settings

READY_SECONDS = 60
STOP_SECONDS = 15
ROOT = Path(__file__).resolve().parents[2]


class ServerMissing(Exception):
    """A program did not become ready; the message holds the end of what it said."""


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Programs:
    """The product's programs as they run: the server's port, and the process ids of server and worker."""

    port: int
    server: int
    worker: int | None


@contextmanager
def product(folder: Path, database: str) -> Iterator[int]:
    """Run sandbox and server on a database, named by its URL, with the folder's keys; yield the server's port."""
    with programs(folder, database, with_worker=False) as running:
        yield running.port


@contextmanager
def programs(folder: Path, database: str, *, with_worker: bool = True) -> Iterator[Programs]:
    """Run sandbox, server and, if wanted, a worker."""
    port, sandbox = free_port(), free_port()
    settings = {
        "FENQI_DATABASE_URL": database,
        "FENQI_STATE_FOLDER": str(folder / "state"),
        "FENQI_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "FENQI_PORT": str(port),
        # One key makes all the load: it is counted, and never too much.
        "FENQI_RATE_PER_SECOND": "1000000",
        "FENQI_SANDBOX_URL": f"http://127.0.0.1:{sandbox}",
        "FENQI_SANDBOX_PORT": str(sandbox),
        "FENQI_SANDBOX_DATABASE": str(folder / "sandbox.sqlite"),
    }
    program = str(Path(sys.executable).with_name("fenqi-server"))
    with ExitStack() as running:
        running.enter_context(_process([program, "sandbox"], settings, folder / "sandbox.log", sandbox, None))
        server = _process([program, "run"], settings, folder / "server.log", port, "/readyz")
        server_id = running.enter_context(server)
        worker_id = None
        if with_worker:
            worker = _process([program, "worker"], settings, folder / "worker.log", port, None)
            worker_id = running.enter_context(worker)
        yield Programs(port, server_id, worker_id)


@contextmanager
def bare(folder: Path, script: Path) -> Iterator[int]:
    """Run the floor's application, on as many processes as the product's and by a script in a file; yield its port."""
    port = free_port()
    settings = {"FLOOR_SCRIPT": str(script)}
    command = [sys.executable, "-m", "benchmarks.floors.app", str(port), Settings.from_env().processes]
    with _process(command, settings, folder / f"{script.name}.log", port, "/ready"):
        yield port


@contextmanager
def _process(
    command: list[str], settings: dict[str, str], log: Path, port: int, ready: str | None
) -> Iterator[int]:
    """Run a program until the block is left; `ready` is a path that answers once it serves. Yield its id."""
    with log.open("wb") as said:
        child = subprocess.Popen(
            command,
            env={**os.environ, **settings},
            stdout=said,
            stderr=said,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        _await(child, log, port, ready)
        yield child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _await(child: "subprocess.Popen[bytes]", log: Path, port: int, ready: str | None) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        if _answers(port, ready):
            return
        time.sleep(0.05)
    tail = log.read_bytes()[-1500:].decode(errors="replace")
    raise ServerMissing(f"{log.stem} is not ready:\n{tail}")


def _answers(port: int, ready: str | None) -> bool:
    try:
        if ready is None:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
