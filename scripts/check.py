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


def main(arguments: list[str]) -> None:
    started = time.monotonic()
    run("lint", "ruff", "check", ".")
    run("format", "ruff", "format", "--check", ".")
    run("types", "mypy")
    if arguments != ["lint"]:
        browser = find_browser()
        find_zbar()
        # A file stays in one process, so that its servers and browser are started once.
        workers = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile"]
        run(
            "tests",
            "pytest",
            "-q",
            "-ra",
            "--durations=15",
            *workers,
            environment={"FENQI_TEST_BROWSER": browser},
        )
    print(f"everything passed in {time.monotonic() - started:.0f} s")


def run(name: str, module: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
    print(f"== {name}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], check=False, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        sys.exit(f"{name} failed (exit code {done.returncode})")


def find_browser() -> str:
    """Return a chromium for the browser tests, installing Debian's when this is root; stop when there is none."""
    named = os.environ.get("FENQI_TEST_BROWSER") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if named:
        return named
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing chromium for the browser tests …", flush=True)
        packages = ["chromium", "fonts-noto-cjk"]
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *packages]):
            quietly(command)
        if found := shutil.which("chromium"):
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


def find_zbar() -> None:
    """See that the zbar library is there, a second reader of QR codes; install Debian's when this is root."""
    if find_library("zbar"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "libzbar0"]):
            quietly(command)
    if not find_library("zbar"):
        sys.exit("the QR tests need the zbar library: install your system's package (Debian: libzbar0)")


def quietly(command: list[str]) -> None:
    """Run a package manager without its talk."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment)


if __name__ == "__main__":
    main(sys.argv[1:])
