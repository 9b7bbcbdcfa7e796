"""The `fenqi` command as a shell sees it: output, exit codes, and errors that a person can read."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fenqi import Money, webhooks
from fenqi.cli import Surroundings, main
from fenqi.testing import FakeServer, ManualClock

from .loopback import answer, loopback

SECRET = FakeServer.webhook_secret


def run(*arguments: str, obj: Surroundings | None = None, env: dict[str, str | None] | None = None) -> Result:
    clean = {
        "FENQI_API_KEY": None,
        "FENQI_BASE_URL": None,
        "FENQI_WEBHOOK_SECRET": None,
        "FENQI_CONFIG": "/nonexistent",
    }
    surroundings = obj or Surroundings(clock=ManualClock())
    return CliRunner().invoke(main, list(arguments), obj=surroundings, env=clean | (env or {}))


def beside(server: FakeServer, **options: Any) -> Surroundings:
    return Surroundings(clock=server.clock, client=server.client(**options))


class TestQuote:
    """Pricing in the shell."""

    def test_the_table_shows_the_installment_every_due_date_and_the_yearly_cost(self) -> None:
        done = run("quote", "--amount", "3999.00", "--plan", "12x0.12", "--on", "2026-11-21")
        assert done.exit_code == 0
        for text in ("355.31", "4263.68", "12.00 %", "2026-12-21", "2027-11-21", "CNY 3999.00"):
            assert text in done.output

    def test_today_is_the_clocks(self) -> None:
        assert "2026-12-21" in run("quote", "--amount", "100", "--plan", "3x0").output

    def test_json_holds_the_offers(self) -> None:
        done = run(
            "quote",
            "--amount",
            "1000",
            "--currency",
            "JPY",
            "--plan",
            "3x0.006:flat_fee",
            "--plan",
            "4x0",
            "--json",
        )
        offers = json.loads(done.output)
        assert [offer["plan"]["installments"] for offer in offers] == [3, 4]
        assert offers[0]["amount"] == {"minor": 1000, "currency": "JPY"}

    def test_csv_rows_sum_to_the_price_and_its_cost(self) -> None:
        done = run("quote", "--amount", "3999.00", "--plan", "12x0.12", "--csv")
        rows = list(csv.DictReader(io.StringIO(done.output)))
        assert len(rows) == 12
        principal = sum(Money.parse(row["principal"], "CNY").minor for row in rows)
        assert principal == 399900

    @pytest.mark.parametrize(
        ("arguments", "code", "says"),
        [
            (["--amount", "12.345", "--plan", "3x0"], 1, "too many decimals"),
            (["--amount", "1e3", "--plan", "3x0"], 1, "decimal amount"),
            (["--amount", "10", "--currency", "XXX", "--plan", "3x0"], 1, "ISO 4217"),
            (["--amount", "10", "--plan", "three"], 2, "12x0.12"),
            (["--amount", "10", "--plan", "3x9"], 1, "annual_rate"),
            (["--amount", "10", "--plan", "3x0", "--on", "tomorrow"], 2, "2026-11-21"),
            (["--amount", "10", "--plan", "3x0", "--json", "--csv"], 2, "--json or --csv"),
            (["--plan", "3x0"], 2, "--amount"),
        ],
    )
    def test_bad_input_is_one_sentence_and_an_exit_code(
        self, arguments: list[str], code: int, says: str
    ) -> None:
        done = run("quote", *arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert says in done.stderr
        assert "Traceback" not in done.stderr


class TestApr:
    """Yearly rates in the shell."""

    def test_regulation_z_example_i_a_1(self) -> None:
        """12 CFR 1026 App. J (c)(1)(i): 5000 repaid by 24 payments of 230 is 9.69 %."""
        done = run("apr", "--amount", "5000", "--currency", "USD", "--payment", "230x24", "--rule", "reg_z")
        assert done.output == "9.69 %\n"

    @pytest.mark.parametrize("rule", ["irr", "reg_z", "eu_aprc"])
    def test_money_paid_back_without_cost_has_no_rate(self, rule: str) -> None:
        assert run("apr", "--amount", "300", "--payment", "100x3", "--rule", rule).output == "0.00 %\n"

    @pytest.mark.parametrize("payment", ["", "x3", "100x", "-5"])
    def test_a_malformed_payment_is_wrong_usage(self, payment: str) -> None:
        assert run("apr", "--amount", "300", f"--payment={payment}").exit_code == 2


class TestQr:
    """QR codes in the shell."""

    def test_the_terminal_shows_a_code(self) -> None:
        done = run("qr", "https://pay.example/p/x")
        assert done.exit_code == 0
        assert len(done.output.splitlines()) > 10

    def test_files_are_written(self, tmp_path: Path) -> None:
        svg, png = tmp_path / "a.svg", tmp_path / "a.png"
        assert run("qr", "https://pay.example/p/x", "--svg", str(svg), "--png", str(png)).exit_code == 0
        assert svg.read_text().startswith("<svg")
        assert png.read_bytes().startswith(b"\x89PNG")

    def test_a_folder_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        done = run("qr", "x", "--svg", str(tmp_path / "no" / "a.svg"))
        assert done.exit_code == 1
        assert "No such file" in done.stderr

    def test_an_empty_text_is_refused(self) -> None:
        assert run("qr", "").exit_code == 1


class TestCheckouts:
    """Selling from the shell."""

    def test_create_prints_the_link_and_its_code(self, server: FakeServer) -> None:
        done = run(
            "checkouts", "create", "--amount", "3999.00", "--reference", "o-1", "--qr", obj=beside(server)
        )
        assert done.exit_code == 0, done.output
        assert "CNY 3999.00" in done.output
        assert "https://fenqi.invalid/p/" in done.output
        assert "█" in done.output

    def test_watch_follows_to_the_end(self, server: FakeServer) -> None:
        done = run(
            "checkouts",
            "create",
            "--amount",
            "5",
            "--reference",
            "o",
            "--watch",
            "--json",
            obj=beside(server),
        )
        assert [json.loads(line)["status"] for line in done.output.splitlines()] == ["created", "expired"]

    def test_a_refusal_says_what_and_where(self, server: FakeServer) -> None:
        done = run("checkouts", "create", "--amount", "0", "--reference", "o", obj=beside(server))
        assert done.exit_code == 1
        assert "amount.minor" in done.stderr

    def test_without_a_key_it_says_how_to_give_one(self) -> None:
        done = run("checkouts", "create", "--amount", "1", "--reference", "o")
        assert done.exit_code == 2
        assert "FENQI_API_KEY" in done.stderr

    def test_without_a_server_it_says_so_and_exits_3(self) -> None:
        env: dict[str, str | None] = {
            "FENQI_API_KEY": "sk_test_12345678",
            "FENQI_BASE_URL": "http://127.0.0.1:9",
        }
        done = run("checkouts", "create", "--amount", "1", "--reference", "o", env=env)
        assert done.exit_code == 3
        assert "127.0.0.1:9" in done.stderr


class TestDoctor:
    """The check-up."""

    def test_a_healthy_setting_passes_every_check(self, server: FakeServer) -> None:
        done = run("doctor", obj=beside(server), env={"FENQI_WEBHOOK_SECRET": SECRET})
        assert done.exit_code == 0
        assert done.output.count("ok  ") == 6
        assert "+0 s" in done.output

    def test_a_wrong_key_is_told_apart_from_an_absent_server(self, server: FakeServer) -> None:
        done = run("doctor", obj=beside(server, api_key="sk_test_somebody_else"))
        assert done.exit_code == 1
        assert "FAIL key" in done.output
        assert "ok   server" in done.output

    def test_a_wrong_clock_is_named_in_seconds(self, server: FakeServer) -> None:
        late = ManualClock(server.clock.now().replace(hour=9))
        done = run("doctor", obj=Surroundings(clock=late, client=server.client()))
        assert done.exit_code == 1
        assert "FAIL clock: +3600 s" in done.output

    def test_a_broken_webhook_secret_is_found(self, server: FakeServer) -> None:
        done = run("doctor", obj=beside(server), env={"FENQI_WEBHOOK_SECRET": "whsec_"})
        assert done.exit_code == 1
        assert "FAIL webhook secret" in done.output

    def test_an_absent_key_is_the_first_thing_said(self) -> None:
        done = run("doctor")
        assert done.exit_code == 1
        assert done.output.startswith("FAIL settings")


class TestListen:
    """Forwarding events to a receiver on this machine."""

    def test_every_event_arrives_in_order_and_verifies(self, server: FakeServer) -> None:
        checkout = server.client().checkouts.create(amount=Money(100, "CNY"), reference="o", plan_ids=["p3"])
        server.advance(checkout.id, to="authorized")
        with loopback(answer(200, {})) as shop:
            done = run(
                "listen",
                "--forward-to",
                f"{shop.url}/hook",
                "--after",
                "0",
                "--secret",
                SECRET,
                "--once",
                obj=beside(server),
            )
        assert done.exit_code == 0, done.output
        now = server.clock.now()
        arrived = [webhooks.verify(seen.body, seen.headers, SECRET, now=now) for seen in shop.seen]
        assert [event.id for event in arrived] == [event.id for event in server.events]
        assert "checkout.captured" in done.stdout

    def test_from_now_on_means_no_old_events(self, server: FakeServer) -> None:
        server.client().checkouts.create(amount=Money(100, "CNY"), reference="o")
        with loopback(answer(200, {})) as shop:
            done = run("listen", "--forward-to", shop.url, "--once", obj=beside(server))
        assert (done.exit_code, shop.seen) == (0, [])
        assert "whsec_" in done.stderr

    def test_a_receiver_that_fails_is_shown_and_counted(self, server: FakeServer) -> None:
        server.client().checkouts.create(amount=Money(100, "CNY"), reference="o")
        with loopback(answer(500, {})) as shop:
            done = run(
                "listen",
                "--forward-to",
                shop.url,
                "--after",
                "0",
                "--once",
                "--secret",
                SECRET,
                obj=beside(server),
            )
        assert done.exit_code == 1
        assert "500" in done.stdout

    @pytest.mark.parametrize("url", ["ftp://127.0.0.1/hook", "127.0.0.1:5000", "http://", "https:///hook"])
    def test_what_is_no_address_is_wrong_usage_before_anything_is_posted(
        self, server: FakeServer, url: str
    ) -> None:
        for command in (["listen"], ["events", "replay", "--after", "0"]):
            done = run(*command, "--forward-to", url, obj=beside(server))
            assert done.exit_code == 2
            assert "http://127.0.0.1:5000/webhooks" in done.output


def test_the_installed_command_starts_and_lists_its_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from fenqi.cli import main; main(['--help'])"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    for name in ("quote", "apr", "qr", "listen", "checkouts", "doctor"):
        assert name in done.stdout
