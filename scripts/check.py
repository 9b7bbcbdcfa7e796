"""Everything that must pass before a change lands: formatting, lint, types, then all tests; says at the end what ran.

Usage: python -m scripts.check [lint]
"""

import os
import shutil
import subprocess
import sys
import time
from ctypes.util import find_library

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
MEMORY_BYTES = 4 * 2**30


def main(arguments: list[str]) -> None:
    started = time.monotonic()
    run("lint", "ruff", "check", ".")
    run("format", "ruff", "format", "--check", ".")
    run("types", "mypy")
    if arguments != ["lint"]:
        browser, pdfsig = find_browser(), find_pdfsig()
        find_zbar()
        # A file stays in one process, so that its servers and browser are started once; one process more than cores,
        # for those that wait for a browser or a server.
        processes = str(min((os.cpu_count() or 1) + 1, 4))
        workers = ["-n", processes, "--dist", "loadfile", "--no-loadscope-reorder"]
        run(
            "tests",
            "pytest",
            "-q",
            "-ra",
            "--durations=15",
            *workers,
            environment={"FENQI_TEST_BROWSER": browser, "FENQI_TEST_PDFSIG": pdfsig, **in_memory()},
        )
    print(f"everything passed in {time.monotonic() - started:.0f} s")


def run(name: str, module: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
    print(f"== {name}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], check=False, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        sys.exit(f"{name} failed (exit code {done.returncode})")


def in_memory() -> dict[str, str]:
    """Name a folder in memory for the tests' databases where there is room: what they flush is then quickly flushed."""
    memory = "/dev/shm"  # noqa: S108, the tests make private folders in it
    roomy = os.path.isdir(memory) and shutil.disk_usage(memory).free >= MEMORY_BYTES
    return {"TMPDIR": memory} if roomy and "TMPDIR" not in os.environ else {}


def find_browser() -> str:
    """Return a chromium for the browser tests, installing Debian's when this is root; stop when there is none."""
    named = os.environ.get("FENQI_TEST_BROWSER") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if named:
        return named
    if found := install("chromium", "chromium", "fonts-noto-cjk"):
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if os.path.exists(own):
        return own
    sys.exit(
        "the browser tests need chromium: install your system's package, run 'playwright install chromium', "
        "or name one in FENQI_TEST_BROWSER"
    )


def find_pdfsig() -> str:
    """Return poppler's pdfsig, the second judge of signatures, installing Debian's when this is root; or stop."""
    found = (
        os.environ.get("FENQI_TEST_PDFSIG") or shutil.which("pdfsig") or install("pdfsig", "poppler-utils")
    )
    if not found:
        sys.exit("the signature tests need pdfsig: install poppler-utils, or name it in FENQI_TEST_PDFSIG")
    return found


def find_zbar() -> None:
    """See that the zbar library is there, a second reader of QR codes; install Debian's when this is root."""
    if not find_library("zbar"):
        install("zbar", "libzbar0")
    if not find_library("zbar"):
        sys.exit("the QR tests need the zbar library: install your system's package (Debian: libzbar0)")


def install(program: str, *packages: str) -> str | None:
    """Install Debian packages when this is root; return where a program of theirs is, or None."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print(f"installing {program} for the tests …", flush=True)
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *packages]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment)
    return shutil.which(program)


if __name__ == "__main__":
    main(sys.argv[1:])
