"""The whole demonstration as processes, started as `make demo` starts it, in a folder of its own."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

START_SECONDS = 90


@dataclass(frozen=True)
class Demo:
    """A running demonstration."""

    store_url: str
    server_url: str
    sandbox_url: str
    folder: Path

    @property
    def api_key(self) -> str:
        """The shop's key."""
        return str(json.loads((self.folder / "shop.json").read_text())["api_key"])

    def last_code(self, after: int = 0) -> str:
        """Return the digits of the newest text message, waiting for one beyond message number `after`."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            newest = max(self._messages(), key=lambda message: int(message["id"]), default=None)
            if newest is not None and int(newest["id"]) > after:
                found = re.search(r"\d{6}", str(newest["text"]))
                assert found is not None
                return found.group()
            threading.Event().wait(0.1)
        raise AssertionError("no text message arrived")

    def messages_sent(self) -> int:
        """Return the number of the newest text message."""
        return max((int(message["id"]) for message in self._messages()), default=0)

    def _messages(self) -> list[dict[str, str]]:
        key = (self.folder / "state" / "sandbox-api.key").read_bytes().hex()
        answer = requests.get(
            f"{self.sandbox_url}/sms/v1/messages", headers={"Authorization": f"Bearer {key}"}, timeout=5
        )
        return list(answer.json()["messages"])

    def doctor(self) -> tuple[int, str]:
        """Run the checker as an operator would; return its exit code and what it printed."""
        environment = {
            **os.environ,
            "FENQI_DATABASE_URL": f"sqlite:///{self.folder / 'fenqi.sqlite'}",
            "FENQI_STATE_FOLDER": str(self.folder / "state"),
        }
        program = Path(sys.executable).with_name("fenqi-server")
        done = subprocess.run(
            [program, "doctor"], env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demonstration, ready; afterwards its books balance."""
    folder = tmp_path_factory.mktemp("demo")
    store, server, sandbox = free_ports(3)
    command = [
        Path(sys.executable).with_name("fenqi-demo"), "up", "--folder", folder, "--store-port", str(store),
        "--server-port", str(server), "--sandbox-port", str(sandbox),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "FENQI_PROCESSES": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as run:
        try:
            _await_welcome(run)
            made = Demo(
                f"http://127.0.0.1:{store}",
                f"http://127.0.0.1:{server}",
                f"http://127.0.0.1:{sandbox}",
                folder,
            )
            yield made
            code, report = made.doctor()
            assert code == 0, report
        finally:
            run.terminate()
            run.wait(30)


def _await_welcome(run: "subprocess.Popen[str]") -> None:
    timer = threading.Timer(START_SECONDS, run.kill)
    timer.start()
    said = []
    assert run.stdout is not None
    for line in run.stdout:
        said.append(line)
        if "Ctrl-C stops everything" in line:
            timer.cancel()
            threading.Thread(target=run.stdout.read, daemon=True).start()
            return
    pytest.fail("the demonstration did not start:\n" + "".join(said))
