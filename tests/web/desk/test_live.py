"""The fragments that a live page asks for, how the desk is found, and where it is not."""

import re

import pytest
from flask import Flask

from merchant_server.app import create_app, install
from merchant_server.settings import Settings
from merchant_server.web.portal.panels import NAMES
from tests.fakes.sandbox_window import FakeSandboxWindow
from tests.installation import Installation
from tests.web.desk.visitor import Desk


def versions(html: str) -> dict[str, str]:
    return dict(re.findall(r'data-panel="(\w+)" data-version="(\w+)"', html))


def test_the_fragments_are_the_panels_of_the_page(desk: Desk) -> None:
    page = desk.page()
    fragments = desk.browser.get("/desk/panels").text
    assert versions(fragments) == versions(page)
    assert set(versions(page)) == set(NAMES)
    assert "<html" not in fragments


def test_nothing_new_is_answered_with_not_modified(desk: Desk) -> None:
    first = desk.browser.get("/desk/panels")
    again = desk.browser.get("/desk/panels", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_only_what_changed_has_another_version(desk: Desk) -> None:
    before = desk.browser.get("/desk/panels")
    desk.installation.checkout()
    after = desk.browser.get("/desk/panels", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    old, new = versions(before.text), versions(after.text)
    assert {name for name in NAMES if old[name] != new[name]} == {"events"}


def test_a_second_visitor_with_a_session_of_their_own_sees_the_same_versions(desk: Desk) -> None:
    mine, theirs = (desk.app.test_client().get("/desk/panels") for _ in range(2))
    assert mine.headers["ETag"] == theirs.headers["ETag"]
    tokens = [re.search(r'name="csrf_token" value="([^"]+)"', each.text) for each in (mine, theirs)]
    assert tokens[0] and tokens[1] and tokens[0].group(1) != tokens[1].group(1)


def test_each_language_has_fragments_of_its_own(desk: Desk) -> None:
    desk.browser.set_cookie("fenqi_language", "en")
    english = desk.browser.get("/desk/panels")
    desk.browser.set_cookie("fenqi_language", "zh-CN")
    chinese = desk.browser.get("/desk/panels", headers={"If-None-Match": english.headers["ETag"]})
    assert chinese.status_code == 200
    assert "借据" in chinese.text


@pytest.mark.parametrize("path", ["/desk", "/desk/panels"])
def test_every_answer_is_guarded_and_kept_by_nobody(desk: Desk, path: str) -> None:
    headers = desk.browser.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"


def test_the_page_has_no_inline_script_or_style(desk: Desk) -> None:
    desk.installation.sell()
    page = desk.page()
    assert "<style" not in page and " style=" not in page
    assert not re.search(r"<script(?![^>]* src=)", page) and not re.search(r"\son\w+=", page)


def test_without_scripts_the_page_loads_itself_again_until_it_is_paused(desk: Desk) -> None:
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in desk.page()
    paused = desk.browser.get("/desk?live=off").text
    assert "refresh" not in paused.partition("</head>")[0] and "desk.js" not in paused
    assert "Paused: nothing changes until you ask" in paused


def test_an_installation_without_merchants_still_has_a_desk(installation: Installation) -> None:
    with installation.engine.transaction() as connection:
        for table in ("plans", "api_keys", "tills", "stores", "test_clocks", "merchants"):
            connection.execute(f"DELETE FROM {table}")
    assert "No merchant is set up yet." in Desk(installation, FakeSandboxWindow()).panel("clock")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("installation")
    return {"database_url": f"sqlite:///{folder / 'fenqi.sqlite'}", "state_folder": str(folder / "state")}


def wired(settings: dict[str, str], **more: str) -> Flask:
    installation = install(Settings(**settings, **more))
    installation.engine.migrate()
    return create_app(installation)


def test_the_desk_is_there_in_a_sandbox_installation_even_while_the_sandbox_is_not(
    settings: dict[str, str],
) -> None:
    answer = (
        wired(settings, sandbox_url="http://127.0.0.1:9")
        .test_client()
        .get("/desk", headers={"Accept-Language": "en"})
    )
    assert answer.status_code == 200
    assert "The sandbox does not answer" in answer.text


def test_the_desk_can_be_switched_off(settings: dict[str, str]) -> None:
    browser = wired(settings, desk="off").test_client()
    for path in ("/desk", "/desk/panels"):
        assert browser.get(path).status_code == 404
    assert browser.post("/desk/clock").status_code in (400, 404)
