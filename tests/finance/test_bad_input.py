"""What must be refused, case by case: each refusal is typed and names the field and the allowed range."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from fenqi.finance import Money, Plan, apr, build_schedule
from fenqi.finance.errors import (
    AmountError,
    CurrencyMismatch,
    DateOutOfRange,
    FinanceError,
    FlowError,
    PlanError,
    RateError,
    ScheduleError,
)
from fenqi.finance.recomputation import recompute
from fenqi.finance.repayment import apply_payment, owed, payoff
from fenqi.offers import quote

DAY = date(2026, 11, 21)
PRICE = Money(399900, "CNY")
PLAN = Plan(id="p", installments=12, annual_rate="0.12")
SCHEDULE = build_schedule(PLAN, PRICE, DAY)
FREE = Fraction(0)


def plan(**terms):
    return Plan(**{"id": "p", "installments": 12, **terms})


CASES = {
    "no installments": (lambda: plan(installments=0), PlanError, "installments"),
    "negative installments": (lambda: plan(installments=-1), PlanError, "installments"),
    "too many installments": (lambda: plan(installments=601), PlanError, "installments"),
    "a period of no length": (lambda: plan(period="0 weeks"), PlanError, "period"),
    "a negative period": (lambda: plan(period="-1 month"), PlanError, "period"),
    "no periods in a year": (lambda: apr.irr([(PRICE, 0), (-PRICE, 1)], 0), FlowError, "periods_per_year"),
    "no word of the periods in a year": (
        lambda: apr.irr([(PRICE, 0), (-PRICE, 1)]),
        FlowError,
        "periods_per_year",
    ),
    "negative unit-periods": (
        lambda: apr.reg_z([(PRICE, 0, FREE)], [(PRICE, -1, FREE)], 12),
        FlowError,
        "full_unit_periods",
    ),
    "a rate over its cap": (lambda: plan(annual_rate="0.25", rate_cap="0.24"), RateError, "annual_rate"),
    "a cap over every cap": (lambda: plan(rate_cap="101"), RateError, "rate_cap"),
    "a fee rate over its cap": (lambda: plan(fee_rate="0.21"), RateError, "fee_rate"),
    "a negative rate": (lambda: plan(annual_rate="-0.01"), RateError, "annual_rate"),
    "a yearly cost over a cap": (
        lambda: quote(PRICE, [PLAN], on=DAY)[0].require_cost_within("0.1"),
        RateError,
        "annual_cost",
    ),
    "a part below zero": (
        lambda: build_schedule(
            plan(installments=60, annual_rate="0.36", first_due_after="24 months"), PRICE, DAY
        ),
        ScheduleError,
        "amount",
    ),
    "an installment below one minor unit": (
        lambda: build_schedule(PLAN, Money(11, "CNY"), DAY),
        ScheduleError,
        "amount",
    ),
    "nothing left to finance": (
        lambda: build_schedule(plan(down_payment_rate="0.99"), Money(1, "CNY"), DAY),
        ScheduleError,
        "amount",
    ),
    "no amount": (lambda: build_schedule(PLAN, Money(0, "CNY"), DAY), AmountError, "amount"),
    "a negative amount": (lambda: build_schedule(PLAN, Money(-1, "CNY"), DAY), AmountError, "amount"),
    "an amount beyond 10^15": (lambda: Money(10**15 + 1, "CNY"), AmountError, "amount"),
    "a text beyond 10^15": (lambda: Money.parse("10000000000000.01", "CNY"), AmountError, "amount"),
    "a sum beyond 10^15": (lambda: Money(10**15, "CNY") + Money(1, "CNY"), AmountError, "amount"),
    "a total beyond 10^15": (lambda: build_schedule(PLAN, Money(10**15, "CNY"), DAY), AmountError, "amount"),
    "a day before 1900": (lambda: build_schedule(PLAN, PRICE, date(1899, 12, 31)), DateOutOfRange, "on"),
    "a day after 2200": (lambda: build_schedule(PLAN, PRICE, date(2201, 1, 1)), DateOutOfRange, "on"),
    "a due date after 2200": (lambda: build_schedule(PLAN, PRICE, date(2200, 6, 1)), DateOutOfRange, "on"),
    "a point in time for a day": (
        lambda: build_schedule(PLAN, PRICE, datetime(2026, 1, 1, tzinfo=UTC)),
        DateOutOfRange,
        "on",
    ),
    "a due day before the start": (
        lambda: apr.unit_periods(date(2026, 2, 1), date(2026, 1, 1), "month"),
        DateOutOfRange,
        "due",
    ),
    "a pay-off before the purchase": (
        lambda: payoff(SCHEDULE, owed(SCHEDULE), date(2026, 11, 20)),
        FinanceError,
        "on",
    ),
    "two currencies in a sum": (lambda: PRICE + Money(1, "USD"), CurrencyMismatch, "currency"),
    "two currencies compared": (lambda: Money(1, "USD") > PRICE, CurrencyMismatch, "currency"),
    "two currencies in flows": (
        lambda: apr.eu_aprc([(PRICE, 0)], [(Money(1, "USD"), 1)]),
        CurrencyMismatch,
        "flows",
    ),
    "two currencies in limits": (
        lambda: plan(min_amount=PRICE, max_amount=Money(10**9, "USD")),
        PlanError,
        "min_amount",
    ),
    "a payment in another currency": (
        lambda: apply_payment(owed(SCHEDULE), Money(1, "USD")),
        CurrencyMismatch,
        "rows",
    ),
    "a refund in another currency": (
        lambda: recompute(SCHEDULE, owed(SCHEDULE), Money(1, "USD"), "equal", DAY),
        CurrencyMismatch,
        "rows",
    ),
    "a float for money": (lambda: Money(39.99, "CNY"), AmountError, "amount"),
    "a float for money in major units": (lambda: Money.parse(39.99, "CNY"), AmountError, "amount"),
    "a float for a price": (lambda: quote(3999.0, [PLAN], on=DAY), AmountError, "amount"),
    "money times a float": (lambda: PRICE * 0.5, AmountError, "factor"),
    "a float for a weight": (lambda: PRICE.allocate([0.5, 0.5]), AmountError, "weights"),
    "a float for a rate": (lambda: plan(annual_rate=0.12), RateError, "annual_rate"),
    "a float for a count": (lambda: plan(installments=12.0), PlanError, "installments"),
    "a float for a share": (lambda: plan(subsidy_bps=0.5), PlanError, "subsidy_bps"),
    "a float for a time": (lambda: apr.eu_aprc([(PRICE, 0.0)], [(PRICE, 1)]), FlowError, "years"),
    "a float for a fraction": (
        lambda: apr.reg_z([(PRICE, 0, 0.5)], [(PRICE, 1, FREE)], 12),
        FlowError,
        "fraction",
    ),
    "a float for a frequency": (
        lambda: apr.irr([(PRICE, 0), (-PRICE, 1)], 12.0),
        FlowError,
        "periods_per_year",
    ),
    "a float for a nominal rate": (lambda: apr.effective(0.12, 12), FlowError, "nominal"),
    "a number that is none": (lambda: apr.irr([(PRICE, Decimal("NaN"))], 12), FlowError, "period"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_input_is_refused_with_its_field_and_what_is_allowed(case):
    call, kind, field = CASES[case]
    with pytest.raises(kind) as refused:
        call()
    assert isinstance(refused.value, FinanceError)
    assert refused.value.field == field
    assert refused.value.code
    assert field in str(refused.value)
    assert refused.value.allowed
