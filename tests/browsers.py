"""One chromium for the whole run: playwright's synchronous interface allows a single one in a process.

`FENQI_TEST_BROWSER` names the program; `make test` sets it, installing one where it can.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, sync_playwright

Screen = TypeVar("Screen")
EVERY_SCREEN = os.environ.get("FENQI_SCREENS") == "all"
ARGUMENTS = [
    # Chromium refuses its sandbox to root, and a test machine often has nobody else.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def screens(*every: Screen) -> tuple[Screen, ...]:
    """Return the first two of a page's languages, sizes and colours, all of them in make soak."""
    return every if EVERY_SCREEN else every[:2]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real chromium; a machine without one fails the test and says what to do."""
    program = os.environ.get("FENQI_TEST_BROWSER") or shutil.which("chromium")
    if program is None:
        pytest.fail("browser tests need chromium: run make test, or name one in FENQI_TEST_BROWSER")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()
