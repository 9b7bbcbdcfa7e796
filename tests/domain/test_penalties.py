"""What being late may cost in each place, and how late a loan is called: the caps of the packs, day by day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import DISCLOSURES, Plan
from hypothesis import given
from hypothesis import strategies as st

from merchant_server.domain.installment import Installment
from merchant_server.domain.penalty import bucket, days_overdue, highest_rate, one_day

CAP = Decimal("0.24")


def plan(disclosure: str, annual: str, penalty: str = "0") -> Plan:
    return Plan(
        id="p", installments=3, annual_rate=annual, penalty_annual_rate=penalty, disclosure=disclosure
    )


def row(minor: int, due_on: date = date(2026, 12, 21), penalty: int = 0) -> Installment:
    made = Installment.scheduled(
        "loan_1", 1, due_on, principal=Money(minor, "CNY"), interest=Money(0, "CNY"), fee=Money(0, "CNY")
    )
    due = made.due()._replace(penalty_minor=penalty)
    return made.reshaped(due, made.status)


@pytest.mark.parametrize(
    ("disclosure", "annual", "most"),
    [
        ("CN", "0.12", "0.18"),
        ("CN", "0.16", "0.24"),
        ("CN", "0.20", "0.24"),
        ("CN", "0", "0.24"),
        ("UK", "0.12", "0.12"),
        ("UK", "0.30", "0.24"),
        ("UK", "0", "0"),
        ("EU", "0.12", "0.24"),
        ("EU", "0", "0.24"),
        ("US", "0.12", "0.24"),
        ("US", "0.30", "0.24"),
    ],
)
def test_the_highest_penalty_is_the_law_of_the_place_and_never_beyond_the_installations_cap(
    disclosure: str, annual: str, most: str
) -> None:
    assert highest_rate(plan(disclosure, annual), CAP) == Decimal(most)


@given(
    st.sampled_from(DISCLOSURES),
    st.integers(0, 3_000),
    st.integers(0, 10_000),
    st.integers(1, 10**9),
    st.integers(0, 10**9),
)
def test_no_day_costs_more_than_the_cap_and_no_row_more_than_itself(
    disclosure: str, annual: int, rate: int, minor: int, earlier: int
) -> None:
    priced = plan(disclosure, str(Decimal(annual).scaleb(-4)), str(Decimal(rate).scaleb(-4)))
    late = row(minor, penalty=min(earlier, minor))
    cost = one_day(late, priced, CAP).minor
    # Rounded to a minor unit, on what is owed without the penalties of earlier days.
    assert 0 <= cost <= minor * highest_rate(priced, CAP) / 365 + Decimal("0.5")
    assert cost + late.penalty.minor <= minor
    assert cost <= minor * priced.penalty_annual_rate / 365 + Decimal("0.5")


def test_penalties_bear_no_penalties() -> None:
    charging = plan("US", "0.12", "0.24")
    assert one_day(row(100_000), charging, CAP) == one_day(row(100_000, penalty=50_000), charging, CAP)


def test_a_loan_is_called_by_thirty_days_each_from_m1_to_m7() -> None:
    due = date(2026, 12, 21)
    named = {
        days: bucket(days_overdue([row(1, due)], due + timedelta(days=days)))
        for days in (0, 1, 30, 31, 60, 61, 90, 91, 120, 121, 150, 151, 180, 181, 2_000)
    }
    assert named == {
        0: None, 1: "M1", 30: "M1", 31: "M2", 60: "M2", 61: "M3", 90: "M3", 91: "M4", 120: "M4",
        121: "M5", 150: "M5", 151: "M6", 180: "M6", 181: "M7", 2_000: "M7",
    }  # fmt: skip


def test_the_oldest_open_row_says_how_late_a_loan_is() -> None:
    first, second = row(1, date(2026, 12, 21)), row(1, date(2027, 1, 21))
    assert days_overdue([second, first], date(2027, 1, 31)) == 41
    assert days_overdue([second], date(2027, 1, 21)) == 0
