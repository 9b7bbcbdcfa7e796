"""A plan is validated when it is made, names what it refuses, and survives the wire."""

import pickle
from decimal import Decimal

import pytest
from fenqi.finance import Money, Plan
from fenqi.finance.errors import FinanceError, PlanError, RateError
from hypothesis import given

from .strategies import plans


@given(plans())
def test_a_plan_survives_the_wire(plan):
    import json

    data = json.loads(json.dumps(plan.to_dict()))
    again = Plan.from_dict(data)
    assert again == plan
    assert hash(again) == hash(plan)
    assert again.to_dict() == data


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("id", ""),
        ("id", 5),
        ("installments", 0),
        ("installments", -3),
        ("installments", 601),
        ("installments", 12.0),
        ("installments", True),
        ("method", "balloon"),
        ("annual_rate", 0.12),
        ("annual_rate", "-0.12"),
        ("annual_rate", "12%"),
        ("annual_rate", "NaN"),
        ("annual_rate", Decimal("NaN")),
        ("annual_rate", "1.01"),
        ("annual_rate", True),
        ("annual_rate", None),
        ("annual_rate", "0.1234567890123"),
        ("fee_rate", 0.006),
        ("fee_rate", "0.3"),
        ("down_payment_rate", "1"),
        ("up_front_fee_rate", "0.6"),
        ("early_settlement_fee_rate", "0.06"),
        ("early_settlement_fee_rate", 0.01),
        ("penalty_annual_rate", "1.01"),
        ("penalty_annual_rate", 0.18),
        ("rate_cap", "101"),
        ("period", "fortnight"),
        ("first_due_after", "0 days"),
        ("interest_free_installments", 13),
        ("interest_free_installments", -1),
        ("installment_fee_minor", -1),
        ("subsidy_bps", 10001),
        ("subsidy_bps", {"bank": 1}),
        ("subsidy_bps", {"merchant": 6000, "brand": 5000}),
        ("subsidy_bps", {"merchant": 0.5}),
        ("subsidy_bps", 0.5),
        ("cash_back_bps", -1),
        ("cash_back_bps", {"bank": 1}),
        ("cash_back_bps", {"merchant": 6000, "lender": 5000}),
        ("day_count", "actual/364"),
        ("rounding", "up"),
        ("remainder", "middle"),
        ("up_front_fee", "later"),
        ("holiday_roll", "maybe"),
        ("disclosure", "FR"),
        ("name", None),
        ("min_amount", 100),
        ("max_amount", Money(-1, "CNY")),
        ("method", ["bullet"]),
    ],
)
def test_a_bad_term_is_refused_by_name_with_what_is_allowed(field, bad):
    with pytest.raises(PlanError) as refused:
        Plan(**{"id": "p12", "installments": 12, field: bad})
    assert refused.value.field == field
    assert refused.value.allowed
    assert field in str(refused.value)


def test_a_rate_over_the_plans_own_cap_is_refused():
    assert Plan(id="p", installments=3, annual_rate="0.24", rate_cap="0.24").annual_rate == Decimal("0.24")
    with pytest.raises(RateError, match=r"0\.24"):
        Plan(id="p", installments=3, annual_rate="0.240001", rate_cap="0.24")


def test_a_flat_fee_plan_bears_no_annual_rate():
    with pytest.raises(PlanError, match="annual_rate"):
        Plan(id="p", installments=3, method="flat_fee", annual_rate="0.1")


def test_limits_must_be_ordered_and_of_one_currency():
    with pytest.raises(PlanError, match="min_amount"):
        Plan(id="p", installments=3, min_amount=Money(2, "CNY"), max_amount=Money(1, "CNY"))
    with pytest.raises(PlanError, match="currency"):
        Plan(id="p", installments=3, min_amount=Money(1, "CNY"), max_amount=Money(2, "USD"))


def test_unknown_and_missing_terms_on_the_wire_are_refused():
    with pytest.raises(PlanError, match="colour"):
        Plan.from_dict({"id": "p", "installments": 3, "colour": "red"})
    with pytest.raises(PlanError, match="installments"):
        Plan.from_dict({"id": "p"})
    with pytest.raises(FinanceError):
        Plan.from_dict({"id": "p", "installments": 3, "min_amount": {"minor": 1.5, "currency": "CNY"}})
    with pytest.raises(PlanError, match="min_amount"):
        Plan.from_dict({"id": "p", "installments": 3, "min_amount": {"minor": 1}})
    with pytest.raises(PlanError):
        Plan.from_dict("plan")


def test_repricing_changes_the_rate_and_nothing_else():
    plan = Plan(id="p", installments=3, annual_rate="0.12", first_due_after="45 days")
    dearer = plan.priced(annual_rate="0.18")
    assert dearer.annual_rate == Decimal("0.18")
    assert dearer.priced(annual_rate="0.12") == plan
    with pytest.raises(RateError):
        plan.priced(annual_rate="2")


def test_a_plan_cannot_be_changed():
    plan = Plan(id="p", installments=3)
    with pytest.raises(AttributeError):
        plan.installments = 4
    with pytest.raises(AttributeError):
        del plan.installments
    assert pickle.loads(pickle.dumps(plan)) == plan
