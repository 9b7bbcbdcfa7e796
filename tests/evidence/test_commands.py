"""`fenqi verify` in a process of its own, and `fenqi-server audit`, `signing` and `evidence`, as people run them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from merchant_server.app import install
from merchant_server.cli import main
from merchant_server.services.operation.audit import sign_head
from merchant_server.settings import Settings
from tests.evidence.conftest import Sale

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def fenqi(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `fenqi` where nothing can be reached."""
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('the network was used')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from fenqi.cli import main\n"
        "main(sys.argv[1:], prog_name='fenqi')\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False,
        cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{ROOT / 'sdk'}"} | environment, timeout=60,
    )  # fmt: skip


@pytest.fixture
def files(sale: Sale, tmp_path: Path) -> tuple[Path, Path]:
    bundle, root = tmp_path / "agreement.zip", tmp_path / "root.pem"
    bundle.write_bytes(sale.bundle)
    root.write_bytes(sale.root_pem)
    return bundle, root


def test_a_good_bundle_is_verified_line_by_line_without_a_network(
    sale: Sale, files: tuple[Path, Path]
) -> None:
    done = fenqi("verify", files[0], "--root", files[1])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok ") == 11 and "PAdES B-LT" in done.stdout and "WRONG" not in done.stdout
    assert "Verified." in done.stdout and sale.agreement_id in done.stdout and "王小明" in done.stdout


def test_the_verdict_as_json(sale: Sale, files: tuple[Path, Path]) -> None:
    done = fenqi("verify", files[0], "--json", FENQI_ROOT=str(files[1]))
    told = json.loads(done.stdout)
    assert (done.returncode, told["verified"], told["agreement_id"]) == (0, True, sale.agreement_id)
    assert all(check["passed"] for check in told["checks"])


def test_a_bad_bundle_is_rejected_with_its_reason(files: tuple[Path, Path]) -> None:
    content = bytearray(files[0].read_bytes())
    content[len(content) // 2] ^= 1
    files[0].write_bytes(content)
    done = fenqi("verify", files[0], "--root", files[1])
    assert done.returncode == 1
    assert "WRONG" in done.stdout and "Rejected" in done.stdout
    assert json.loads(fenqi("verify", files[0], "--root", files[1], "--json").stdout)["verified"] is False


def test_what_cannot_be_judged_is_neither_good_nor_bad(files: tuple[Path, Path], tmp_path: Path) -> None:
    no_root = tmp_path / "no-root.pem"
    no_root.write_text("hello")
    assert fenqi("verify", files[0], "--root", no_root).returncode == 2
    assert fenqi("verify", tmp_path / "nothing.zip", "--root", files[1]).returncode == 2
    assert fenqi("verify", files[0]).returncode == 2
    hidden = tmp_path / "hidden" / "pyhanko"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not installed')")
    path = os.pathsep.join((str(hidden.parent), str(ROOT / "sdk")))
    done = fenqi("verify", files[0], "--root", files[1], PYTHONPATH=path)
    assert done.returncode == 2 and "fenqi[verify]" in done.stderr


@pytest.fixture
def server(tmp_path: Path) -> tuple[Run, Any]:
    """`fenqi-server` on an installation of its own, and its Deps."""
    environment = {
        "FENQI_DATABASE_URL": f"sqlite:///{tmp_path / 'fenqi.sqlite'}", "FENQI_STATE_FOLDER": str(tmp_path / "state")
    }  # fmt: skip

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        done = CliRunner().invoke(main, [str(each) for each in arguments], env=environment)
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    assert run("migrate").returncode == 0
    settings = Settings(
        database_url=environment["FENQI_DATABASE_URL"], state_folder=environment["FENQI_STATE_FOLDER"]
    )
    return run, install(settings)


def test_an_exported_head_finds_a_log_that_was_cut(server: tuple[Run, Any], tmp_path: Path) -> None:
    run, installed = server
    empty = run("audit", "head")
    assert empty.returncode == 1 and "empty" in empty.stderr
    assert run("merchant", "create", "--name", "店").returncode == 0
    out = tmp_path / "log.jsonl"
    exported = run("audit", "export", "--out", out)
    assert exported.returncode == 0 and "acts under a signed head" in exported.stdout
    assert out.stat().st_mode & 0o077 == 0
    lines = out.read_text().splitlines()
    assert json.loads(lines[0])["head"]["size"] == len(lines) - 1 >= 1
    good = run("audit", "verify", "--head", out)
    assert good.returncode == 0 and "intact" in good.stdout

    with installed.engine.transaction() as connection:
        for row in connection.all("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            connection.execute(f"DROP TRIGGER {row['name']}")
        for table in ("audit_heads", "audit_leaves", "audit"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute(f"UPDATE audit_tree SET size = 0, last_hash = '{'0' * 64}', mark = NULL")
    assert run("audit", "verify").returncode == 0
    cut = run("audit", "verify", "--head", out, "--json")
    assert cut.returncode == 1
    assert [finding["kind"] for finding in json.loads(cut.stdout)["findings"]] == ["truncated"]
    (tmp_path / "no-head").write_text("x")
    refused = run("audit", "verify", "--head", tmp_path / "no-head")
    assert refused.returncode == 1 and "no exported head" in refused.stderr


def test_keys_are_rotated_by_command_and_the_log_stays_whole(server: tuple[Run, Any], tmp_path: Path) -> None:
    run, _ = server
    run("merchant", "create", "--name", "店")
    assert run("audit", "head").returncode == 0
    before = run("signing", "status").stdout
    for key in ("heads", "timestamps", "ca"):
        done = run("signing", "rotate", key)
        assert done.returncode == 0 and "restart" in done.stdout, done.stderr
        assert run("audit", "head").returncode == 0
    assert run("audit", "verify").returncode == 0
    after = run("signing", "status").stdout
    assert (before.count("in use"), after.count("in use"), after.count("retired")) == (1, 1, 1)
    refused = run("signing", "rotate", "heads", "--ca", tmp_path / "state" / "authority" / "root.pem")
    assert refused.returncode == 2
    no_authority = run("signing", "rotate", "ca", "--ca", tmp_path / "state" / "authority" / "root.pem")
    assert no_authority.returncode == 1 and "EC key" in no_authority.stderr
    assert run("signing", "status").stdout == after


def test_evidence_of_an_unknown_agreement_writes_no_file(server: tuple[Run, Any], tmp_path: Path) -> None:
    done = server[0]("evidence", "agr_nothing", "--out", tmp_path / "x.zip")
    assert done.returncode == 1 and "no such agreement" in done.stderr
    assert not list(tmp_path.glob("*x.zip*"))


def test_the_keys_of_two_starts_are_the_same(server: tuple[Run, Any]) -> None:
    run, installed = server
    run("merchant", "create", "--name", "店")
    first = json.loads(run("audit", "head").stdout)
    again = sign_head(installed.deps)
    assert again is not None and again.certificate_pem == first["certificate"]
