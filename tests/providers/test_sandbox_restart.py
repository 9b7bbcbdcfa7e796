"""What outlives a kill of the sandbox, and what never reaches its disk."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from merchant_server.providers.sandbox.app import SandboxServer
from merchant_server.providers.sandbox.settings import SandboxSettings, SigningKeyUnusable, ensure_signing_key
from tests.fakes.receiver import Receiver
from tests.providers.desk import AMOUNT, HOLDER, Desk, settings_in, until


class TestRestart:
    """What the sandbox answered is kept, and callbacks go on where a killed process left them."""

    def test_after_kill_9_the_pending_callback_is_sent_by_the_next_process(self, tmp_path: Path) -> None:
        port, receiver_port = free_port(), free_port()
        settings = settings_in(tmp_path, f"http://127.0.0.1:{receiver_port}/hook")
        base_url = f"http://127.0.0.1:{port}"
        first = start(settings, port)
        try:
            with Receiver() as unused:
                desk = Desk(settings, base_url, unused)
            desk.mandate("callback_thrice")
            desk.deduct("ded_0001")
        finally:
            first.send_signal(signal.SIGKILL)
            assert first.wait(10) == -signal.SIGKILL
        with Receiver(port=receiver_port) as receiver:
            second = start(settings, port)
            try:
                desk = Desk(settings, base_url, receiver)
                events = [desk.next_callback() for _ in range(3)]
                assert {event.reference for event in events} == {"ded_0001"}
                assert desk.bank.find_deduction(reference="ded_0001").amount == AMOUNT
                until(lambda: not pending(desk))
            finally:
                second.send_signal(signal.SIGTERM)
                assert second.wait(10) == 0

    def test_a_taken_port_is_an_error_that_the_caller_can_read(self, desk: Desk, tmp_path: Path) -> None:
        port = int(desk.base_url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="in use"):
            SandboxServer(settings_in(tmp_path / "other", ""), port=port)


def pending(desk: Desk) -> list[dict[str, Any]]:
    rows = desk.call("GET", "/bank/v1/ledger").json()["callbacks"]
    return [row for row in rows if row["state"] == "pending"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def start(settings: SandboxSettings, port: int) -> subprocess.Popen[bytes]:
    """Run the sandbox as a process of its own, and wait until it answers."""
    arguments = {
        "host": "127.0.0.1",
        "port": port,
        "database_path": settings.database_path,
        "api_key": settings.api_key,
        "callback_url": settings.callback_url,
        "signing_key_pem_path": settings.signing_key_pem_path,
        "retry_first_seconds": 0.05,
        "retry_longest_seconds": 0.2,
        "attempts_max": 1000,
    }
    program = (
        "import json, sys; from merchant_server.providers.sandbox.app import serve;"
        " serve(**json.loads(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, json.dumps(arguments)])

    def answers() -> bool:
        assert process.poll() is None, "the sandbox ended at once"
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code == 200
        except requests.ConnectionError:
            return False

    until(answers)
    return process


class TestSecrets:
    """The key file is private, and the bank's own file names nobody."""

    def test_no_name_and_no_id_number_reaches_the_disk(self, desk: Desk) -> None:
        desk.mandate()
        desk.deduct("ded_0001")
        desk.next_callback()
        folder = Path(desk.settings.database_path).parent
        written = b"".join(path.read_bytes() for path in folder.iterdir())
        assert b"ded_0001" in written
        for secret in HOLDER.values():
            assert secret.encode() not in written

    def test_the_key_and_the_database_are_readable_by_their_owner_only(self, desk: Desk) -> None:
        for path in (desk.settings.signing_key_pem_path, desk.settings.database_path):
            assert os.stat(path).st_mode & 0o077 == 0

    def test_processes_that_start_together_share_one_key(self, tmp_path: Path) -> None:
        path = str(tmp_path / "keys" / "bank.pem")
        barrier = threading.Barrier(8)

        def make(_: int) -> bytes:
            barrier.wait()
            return ensure_signing_key(path).public_key().public_bytes_raw()

        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(make, range(8)))) == 1
        assert [entry.name for entry in (tmp_path / "keys").iterdir()] == ["bank.pem"]

    @pytest.mark.parametrize(
        "content", ["", "hello", "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n"]
    )
    def test_a_file_that_is_no_key_is_refused_and_kept(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "bank.pem"
        path.write_text(content)
        with pytest.raises(SigningKeyUnusable, match=r"bank\.pem"):
            ensure_signing_key(str(path))
        assert path.read_text() == content
