"""Schedules that others published, as far as they lie in the product range.

Out of range, and why: products that round installments to whole units of money (Fineract LP1 and LP2 round to
multiples of 1), several disbursements or rate changes in one loan, 364-day years, grace on principal with
interest still due, daily recalculation of interest after late or early payments, re-ageing and rescheduling
(these replace the agreed schedule by another product's rules; what is paid on agreed schedules is followed in
test_published_repayments), variable rates, capital that grows, and loans with
costs that change midway (Commission examples 19 to 25 and 28, 29), odd first periods in 365ths on top of
twelfths (2, 18), and daily-compounded monthly rates (31 to 39).
"""

from datetime import date
from decimal import Decimal

import pytest
from fenqi.finance import Money, Plan, build_schedule

from .published import cases


def cents(text):
    return int((Decimal(text) * 100).to_integral_value())


FINERACT_BASIS = {
    ("DAYS_360", "DAYS_30", "MONTHS"): ("month", "30/360"),
    ("DAYS_365", "ACTUAL", "MONTHS"): ("month", "actual/365"),
    ("ACTUAL", "ACTUAL", "MONTHS"): ("month", "actual/actual"),
    ("DAYS_360", "INVALID", "DAYS"): ("15 days", "30/360"),
}


def test_fineracts_installment_calculator_cases_come_out_to_the_cent():
    """Apache Fineract ProgressiveEMICalculatorTest, half-even, remainder last; single disbursements."""
    checked = 0
    for case in cases("schedules/fineract_emi_unit.json"):
        basis = (case["days_in_year"], case["days_in_month"], case["period_freq"])
        if case["own_emi"] is None or basis not in FINERACT_BASIS:
            continue
        period, day_count = FINERACT_BASIS[basis]
        rows = case["schedules"][0]["installments"]
        plan = Plan(
            id="fineract",
            installments=len(rows),
            annual_rate=str(Decimal(case["annual_rate_pct"]) / 100),
            period=period,
            day_count=day_count,
            rounding="half_even",
        )
        (_, day, amount) = case["events"][0]
        ours = build_schedule(plan, Money(cents(amount), "USD"), date.fromisoformat(day)).installments
        for row, theirs in zip(ours, rows, strict=True):
            assert row.total.minor == cents(theirs["emi"]), case["id"]
            assert row.interest.minor == cents(theirs["interest"]), case["id"]
            assert row.principal.minor == cents(theirs["principal"]), case["id"]
        checked += 1
    assert checked == 6


COMMISSION = {
    "eu-aprc-schedule-ex01-p76": ("200000.00", {"installments": 240, "annual_rate": "0.06"}),
    "eu-aprc-schedule-ex03-p85": (
        "200000.00",
        {"installments": 240, "annual_rate": "0.06", "installment_fee_minor": 1667},
    ),
    "eu-aprc-schedule-ex04-p87": (
        "200000.00",
        {"installments": 240, "annual_rate": "0.06", "installment_fee_minor": 16667},
    ),
    "eu-aprc-schedule-ex05-p89": (
        "200000.00",
        {"installments": 240, "annual_rate": "0.06", "up_front_fee_rate": "0.04", "up_front_fee": "financed"},
    ),
    "eu-aprc-schedule-ex06-p91": ("200000.00", {"installments": 240, "annual_rate": "0.06"}),
    "eu-aprc-schedule-ex08-p101": (
        "200000.00",
        {"installments": 240, "annual_rate": "0.07", "method": "interest_only"},
    ),
    "eu-aprc-schedule-ex13-p111": (
        "200000.00",
        {"installments": 240, "annual_rate": "0.06", "method": "equal_principal"},
    ),
    "eu-aprc-schedule-ex16-p117": (
        "200000.00",
        {"installments": 240, "annual_rate": "0.06", "method": "equal_principal"},
    ),
    "eu-aprc-schedule-ex27-p157": ("170000.00", {"installments": 240, "annual_rate": "0.06"}),
    "eu-aprc-schedule-ex42-p196": (
        "200000.00",
        {"installments": 12, "annual_rate": "0.075", "method": "interest_only"},
    ),
}


def test_the_commissions_amortisation_tables_come_out():
    """European Commission APRC examples (2015), section 2.2. Their balances are not rounded: one cent either way."""
    checked = 0
    for case in cases("schedules/eu_commission_amortisation_tables.json"):
        if case["id"] not in COMMISSION:
            continue
        amount, terms = COMMISSION[case["id"]]
        schedule = build_schedule(Plan(id="ec", **terms), Money.parse(amount, "EUR"), date(2015, 1, 1))
        if "capital" in case["rows"][0] and case["rows"][0]["opening"] != amount:
            assert schedule.principal.minor == cents(case["rows"][0]["opening"]), case["id"]
        balance = schedule.principal.minor
        for row, printed in zip(schedule.installments, case["rows"], strict=False):
            balance -= row.principal.minor
            assert abs(row.interest.minor - cents(printed["interest"])) <= 1, (case["id"], row.number)
            assert abs(row.total.minor - cents(printed["total_paid"])) <= 1, (case["id"], row.number)
            assert abs(balance - cents(printed["closing"])) <= row.number, (case["id"], row.number)
        checked += 1
    assert checked == len(COMMISSION)


FINERACT_PRODUCTS = {
    ("FLAT", "0", "EQUAL_INSTALLMENTS"): {"method": "equal_principal"},
    ("DECLINING_BALANCE", "0", "EQUAL_INSTALLMENTS"): {"method": "equal_installments"},
    ("DECLINING_BALANCE", "0", "EQUAL_PRINCIPAL_PAYMENTS"): {"method": "equal_principal"},
}


BEARS_INTEREST_ON_THE_DOWN_PAYMENT = {"fineract-loandownpayment-1534"}


def _agreed_rows(case):
    """Return the first snapshot's installments when nothing but the disbursement came before it, else none."""
    first = case["snapshots"][0]
    before = case["events"][: first["after_event"]]
    if not all("business date" in event or "disburse" in event for event in before) or len(before) > 2:
        return []
    return [row for row in first["periods"] if "nr" in row]


def plan_for(terms, count):
    frequency = {"MONTHS": "month", "DAYS": f"{terms['repaymentEvery']} days"}.get(
        terms["repaymentFrequencyType"]
    )
    graces = (
        terms["graceOnPrincipalPayment"],
        terms["graceOnInterestPayment"],
        terms["interest free period"],
    )
    base = FINERACT_PRODUCTS.get((terms["interest type"], graces[0], terms["amortization type"]))
    if base is None or frequency is None or set(graces) != {"0"}:
        return None
    rate = Decimal(terms["ANNUAL interest rate %"]) / 100
    if terms["interest type"] == "FLAT":
        base = {**base, "fee_rate": str(rate / 12)}
        rate = Decimal(0)
    daily = terms["interest calculation period"] == "DAILY" and "360_30" not in terms["LoanProduct"]
    return Plan(
        id="fineract",
        installments=count,
        annual_rate=str(rate),
        period=frequency,
        day_count="actual/actual" if daily else "30/360",
        down_payment_rate="0.25" if "DOWNPAYMENT" in terms["LoanProduct"] else "0",
        **base,
    )


def test_fineracts_agreed_schedules_come_out():
    """End-to-end features of Apache Fineract, as agreed at disbursement; flat interest is our flat fee.

    Its products round parts to whole units of money, so those tables are read as a currency without decimals;
    tables with whole installments but interest in cents are out of range.
    """
    exact = []
    for case in cases("schedules/fineract_e2e_schedules.json"):
        rows, terms = _agreed_rows(case), case["terms"]
        paid_down = bool(rows) and "DOWNPAYMENT" in terms["LoanProduct"]
        plan = plan_for(terms, len(rows) - paid_down) if rows else None
        if plan is None or case["id"] in BEARS_INTEREST_ON_THE_DOWN_PAYMENT:
            continue
        parts = [Decimal(row[part]) for row in rows for part in ("principal", "interest")]
        whole = len(rows) > 1 and all(part % 1 == 0 for part in parts)
        if not whole and all(Decimal(row["due"]) % 1 == 0 for row in rows[:-1]):
            continue
        unit = 1 if whole else 100
        amount = Money(int(Decimal(terms["with Principal"]) * unit), "JPY" if whole else "EUR")
        schedule = build_schedule(
            plan, amount, date.fromisoformat(case["snapshots"][0]["periods"][0]["date"])
        )
        if paid_down:
            assert schedule.down_payment.minor == Decimal(rows[0]["principal"]) * unit, case["id"]
        for row, theirs in zip(schedule.installments, rows[paid_down:], strict=True):
            assert str(row.due_on) == theirs["date"], case["id"]
            assert row.principal.minor == Decimal(theirs["principal"]) * unit, (case["id"], row.number)
            assert (row.interest + row.fee).minor == Decimal(theirs["interest"]) * unit, (
                case["id"],
                row.number,
            )
        exact.append(case["id"])
    assert len(exact) == 25, exact


def test_every_published_table_obeys_its_own_sums():
    """If a published table did not add up, a difference from it would prove nothing."""
    for case in cases("schedules/fineract_e2e_schedules.json"):
        for snapshot in case["snapshots"]:
            assert all(snapshot["check"].values()), case["id"]


@pytest.mark.parametrize("name", ["schedules/fineract_emi_unit.json"])
def test_published_principal_parts_repay_the_disbursement(name):
    for case in cases(name):
        if case["own_emi"] is not None:
            parts = [cents(row["principal"]) for row in case["schedules"][0]["installments"]]
            assert sum(parts) == cents(case["events"][0][2]), case["id"]
