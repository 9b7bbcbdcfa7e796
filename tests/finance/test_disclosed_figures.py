"""Every figure of a disclosure is its schedule's, over the whole product range."""

import json
from datetime import date
from decimal import Decimal

from fenqi.disclosure import disclose
from fenqi.disclosure.packs import LANGUAGES
from fenqi.disclosure.text import money_text
from fenqi.finance import FinanceError, Money, Plan, apr, build_schedule
from fenqi.finance.cash_back import cash_back_of
from fenqi.finance.plan import DISCLOSURES
from fenqi.offers import quote
from hypothesis import assume, given
from hypothesis import strategies as st

from .strategies import AMOUNTS, DAYS, plans

DAY = date(2026, 11, 21)


@given(plans(), AMOUNTS, DAYS, st.sampled_from(DISCLOSURES), st.sampled_from(LANGUAGES))
def test_every_figure_is_the_schedules(plan: Plan, amount: Money, on: date, pack: str, language: str) -> None:
    try:
        (offer,) = quote(amount, [plan], on=on)
        made = disclose(offer, creditor="a", merchant="b", language=language, pack=pack)
    except FinanceError:
        assume(False)
    schedule = build_schedule(plan, amount, on)
    rows = schedule.installments
    scheduled = Money(sum(row.total.minor for row in rows), "CNY")
    expected: dict[str, object] = {
        "principal": schedule.principal,
        "amount": amount,
        "cash_price": amount,
        "credit": amount - schedule.down_payment,
        "paid_to_others": amount - schedule.down_payment,
        "amount_financed": amount - schedule.down_payment - schedule.paid_fee,
        "prepaid": schedule.paid_fee,
        "down_payment": schedule.down_payment,
        "term": len(rows),
        "payments": scheduled,
        "scheduled": scheduled,
        "total_interest": Money(sum(row.interest.minor for row in rows), "CNY"),
        "total_fee": schedule.total_fee,
        "total_cost": schedule.total_payable - amount,
        "total_payable": amount + schedule.total_cost,
        "sale_price": amount + schedule.total_cost,
        "repaid": scheduled + schedule.paid_fee,
        "annual_cost": apr.of_schedule(schedule, {"CN": "cn_irr", "US": "reg_z"}.get(pack, "eu_aprc")),
        "duration": rows[-1].due_on,
        "due": rows[0].due_on,
        "cash_back": cash_back_of(plan, schedule.principal),
        "spared": sum(schedule.subsidies.values(), start=Money(0, "CNY")),
        "borrowing_rate": plan.annual_rate * (10000 - plan.subsidized_bps) / 10000,
    }
    for section in made.sections:
        for row in section.rows:
            if isinstance(row.figure, Money | Decimal | int | date):
                assert row.figure == expected[row.key], row.key
            if isinstance(row.figure, Money) and row.key != "payments":
                assert row.value == money_text(row.figure)
    assert sum(charge.amount.minor for charge in made.charges) == schedule.total_cost.minor
    assert made.schedule == rows
    assert all(line in {row for section in made.sections for row in section.rows} for line in made.brief)
    json.dumps(made.to_dict())


@given(
    plans(methods=("equal_installments",), fee_rate="0", installment_fee_minor=0, up_front_fee_rate="0"),
    AMOUNTS,
)
def test_one_charge_alone_makes_the_whole_yearly_cost(plan: Plan, amount: Money) -> None:
    """With a single item of cost, that item's yearly rate is the disclosed one."""
    try:
        (offer,) = quote(amount, [plan], on=DAY)
        made = disclose(offer, creditor="a", merchant="b", pack="CN")
    except FinanceError:
        assume(False)
    assume(len(made.charges) == 1)
    found = made.charges[0].annual_rate
    assert found is not None
    assert abs(found - apr.of_schedule(offer.schedule, "cn_irr")) < Decimal("1e-12")
