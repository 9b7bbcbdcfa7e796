"""Offers show what the law asks, in the order of the plans, and only for plans that take the amount."""

import json
from datetime import date
from decimal import Decimal

import pytest
from fenqi.finance import Money, Plan
from fenqi.finance.errors import AmountError
from fenqi.offers import quote

PRICE = Money.parse("3999.00", "CNY")
DAY = date(2026, 11, 21)


def test_an_offer_carries_the_whole_cost():
    (offer,) = quote(PRICE, [Plan(id="p12", installments=12, annual_rate="0.12")], on=DAY)
    assert str(offer.per_installment) == "CNY 355.31"
    assert str(offer.total_payable) == "CNY 4263.68"
    assert str(offer.total_cost) == "CNY 264.68"
    assert offer.down_payment == Money(0, "CNY")
    assert round(offer.annual_cost, 4) == Decimal("0.1200")
    assert offer.schedule.installments[11].due_on == date(2027, 11, 21)


def test_plans_that_do_not_take_the_amount_are_left_out():
    plans = [
        Plan(id="small", installments=3, max_amount=Money(399899, "CNY")),
        Plan(id="fits", installments=3, min_amount=Money(399900, "CNY"), max_amount=Money(399900, "CNY")),
        Plan(id="large", installments=3, min_amount=Money(399901, "CNY")),
        Plan(id="dollars", installments=3, max_amount=Money(10**9, "USD")),
        Plan(id="open", installments=6),
    ]
    assert [offer.plan.id for offer in quote(PRICE, plans, on=DAY)] == ["fits", "open"]


@pytest.mark.parametrize(
    ("disclosure", "expected"), [("CN", "0.1200"), ("US", "0.1200"), ("EU", "0.1268"), ("UK", "0.1268")]
)
def test_the_yearly_cost_follows_the_plans_disclosure(disclosure, expected):
    plan = Plan(id="p", installments=12, annual_rate="0.12", disclosure=disclosure)
    (offer,) = quote(Money(10**9, "EUR"), [plan], on=date(2026, 1, 15))
    assert round(offer.annual_cost, 4) == Decimal(expected)


def test_an_offer_is_json_and_says_the_same_as_its_schedule():
    plan = Plan(
        id="p",
        installments=4,
        annual_rate="0.1",
        down_payment_rate="0.25",
        up_front_fee_rate="0.01",
        period="2 weeks",
    )
    (offer,) = quote(PRICE, [plan], on=DAY)
    data = json.loads(json.dumps(offer.to_dict()))
    assert Plan.from_dict(data["plan"]) == plan
    assert Decimal(data["annual_cost"]) == offer.annual_cost
    paid = data["down_payment"]["minor"] + data["up_front_fee"]["minor"]
    assert paid + sum(row["total"] for row in data["installments"]) == data["total_payable"]["minor"]
    assert data["total_payable"]["minor"] - data["amount"]["minor"] == data["total_cost"]["minor"]
    assert data["installments"][0]["due_on"] == "2026-12-05"
    for row in data["installments"]:
        assert row["principal"] + row["interest"] + row["fee"] == row["total"]


def test_equal_inputs_give_equal_offers():
    plan = Plan(id="p", installments=4)
    assert quote(PRICE, [plan], on=DAY) == quote(PRICE, [Plan(id="p", installments=4)], on=DAY)


def test_an_amount_that_cannot_be_sold_is_refused():
    for amount in (Money(0, "CNY"), Money(-1, "CNY"), 3999.0, "3999.00", None):
        with pytest.raises(AmountError):
            quote(amount, [Plan(id="p", installments=3)], on=DAY)
