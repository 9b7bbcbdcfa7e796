"""Make `.venv` and put locked, hash-checked packages into it. Standard library only; one clear sentence on failure.

Usage: python3 scripts/bootstrap.py demo|dev
"""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


def main(tier: str) -> None:
    if sys.version_info < OLDEST:
        stop(
            f"fenqi needs Python 3.11 or later, and this is {sys.version.split()[0]}: use make PYTHON=python3.11 …"
        )
    lock = ROOT / "requirements" / f"{tier}.txt"
    wanted = hashlib.sha256(lock.read_bytes() + (ROOT / "setup.cfg").read_bytes()).hexdigest()
    stamp = VENV / f"installed-{tier}"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    make_venv()
    print(f"Installing what {tier} needs into .venv (about a minute, once) …", flush=True)
    install(lock)
    stamp.write_text(wanted)


def make_venv() -> None:
    if PYTHON.exists():
        return
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except (OSError, ImportError, SystemExit, subprocess.CalledProcessError):
        stop(
            "this Python cannot make a virtual environment: install its venv package (Debian: apt install python3-venv)"
        )


def install(lock: Path) -> None:
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    project = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    for arguments in (locked, project):
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            explain(done.stderr)


def explain(error: str) -> None:
    print(error.strip()[-2000:], file=sys.stderr)
    if "No matching distribution" in error or "from versions: none" in error:
        stop(
            "a package has no ready-made wheel for this Python and machine, or the package index is not reachable"
        )
    if any(
        sign in error
        for sign in ("ConnectionError", "NewConnectionError", "Temporary failure", "Max retries")
    ):
        stop("the package index is not reachable: check the network, then run the command again")
    if "No space left" in error:
        stop("the disk is full: about 500 MB are needed")
    stop("the packages could not be installed; the lines above say why")


def stop(reason: str) -> None:
    sys.exit(f"fenqi: {reason}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("demo", "dev"):
        sys.exit(__doc__)
    main(sys.argv[1])
