"""Yearly rates agree with the law's own examples, with other people's code, and with themselves."""

from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy_financial
import pytest
import pyxirr
from fenqi.finance import FinanceError, Money, Plan, apr, build_schedule, regulation_z
from fenqi.finance.errors import CurrencyMismatch, DateOutOfRange, FlowError, NoSolution, SeveralSolutions
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from .published import cases, flows
from .strategies import AMOUNTS, DAYS, plans

ZERO = Fraction(0)


def usd(text):
    return Money.parse(text, "USD")


def level(amount, count, full=1, fraction=ZERO):
    return [(usd(amount), full + index, fraction) for index in range(count)]


@pytest.mark.parametrize(
    ("section", "advances", "payments", "per_year", "percent"),
    [
        ("(c)(1)(i)", [(usd("5000"), 0, ZERO)], level("230", 24), 12, "9.69"),
        ("(c)(1)(ii)", [(usd("6000"), 0, ZERO)], level("200", 36, 1, Fraction(19, 30)), 12, "11.82"),
        ("(c)(1)(iii)", [(usd("5000"), 0, ZERO)], level("219.17", 24, 0, Fraction(6, 15)), 24, "10.34"),
        ("(c)(1)(iv)", [(usd("10000"), 0, ZERO)], level("385", 40, 1, Fraction(39, 90)), 4, "8.97"),
        ("(c)(1)(v)", [(usd("500"), 0, ZERO)], level("17.60", 30, 4, Fraction(4, 7)), 52, "14.96"),
        ("(c)(3)(i)", [(usd("5000"), 0, ZERO)], [*level("230", 23), (usd("280"), 24, ZERO)], 12, "10.50"),
        ("(c)(5)(i)", [(usd("1000"), 0, ZERO)], [(usd("1080"), 1, ZERO)], Fraction(73, 51), "11.45"),
    ],
)
def test_regulation_z_examples_come_out_as_printed(section, advances, payments, per_year, percent):
    """12 CFR 1026 Appendix J, section (c)."""
    rate = apr.reg_z(advances, payments, per_year)
    assert abs(rate * 100 - Decimal(percent)) <= Decimal("0.005"), section


def test_every_published_regulation_z_case_comes_out():
    for case in cases("apr/regz_appendix_j.json"):
        sides = []
        for side in ("advances", "payments"):
            sides.append(
                [
                    (usd(item["amount"]), item["full_unit_periods"] + index, Fraction(item["fraction"]))
                    for item in case[side]
                    for index in range(item["count"])
                ]
            )
        rate = apr.reg_z(*sides, Fraction(case["unit_periods_per_year"])) * 100
        assert abs(rate - Decimal(case["expected_apr_pct"])) <= Decimal(case["tolerance_pp"]), case["id"]
        assert abs(rate - Decimal(case["recomputed_pct"])) <= Decimal("0.000001"), case["id"]


@pytest.mark.parametrize("name", ["apr/eu_aprc_commission_examples.json", "apr/effective_and_irr_misc.json"])
def test_every_published_effective_and_nominal_case_comes_out(name):
    for case in cases(name):
        timed = list(flows(case))
        if case.get("rate_kind", "").startswith("nominal"):
            signed = [(amount if kind == "drawdown" else -amount, time * 12) for kind, amount, time in timed]
            rate = apr.irr(signed, 12)
        else:
            sides = [[(a, t) for kind, a, t in timed if kind == side] for side in ("drawdown", "payment")]
            rate = apr.eu_aprc(*sides)
        assert abs(rate * 100 - Decimal(case["expected_apr_pct"])) <= Decimal(case["tolerance_pp"]), case[
            "id"
        ]
        assert abs(rate * 100 - Decimal(case["recomputed_pct"])) <= Decimal("0.000001"), case["id"]


def test_twelve_times_six_per_mille_is_thirteen_percent_a_year():
    plan = Plan(id="p", installments=12, method="flat_fee", fee_rate="0.006")
    schedule = build_schedule(plan, Money.parse("12000", "CNY"), date(2026, 11, 21))
    assert round(apr.of_schedule(schedule, "cn_irr") * 100, 2) == Decimal("13.03")


@pytest.mark.parametrize(
    ("start", "due", "unit", "expected"),
    [
        ("1978-01-10", "1978-02-10", "month", (1, ZERO)),
        ("1978-02-10", "1978-04-01", "month", (1, Fraction(19, 30))),
        ("1978-02-23", "1978-03-15", "month", (0, Fraction(20, 30))),
        ("1978-02-23", "1978-03-01", "half_month", (0, Fraction(6, 15))),
        ("1978-05-23", "1978-10-01", "3 months", (1, Fraction(39, 90))),
        ("1978-03-20", "1978-04-21", "week", (4, Fraction(4, 7))),
        ("1978-03-20", "1978-04-21", "2 weeks", (2, Fraction(2, 7))),
        ("1978-03-20", "1978-04-21", "day", (32, ZERO)),
        ("1978-01-15", "1980-04-15", "year", (2, Fraction(3, 12))),
        ("1978-01-15", "1980-04-20", "year", (2, Fraction(95, 365))),
        ("1978-01-31", "1978-02-28", "month", (1, ZERO)),
        ("1978-01-31", "1978-04-30", "month", (3, ZERO)),
        ("1978-01-10", "1978-01-10", "month", (0, ZERO)),
    ],
)
def test_unit_periods_are_counted_back_from_the_later_date(start, due, unit, expected):
    """12 CFR 1026 Appendix J (b)(5)."""
    assert apr.unit_periods(date.fromisoformat(start), date.fromisoformat(due), unit) == expected


def test_years_for_the_eu_rate_agree_with_the_commissions_guidelines():
    checked = 0
    for case in cases("calendar/day_count.json"):
        if not case["convention"].startswith("EU APR"):
            continue
        expected = case["expected"]
        years = Fraction(expected["periods"], {"month": 12, "year": 1}[case["unit"]])
        years += Fraction(expected["days"], expected["year_days"])
        start, end = date.fromisoformat(case["start"]), date.fromisoformat(case["end"])
        assert apr.eu_years(start, end, case["unit"]) == years, case
        assert apr.eu_years(end, start, case["unit"]) == -years
        checked += 1
    assert checked == 14


def test_a_charge_before_the_drawdown_counts_at_its_negative_time():
    late = apr.eu_aprc([(usd("1000"), 0)], [(usd("20"), 0), (usd("1100"), 1)])
    early = apr.eu_aprc([(usd("1000"), 0)], [(usd("20"), Fraction(-30, 365)), (usd("1100"), 1)])
    assert late < early
    worth = 1100 / (1 + early) + 20 * (1 + early) ** (Decimal(30) / 365)
    assert abs(worth - 1000) < Decimal("1e-9")


@given(plans(), AMOUNTS, DAYS, st.sampled_from(apr.RULES))
def test_the_rate_prices_the_flows_to_zero(plan, amount, on, rule):
    """Discounted at the rate, what is paid is worth what was received, within 1e-9 of it."""
    try:
        schedule = build_schedule(plan, amount, on)
        rate = apr.of_schedule(schedule, rule)
    except FinanceError:
        assume(False)
    assume(rule != "reg_z" or len(schedule.installments) > 1)
    received = Decimal((amount - schedule.down_payment - schedule.paid_fee).minor)
    period, first = plan.parsed_period, schedule.grid.first_period
    per_year = Decimal(period.per_year.numerator) / Decimal(period.per_year.denominator)
    with localcontext(prec=50):
        worth = Decimal(0)
        for row in schedule.installments:
            if rule == "cn_irr":
                index = first + row.number - 1 + plan.installments - len(schedule.installments)
                growth = (1 + rate / per_year) ** (Decimal(index.numerator) / Decimal(index.denominator))
            elif rule == "eu_aprc":
                years = apr.eu_years(on, row.due_on, plan.period)
                growth = (1 + rate) ** (Decimal(years.numerator) / Decimal(years.denominator))
            else:
                full, part = apr.unit_periods(on, row.due_on, plan.period)
                unit = rate / per_year
                growth = (1 + unit * part.numerator / part.denominator) * (1 + unit) ** full
            worth += row.total.minor / growth
        assert abs(worth - received) <= received * Decimal("1e-9")


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [("2026-01-15", 6, "0.12"), ("2026-01-15", 12, "0.12"), ("2026-01-15", 24, "0.113552873")],
)
def test_one_payment_is_rated_over_its_own_term_of_at_most_a_year(start, months, expected):
    """12 CFR 1026 Appendix J (b)(4)(ii): 12 % simple interest; over two years 1.24 = (1 + i)^2."""
    plan = Plan(id="p", installments=months, method="bullet", annual_rate="0.12", disclosure="US")
    schedule = build_schedule(plan, usd("10000"), date.fromisoformat(start))
    assert abs(apr.of_schedule(schedule) - Decimal(expected)) < Decimal("1e-9")


def test_one_payment_after_days_is_rated_by_365_over_them():
    plan = Plan(
        id="p",
        installments=1,
        method="bullet",
        annual_rate="0.12",
        first_due_after="45 days",
        day_count="actual/365",
    )
    schedule = build_schedule(plan, Money(10**12, "USD"), date(2026, 1, 15))
    assert abs(apr.of_schedule(schedule, "reg_z") - Decimal("0.12")) < Decimal("1e-9")


@given(plans(methods=("equal_installments",), period="month", disclosure="CN"), AMOUNTS)
def test_the_short_cut_for_level_installments_equals_the_general_solver(plan, amount):
    try:
        schedule = build_schedule(plan, amount, date(2026, 1, 31))
        quick = apr.of_schedule(schedule, "cn_irr")
    except FinanceError:
        assume(False)
    received = amount - schedule.down_payment - schedule.paid_fee
    general = apr.irr([(received, 0)] + [(-row.total, row.number) for row in schedule.installments], 12)
    assert abs(quick - general) <= Decimal("2e-14")


@given(plans(period="month"), AMOUNTS)
def test_nominal_rates_agree_with_pyxirr_and_numpy_financial(plan, amount):
    assume(plan.method != "bullet")
    try:
        schedule = build_schedule(plan, amount, date(2026, 1, 31))
        ours = apr.of_schedule(schedule, "cn_irr")
    except FinanceError:
        assume(False)
    received = amount - schedule.down_payment - schedule.paid_fee
    series = [float(received.minor)] + [-float(row.total.minor) for row in schedule.installments]
    oracle = pyxirr.irr(series)
    assume(oracle is not None)
    assert abs(oracle * 12 - float(ours)) < 1e-7
    if plan.installments <= 12:
        assert abs(numpy_financial.irr(series) * 12 - float(ours)) < 1e-6


@given(
    st.dictionaries(st.integers(60, 3000), st.integers(1000, 10**9), min_size=1, max_size=20),
    st.integers(40, 110),
)
def test_effective_rates_on_dates_agree_with_pyxirr(paid, percent_received):
    received = Money(max(1, sum(paid.values()) * percent_received // 100), "CNY")
    start = date(2020, 1, 1)
    payments = [(Money(minor, "CNY"), Fraction(day, 365)) for day, minor in paid.items()]
    days = [start] + [date.fromordinal(start.toordinal() + day) for day in paid]
    oracle = pyxirr.xirr(days, [-float(received.minor)] + [float(minor) for minor in paid.values()])
    ours = apr.eu_aprc([(received, 0)], payments)
    assume(oracle is not None and oracle < 1000)
    assert abs(oracle - float(ours)) < 1e-6 * max(1.0, abs(oracle))


@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.integers(0, 60), st.integers(0, 29)), min_size=1, max_size=8
    ),
    st.integers(40, 99),
)
@settings(max_examples=25)
def test_one_advance_by_regulation_z_gives_what_the_full_search_finds(payments, percent_received):
    """The quick way for one advance agrees with the search over every rate from -99 % up."""
    paid = {}
    for amount, full, day in payments:
        if full or day:
            paid[full, Fraction(day, 30)] = paid.get((full, Fraction(day, 30)), 0) + amount
    assume(paid)
    flows = [(max(1, sum(paid.values()) * percent_received // 100), 0, ZERO)]
    flows += [(-paid[time], *time) for time in sorted(paid)]
    assume(flows[0][0] < sum(paid.values()))
    quick = regulation_z.solve_unit_rate(flows)
    assume(quick < 10**5)
    searched = regulation_z._bracketed(flows)
    assert abs(quick - searched) < Fraction(1, 10**18) * max(1, searched)


@pytest.mark.parametrize("rule", apr.RULES)
@pytest.mark.parametrize(
    "terms",
    [
        {"installments": 12},
        {"installments": 24, "method": "equal_principal"},
        {"installments": 4, "period": "2 weeks"},
        {"installments": 9, "first_due_after": "45 days"},
        {"installments": 8, "period": "half_month"},
    ],
)
def test_a_schedules_rate_is_that_of_its_flows_given_one_by_one(terms, rule):
    """The short cuts for schedules and the public functions on plain flows agree."""
    plan = Plan(id="p", annual_rate="0.18", **terms)
    schedule = build_schedule(plan, usd("3999"), date(2026, 1, 31))
    rows, on = schedule.installments, date(2026, 1, 31)
    if rule == "eu_aprc":
        paid = [(row.total, apr.eu_years(on, row.due_on, plan.period)) for row in rows]
        general = apr.eu_aprc([(usd("3999"), 0)], paid)
    elif rule == "reg_z":
        paid = [(row.total, *apr.unit_periods(on, row.due_on, plan.period)) for row in rows]
        general = apr.reg_z([(usd("3999"), 0, ZERO)], paid, plan.parsed_period.per_year)
    else:
        first = schedule.grid.first_period + plan.installments - len(rows)
        paid = [(-row.total, first + index) for index, row in enumerate(rows)]
        general = apr.irr([(usd("3999"), 0), *paid], plan.parsed_period.per_year)
    assert abs(apr.of_schedule(schedule, rule) - general) < Decimal("1e-13")
    direct = {"cn_irr": apr.irr, "reg_z": apr.reg_z, "eu_aprc": apr.eu_aprc}[rule]
    assert direct(schedule) == apr.of_schedule(schedule, rule)


def test_a_free_loan_costs_nothing_and_a_gift_has_a_negative_rate():
    assert apr.irr([(usd("1200"), 0)] + [(usd("-100"), k) for k in range(1, 13)], 12) == 0
    assert apr.eu_aprc([(usd("100"), 0)], [(usd("90"), 1)]) == Decimal("-0.1")


def test_very_high_rates_are_found():
    """100 repaid as 125 after 31 days of a 365.25-day year; FCA MCOB 10.3 prints 1286.2 %."""
    rate = apr.eu_aprc([(usd("100"), 0)], [(usd("125"), Fraction(124, 1461))])
    assert round(rate * 100, 1) == Decimal("1286.2")
    assert apr.eu_aprc([(usd("1"), 0)], [(usd("10000"), Fraction(1, 2))]) == Decimal("99999999")


@pytest.mark.parametrize(
    "series", [["1000"], ["1000", "1000"], ["-5", "-5"], [], ["1000", "-3000", "2500"], ["0", "0"]]
)
def test_flows_that_no_rate_fits_say_so(series):
    with pytest.raises(NoSolution, match="no"):
        apr.irr([(usd(amount), index) for index, amount in enumerate(series)], 12)


def test_flows_that_several_rates_fit_say_which():
    """The pump of Lorie and Savage: 25 % and 400 %."""
    with pytest.raises(SeveralSolutions) as refused:
        apr.irr([(usd("1600"), 0), (usd("-10000"), 1), (usd("10000"), 2)], 1)
    assert [round(Decimal(rate), 6) for rate in refused.value.solutions] == [Decimal(4), Decimal("0.25")]
    assert "several" in str(refused.value)
    with pytest.raises(SeveralSolutions):
        apr.reg_z(
            [(usd("1600"), 0, ZERO), (usd("10000"), 2, Fraction(1, 30))],
            [(usd("10000"), 1, Fraction(1, 30))],
            1,
        )


def test_a_double_solution_is_one_solution():
    """1 - 2v/1.1 ... : both roots fall on 10 %."""
    assert abs(apr.irr([(usd("100"), 0), (usd("-220"), 1), (usd("121"), 2)], 1) - Decimal("0.1")) < Decimal(
        "1e-8"
    )


def test_advances_between_payments_still_have_their_one_rate():
    mixed = [(usd("1000"), 0), (usd("-200"), 1), (usd("1000"), 2), (usd("-2000"), 12)]
    rate = apr.irr(mixed, 12)
    series = [0.0] * 13
    for amount, index in mixed:
        series[index] = float(amount.minor)
    assert abs(pyxirr.irr(series) * 12 - float(rate)) < 1e-9


def test_several_advances_come_out_by_regulation_z_too():
    advances = [(usd("1000"), 0, ZERO), (usd("1000"), 6, ZERO), (usd("1000"), 12, Fraction(1, 2))]
    payments = level("240", 24, 13, Fraction(1, 2))
    rate = apr.reg_z(advances, payments, 12) / 12
    with localcontext(prec=40):
        half = 1 + rate / 2
        worth = sum(
            (Decimal(a.minor) / ((half if f else 1) * (1 + rate) ** t) for a, t, f in advances), Decimal(0)
        )
        paid = sum((Decimal(a.minor) / (half * (1 + rate) ** t) for a, t, f in payments), Decimal(0))
        assert abs(worth - paid) < Decimal("1e-7")


@pytest.mark.parametrize(
    "call",
    [
        lambda: apr.irr([(usd("100"), 0.0), (usd("-110"), 1)], 12),
        lambda: apr.irr([(usd("100"), 0), (usd("-110"), 1)], 12.0),
        lambda: apr.irr([(usd("100"), 0), (usd("-110"), 1)], 0),
        lambda: apr.irr([(100, 0), (-110, 1)], 12),
        lambda: apr.irr([usd("100")], 12),
        lambda: apr.irr([(usd("100"), Decimal("NaN"))], 12),
        lambda: apr.eu_aprc([(usd("-100"), 0)], [(usd("110"), 1)]),
        lambda: apr.eu_aprc([(usd("100"), 0.5)], [(usd("110"), 1)]),
        lambda: apr.reg_z([(usd("100"), 0, 0.5)], [(usd("110"), 1, ZERO)], 12),
        lambda: apr.reg_z([(usd("100"), 0, ZERO)], [(usd("110"), 1, Fraction(1))], 12),
        lambda: apr.reg_z([(usd("100"), 0, ZERO)], [(usd("110"), -1, ZERO)], 12),
        lambda: apr.reg_z([(usd("100"), 0)], [(usd("110"), 1, ZERO)], 12),
        lambda: apr.effective(0.12, 12),
        lambda: apr.effective(Decimal("0.12"), 0),
    ],
)
def test_malformed_flows_are_refused_by_name(call):
    with pytest.raises(FlowError) as refused:
        call()
    assert refused.value.field
    assert refused.value.allowed


def test_two_currencies_in_one_flow_are_refused():
    with pytest.raises(CurrencyMismatch):
        apr.irr([(usd("100"), 0), (Money(-11000, "EUR"), 1)], 12)
    with pytest.raises(CurrencyMismatch):
        apr.eu_aprc([(usd("100"), 0)], [(Money(11000, "EUR"), 1)])


def test_a_due_date_before_the_start_is_refused():
    with pytest.raises(DateOutOfRange):
        apr.unit_periods(date(2026, 2, 1), date(2026, 1, 1), "month")


def test_the_effective_rate_compounds_the_nominal_one():
    assert round(apr.effective(Decimal("0.12"), 12), 10) == Decimal("0.1268250301")
    assert apr.effective(Decimal("0.12"), 1) == Decimal("0.12")


def test_the_callers_decimal_context_changes_nothing():
    one = [(usd("5000"), 0)] + [(usd("-230"), k) for k in range(1, 25)]
    plain = apr.irr(one, 12)
    with localcontext(prec=4):
        assert apr.irr(one, 12) == plain
