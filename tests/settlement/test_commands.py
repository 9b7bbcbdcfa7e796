"""The operator's commands, run as they are typed: settlement, statement, bank-file, reconcile, export, clock."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils
from click.testing import CliRunner, Result
from fenqi.cli import Surroundings
from fenqi.cli import main as fenqi
from fenqi.testing import FakeServer

from merchant_server.app import Installation as Wired
from merchant_server.app import install
from merchant_server.cli import main
from merchant_server.providers.sandbox.app import SandboxServer
from merchant_server.providers.sandbox.settings import SandboxSettings
from merchant_server.settings import Settings
from merchant_server.storage.export import export_books
from tests.installation import ID_NUMBER, NAME, PHONE, Installation
from tests.settlement.test_payouts import agree, days


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wired:
    """An installation of its own, made as an operator makes one."""
    monkeypatch.setenv("FENQI_DATABASE_URL", f"sqlite:///{tmp_path}/fenqi.sqlite")
    monkeypatch.setenv("FENQI_STATE_FOLDER", str(tmp_path / "state"))
    assert run("migrate").exit_code == 0
    return install(Settings.from_env())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def made_merchant() -> str:
    return str(json.loads(run("merchant", "create", "--name", "小满商店").output)["merchant_id"])


@pytest.mark.usefixtures("house")
class TestSettlement:
    """Terms are set, shown and refused in one sentence."""

    def test_terms_are_set_one_by_one(self) -> None:
        merchant = made_merchant()
        told = run(
            "settlement", "set", merchant, "--payout-days", "2", "--minimum", "100.00", "--reserve-bps", "500"
        )
        assert told.exit_code == 0
        assert "sandbox_9001, T+2, at least CNY 100.00, reserve 500 bps" in told.output
        lender = run("lender", "create", "--name", "海星银行").output.strip()
        assert lender.startswith("lnd_")
        assert f"lender:{lender}" in run("settlement", "set", merchant, "--funder", f"lender:{lender}").output

    @pytest.mark.parametrize(
        "wrong",
        [
            ("--payout-days", "61"), ("--minimum", "lots"), ("--minimum", "-1"), ("--funder", "lender:nobody"),
            ("--payout-account", "4111 1111 1111 1111"),
        ],
    )  # fmt: skip
    def test_terms_out_of_range_are_one_sentence(self, wrong: tuple[str, str]) -> None:
        told = run("settlement", "set", made_merchant(), *wrong)
        assert (told.exit_code, told.output.count("\n")) == (1, 1)
        assert "Traceback" not in told.output

    def test_a_refusal_says_what_to_do_about_it(self, tmp_path: Path) -> None:
        file = tmp_path / "bank.csv"
        file.write_text("nonsense\n")
        told = run("reconcile", str(file))
        assert (told.exit_code, told.output.count("\n")) == (1, 1)
        assert "it must read H,1,<gateway account>,<date>" in told.output

    def test_the_keys_of_nobody_are_not_an_empty_list(self) -> None:
        told = run("key", "list", "mer_nobody")
        assert (told.exit_code, told.output) == (1, "Error: there is no such merchant\n")

    def test_a_statement_comes_as_text_json_csv_and_pdf(self, tmp_path: Path) -> None:
        merchant = made_merchant()
        period = ("--from", "2026-11-01", "--to", "2026-11-30")
        assert "opening" in run("statement", merchant, *period).output
        told = json.loads(run("statement", merchant, *period, "--format", "json").output)
        assert told["closing"] == {"minor": 0, "currency": "CNY"}
        assert run("statement", merchant, *period, "--format", "csv").output.startswith("occurred_on,heading")
        out = tmp_path / "november.pdf"
        assert run("statement", merchant, *period, "--format", "pdf", "--out", str(out)).exit_code == 0
        assert out.read_bytes().startswith(b"%PDF")
        assert run("statement", merchant, *period, "--format", "pdf").exit_code == 2
        assert run("statement", "mer_nobody", *period).exit_code == 1


class TestReconcile:
    """The sandbox's own file, fetched over HTTP, agrees; anything else has an exit code."""

    def test_the_banks_file_is_fetched_and_held_against_the_books(
        self, house: Wired, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = SandboxSettings(
            str(tmp_path / "sandbox.sqlite"), house.keys.sandbox_api, "", str(house.sandbox_key_file)
        )
        with SandboxServer(settings) as server:
            monkeypatch.setenv("FENQI_SANDBOX_URL", server.base_url)
            day = datetime.now(UTC).date().isoformat()
            out = str(tmp_path / "bank.csv")
            assert run("bank-file", day, "--out", out).exit_code == 0
            told = run("reconcile", out, "--json")
            assert told.exit_code == 0, told.output
            assert json.loads(told.stdout)["differences"] == []
            assert run("bank-file", "soon", "--out", out).exit_code == 1
            # A line that nobody asked for.
            lines = Path(out).read_text().splitlines()
            strange = "D,deduction,ded_nobody,5,CNY,2026-11-21T08:00:00+00:00"
            Path(out).write_text("\n".join([lines[0], strange, "T,1,5,0", ""]))
            found = run("reconcile", out)
            assert found.exit_code == 1
            assert "UNEXPLAINED  line 2" in found.output
        assert run("bank-file", day, "--out", out).exit_code == 1

    @pytest.mark.usefixtures("house")
    def test_a_file_that_is_none_is_one_sentence(self, tmp_path: Path) -> None:
        path = tmp_path / "bank.csv"
        path.write_bytes(b"\xff\xfe\x00")
        told = run("reconcile", str(path))
        assert (told.exit_code, "no header" in told.output) == (1, True)


class TestExport:
    """The books leave as a file; nobody's name leaves with them."""

    def test_the_file_has_the_books_and_no_person(self, installation: Installation, tmp_path: Path) -> None:
        house = installation
        agree(house)
        house.sell(description=f"给{NAME}的自行车", reference=f"order-{PHONE}")
        days(house, 3)
        house.advance(months=1)
        house.work()
        path, told = tmp_path / "books.db", []
        rows = export_books(house.engine, path, lambda done, total: told.append((done, total)))
        assert told[-1] == (sum(rows.values()), sum(rows.values()))
        raw = path.read_bytes()
        for canary in (NAME, ID_NUMBER, PHONE, "小满", "沙盒银行", "sk_test_", "ba_"):
            assert canary.encode() not in raw, canary
        assert path.stat().st_mode & 0o077 == 0
        books = sqlite_utils.Database(str(path))
        assert {"trial_balance", "loan_statement", "portfolio"} <= set(books.view_names())
        sums: list[Any] = list(books.query("SELECT SUM(balance_minor) AS total FROM trial_balance"))
        assert sums == [{"total": 0}]
        for view in ("trial_balance", "portfolio"):
            theirs = {tuple(sorted(row.items())) for row in house.rows(f"SELECT * FROM {view}")}
            ours = {tuple(sorted(row.items())) for row in books.query(f"SELECT * FROM {view}")}
            names = {name for name, _ in next(iter(ours))}
            assert {tuple(pair for pair in row if pair[0] in names) for row in theirs} == ours
        assert len(house.rows("SELECT * FROM loan_statement")) == books["loan_statement"].count
        assert list(books.query("PRAGMA foreign_key_check")) == []

    @pytest.mark.usefixtures("house")
    def test_a_file_that_is_there_is_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "books.db"
        path.write_text("mine")
        assert run("export", str(path)).exit_code == 1
        assert path.read_text() == "mine"
        assert run("export", str(path), "--force").exit_code == 0
        with sqlite3.connect(path) as books:
            assert books.execute("SELECT COUNT(*) FROM postings").fetchone() == (0,)


class TestClock:
    """`fenqi clock` turns the merchant's time."""

    def test_a_month_passes(self) -> None:
        server = FakeServer()
        surroundings = Surroundings(clock=server.clock, client=server.client())
        told = CliRunner().invoke(fenqi, ["clock", "advance", "1 month"], obj=surroundings)
        assert (told.exit_code, "31 days ahead  ready" in told.output or "days ahead" in told.output) == (
            0,
            True,
        )
        told = CliRunner().invoke(fenqi, ["clock", "advance", "1", "day"], obj=surroundings)
        assert told.exit_code == 0
        assert CliRunner().invoke(fenqi, ["clock", "show"], obj=surroundings).exit_code == 0

    @pytest.mark.parametrize(
        "wrong", [["soon"], [], ["--to", "soon"], ["1 day", "--to", "2030-01-01T00:00:00Z"]]
    )
    def test_what_is_no_time_is_wrong_usage(self, wrong: list[str]) -> None:
        server = FakeServer()
        surroundings = Surroundings(clock=server.clock, client=server.client())
        assert CliRunner().invoke(fenqi, ["clock", "advance", *wrong], obj=surroundings).exit_code == 2
