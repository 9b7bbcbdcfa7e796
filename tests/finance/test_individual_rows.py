"""Refunds on rows that no plan made, or that were moved or waived: totals conserve, nothing is negative, none grows."""

from datetime import date, timedelta

import pytest
from fenqi.finance import Money, Plan, build_schedule
from fenqi.finance.dates import add_months
from fenqi.finance.errors import RepaymentError
from fenqi.finance.recomputation import recompute
from fenqi.finance.refund import STRATEGIES, refund
from fenqi.finance.repayment import Due, owed, payoff
from hypothesis import given
from hypothesis import strategies as st

DAY = date(2026, 1, 31)
PLAN = Plan(id="p6", installments=6, annual_rate="0.12", early_settlement_fee_rate="0.01")
SCHEDULE = build_schedule(PLAN, Money(600_000, "CNY"), DAY)
PARTS = ("principal_minor", "interest_minor", "fee_minor", "penalty_minor")


def cny(minor: int) -> Money:
    return Money(minor, "CNY")


@st.composite
def individual_rows(draw: st.DrawFn) -> tuple[Due, ...]:
    """Rows as hardship leaves them, some due already, some lowered before."""
    count = draw(st.integers(1, 12))
    small = st.integers(0, 3_000)
    rows = [
        Due(
            7 + index,
            add_months(DAY, index + 1),
            draw(st.integers(0, 50_000)),
            draw(small),
            draw(small),
            0,
            "CNY",
        )
        for index in range(count)
    ]
    rows[-1] = rows[-1]._replace(principal_minor=rows[-1].principal_minor + 1)
    return tuple(row for row in rows if row.total_minor)


def total(rows: tuple[Due, ...], part: str) -> int:
    return sum(getattr(row, part) for row in rows)


@given(individual_rows(), st.sampled_from(STRATEGIES), st.integers(1, 1000), st.integers(0, 400))
def test_every_strategy_conserves_what_an_individual_plan_owes(
    rows: tuple[Due, ...], strategy: str, permille: int, days: int
) -> None:
    on = DAY + timedelta(days=1 + days)
    amount = cny(max(1, total(rows, "principal_minor") * permille // 900))
    try:
        done = refund(SCHEDULE, rows, rows, amount, strategy, on)
    except RepaymentError:
        assert strategy == "full_settlement" and amount.minor < sum(row.total_minor for row in rows)
        return
    left = done.paid or done.after
    assert min((getattr(row, part) for row in left for part in PARTS), default=0) >= 0
    assert done.principal_relieved.minor == min(amount.minor, total(rows, "principal_minor"))
    for part in PARTS[1:]:
        assert total(left, part) == total(rows, part)
    assert done.to_consumer.minor >= 0
    assert done.amount == done.principal_relieved + done.owed_paid + done.to_consumer
    before = {row.number: row.total_minor for row in rows}
    assert all(row.total_minor <= before[row.number] for row in left)


@given(individual_rows(), st.integers(1, 1000))
def test_shorter_asks_for_the_same_and_ends_earlier(rows: tuple[Due, ...], permille: int) -> None:
    amount = cny(max(1, total(rows, "principal_minor") * permille // 1000))
    after = refund(SCHEDULE, rows, rows, amount, "shorter", DAY + timedelta(days=1)).after
    assert [row.total_minor for row in after[:-1]] == [row.total_minor for row in rows[: len(after)][:-1]]


@pytest.mark.parametrize("strategy", [each for each in STRATEGIES if each != "full_settlement"])
def test_goods_never_delivered_take_their_interest_off_an_individual_plan(strategy: str) -> None:
    rows = tuple(Due(7 + index, add_months(DAY, index + 1), 10_000, 100, 0, 0, "CNY") for index in range(4))
    mode = {"recompute": "smaller"}.get(strategy, strategy)
    after = recompute(SCHEDULE, rows, cny(20_000), mode, DAY)
    assert total(after.rows, "interest_minor") == 200
    assert recompute(SCHEDULE, rows, cny(40_000), "full", DAY).rows == ()


def test_a_single_row_of_a_bullet_plan_is_told_from_the_individual_ones_that_replace_it() -> None:
    bullet = build_schedule(PLAN.changed(method="bullet"), cny(600_000), DAY)
    rows = tuple(Due(2 + index, add_months(DAY, index + 1), 100_000, 0, 0, 0, "CNY") for index in range(6))
    after = refund(bullet, rows, rows, cny(60_000), "equal", DAY + timedelta(days=3)).after
    assert [row.principal_minor for row in after] == [90_000] * 6
    assert payoff(bullet, rows, DAY + timedelta(days=3)).total == cny(600_000)


@given(
    months=st.integers(1, 12),
    days=st.integers(0, 300),
    minor=st.integers(1, 600_000),
    strategy=st.sampled_from(STRATEGIES),
)
def test_rows_that_were_moved_are_refunded_with_no_interest_for_the_time_they_were_given(
    months: int, days: int, minor: int, strategy: str
) -> None:
    rows = tuple(
        row._replace(due_on=add_months(row.due_on, months, day=row.due_on.day)) for row in owed(SCHEDULE)
    )
    try:
        done = refund(SCHEDULE, rows, rows, cny(minor), strategy, DAY + timedelta(days=days))
    except RepaymentError:
        assert strategy == "full_settlement"
        return
    left = done.paid or done.after
    assert min((getattr(row, part) for row in left for part in PARTS), default=0) >= 0
    assert total(left, "interest_minor") + done.interest_given_back.minor == total(rows, "interest_minor")
    assert done.interest_given_back.minor >= 0


@given(
    waived=st.lists(st.integers(0, 100), min_size=6, max_size=6),
    minor=st.integers(1, 599_999),
    mode=st.sampled_from(["shorter", "smaller", "last_first", "next_first", "equal"]),
)
def test_interest_that_was_waived_does_not_come_back_with_a_refund(
    waived: list[int], minor: int, mode: str
) -> None:
    rows = tuple(
        row._replace(interest_minor=row.interest_minor * share // 100)
        for row, share in zip(owed(SCHEDULE), waived, strict=True)
    )
    after = recompute(SCHEDULE, rows, cny(minor), mode, DAY + timedelta(days=10), agreed=rows)
    assert total(after.rows, "interest_minor") <= total(rows, "interest_minor")
    assert after.interest_given_back.minor >= 0
