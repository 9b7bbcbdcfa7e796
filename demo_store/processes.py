"""Child processes of the demonstration: started, watched, and stopped together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

STOP_SECONDS = 12
TAIL_BYTES = 1500


class StartFailed(Exception):
    """Something of the demonstration cannot run; the message says what to do."""


def free_or_explain(host: str, port: int, option: str) -> None:
    """Raise StartFailed when a port is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as taken:
            raise StartFailed(
                f"cannot listen on {host}:{port} ({taken.strerror}); stop what uses it, or choose another with {option}"
            ) from taken


def program(name: str) -> str:
    """Return the path of a command that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def run_command(command: list[str], environment: dict[str, str]) -> str:
    """Run a command to its end and return what it printed. Raises StartFailed with its own words."""
    done = subprocess.run(
        [program(command[0]), *command[1:]], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartFailed(f"{' '.join(command)} failed: {done.stderr.strip()[-TAIL_BYTES:]}")
    return done.stdout


class Process:
    """One long-running child with its log file."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self.name, self._log = name, logs / f"{name}.log"
        with self._log.open("ab") as log:
            # A group of its own: Ctrl-C reaches only the launcher, which stops the others in order.
            self._child = subprocess.Popen(
                [program(command[0]), *command[1:]],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def require_running(self) -> None:
        """Raise StartFailed with the end of the log when the process is gone."""
        if self._child.poll() is not None:
            tail = self._log.read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()
            raise StartFailed(f"the {self.name} stopped (exit code {self._child.returncode}):\n{tail}")

    def stop(self) -> None:
        """End the process: politely, then surely."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGTERM)
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    @staticmethod
    def answers(url: str) -> bool:
        """Say whether a GET of this http address answers with success."""
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
                return bool(200 <= answer.status < 300)
        except (urllib.error.URLError, OSError):
            return False
