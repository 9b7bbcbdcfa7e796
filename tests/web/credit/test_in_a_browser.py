"""The pages at /credit in a real browser: small and large, both languages, light and dark, by axe's rules."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from tests.browsers import look_as_a_hand, send
from tests.installation import ID_NUMBER, NAME, Installation


@pytest.fixture
def address(sqlite_installation: Installation) -> Iterator[str]:
    """Where the pages are served on this machine, as a sandbox's."""
    sqlite_installation.deps = replace(sqlite_installation.deps, sandbox=True)
    server = make_server("127.0.0.1", 0, sqlite_installation.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("language", "size", "scheme", "id_number"),
    [
        ("zh-CN", {"width": 390, "height": 844}, "light", ID_NUMBER),
        ("en", {"width": 320, "height": 568}, "dark", "110101199003079227"),
        ("en", {"width": 1280, "height": 800}, "light", "110101199003079251"),
    ],
    ids=["zh phone yes", "en small no", "en desk referred"],
)
def test_every_page_on_every_screen(
    sqlite_installation: Installation,
    address: str,
    browser: Browser,
    language: str,
    size: Any,
    scheme: Any,
    id_number: str,
) -> None:
    house = sqlite_installation
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/credit?lang={language}")
    look_as_a_hand(page)
    page.locator("#phone").fill("13800138000")
    send(page)
    look_as_a_hand(page)
    page.locator("#code").fill(house.last_code())
    send(page)
    page.locator("#income").fill("a lot")
    send(page)
    look_as_a_hand(page)
    page.locator("#income").fill("12000")
    page.locator("#name").fill(NAME)
    page.locator("#id_number").fill(id_number)
    for box in page.get_by_role("checkbox").all():
        box.check()
    send(page)
    look_as_a_hand(page)
    assert page.url.endswith("/credit/answer")
    context.close()
