"""The real programs on free ports and a folder of their own: started, killed without a word, and started again.

A name such as `worker-2` is one more of a kind; each server beyond the first has a port of its own.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from tests.phone import Inbox

PROGRAM = [sys.executable, "-c", "from merchant_server.cli import main; main()"]
PROGRAMS = ("sandbox", "run", "worker")
READY_SECONDS = 40.0
STEP_SECONDS = 0.05


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningHouse:
    """Server, worker and sandbox as processes, over one SQLite file or the database of a URL."""

    def __init__(
        self, folder: Path, database_url: str = "", programs: tuple[str, ...] = PROGRAMS, **settings: str
    ) -> None:
        self.folder = folder
        port, sandbox_port = free_port(), free_port()
        self.url, self.sandbox_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}"
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "FENQI_DATABASE_URL": database_url or f"sqlite:///{folder / 'fenqi.sqlite'}",
            "FENQI_STATE_FOLDER": str(folder / "state"),
            "FENQI_PUBLIC_URL": self.url,
            "FENQI_PORT": str(port),
            "FENQI_PROCESSES": "1",
            "FENQI_THREADS": "32",
            "FENQI_COLLECTION_HOURS": "00:00-24:00",
            "FENQI_RATE_PER_SECOND": "0",
            "FENQI_SANDBOX_URL": self.sandbox_url,
            "FENQI_SANDBOX_PORT": str(sandbox_port),
            "FENQI_SANDBOX_DATABASE": str(folder / "sandbox.sqlite"),
            **settings,
        }
        self.ports: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.command("migrate")
        for name in programs:
            self.start(name)
        self.await_ready()
        made = json.loads(self.command("merchant", "create", "--name", "小满商店", "--store", "人民路店"))
        self.authorization = {"Authorization": f"Bearer {made['api_key']}"}
        self.inbox = Inbox(self.sandbox_url, (folder / "state" / "sandbox-api.key").read_bytes().hex())

    def command(self, *words: str, check: bool = True) -> str:
        """Run a command to its end and return what it printed; a failure shows its own words."""
        done = subprocess.run(
            [*PROGRAM, *words], env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, name: str) -> None:
        """Start one program; `run` is the server."""
        environment = dict(self._environment)
        if name.startswith("run-"):
            environment["FENQI_PORT"] = str(self.ports.setdefault(name, free_port()))
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*PROGRAM, name.partition("-")[0]],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def end(self, name: str) -> int:
        """Ask a program to stop, as a service manager does: SIGTERM; return its exit code."""
        process = self._processes[name]
        process.send_signal(signal.SIGTERM)
        return process.wait(READY_SECONDS)

    def kill(self, name: str) -> None:
        """End a program and all its children at once, as a power cut would: SIGKILL."""
        process = self._processes[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def restart(self, name: str) -> None:
        """Kill a program and start it again."""
        self.kill(name)
        self.start(name)

    def stop(self) -> None:
        """End everything that still runs."""
        for name, process in self._processes.items():
            if process.poll() is None:
                self.kill(name)

    def await_ready(self) -> None:
        """Wait until the server and the sandbox answer."""
        more = (f"http://127.0.0.1:{port}/readyz" for port in self.ports.values())
        for url in (f"{self.url}/readyz", f"{self.sandbox_url}/healthz", *more):
            wait_for(lambda url=url: _answers(url), f"{url} answers\n{self.logs()}")  # type: ignore[misc]

    def logs(self) -> str:
        """Return the end of every log."""
        return "\n".join(
            f"== {log.name}\n{log.read_text()[-3000:]}" for log in sorted(self.folder.glob("*.log"))
        )

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Any:
        """Ask the API as a shop does: the same key again and again until there is an answer."""
        headers = {**self.authorization, "Idempotency-Key": key or uuid4().hex}
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                answer = requests.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=10)
                if answer.status_code < 500 and answer.status_code != 409:
                    assert answer.ok, answer.text
                    return answer.json()
                assert time.monotonic() < deadline, answer.text
            except requests.RequestException:
                assert time.monotonic() < deadline, f"no answer from {path}\n{self.logs()}"
            time.sleep(STEP_SECONDS)

    def everything(self, path: str) -> list[dict[str, Any]]:
        """Read a whole list, page by page."""
        found: list[dict[str, Any]] = []
        parameter = "after" if path == "/v1/events" else "cursor"
        cursor = None
        while True:
            page = self.ask("GET", f"{path}?limit=100{f'&{parameter}={cursor}' if cursor else ''}")
            found += page["data"]
            if not page["has_more"]:
                return found
            cursor = page["next_cursor"]


def wait_for(holds: Any, what: str, seconds: float = READY_SECONDS) -> None:
    """Wait until something holds; real processes have no clock in the test's hand."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s: {what}"
        time.sleep(STEP_SECONDS)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
