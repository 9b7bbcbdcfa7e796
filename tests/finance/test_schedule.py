"""Schedules are right to the minor unit, for every method and every term, and refuse what cannot be paid."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise

import numpy_financial
import pytest
from fenqi.finance import Money, Plan, build_schedule
from fenqi.finance.dates import due_dates, year_fraction
from fenqi.finance.errors import AmountError, DateOutOfRange, FinanceError, PlanError, ScheduleError
from fenqi.finance.rounding import divide
from hypothesis import assume, given
from hypothesis import strategies as st

from .strategies import AMOUNTS, DAYS, plans

PRICE = Money(399900, "CNY")
DAY = date(2026, 11, 21)


def built(plan, amount, on):
    try:
        return build_schedule(plan, amount, on)
    except ScheduleError:
        assume(False)


@given(plans(), AMOUNTS, DAYS)
def test_parts_sum_exactly_and_none_is_negative(plan, amount, on):
    schedule = built(plan, amount, on)
    rows = schedule.installments
    assert sum(row.principal_minor for row in rows) == schedule.principal.minor
    financed_fee = schedule.principal.minor - (amount - schedule.down_payment).minor
    assert (
        financed_fee + schedule.paid_fee.minor + sum(row.fee_minor for row in rows)
        == schedule.total_fee.minor
    )
    assert sum(row.interest_minor for row in rows) == schedule.total_interest.minor
    paid = schedule.down_payment.minor + schedule.paid_fee.minor + sum(row.total.minor for row in rows)
    assert paid == schedule.total_payable.minor
    assert schedule.total_payable - amount == schedule.total_cost
    for row in rows:
        assert min(row.principal_minor, row.interest_minor, row.fee_minor) >= 0
        assert row.total.minor >= 1
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    dues = [row.due_on for row in rows]
    assert dues == sorted(set(dues))
    assert dues[0] > on


@given(plans(methods=("equal_installments",)), AMOUNTS, DAYS)
def test_equal_installments_differ_by_one_minor_unit_at_most_besides_the_remainder(plan, amount, on):
    schedule = built(plan, amount, on)
    totals = [row.principal_minor + row.interest_minor for row in schedule.installments]
    others = totals[:-1] if plan.remainder == "last" else totals[1:]
    if others:
        regular = max(others, key=others.count)
        assert all(abs(total - regular) <= 1 for total in others), totals


@given(plans(methods=("equal_installments", "equal_principal", "interest_only")), AMOUNTS, DAYS)
def test_interest_is_each_periods_rate_on_the_balance_then_owed(plan, amount, on):
    schedule = built(plan, amount, on)
    balance, grid = schedule.principal.minor, schedule.grid
    for row, rate in zip(schedule.installments, grid.rates, strict=True):
        assert row.interest_minor == divide(balance * rate, grid.scale, plan.rounding)
        balance -= row.principal_minor
    assert balance == 0


@given(plans(methods=("equal_principal", "flat_fee")), AMOUNTS, DAYS)
def test_equal_principal_parts_are_one_amount_besides_the_remainder(plan, amount, on):
    parts = [row.principal_minor for row in built(plan, amount, on).installments]
    assert len(set(parts[:-1] if plan.remainder == "last" else parts[1:])) <= 1


@given(st.integers(2, 60), st.integers(1, 3600), AMOUNTS)
def test_the_regular_installment_is_that_of_numpy_financial(count, points, amount):
    rate = Decimal(points).scaleb(-4)
    plan = Plan(id="p", installments=count, annual_rate=rate)
    schedule = built(plan, amount, DAY)
    exact = -numpy_financial.pmt(rate / 12, count, Decimal(amount.minor))
    rounded = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert abs(schedule.installments[0].total.minor - rounded) <= (0 if amount.minor > 10**6 else 1)


def test_a_twelve_month_schedule_is_the_one_worked_by_hand():
    schedule = build_schedule(Plan(id="p12", installments=12, annual_rate="0.12"), PRICE, DAY)
    first, last = schedule.installments[0], schedule.installments[-1]
    assert (str(first.principal), str(first.interest), str(first.total)) == (
        "CNY 315.32",
        "CNY 39.99",
        "CNY 355.31",
    )
    assert (first.due_on, last.due_on) == (date(2026, 12, 21), date(2027, 11, 21))
    assert str(last.total) == "CNY 355.27"
    assert str(schedule.total_payable) == "CNY 4263.68"


def test_the_chinese_flat_fee_case_has_a_fee_and_no_interest():
    plan = Plan(id="p", installments=12, method="flat_fee", fee_rate="0.006")
    schedule = build_schedule(plan, Money.parse("12000", "CNY"), DAY)
    assert {(row.principal.minor, row.interest.minor, row.fee.minor) for row in schedule.installments} == {
        (100000, 0, 7200)
    }


def test_interest_only_repays_the_goods_at_the_end():
    plan = Plan(id="p", installments=3, method="interest_only", annual_rate="0.12")
    rows = build_schedule(plan, Money(100000, "CNY"), DAY).installments
    assert [row.total.minor for row in rows] == [1000, 1000, 101000]


def test_a_bullet_is_one_installment_with_simple_interest():
    plan = Plan(id="p", installments=6, method="bullet", annual_rate="0.075")
    (row,) = build_schedule(plan, Money(20_000_000, "EUR"), DAY).installments
    assert (row.total.minor, row.due_on, row.number) == (20_750_000, date(2027, 5, 21), 1)


def test_a_bullets_one_fee_is_spared_only_when_every_period_is_free():
    terms = {"installments": 3, "method": "bullet", "annual_rate": "0.12", "fee_rate": "0.01"}
    for free, fee in ((0, 1000), (2, 1000), (3, 0)):
        plan = Plan(id="p", interest_free_installments=free, **terms)
        assert build_schedule(plan, Money(100000, "CNY"), DAY).total_fee.minor == fee


def test_the_first_installments_can_be_free_of_interest():
    plan = Plan(id="p", installments=6, annual_rate="0.12", interest_free_installments=3)
    rows = build_schedule(plan, PRICE, DAY).installments
    assert [row.interest.minor > 0 for row in rows] == [False] * 3 + [True] * 3
    all_free = Plan(id="p", installments=6, annual_rate="0.12", interest_free_installments=6)
    assert build_schedule(all_free, PRICE, DAY).total_cost == Money(0, "CNY")


def test_a_plan_without_interest_rounds_each_installment_and_ends_lower():
    rows = build_schedule(Plan(id="p", installments=6), Money(100000, "CNY"), DAY).installments
    assert [row.total.minor for row in rows] == [16667] * 5 + [16665]


def test_the_remainder_can_come_first():
    rows = build_schedule(
        Plan(id="p", installments=6, remainder="first"), Money(100000, "CNY"), DAY
    ).installments
    assert [row.total.minor for row in rows] == [16665] + [16667] * 5


def test_down_payment_and_up_front_fee_are_taken_as_the_plan_says():
    terms = {"installments": 4, "down_payment_rate": "0.25", "up_front_fee_rate": "0.02"}
    paid = build_schedule(Plan(id="p", up_front_fee="paid", **terms), Money(100000, "EUR"), DAY)
    assert (paid.down_payment.minor, paid.paid_fee.minor, paid.principal.minor) == (25000, 1500, 75000)
    financed = build_schedule(Plan(id="p", up_front_fee="financed", **terms), Money(100000, "EUR"), DAY)
    assert (financed.paid_fee.minor, financed.principal.minor) == (0, 76500)
    assert paid.total_payable == financed.total_payable == Money(101500, "EUR")


def test_a_deferred_first_due_date_bears_interest_for_its_days():
    plan = Plan(id="p", installments=2, method="interest_only", annual_rate="0.12", first_due_after="45 days")
    rows = build_schedule(plan, Money(100000, "CNY"), date(2026, 1, 1)).installments
    assert [(row.due_on, row.interest.minor) for row in rows] == [
        (date(2026, 2, 15), 1467),  # 44 days of 30/360, from 1 January to 15 February
        (date(2026, 3, 15), 1000),
    ]


@pytest.mark.parametrize(
    ("day_count", "interest"),
    [("30/360", 1000), ("actual/360", 1033), ("actual/365", 1019), ("actual/actual", 1016)],
)
def test_the_day_count_sets_the_interest_of_a_long_month(day_count, interest):
    plan = Plan(id="p", installments=2, method="interest_only", annual_rate="0.12", day_count=day_count)
    rows = build_schedule(plan, Money(100000, "CNY"), date(2024, 1, 1)).installments
    assert rows[0].interest.minor == interest


def test_rolling_a_due_date_changes_no_amount():
    weekend = lambda day: day.weekday() > 4  # noqa: E731
    terms = {"installments": 6, "annual_rate": "0.12", "day_count": "actual/365"}
    plain = build_schedule(Plan(id="p", **terms), PRICE, date(2026, 10, 31))
    rolled = build_schedule(
        Plan(id="p", holiday_roll="following", **terms), PRICE, date(2026, 10, 31), is_holiday=weekend
    )
    assert [row.total for row in plain.installments] == [row.total for row in rolled.installments]
    assert not any(map(weekend, rolled.due_dates))
    assert any(map(weekend, plain.due_dates))
    with pytest.raises(PlanError, match="is_holiday"):
        build_schedule(Plan(id="p", holiday_roll="following", **terms), PRICE, DAY)


def test_a_subsidy_lowers_the_consumers_rate_and_is_shared_exactly():
    full = Plan(id="p", installments=12, annual_rate="0.12")
    shared = Plan(
        id="p",
        installments=12,
        annual_rate="0.12",
        subsidy_bps={"merchant": 2500, "brand": 1500, "lender": 1000},
    )
    schedule = build_schedule(shared, PRICE, DAY)
    half = build_schedule(full.priced(annual_rate="0.06"), PRICE, DAY)
    assert [row.total for row in schedule.installments] == [row.total for row in half.installments]
    spared = build_schedule(full, PRICE, DAY).total_interest - schedule.total_interest
    assert sum(part.minor for part in schedule.subsidies.values()) == spared.minor > 0
    assert list(schedule.subsidies) == ["merchant", "brand", "lender"]
    free = build_schedule(Plan(id="p", installments=12, annual_rate="0.12", subsidy_bps=10000), PRICE, DAY)
    assert free.total_cost.minor == 0
    assert free.subsidies == {"merchant": build_schedule(full, PRICE, DAY).total_interest}


@given(st.integers(1, 400), plans(down_payment_rate="0"))
def test_a_tiny_amount_gives_a_sound_schedule_or_a_typed_refusal(minor, plan):
    try:
        schedule = build_schedule(plan, Money(minor, "JPY"), DAY)
    except ScheduleError as refused:
        assert refused.field == "amount"
        assert refused.allowed
    else:
        assert all(row.total.minor >= 1 and row.principal_minor >= 0 for row in schedule.installments)
        assert sum(row.principal_minor for row in schedule.installments) == schedule.principal.minor


@given(st.integers(2, 60), st.integers(0, 40))
def test_an_amount_of_one_minor_unit_an_installment_can_always_be_split(count, more):
    rows = build_schedule(Plan(id="p", installments=count), Money(count + more, "JPY"), DAY).installments
    assert min(row.total.minor for row in rows) >= 1


def test_an_installment_that_would_not_cover_its_interest_is_refused():
    plan = Plan(id="p", installments=60, annual_rate="0.36", first_due_after="24 months")
    with pytest.raises(ScheduleError, match="interest"):
        build_schedule(plan, PRICE, DAY)


@pytest.mark.parametrize("amount", [Money(0, "CNY"), Money(-1, "CNY"), 100, None, 10.0])
def test_an_amount_that_is_not_positive_money_is_refused(amount):
    with pytest.raises(AmountError):
        build_schedule(Plan(id="p", installments=3), amount, DAY)


def test_installments_behave_as_a_tuple_of_them():
    made = build_schedule(Plan(id="p", installments=3, annual_rate="0.12"), PRICE, DAY).installments
    again = build_schedule(Plan(id="p", installments=3, annual_rate="0.12"), PRICE, DAY).installments
    rows = tuple(made)
    assert (len(made), made[0], made[-1], made[1:]) == (3, rows[0], rows[2], rows[1:])
    assert made == again == rows
    assert made != rows[:2]
    assert made != list(rows)
    assert hash(made) == hash(rows)
    assert repr(made) == repr(rows)
    assert list(reversed(made)) == list(rows[::-1])
    assert rows[1] in made
    with pytest.raises(IndexError):
        made[3]


def test_totals_beyond_the_bound_are_refused():
    plan = Plan(id="p", installments=12, annual_rate="0.12")
    with pytest.raises(AmountError, match="10\\^15"):
        build_schedule(plan, Money(10**15, "CNY"), DAY)


@pytest.mark.parametrize("on", [date(1899, 12, 31), date(2201, 1, 1), date(2200, 6, 1), "2026-01-01", None])
def test_a_day_out_of_range_is_refused(on):
    with pytest.raises(DateOutOfRange):
        build_schedule(Plan(id="p", installments=12), PRICE, on)


@pytest.mark.parametrize("count", [1, 2])
def test_a_schedule_may_end_in_the_last_month_there_is(count):
    """Plans of one table share a row of due dates; its later ones may lie out of range without harm."""
    rows = build_schedule(Plan(id="p", installments=count), PRICE, date(2200, 10, 15)).installments
    assert rows[-1].due_on == date(2200, 10 + count, 15)


@pytest.mark.parametrize("day_count", ["30/360", "actual/365"])
def test_plans_of_one_table_have_the_dates_and_rates_that_each_has_alone(day_count):
    on = date(2026, 1, 31)
    for count in (3, 12, 13, 24, 61):
        plan = Plan(id="p", installments=count, annual_rate="0.12", day_count=day_count)
        grid = build_schedule(plan, PRICE, on).grid
        assert list(grid.due_dates) == due_dates(on, plan.parsed_period, count)
        bounds = [on, *grid.due_dates]
        spans = [
            Fraction(1, 12) if day_count == "30/360" else year_fraction(start, end, day_count)
            for start, end in pairwise(bounds)
        ]
        assert [Fraction(rate, grid.scale) for rate in grid.rates] == [
            Fraction(12, 100) * span for span in spans
        ]


@given(plans(methods=("equal_installments",)), AMOUNTS, DAYS)
def test_the_annuity_prices_the_debt_to_zero(plan, amount, on):
    """The exact equal payment, discounted at each period's rate, is worth what was financed."""
    assume(plan.installments <= 18)
    try:
        grid = build_schedule(plan, amount, on).grid
    except FinanceError:
        assume(False)
    worth, factor = Fraction(0), Fraction(1)
    for rate in grid.rates:
        factor /= 1 + Fraction(rate, grid.scale)
        worth += Fraction(*grid.annuity) * factor
    assert worth == 1
