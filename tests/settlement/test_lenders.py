"""A lender pays its part of what merchants sold, and gets back what consumers repaid; statements are views of that."""

import csv
import io
from datetime import date

import pytest
from click.testing import CliRunner
from fenqi.finance.money import Money

from merchant_server.commands import settlement as commands
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.payout import Lender
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.settlement import terms
from merchant_server.services.settlement.statement_csv import statement_csv
from merchant_server.services.settlement.statements import lender_statement, statement_resource
from tests.installation import Installation
from tests.settlement.test_payouts import agree, days

FIRST, LAST = date(2026, 11, 1), date(2027, 1, 31)


def funded_by_lender(house: Installation, account: str | None = "sandbox_9001") -> Lender:
    lender = terms.add_lender(
        house.deps, name="海星银行", currency="CNY", interest_bps=8_000, account=account
    )
    agree(house, funder=f"lender:{lender.id}")
    house.sell(Money(120_000, "CNY"))
    return lender


def moved(house: Installation) -> list[tuple[str, str, int]]:
    rows = house.rows("SELECT kind, status, amount_minor FROM transfers ORDER BY id")
    return [(row["kind"], row["status"], row["amount_minor"]) for row in rows]


def balance(house: Installation, account: str) -> int:
    with house.deps.storage.reading() as uow:
        return uow.ledger.balance(account, "CNY").minor


class TestMoney:
    """What a lender owes is drawn, what it is owed is paid, each once a workday."""

    def test_a_lender_pays_in_what_was_sold_and_gets_what_was_repaid(
        self, installation: Installation
    ) -> None:
        house = installation
        lender = funded_by_lender(house)
        assert balance(house, f"lender:{lender.id}:receivable") == 120_000
        days(house, 2)
        assert moved(house) == [("lender_drawing", "succeeded", 120_000)]
        assert balance(house, "bank:cash") == 120_000 - (120_000 - 720)
        house.advance(months=1)
        house.work()
        days(house, 4)
        (row,) = house.rows("SELECT * FROM installments WHERE status = 'paid'")
        part = row["principal_minor"] + row["interest_minor"] * 8_000 // 10_000
        assert moved(house)[1:] == [("lender_payout", "succeeded", part)]
        for account in ("receivable", "drawing", "payable", "payout"):
            assert balance(house, f"lender:{lender.id}:{account}") == 0
        days(house, 3)
        assert len(moved(house)) == 2

    def test_a_reversal_after_the_payout_is_netted_with_what_comes_next(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        lender = funded_by_lender(house)
        house.advance(months=1)
        house.work()
        days(house, 4)
        (paid,) = [each for each in moved(house) if each[0] == "lender_payout"]
        (deduction,) = house.rows("SELECT * FROM deductions")
        told = {
            "gateway_account": house.bank.gateway_account, "mode": "test", "kind": "deduction.reversed",
            "reference": deduction["id"], "mandate_reference": deduction["mandate_id"], "status": "reversed",
            "code": "reversed", "amount": {"minor": deduction["amount_minor"], "currency": "CNY"},
            "occurred_at": house.clock.now().isoformat(),
        }  # fmt: skip
        receive(house.deps, *house.bank.signed(told, "bev_12345678", house.clock.now()))
        for mandate in house.bank._mandates.values():
            mandate.behaviour = "closed"
        days(house, 4)
        assert balance(house, f"lender:{lender.id}:payable") == paid[2]
        assert len(moved(house)) == 2

    def test_without_an_account_its_money_waits(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        lender = funded_by_lender(house, account=None)
        days(house, 3)
        assert moved(house) == []
        terms.set_lender_account(house.deps, lender.id, "sandbox_9002")
        days(house, 1)
        assert moved(house) == [("lender_drawing", "succeeded", 120_000)]

    def test_an_account_that_the_bank_refuses_for_good_pauses_the_lender(
        self, installation: Installation
    ) -> None:
        house = installation
        lender = funded_by_lender(house, "sandbox_9003")
        days(house, 4)
        assert moved(house) == [("lender_drawing", "failed", 120_000)]
        assert balance(house, f"lender:{lender.id}:receivable") == 120_000
        terms.set_lender_account(house.deps, lender.id, "sandbox_9006")
        days(house, 1)
        assert moved(house)[1:] == [("lender_drawing", "succeeded", 120_000)]

    def test_a_busy_bank_is_asked_again_on_the_next_workday(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        funded_by_lender(house, "sandbox_9005")
        days(house, 4)
        assert [status for _, status, _ in moved(house)] == ["failed"] * 3

    @pytest.mark.parametrize("kind", ["payout", "lender_drawing"])
    def test_a_callback_settles_what_the_worker_has_not_asked_about(
        self, sqlite_installation: Installation, kind: str
    ) -> None:
        from merchant_server.services.settlement.payouts import ask_about_payouts, pay_out_due
        from merchant_server.services.settlement.transfers import ask_about_transfers

        house = sqlite_installation
        funded_by_lender(house, "sandbox_9002")
        agree(house, "sandbox_9002")
        house.advance(days=2)
        pay_out_due(house.deps)
        ask_about_transfers(house.deps)
        ask_about_payouts(house.deps)
        (row,) = house.rows(
            "SELECT id, status FROM payouts"
            if kind == "payout"
            else "SELECT id, status FROM transfers WHERE kind = 'lender_drawing'"
        )
        assert row["status"] == "pending"
        told = house.bank.callbacks(row["id"], house.clock.now())
        assert [receive(house.deps, *each).outcome for each in told] == ["applied"]
        house.clock.pass_(seconds=30)
        house.work()
        assert house.rows("SELECT DISTINCT status FROM payouts UNION SELECT status FROM transfers ORDER BY 1") == [
            {"status": "paid"}, {"status": "succeeded"},
        ]  # fmt: skip


class TestStatements:
    """Statements of lenders are views of the ledger as merchants' are."""

    def test_every_account_of_a_lender_sums_to_its_balance(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        lender = funded_by_lender(house)
        house.advance(months=1)
        house.work()
        days(house, 4)
        owes = lender_statement(house.deps, lender.id, FIRST, LAST, "receivable")
        assert {name: each.minor for name, each in owes.totals} == {"funded": -120_000, "drawn": 120_000}
        got = lender_statement(house.deps, lender.id, FIRST, LAST)
        assert [name for name, _ in got.totals] == ["principal_repaid", "interest", "payout"]
        for account in ("payable", "funded", "receivable"):
            made = lender_statement(house.deps, lender.id, FIRST, LAST, account)
            assert made.closing.minor == -balance(house, f"lender:{lender.id}:{account}")
            told = statement_resource(made)
            assert told["closing"] == made.closing.to_dict()
            rows = list(csv.DictReader(io.StringIO(statement_csv(made))))
            assert rows[-1]["balance"] == made.closing.decimal_text

    def test_commands_make_lenders_and_print_their_statements(
        self, sqlite_installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: object
    ) -> None:
        house = sqlite_installation

        class Found:
            deps = house.deps

            def require_schema(self) -> None:
                """Nothing to do: the test's database is migrated."""

        monkeypatch.setattr(commands, "installation", Found)
        run = CliRunner().invoke
        made = run(commands.lender, ["create", "--name", "海星银行", "--account", "sandbox_9001"])
        lender_id = made.output.strip()
        assert run(commands.lender, ["set", lender_id, "--account", "sandbox_9002"]).exit_code == 0
        assert run(commands.lender, ["set", lender_id, "--account", "62 22"]).exit_code != 0
        out = f"{tmp_path}/lender.pdf"
        period = ["--from", "2026-11-01", "--to", "2026-11-30", "--account", "receivable"]
        for kind in ("text", "json", "csv"):
            assert run(commands.statement, [lender_id, *period, "--format", kind]).exit_code == 0
        assert run(commands.statement, [lender_id, *period, "--format", "pdf", "--out", out]).exit_code == 0
        with open(out, "rb") as file:
            assert file.read(4) == b"%PDF"

    def test_an_account_of_a_lender_that_cannot_be_is_refused(
        self, sqlite_installation: Installation
    ) -> None:
        with pytest.raises(NotFound):
            terms.set_lender_account(sqlite_installation.deps, "lnd_nobody", "sandbox_9001")
        lender = terms.add_lender(sqlite_installation.deps, name="x", currency="CNY", interest_bps=1)
        with pytest.raises(RuleRefused):
            terms.set_lender_account(sqlite_installation.deps, lender.id, "6222 0200")
