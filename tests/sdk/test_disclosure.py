"""A disclosure says what its schedule says, in each pack and language, and refuses what it cannot tell truly."""

import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fenqi.disclosure import (
    Disclosure,
    DisclosureError,
    annual_rate_is_accurate,
    disclose,
    finance_charge_is_accurate,
)
from fenqi.disclosure.packs import LANGUAGES
from fenqi.disclosure.text import (
    date_text,
    exact_percent_text,
    money_text,
    payments_text,
    percent_text,
    period_text,
)
from fenqi.disclosure.tolerances import is_irregular
from fenqi.finance import Money, Plan, apr, build_schedule
from fenqi.finance.errors import CostAboveCap, CurrencyMismatch, RateError
from fenqi.finance.plan import DISCLOSURES
from fenqi.offers import Offer, quote

SNAPSHOTS = Path(__file__).parent / "test_disclosure_snapshots"
DAY = date(2026, 11, 21)
CURRENCIES = {"CN": "CNY", "EU": "EUR", "UK": "GBP", "US": "USD"}


def offer_by(pack: str, **terms: Any) -> Offer:
    plan = Plan(**{"id": "p12", "installments": 12, "annual_rate": "0.12", "disclosure": pack, **terms})
    (offer,) = quote(Money(399900, CURRENCIES[pack]), [plan], on=DAY)
    return offer


def sheet(offer: Offer, language: str = "en", **more: Any) -> Disclosure:
    return disclose(offer, creditor="Sample Lender", merchant="Corner Shop", language=language, **more)


def lines(disclosure: Disclosure) -> Iterator[str]:
    """Write a sheet as plain text, as a person would read it."""
    yield f"{disclosure.title} [{disclosure.pack} {disclosure.version}, {disclosure.reading_seconds} s]"
    yield disclosure.lead
    yield f"! {disclosure.warning}"
    for section in disclosure.sections:
        yield f"# {section.title}"
        for row in section.rows:
            yield f"{row.label}: {row.value} ({row.note}) <{row.law}>"
    yield "#"
    for charge in disclosure.charges:
        yield " | ".join(
            (
                charge.name,
                money_text(charge.amount),
                charge.taken_by,
                charge.how,
                charge.standard,
                charge.yearly,
            )
        )
    for possible in disclosure.possible_charges:
        yield " | ".join((possible.name, possible.taken_by, possible.standard))
    yield from (f"* {statement}" for statement in disclosure.statements)
    yield "brief: " + ", ".join(row.key for row in disclosure.brief)
    yield from disclosure.laws


RICH = {
    "fee_rate": "0.001",
    "installment_fee_minor": 50,
    "up_front_fee_rate": "0.01",
    "down_payment_rate": "0.1",
    "early_settlement_fee_rate": "0.01",
    "subsidy_bps": {"merchant": 2500},
    "cash_back_bps": {"merchant": 100, "brand": 50},
}
CASES = {
    "plain": ({}, {}),
    "free": ({"annual_rate": "0", "installments": 3}, {}),
    "rich": (RICH, {"penalty_annual_rate": "0.18", "taken_by": {"up_front_fee": "Broker"}}),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pack", DISCLOSURES)
@pytest.mark.parametrize("case", CASES)
def test_a_sheet_reads_as_it_did(case: str, pack: str, language: str) -> None:
    """FENQI_WRITE_SNAPSHOTS=1 writes the files anew; a changed text needs a new version in its pack."""
    terms, late = CASES[case]
    late_fee = {"late_fee": Money(500, CURRENCIES[pack])} if case == "rich" else {}
    text = "\n".join(lines(sheet(offer_by(pack, **terms), language, **late, **late_fee))) + "\n"
    kept = SNAPSHOTS / f"{pack}.{language}.{case}.txt"
    if os.environ.get("FENQI_WRITE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


def test_the_penalty_is_the_plans_own_unless_the_agreement_names_another() -> None:
    offer = offer_by("CN", penalty_annual_rate="0.18")
    assert sheet(offer).row("default").figure == Decimal("0.18")
    assert sheet(offer, penalty_annual_rate="0.10").row("default").figure == Decimal("0.10")
    assert sheet(offer, penalty_annual_rate="0").row("default_none").value == "no penalty and no other charge"


def test_a_flat_monthly_fee_is_shown_with_its_yearly_rate() -> None:
    """12 × 0.6 % is 13.03 % a year by the internal rate of return."""
    plan = Plan(id="p", installments=12, method="flat_fee", fee_rate="0.006")
    (offer,) = quote(Money.parse("12000", "CNY"), [plan], on=DAY)
    (charge,) = sheet(offer, "zh-CN", taken_by={"rated_fee": "某服务商"}).charges
    assert (charge.taken_by, charge.yearly, charge.amount.minor) == ("某服务商", "13.03%", 86400)
    assert "0.60%" in charge.standard


def test_lateness_costs_what_the_agreement_says_and_nothing_otherwise() -> None:
    none = sheet(offer_by("CN"))
    assert none.possible_charges == ()
    assert none.row("default_none").value == "no penalty and no other charge"
    both = sheet(offer_by("CN"), penalty_annual_rate="0.1825", late_fee=Money(1000, "CNY"))
    assert [charge.key for charge in both.possible_charges] == ["penalty", "late_fee"]
    assert "18.25%" in both.row("default").value
    assert both.row("default_fee").figure == Money(1000, "CNY")
    with pytest.raises(DisclosureError, match="default_none"):
        both.row("default_none")


def test_china_forces_reading_time_and_shows_the_cost_on_the_order_page() -> None:
    made = sheet(offer_by("CN"), "zh-CN")
    assert made.reading_seconds >= 5
    assert {"principal", "total_cost", "annual_cost", "payments"} <= {row.key for row in made.brief}
    assert any("不再收取其他" in statement for statement in made.statements)


def test_the_union_warns_gives_an_example_and_names_withdrawal() -> None:
    made = sheet(offer_by("EU"))
    assert made.warning == "Caution! Borrowing money costs money."
    assert made.statements[0].startswith("Representative example: cash price €3,999.00")
    assert "14 calendar days" in made.row("withdrawal").value
    assert made.row("annual_cost").value == "12.68%"


def test_the_kingdom_tells_deferred_payment_from_other_credit() -> None:
    """Deferred payment credit is free, within 12 installments and 12 months: FCA PS26/1."""
    free = sheet(offer_by("UK", annual_rate="0"))
    assert "deferred payment credit" in free.row("product").value
    for terms in ({"annual_rate": "0.01"}, {"annual_rate": "0", "installments": 13, "period": "week"}):
        assert sheet(offer_by("UK", **terms)).row("product_credit").value
    longer = offer_by("UK", annual_rate="0", installments=2, period="7 months")
    assert sheet(longer).row("annual_cost").value == "0.00%"


@pytest.mark.parametrize(
    ("terms", "required"),
    [
        ({"annual_rate": "0", "installments": 4}, False),
        ({"annual_rate": "0", "installments": 5}, True),
        ({"annual_rate": "0.01", "installments": 2}, True),
        ({"annual_rate": "0", "installments": 4, "up_front_fee_rate": "0.01"}, True),
    ],
)
def test_truth_in_lending_asks_for_a_box_above_four_payments_or_with_any_charge(
    terms: dict[str, Any], required: bool
) -> None:
    """12 CFR 1026.2(a)(17)(i)."""
    assert sheet(offer_by("US", **terms)).required is required


def test_the_box_adds_up() -> None:
    made = sheet(offer_by("US", **RICH))
    figure = {row.key: row.figure for section in made.sections for row in section.rows}
    assert figure["amount_financed"] + figure["total_cost"] == figure["scheduled"]
    assert figure["paid_to_others"] - figure["prepaid"] == figure["amount_financed"]
    assert figure["cash_price"] + figure["total_cost"] == figure["sale_price"]


def test_regulation_z_allows_an_eighth_of_a_point_or_a_quarter_when_irregular() -> None:
    """12 CFR 1026.22(a)(2) and (3)."""
    regular = offer_by("US").schedule
    rate = apr.of_schedule(regular, "reg_z")
    assert not is_irregular(regular)
    for away, accurate in (("0.00124", True), ("-0.00124", True), ("0.00126", False), ("-0.0024", False)):
        assert annual_rate_is_accurate(regular, rate + Decimal(away)) is accurate
    irregular = offer_by("US", method="equal_principal").schedule
    rate = apr.of_schedule(irregular, "reg_z")
    assert is_irregular(irregular)
    assert annual_rate_is_accurate(irregular, rate + Decimal("0.0024"))
    assert not annual_rate_is_accurate(irregular, rate + Decimal("0.0026"))


@pytest.mark.parametrize(("price", "allowed"), [(100000, 500), (100001, 1000)])
def test_a_finance_charge_may_be_five_or_ten_dollars_off(price: int, allowed: int) -> None:
    """12 CFR 1026.18(d)(2): $5 up to $1,000 financed, $10 above."""
    plan = Plan(id="p", installments=12, annual_rate="0.12", disclosure="US")
    schedule = build_schedule(plan, Money(price, "USD"), DAY)
    exact = schedule.total_cost
    for sign in (1, -1):
        assert finance_charge_is_accurate(schedule, exact + Money(sign * allowed, "USD"))
        assert not finance_charge_is_accurate(schedule, exact + Money(sign * (allowed + 1), "USD"))
    with pytest.raises(CurrencyMismatch):
        finance_charge_is_accurate(schedule, Money(1, "CNY"))


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("creditor", ""),
        ("creditor", " "),
        ("merchant", None),
        ("pack", "FR"),
        ("language", "zh-TW"),
        ("taken_by", {"bribe": "x"}),
        ("taken_by", {"interest": ""}),
        ("late_fee", Money(-1, "CNY")),
        ("late_fee", Money(1, "USD")),
        ("late_fee", 5),
        ("penalty_annual_rate", 0.18),
        ("penalty_annual_rate", "-0.18"),
        ("penalty_annual_rate", "11"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(field: str, bad: Any) -> None:
    given_ = {"creditor": "a", "merchant": "b", field: bad}
    with pytest.raises((DisclosureError, RateError)) as refused:
        disclose(offer_by("CN"), **given_)
    assert refused.value.field == field
    assert refused.value.allowed


def test_hostile_names_stay_text() -> None:
    made = disclose(offer_by("CN"), creditor="{amount}{0.__class__}", merchant="%s{", language="en")
    assert made.row("creditor").value == "{amount}{0.__class__}"
    assert made.row("principal").note == "paid by {amount}{0.__class__} to %s{"


def test_an_offer_above_the_cap_is_refused_with_its_facts() -> None:
    offer = offer_by("CN", up_front_fee_rate="0.05")
    offer.require_cost_within(round(offer.annual_cost, 12) + Decimal("1e-12"))
    with pytest.raises(CostAboveCap) as refused:
        offer.require_cost_within("0.2")
    assert (refused.value.plan_id, refused.value.annual_cost) == ("p12", offer.annual_cost)
    assert refused.value.cap == Decimal("0.2")
    with pytest.raises(RateError, match="cap"):
        offer.require_cost_within(0.24)  # type: ignore[arg-type]


def test_figures_are_written_plainly() -> None:
    assert money_text(Money(-5, "CNY")) == "-¥0.05"
    assert money_text(Money(1234567, "KWD")) == "KWD\u00a01,234.567"
    assert money_text(Money(1234, "JPY")) == "JP¥1,234"
    assert (percent_text(Decimal("0.12995")), percent_text(Decimal("-0.0001"))) == ("13.00%", "-0.01%")
    assert (exact_percent_text(Decimal("0.00625")), exact_percent_text(Decimal("1"))) == ("0.625%", "100.00%")
    assert (date_text(DAY, "en"), date_text(DAY, "zh-CN")) == ("21 November 2026", "2026年11月21日")
    assert (period_text("2 weeks", "en"), period_text("month", "zh-CN")) == ("every 2 weeks", "每月")
    assert payments_text([1, 2, 3, 4, 5], "JPY") == "5 × JP¥1 … JP¥5"


def test_the_effective_rate_is_not_confused_with_the_nominal_one() -> None:
    """The same offer, by two packs: 12 % nominal in China is 12.68 % effective in the Union."""
    offer = offer_by("EU")
    nominal = sheet(offer, pack="CN").row("annual_cost").figure
    effective = sheet(offer).row("annual_cost").figure
    assert isinstance(nominal, Decimal)
    assert isinstance(effective, Decimal)
    assert abs(apr.effective(nominal, 12) - effective) < Decimal("0.0002")
    assert Fraction(effective) > Fraction(nominal)
