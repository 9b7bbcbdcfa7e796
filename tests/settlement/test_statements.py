"""Statements are views of the ledger: their sums are its balances, whatever happened in between."""

import csv
import io
import json
import subprocess
from datetime import UTC, date, datetime, timedelta

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.statement import Movement, Statement
from merchant_server.providers.agreement.statement import TypstStatementPrinter
from merchant_server.services.operation import merchants
from merchant_server.services.settlement import terms
from merchant_server.services.settlement.statement_csv import safe_cell, statement_csv
from merchant_server.services.settlement.statements import (
    lender_statement,
    merchant_statement,
    statement_resource,
)
from tests.installation import Installation
from tests.settlement.test_payouts import agree, days, owed, take_back

FIRST = date(2026, 11, 1)
SUBSIDIZED = Plan(
    id="p6s",
    installments=6,
    annual_rate="0.12",
    subsidy_bps={"merchant": 3_000, "brand": 2_000, "lender": 1_000},
)


@pytest.fixture
def lived_in(installation: Installation) -> Installation:
    """A merchant with sales, a subsidy, a reserve, a payout and something taken back."""
    house = installation
    agree(house, reserve_bps=1_000, reserve_days=2)
    with house.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, house.deps, house.caller, SUBSIDIZED)
    house.sell(Money(399_900, "CNY"))
    days(house, 3)
    house.sell(Money(200_000, "CNY"), plan="p6s", reference="=1+1")
    take_back(house, 12_345)
    days(house, 2)
    return house


class TestMerchantStatement:
    """What a merchant was owed, under headings that leave nothing out."""

    def test_opening_and_every_line_make_the_books_balance(self, lived_in: Installation) -> None:
        today = date(2026, 11, 26)
        whole = merchant_statement(lived_in.deps, lived_in.caller.merchant_id, FIRST, today)
        assert whole.opening == Money(0, "CNY")
        assert whole.closing.minor == owed(lived_in, "payable")
        assert sum((amount for _, amount in whole.totals), whole.opening) == whole.closing
        told = dict(whole.totals)
        assert set(told) == {
            "captured", "merchant_fee", "subsidy", "refunded", "reserve_held", "reserve_released", "payout",
        }  # fmt: skip
        assert told["captured"].minor == 599_900
        assert told["refunded"].minor == -12_345
        assert told["subsidy"].minor < 0
        kept = merchant_statement(lived_in.deps, lived_in.caller.merchant_id, FIRST, today, "reserve")
        assert kept.closing.minor == owed(lived_in, "reserve")

    def test_days_follow_one_another_without_a_gap(self, lived_in: Installation) -> None:
        day, balance = FIRST, Money(0, "CNY")
        while day <= date(2026, 11, 26):
            one = merchant_statement(lived_in.deps, lived_in.caller.merchant_id, day, day)
            assert one.opening == balance
            balance, day = one.closing, day + timedelta(days=1)
        assert balance.minor == owed(lived_in, "payable")

    def test_a_payouts_lines_sum_to_its_amount_and_no_entry_is_paid_twice(
        self, lived_in: Installation
    ) -> None:
        listed = lived_in.get("/v1/payouts").get_json()["data"]
        assert listed
        for each in listed:
            told = lived_in.get(f"/v1/payouts/{each['id']}/statement").get_json()
            assert sum(line["amount"]["minor"] for line in told["lines"]) == each["amount"]["minor"]
            assert sum(total["minor"] for total in told["totals"].values()) == each["amount"]["minor"]

    def test_the_api_tells_the_same_and_the_balance(self, lived_in: Installation) -> None:
        told = lived_in.get("/v1/statements?from=2026-11-01&to=2026-11-26").get_json()
        made = merchant_statement(lived_in.deps, lived_in.caller.merchant_id, FIRST, date(2026, 11, 26))
        assert told == json.loads(json.dumps(statement_resource(made)))
        balance = lived_in.get("/v1/balance").get_json()
        assert balance["payable"]["minor"] == owed(lived_in, "payable")
        assert balance["on_its_way"]["minor"] == 0

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("from=2026-11-02&to=2026-11-01", "to"),
            ("from=2026-11-02", "to"),
            ("from=x&to=2026-11-01", "from"),
            ("from=2024-11-02&to=2026-11-01", "to"),
            ("from=2026-11-01&to=2026-11-01&account=held", "account"),
        ],
    )
    def test_a_period_that_makes_no_sense_is_refused(
        self, sqlite_installation: Installation, query: str, field: str
    ) -> None:
        answer = sqlite_installation.get(f"/v1/statements?{query}")
        assert (answer.status_code, answer.get_json()["field"]) == (422, field)

    def test_another_merchants_payout_is_not_found(self, lived_in: Installation) -> None:
        stranger = lived_in.another_merchant()
        mine = lived_in.get("/v1/payouts").get_json()["data"][0]["id"]
        for path in (f"/v1/payouts/{mine}", f"/v1/payouts/{mine}/statement"):
            assert stranger.get(path).status_code == 404
        assert stranger.get("/v1/payouts").get_json()["data"] == []


class TestSubsidy:
    """Who bears the interest that a plan spares the consumer is booked at the capture."""

    def test_each_party_bears_its_share(self, lived_in: Installation) -> None:
        rows = lived_in.rows(
            "SELECT p.source, p.target, p.amount_minor FROM postings p JOIN journal_entries e ON e.id = p.entry_id"
            " WHERE e.kind = 'subsidy' ORDER BY p.line"
        )
        assert {row["source"] for row in rows} == {"income:subsidy"}
        assert [row["target"].partition(":")[0] for row in rows] == ["merchant", "brand"]
        # 3000 and 2000 basis points of the same interest.
        assert abs(rows[0]["amount_minor"] * 2 - rows[1]["amount_minor"] * 3) <= 3


class TestFunding:
    """Whose money a loan is decides who waits for the consumer and who gets the interest."""

    def pay_one(self, house: Installation) -> None:
        house.advance(months=1)
        house.work()
        house.advance(days=5)
        house.work()

    def test_a_lender_gets_its_principal_and_its_share_of_the_interest(
        self, installation: Installation
    ) -> None:
        house = installation
        lender = terms.add_lender(house.deps, name="海星银行", currency="CNY", interest_bps=8_000)
        agree(house, funder=f"lender:{lender.id}")
        house.sell(Money(120_000, "CNY"))
        self.pay_one(house)
        (row,) = house.rows("SELECT * FROM installments WHERE status = 'paid'")
        last = date(2027, 1, 31)
        collected = lender_statement(house.deps, lender.id, FIRST, last)
        in_loans = lender_statement(house.deps, lender.id, FIRST, last, "funded")
        share = row["interest_minor"] * 8_000 // 10_000
        assert dict(collected.totals) == {
            "principal_repaid": Money(row["principal_minor"], "CNY"),
            "interest": Money(share, "CNY"),
        }
        assert in_loans.closing.minor == 120_000 - row["principal_minor"]
        assert dict(in_loans.totals)["funded"].minor == 120_000
        # The merchant was paid at once: it does not wait for the consumer.
        assert house.rows("SELECT amount_minor FROM payouts")[0]["amount_minor"] == 120_000 - 720

    def test_a_merchant_who_funds_is_paid_as_consumers_repay(self, installation: Installation) -> None:
        house = installation
        agree(house, funder="merchant")
        house.sell(Money(120_000, "CNY"))
        days(house, 2)
        assert house.rows("SELECT * FROM payouts") == []
        assert owed(house, "funded") == 120_000
        self.pay_one(house)
        (row,) = house.rows("SELECT * FROM installments WHERE status = 'paid'")
        assert owed(house, "funded") == 120_000 - row["principal_minor"]
        (paid,) = house.rows("SELECT amount_minor FROM payouts")
        assert paid["amount_minor"] == row["principal_minor"] + row["interest_minor"] - 720

    def test_a_plan_may_have_another_funder_than_its_merchant(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        terms.set_plan_funder(house.deps, house.caller.merchant_id, "p12", "merchant")
        house.sell(Money(120_000, "CNY"), plan="p12")
        house.sell(Money(120_000, "CNY"), plan="p6", reference="order-2")
        assert owed(house, "funded") == 120_000

    def test_terms_that_make_no_sense_are_refused(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        mer = house.caller.merchant_id
        for changes in (
            {"payout_days": 61}, {"reserve_bps": 10_001}, {"reserve_days": -1}, {"funder": "nobody"},
            {"minimum": Money(0, "CNY")}, {"minimum": Money(100, "USD")}, {"payout_account": "6222 0200"},
        ):  # fmt: skip
            with pytest.raises(RuleRefused):
                terms.set_terms(house.deps, mer, **changes)
        with pytest.raises(NotFound):
            terms.set_terms(house.deps, mer, funder="lender:lnd_nobody")
        with pytest.raises(NotFound):
            terms.set_plan_funder(house.deps, mer, "p99", "merchant")
        with pytest.raises(RuleRefused):
            terms.add_lender(house.deps, name="x", currency="CNY", interest_bps=10_001)


def a_statement(reference: str = "order-1") -> Statement:
    line = Movement(
        "je_1", 1, date(2026, 11, 22), "capture", "merchant:m:held", "loan_1", reference, Money(-5, "CNY")
    )
    return Statement(
        "mer_1", "小满商店", "merchant:m:payable", FIRST, date(2026, 11, 30), Money(105, "CNY"), (line,)
    )


class TestFiles:
    """CSV that runs nothing, PDF that reads."""

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
    def test_a_cell_that_a_spreadsheet_would_run_is_text(self, text: str) -> None:
        assert safe_cell(text) == f"'{text}"
        rows = list(csv.reader(io.StringIO(statement_csv(a_statement(text)), newline="")))
        assert rows[2][4] == f"'{text}"

    def test_the_csv_says_every_balance(self) -> None:
        rows = list(csv.DictReader(io.StringIO(statement_csv(a_statement()))))
        assert [row["balance"] for row in rows] == ["1.05", "1.00", "1.00"]
        assert [row["heading"] for row in rows] == ["opening", "captured", "closing"]

    @pytest.mark.parametrize(("language", "word"), [("zh-CN", "结算对账单"), ("en", "Settlement statement")])
    def test_the_pdf_holds_every_figure_in_both_languages(self, language: str, word: str) -> None:
        pdf = TypstStatementPrinter().render_statement(
            a_statement("订单😀"), language=language, printed_at=datetime(2026, 11, 30, tzinfo=UTC)
        )
        text = subprocess.run(
            ["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True
        ).stdout.decode()
        assert word in text
        assert "-¥0.05" in text
        assert "U+1F600" in text
