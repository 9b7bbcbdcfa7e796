"""Every snippet of the docs runs: Python alone or against a real server on the loopback, commands with their output."""

import contextlib
import io
import shlex
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fenqi.cli import main as fenqi_command

from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.installation import Installation

LANGUAGES = {"python", "python live", "text", "sh", "console", "json", "mermaid", "nginx"}
WITH_PYTHON = [page for page in PAGES if any(block.kind.startswith("python") for block in blocks(page))]
WITH_CONSOLE = [page for page in PAGES if any(block.kind == "console" for block in blocks(page))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def play(direction: str, live: Installation) -> None:
    """Do what the reader is told to do beside the code."""
    if direction == "the worker works":
        live.work()
        return
    reference = direction.removeprefix("the consumer signs ")
    with live.deps.storage.reading() as uow:
        found = uow.checkouts.page(
            live.caller.merchant_id, "test", before=None, limit=2, status=None, reference=reference
        )
    (checkout,) = found
    live.apply(checkout)
    live.choose(checkout, plan=checkout.plan_ids[0])
    live.sign(checkout)


def run_python(page: Path, block: Block, namespace: dict[str, Any]) -> str:
    """Run one block so that a failure points at the page's own line; return what it printed."""
    source = "\n" * (block.line - 1) + block.text
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, str(page), "exec"), namespace)
    return printed.getvalue()


def run_page(page: Path, live: Installation) -> dict[str, Any]:
    """Run a page's Python from top to bottom in one namespace, comparing each output that the page shows."""
    namespace: dict[str, Any] = {"__name__": "snippet"}
    printed = None
    for block in blocks(page):
        if block.kind == "direction":
            play(block.text, live)
        elif block.kind in ("python", "python live"):
            printed = run_python(page, block, namespace)
        elif block.kind == "text":
            assert printed == block.text, (
                f"{page.name}:{block.line} shows another output than the code prints"
            )
            printed = None
    return namespace


@pytest.mark.usefixtures("quiet_network")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_python_of_a_page_runs_and_prints_what_the_page_shows(
    page: Path, live: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run_page(page, live)


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_offline_snippets_need_no_server(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's `python` blocks run alone, with every socket refused; only `python live` may need a server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FENQI_API_KEY", raising=False)

    def refuse(*_: Any) -> None:
        raise AssertionError("an offline snippet opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    namespace: dict[str, Any] = {"__name__": "snippet"}
    for block in blocks(page):
        if block.kind == "python":
            run_python(page, block, namespace)


def test_a_wrong_output_in_a_page_is_found(live: Installation, tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n", "utf-8")

    with pytest.raises(AssertionError, match="another output"):
        run_page(page, live)


@pytest.mark.parametrize("page", WITH_CONSOLE, ids=name)
def test_commands_of_a_page_print_what_the_page_shows(page: Path) -> None:
    for block in blocks(page):
        if block.kind != "console":
            continue
        command, _, shown = block.text.partition("\n")
        program, *arguments = shlex.split(command.removeprefix("$ "))
        assert program == "fenqi", f"{page.name}:{block.line} shows a command that is not checked"
        done = CliRunner().invoke(fenqi_command, arguments)
        assert (done.exit_code, done.output) == (0, shown), f"{page.name}:{block.line}"


@pytest.mark.usefixtures("quiet_network")
def test_the_shop_of_the_web_button_page_sells(
    live: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows offers with their script, and its button leads to the payment page."""
    monkeypatch.chdir(tmp_path)
    browser = run_page(ROOT / "docs/howto/web-button.md", live)["app"].test_client()

    product = browser.get("/bicycle").text
    paying = browser.post("/pay", data={"plan_id": "p12"})

    assert "<fenqi-offers" in product
    assert "355.31" in product
    assert "<script>" not in product
    assert browser.get("/fenqi/fenqi-offers.js").mimetype == "text/javascript"
    assert browser.get("/fenqi/nothing.js").status_code == 404
    assert paying.status_code == 303
    assert "/p/" in paying.headers["Location"]


def test_every_fence_names_a_language_that_is_checked() -> None:
    strange = {
        f"{name(page)}:{block.line} {block.kind}"
        for page in PAGES
        for block in blocks(page)
        if block.kind not in LANGUAGES | {"direction"}
    }

    assert strange == set()
