"""Money that comes in is applied in order and never lost; settling early and recomputing keep every sum."""

from datetime import date, timedelta

import pytest
from fenqi.finance import Money, Plan, build_schedule
from fenqi.finance.errors import CurrencyMismatch, RepaymentError, ScheduleError
from fenqi.finance.recomputation import MODES, recompute
from fenqi.finance.repayment import ORDER, apply_payment, owed, payoff
from hypothesis import assume, given
from hypothesis import strategies as st

from .strategies import AMOUNTS, plans

DAY = date(2026, 1, 31)
PLAN = Plan(id="p", installments=6, annual_rate="0.12")
SCHEDULE = build_schedule(PLAN, Money(600000, "CNY"), DAY)


def cny(minor):
    return Money(minor, "CNY")


def principal(rows):
    return sum(row.principal_minor for row in rows)


def built(plan, amount):
    try:
        return build_schedule(plan, amount, DAY)
    except ScheduleError:
        assume(False)


@given(
    st.lists(st.tuples(*[st.integers(0, 10_000)] * 4), min_size=1, max_size=12),
    st.integers(1, 10**6),
    st.permutations(ORDER),
)
def test_a_payment_is_spread_without_loss_and_in_order(parts, minor, order):
    template = owed(SCHEDULE)[0]
    rows = [
        template._replace(
            number=index + 1,
            due_on=DAY + timedelta(index),
            principal_minor=p,
            interest_minor=i,
            fee_minor=f,
            penalty_minor=e,
        )
        for index, (p, i, f, e) in enumerate(parts)
    ]
    applied = apply_payment(rows, cny(minor), order=order)
    taken = sum(portion.total_minor for portion in applied.portions)
    assert taken + applied.excess.minor == minor
    assert sum(row.total_minor for row in rows) - sum(row.total_minor for row in applied.rows) == taken
    still_owed = [getattr(row, f"{part}_minor") for row in applied.rows for part in order]
    before = [getattr(row, f"{part}_minor") for row in rows for part in order]
    first = next((index for index, left in enumerate(still_owed) if left), len(before))
    assert still_owed[first + 1 :] == before[first + 1 :]
    assert not applied.excess.minor or not any(still_owed)


def test_penalties_are_paid_before_fees_interest_and_principal():
    row = owed(SCHEDULE)[0]._replace(penalty_minor=500, fee_minor=300)
    (portion,) = apply_payment([row], cny(1000)).portions
    assert (portion.penalty_minor, portion.fee_minor, portion.interest_minor, portion.principal_minor) == (
        500,
        300,
        200,
        0,
    )


def test_too_much_money_is_seen_as_excess():
    total = sum(row.total_minor for row in owed(SCHEDULE))
    applied = apply_payment(owed(SCHEDULE), cny(total + 7))
    assert applied.excess == cny(7)
    assert not any(row.total_minor for row in applied.rows)


@pytest.mark.parametrize("payment", [0, -1])
def test_a_payment_must_be_positive(payment):
    with pytest.raises(RepaymentError):
        apply_payment(owed(SCHEDULE), cny(payment))


def test_a_payment_of_another_currency_or_order_of_other_parts_is_refused():
    with pytest.raises(CurrencyMismatch):
        apply_payment(owed(SCHEDULE), Money(1, "USD"))
    with pytest.raises(RepaymentError, match="order"):
        apply_payment(owed(SCHEDULE), cny(1), order=("principal",))
    with pytest.raises(RepaymentError, match="negative"):
        apply_payment([owed(SCHEDULE)[0]._replace(fee_minor=-1)], cny(1))


def test_settling_on_the_first_day_costs_the_principal_alone():
    off = payoff(SCHEDULE, owed(SCHEDULE), DAY)
    assert off.total == SCHEDULE.principal
    assert off.interest_given_back == SCHEDULE.total_interest


def test_settling_halfway_through_a_period_owes_half_its_interest():
    off = payoff(SCHEDULE, owed(SCHEDULE), date(2026, 2, 14))
    assert off.interest == cny(3000)  # 14 of 28 days of 30/360 from 31 January to 28 February, of 60.00
    assert off.interest + off.interest_given_back == SCHEDULE.total_interest


def test_settling_after_the_end_gives_nothing_back():
    off = payoff(SCHEDULE, owed(SCHEDULE), date(2027, 1, 1))
    assert off.total.minor == sum(row.total.minor for row in SCHEDULE.installments)
    assert off.interest_given_back.minor == off.fee_given_back.minor == 0


def test_interest_paid_ahead_counts_toward_what_has_accrued():
    rows = apply_payment(owed(SCHEDULE), cny(2000)).rows
    assert payoff(SCHEDULE, rows, date(2026, 2, 14)).interest == cny(1000)
    rows = apply_payment(owed(SCHEDULE), cny(5000)).rows
    assert payoff(SCHEDULE, rows, date(2026, 2, 14)).interest == cny(0)


def test_an_early_settlement_fee_is_of_the_principal_not_yet_due():
    plan = PLAN.changed(early_settlement_fee_rate="0.01")
    schedule = build_schedule(plan, Money(600000, "CNY"), DAY)
    off = payoff(schedule, owed(schedule), date(2026, 2, 28))
    ahead = principal(owed(schedule)[1:])
    assert off.early_settlement_fee.minor == round(ahead / 100)
    assert off.total == off.principal + off.interest + off.early_settlement_fee
    assert payoff(SCHEDULE, owed(SCHEDULE), date(2026, 2, 28)).early_settlement_fee == cny(0)


@given(plans(early_settlement_fee_rate="0.05"), AMOUNTS, st.integers(0, 2000))
def test_an_early_settlement_fee_never_exceeds_the_interest_it_saves(plan, amount, days):
    """Directive (EU) 2023/2225 Article 29; so settling early never costs more than paying to the end."""
    schedule = built(plan, amount)
    off = payoff(schedule, owed(schedule), DAY + timedelta(days))
    assert cny(0) <= off.early_settlement_fee <= off.interest_given_back
    assert off.total.minor <= sum(row.total_minor for row in owed(schedule))


def test_settling_before_the_purchase_is_refused():
    with pytest.raises(RepaymentError):
        payoff(SCHEDULE, owed(SCHEDULE), DAY - timedelta(1))


@given(plans(), AMOUNTS, st.integers(0, 2000))
def test_paying_off_later_never_costs_less_and_never_more_than_the_schedule(plan, amount, days):
    schedule = built(plan, amount)
    rows = owed(schedule)
    today = payoff(schedule, rows, DAY + timedelta(days))
    tomorrow = payoff(schedule, rows, DAY + timedelta(days + 1))
    assert schedule.principal <= today.total <= tomorrow.total
    assert tomorrow.total.minor <= sum(row.total_minor for row in rows)
    given_back = today.interest_given_back + today.fee_given_back
    assert (today.total + given_back).minor == sum(row.total_minor for row in rows)


@given(plans(), AMOUNTS, st.integers(0, 500), st.integers(1, 1000), st.sampled_from(MODES))
def test_recomputing_keeps_the_sums_and_never_raises_the_interest(plan, amount, days, permille, mode):
    schedule = built(plan, amount)
    on = DAY + timedelta(days)
    rows = owed(schedule)
    later = principal(row for row in rows if row.due_on > on)
    assume(later)
    reduction = later if mode == "full" else max(1, later * permille // 1000)
    after = recompute(schedule, rows, cny(reduction), mode, on)
    assert principal(after.rows) == principal(rows) - reduction
    assert [row for row in after.rows if row.due_on <= on] == [row for row in rows if row.due_on <= on]
    assert all(min(row.principal_minor, row.interest_minor, row.fee_minor) >= 0 for row in after.rows)
    assert all(row.total_minor > 0 for row in after.rows)
    assert after.interest_given_back.minor >= 0
    before = sum(row.total_minor for row in rows)
    now = sum(row.total_minor for row in after.rows)
    assert before - now == reduction + after.interest_given_back.minor + after.fee_given_back.minor


def test_each_mode_takes_the_reduction_where_its_name_says():
    rows, on = owed(SCHEDULE), date(2026, 2, 28)
    parts = {
        mode: recompute(SCHEDULE, rows, cny(200000), mode, on).rows[1:] for mode in MODES if mode != "full"
    }
    regular = rows[0].total_minor
    assert len(parts["shorter"]) == 3
    assert {row.total_minor for row in parts["shorter"][:-1]} == {regular}
    assert len(parts["smaller"]) == 5
    assert max(row.total_minor for row in parts["smaller"]) - parts["smaller"][0].total_minor <= 5
    assert parts["smaller"][0].total_minor < regular * 2 // 3
    assert [row.principal_minor for row in parts["last_first"][:2]] == [
        row.principal_minor for row in rows[1:3]
    ]
    assert parts["next_first"][-1].principal_minor == rows[-1].principal_minor
    assert {
        old.principal_minor - new.principal_minor for old, new in zip(rows[1:], parts["equal"], strict=True)
    } == {40000}


def test_a_full_refund_on_the_first_day_leaves_nothing():
    after = recompute(SCHEDULE, owed(SCHEDULE), SCHEDULE.principal, "full", DAY)
    assert after.rows == ()
    assert after.interest_given_back == SCHEDULE.total_interest


def test_a_full_refund_later_keeps_the_interest_that_has_accrued():
    after = recompute(SCHEDULE, owed(SCHEDULE), SCHEDULE.principal, "full", date(2026, 2, 14))
    assert [(row.principal_minor, row.interest_minor) for row in after.rows] == [(0, 3000)]


def test_half_the_goods_back_on_the_first_day_is_half_the_schedule():
    after = recompute(SCHEDULE, owed(SCHEDULE), cny(300000), "smaller", DAY)
    half = build_schedule(PLAN, cny(300000), DAY)
    assert [row.total_minor for row in after.rows] == [row.total.minor for row in half.installments]


@pytest.mark.parametrize(
    ("reduction", "mode"), [(0, "shorter"), (-5, "equal"), (600001, "smaller"), (1, "full"), (1, "longer")]
)
def test_a_reduction_that_does_not_fit_is_refused(reduction, mode):
    with pytest.raises(RepaymentError) as refused:
        recompute(SCHEDULE, owed(SCHEDULE), cny(reduction), mode, DAY)
    assert refused.value.allowed


@given(paid=st.integers(1, 340_000), reduction=st.integers(1, 60_000), mode=st.sampled_from(MODES[:5]))
def test_interest_that_was_paid_ahead_is_not_asked_for_again(paid: int, reduction: int, mode: str) -> None:
    agreed = owed(SCHEDULE)
    rows = [row for row in apply_payment(agreed, cny(paid)).rows if row.total_minor]
    assume(reduction <= sum(row.principal_minor for row in rows))
    after = recompute(SCHEDULE, rows, cny(reduction), mode, DAY, agreed=agreed)
    asked = sum(row.interest_minor for row in after.rows)
    had_paid = sum(row.interest_minor for row in agreed) - sum(row.interest_minor for row in rows)
    alone = recompute(SCHEDULE, rows, cny(reduction), mode, DAY)
    assert asked <= sum(row.interest_minor for row in alone.rows)
    assert after.interest_given_back.minor == sum(row.interest_minor for row in rows) - asked
    assert after.interest_paid_ahead.minor <= had_paid
