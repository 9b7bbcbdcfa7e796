"""One chromium for the whole run: playwright's synchronous interface allows a single one in a process.

`FENQI_TEST_BROWSER` names the program; `make test` sets it, installing one where it can.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

Screen = TypeVar("Screen")
AXE = Axe()
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


def broken_rules(page: Page) -> list[tuple[str, list[str]]]:
    """Return the rules of axe that the page at hand breaks, each with the parts that break it."""
    page.wait_for_load_state()
    found = AXE.run(page).response["violations"]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]


def wider_than_screen(page: Page) -> int:
    """Return by how many pixels the page at hand is wider than the screen, once it is whole."""
    page.wait_for_load_state()
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def look(page: Page) -> None:
    """Check the page at hand: nothing wider than the screen, no rule of axe broken."""
    assert wider_than_screen(page) <= 0, (page.url, page.viewport_size)
    assert broken_rules(page) == [], page.url


def look_as_a_hand(page: Page) -> None:
    """Check what `look` checks, and that all there is to touch is large enough."""
    look(page)
    for part in page.locator("main a, main button, main select, main .tick label, nav a").all():
        box = part.bounding_box()
        assert box is None or box["height"] >= 44, part.text_content()


def send(page: Page) -> None:
    """Send the main form of the page at hand."""
    page.locator("main form .button").first.click()
    page.wait_for_load_state()


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
