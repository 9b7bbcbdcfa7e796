"""The reference at /docs: every operation and every code is on it, nothing comes from elsewhere, axe finds nothing."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from scripts.error_codes import codes
from tests.api.inventory import operations
from tests.browsers import look
from tests.installation import Installation


@pytest.fixture
def address(sqlite_installation: Installation) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, sqlite_installation.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_operation_is_shown_with_its_call_and_its_answer(sqlite_installation: Installation) -> None:
    page = sqlite_installation.client.get("/docs").get_data(as_text=True)
    for each in operations(sqlite_installation):
        assert f'<span class="mono">{each.path}</span>' in page, each.name
        assert each.described["summary"].replace("'", "&#39;").replace(">", "&gt;") in page, each.name
    assert "<script" not in page and "style=" not in page
    assert page.count("Idempotency-Key: one-for-each-intent") == sum(
        each.method == "POST" for each in operations(sqlite_installation)
    )


def test_every_code_is_shown_and_can_be_linked_to(sqlite_installation: Installation) -> None:
    page = sqlite_installation.client.get("/docs/errors").get_data(as_text=True)
    assert all(f'id="{code}"' in page for code in codes())


@pytest.mark.parametrize(("width", "scheme", "language"), [(390, "light", "zh-CN"), (1280, "dark", "en")])
def test_the_pages_break_no_rule_of_axe_and_fit_the_screen(
    address: str, browser: Browser, width: int, scheme: str, language: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        locale=language,
        java_script_enabled=True,
    )  # type: ignore[arg-type]
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    outside: list[str] = []
    page.on("request", lambda asked: outside.append(asked.url) if not asked.url.startswith(address) else None)
    for path in ("/docs", "/docs/errors"):
        page.goto(address + path)
        for summary in page.locator("summary").all()[:3]:
            summary.click()
        look(page)
    assert (refused, outside) == ([], [])
    context.close()
