"""Starting the demonstration: what can be wrong with a machine is said in one sentence."""

import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from demo_store import launcher
from demo_store.cli import main as demo
from demo_store.processes import Process, StartFailed, free_or_explain, run_command
from scripts import bootstrap


def test_a_busy_port_is_named_with_the_option_that_changes_it() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]

        with pytest.raises(StartFailed, match=rf"127\.0\.0\.1:{port}.*--store-port"):
            free_or_explain("127.0.0.1", port, "--store-port")


def test_a_free_port_raises_nothing() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    free_or_explain("127.0.0.1", port, "--store-port")


def test_the_launcher_stops_with_that_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])

        assert launcher.main(["--folder", str(tmp_path), "--store-port", port]) == 1

    said = capsys.readouterr().err
    assert said.startswith("fenqi-demo: cannot listen on")
    assert len(said.strip().splitlines()) == 1


def test_the_launcher_tells_its_options() -> None:
    told = CliRunner().invoke(demo, ["up", "--help"])
    assert told.exit_code == 0
    assert all(option in told.output for option in ("--host", "--folder", "--store-port", "--base-url"))


def test_whoever_started_it_is_told_where_to_look_and_who_to_be(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    launcher._welcome("http://127.0.0.1:8000", "http://127.0.0.1:8010", tmp_path)
    said = capsys.readouterr().out
    for wanted in ("8000/till", "8010/desk", "8010/my", "8010/docs", launcher.PERSON, "fenqi login --demo"):
        assert wanted in said
    assert "make demo-reset" not in said
    launcher._welcome("http://127.0.0.1:8000", "http://127.0.0.1:8010", launcher.FOLDER)
    assert "make demo-reset forgets" in capsys.readouterr().out


def test_a_command_that_fails_says_so_in_its_own_words() -> None:
    with pytest.raises(StartFailed, match=r"fenqi-server migrate failed.*postgres"):
        run_command(["fenqi-server", "migrate"], {"FENQI_DATABASE_URL": "oracle://x", "PATH": "/usr/bin"})


def test_a_process_that_ends_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = Process(
        "worker", [Path(sys.executable).name, "-c", "import sys; sys.exit('no database')"], {}, tmp_path
    )
    child._child.wait(10)

    with pytest.raises(StartFailed, match=r"the worker stopped \(exit code 1\):\nno database"):
        child.require_running()
    child.stop()


def test_an_old_python_is_told_which_one_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))

    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or later.*make PYTHON="):
        bootstrap.main("demo")


@pytest.mark.parametrize(
    ("pip_says", "we_say"),
    [
        ("NewConnectionError: Failed to establish a new connection", "package index is not reachable"),
        ("ERROR: No matching distribution found for typst==0.15.2", "no ready-made wheel"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("something else", "could not be installed"),
    ],
)
def test_an_install_that_fails_ends_in_one_sentence(pip_says: str, we_say: str) -> None:
    with pytest.raises(SystemExit, match=we_say):
        bootstrap.explain(pip_says)


def test_a_real_phone_is_shown_an_address_of_this_machine() -> None:
    shown = launcher._shown_host("0.0.0.0")

    assert shown != "0.0.0.0"
    assert socket.inet_aton(shown)


def test_a_real_phone_reaches_the_banks_page_too(tmp_path: Path) -> None:
    options = launcher._options(["--host", "0.0.0.0"])
    settings = launcher._environment(options, tmp_path, "http://192.0.2.7:8010", "127.0.0.1")

    assert settings["FENQI_SANDBOX_HOST"] == "0.0.0.0"
    assert settings["FENQI_SANDBOX_PUBLIC_URL"] == f"http://{launcher._shown_host('0.0.0.0')}:8011"
    assert settings["FENQI_SANDBOX_URL"] == "http://127.0.0.1:8011"
