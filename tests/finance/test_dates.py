"""Due dates keep their day, and day counts agree with the published ones."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from fenqi.finance.dates import (
    add_months,
    check_date,
    days_30_360,
    due_dates,
    parse_period,
    roll,
    year_fraction,
)
from fenqi.finance.errors import DateOutOfRange, PlanError
from hypothesis import given
from hypothesis import strategies as st

from .published import cases

DATES = st.dates(date(1900, 1, 1), date(2150, 12, 31))


@pytest.mark.parametrize(
    ("period", "start", "expected"),
    [
        ("month", date(2023, 1, 31), ["2023-02-28", "2023-03-31", "2023-04-30"]),
        ("month", date(2024, 1, 31), ["2024-02-29", "2024-03-31", "2024-04-30"]),
        ("half_month", date(2023, 1, 31), ["2023-02-16", "2023-02-28", "2023-03-16", "2023-03-31"]),
        ("half_month", date(2023, 1, 15), ["2023-01-30", "2023-02-15", "2023-02-28", "2023-03-15"]),
        ("2 weeks", date(2024, 2, 20), ["2024-03-05", "2024-03-19"]),
        ("week", date(2023, 12, 28), ["2024-01-04", "2024-01-11"]),
        ("15 days", date(2023, 1, 1), ["2023-01-16", "2023-01-31", "2023-02-15"]),
        ("3 months", date(2023, 8, 31), ["2023-11-30", "2024-02-29", "2024-05-31"]),
    ],
)
def test_due_dates_follow_the_period_and_keep_their_day(period, start, expected):
    assert [str(due) for due in due_dates(start, parse_period(period), len(expected))] == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("2 months", ["2023-03-31", "2023-04-30", "2023-05-31"]),
        ("45 days", ["2023-03-17", "2023-04-17", "2023-05-17"]),
        ("1 month", ["2023-02-28", "2023-03-31", "2023-04-30"]),
    ],
)
def test_a_deferred_first_due_date_moves_the_series(first, expected):
    dues = due_dates(date(2023, 1, 31), parse_period("month"), 3, parse_period(first))
    assert [str(due) for due in dues] == expected


def test_month_ends_agree_with_the_published_series():
    checked = 0
    for case in cases("calendar/month_end_due_dates.json"):
        if "sticky" in case["rule"]:
            continue  # fenqi keeps the day of the month; it does not turn 29 February into "month end"
        start = date.fromisoformat(case["anchor"])
        dues = due_dates(start, parse_period("month"), len(case["expected"]))
        assert [str(due) for due in dues] == case["expected"], case
        checked += 1
    assert checked == 10


def test_day_counts_agree_with_the_published_ones():
    ours = {
        "30/360 BondBasis": "30/360",
        "30/360 Eurobond": "30E/360",
        "30E/360 (curo)": "30E/360",
        "30/360 US (curo)": "30/360 US",
        "Act/365 fixed": "actual/365",
        "Act/360": "actual/360",
        "Act/Act ISDA": "actual/actual",
        "Act/Act ISDA (curo)": "actual/actual",
    }
    checked = 0
    for case in cases("calendar/day_count.json"):
        name = ours.get(case["convention"])
        if name is None:
            continue  # 30E/360 ISDA needs a termination date; Act/365.25 and remark (c) are tested with the rates
        start, end = date.fromisoformat(case["start"]), date.fromisoformat(case["end"])
        if "expected_days" in case:
            assert days_30_360(start, end, name) == case["expected_days"], case
        else:
            exact = year_fraction(start, end, name)
            assert abs(exact - Fraction(str(case["expected_fraction"]))) < Fraction(1, 10**11), case
        checked += 1
    assert checked == 77


@given(DATES, st.integers(1, 400))
def test_months_are_never_skipped_and_days_never_drift(start, months):
    later = add_months(start, months) if start.year + months // 12 < 2200 else start
    if later == start:
        return
    assert (later.year - start.year) * 12 + later.month - start.month == months
    assert later.day == start.day or (later.day < start.day and (later + timedelta(1)).day == 1)


@given(DATES, st.sampled_from(["week", "2 weeks", "half_month", "month", "10 days"]), st.integers(2, 48))
def test_due_dates_rise(start, period, count):
    dues = due_dates(start, parse_period(period), count)
    assert all(one < other for one, other in zip([start, *dues], dues, strict=False))


@given(DATES, DATES, DATES)
def test_actual_day_counts_add_up(one, two, three):
    start, middle, end = sorted((one, two, three))
    for name in ("actual/360", "actual/365", "actual/actual"):
        parts = year_fraction(start, middle, name) + year_fraction(middle, end, name)
        assert parts == year_fraction(start, end, name)


WEEKEND = {5, 6}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("none", "2026-10-31"),
        ("following", "2026-11-02"),
        ("preceding", "2026-10-30"),
        ("modified_following", "2026-10-30"),
    ],
)
def test_a_due_date_rolls_off_a_holiday_by_rule(how, expected):
    assert str(roll(date(2026, 10, 31), how, lambda day: day.weekday() in WEEKEND)) == expected


def test_rolling_needs_a_calendar_that_has_workdays():
    with pytest.raises(PlanError, match="is_holiday"):
        roll(date(2026, 10, 31), "following", None)
    with pytest.raises(DateOutOfRange, match="workday"):
        roll(date(2026, 10, 31), "following", lambda day: True)


@pytest.mark.parametrize(
    "bad", [date(1899, 12, 31), date(2201, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01", None]
)
def test_a_date_outside_the_range_or_with_a_time_is_refused(bad):
    with pytest.raises(DateOutOfRange) as refused:
        check_date(bad)
    assert "1900" in refused.value.allowed


def test_a_series_that_would_leave_the_range_is_refused():
    with pytest.raises(DateOutOfRange):
        due_dates(date(2200, 6, 1), parse_period("month"), 12)
    with pytest.raises(DateOutOfRange):
        due_dates(date(2200, 12, 1), parse_period("week"), 12)


@pytest.mark.parametrize(
    "bad", ["", "fortnight", "0 weeks", "-1 weeks", "1.5 months", "two weeks", 2, None, "٣ weeks"]
)
def test_an_unknown_period_is_refused(bad):
    with pytest.raises(PlanError):
        parse_period(bad)
