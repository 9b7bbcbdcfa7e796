"""A test clock on its way goes day by day: everything that is due on a day is done before the next one comes."""

from datetime import datetime, timedelta

import pytest
from fenqi.durations import Duration, parse_duration
from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money

from tests.api.asking import refused
from tests.installation import Installation
from tests.settlement.test_payouts import agree


def clock(house: Installation) -> dict[str, object]:
    found: dict[str, object] = house.get("/v1/test_clocks/current").get_json()
    return found


def arrive(house: Installation) -> None:
    for _ in range(40):
        if clock(house)["status"] == "ready":
            return
        house.work()
    raise AssertionError("the clock never arrived")


def test_what_falls_due_on_the_way_is_done_on_its_day(installation: Installation) -> None:
    house = installation
    agree(house, payout_days=0)
    sold = house.sell(Money(120_000, "CNY"), plan="p3", account="0002")
    answer = house.post("/v1/test_clocks/current/advance", {"by": "P2M"})
    assert answer.get_json()["status"] == "advancing"
    arrive(house)
    entries = house.rows(
        "SELECT kind, occurred_on FROM journal_entries WHERE kind IN ('payout', 'repayment') ORDER BY id"
    )
    # Due on 21 December and 21 January; the account has no money twice, and the next tries are 1 and 2 days later.
    assert [(row["kind"], row["occurred_on"]) for row in entries] == [
        ("payout", "2026-11-23"),
        ("repayment", "2026-12-24"),
        ("repayment", "2027-01-21"),
    ]
    tried = house.rows("SELECT status FROM deductions WHERE loan_id = :id ORDER BY id", id=sold.loan_id)
    assert [row["status"] for row in tried] == ["failed", "failed", "succeeded", "succeeded"]
    assert house.rows("SELECT * FROM loans WHERE status = 'overdue'") == []


def test_a_jump_and_a_walk_end_at_the_same_time(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    other = house.another_merchant()
    house.post("/v1/test_clocks/current/advance", {"by": "P1M"})
    arrive(house)
    other.post("/v1/test_clock/advance", {"months": 1})
    walked, jumped = clock(house)["offset_seconds"], clock(other)["offset_seconds"]
    assert walked == jumped == 30 * 86_400


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"to": "2020-01-01T00:00:00.000000Z"}, "clock_backwards"),
        ({"to": "2300-01-01T00:00:00.000000Z"}, "clock_too_far"),
        ({"by": "P9999Y"}, "field_invalid"),
        ({"by": "P101Y"}, "clock_too_far"),
        ({"by": "tomorrow"}, "field_invalid"),
        ({"by": "P1D", "to": "2027-01-01T00:00:00.000000Z"}, "field_invalid"),
        ({}, "field_invalid"),
    ],
)
def test_a_turn_that_makes_no_sense_is_refused(
    sqlite_installation: Installation, body: dict[str, str], code: str
) -> None:
    answer = sqlite_installation.post("/v1/test_clocks/current/advance", body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert clock(sqlite_installation)["offset_seconds"] == 0


def test_a_clock_on_its_way_cannot_be_sent_elsewhere(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    house.post("/v1/test_clocks/current/advance", {"by": "3 days"})
    refused(house.post("/v1/test_clocks/current/advance", {"by": "3 days"}), 409, "clock_advancing")
    arrive(house)
    assert house.post("/v1/test_clocks/current/advance", {"by": "1 second"}).status_code == 200


def test_a_bank_that_is_down_delays_a_clock_and_does_not_stop_it(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    house.sell(Money(120_000, "CNY"), plan="p3")
    house.bank.down = True
    house.post("/v1/test_clocks/current/advance", {"by": "P33D"})
    arrive(house)
    house.bank.down = False
    house.work()
    assert [row["status"] for row in house.rows("SELECT status FROM deductions")] == ["succeeded"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1 month", Duration(months=1)), ("2 weeks", Duration(days=14)), ("1 year", Duration(months=12)),
        ("P1M", Duration(months=1)), ("P1Y2M3W4DT5H6M7S", Duration(14, 25, 18_367)), ("pt90s", Duration(seconds=90)),
        ("36 hours", Duration(seconds=129_600)),
    ],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(text: str, found: Duration) -> None:
    assert parse_duration(text) == found


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1", "month", "-1 month", "1.5 days", "P1S", "0 days", "1  month", "１ month"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_duration(text)


def test_a_month_ends_within_its_month() -> None:
    end = datetime.fromisoformat("2027-01-31T12:00:00+00:00")
    assert parse_duration("1 month").after(end).date().isoformat() == "2027-02-28"
    assert parse_duration("P1DT1S").after(end) - end == timedelta(days=1, seconds=1)
