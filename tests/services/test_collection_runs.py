"""When and how deductions run: hours of the day, holidays, notices, pauses by operators, runs after a crash."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fenqi.durations import parse_duration
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from hypothesis import given
from hypothesis import strategies as st

from merchant_server.domain.collection_hours import CollectionHours
from merchant_server.domain.deduction import DeductionStatus
from merchant_server.domain.deduction_day import MONTH_END, moved_dates
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.loan import SuspensionReason
from merchant_server.domain.workdays import is_workday
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.collection.moving_day import move_day, move_own_day, preview_own_day
from merchant_server.services.collection.running import RunProgress, run_collection
from merchant_server.services.collection.suspending import resume_collection, suspend_collection
from merchant_server.services.operation import merchants
from merchant_server.services.operation.turning import CURRENT, send_clock
from merchant_server.services.person.mandates import revoke_mandate
from tests.installation import Installation
from tests.services.collecting import deductions_of, loan_of, rows_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=SHANGHAI)


def at_night(house: Installation) -> None:
    """Go on to half past ten in the evening of the merchant's day."""
    with house.deps.storage.reading() as uow:
        now = house.deps.business_now(uow, house.caller.merchant_id).astimezone(SHANGHAI)
    house.advance(seconds=int((now.replace(hour=22, minute=30) - now).total_seconds()))


@pytest.mark.parametrize("wrong", ["", "7-22", "22:00-07:00", "07:00-24:30", "07:00-07:00", "25:00-26:00"])
def test_hours_that_are_none_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        CollectionHours.parse(wrong)


@given(st.integers(0, 366 * 1440).map(lambda minutes: NEW_YEAR + timedelta(minutes=minutes)))
def test_the_next_opening_is_the_first_moment_within_the_hours_after_one_outside(local: datetime) -> None:
    hours = CollectionHours.parse("07:00-22:00")
    opening = hours.next_opening(local)
    assert hours.has(opening) and not hours.has(opening - timedelta(minutes=1))
    assert local < opening <= local + timedelta(days=1)
    assert CollectionHours.parse("00:00-24:00").has(local)


def test_nothing_is_sent_at_night_and_what_is_due_waits_for_the_morning(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    at_night(installation)
    installation.work()
    assert deductions_of(installation, sold) == []
    installation.advance(seconds=8 * 3600)
    installation.work()
    assert installation.rows("SELECT status FROM deductions") == []
    installation.advance(seconds=3600)
    installation.work()
    assert rows_of(installation, sold)[0] == "paid"


def test_what_was_requested_by_day_is_not_sent_by_night(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    assert request_due(installation.deps, sold.merchant_id) == 1
    at_night(installation)
    for _ in range(3):
        ask_bank(installation.deps)
        installation.clock.pass_(seconds=30)
    assert [each.status for each in deductions_of(installation, sold)] == [DeductionStatus.REQUESTED]
    assert installation.bank._deductions == {}
    installation.advance(seconds=9 * 3600)
    installation.work()
    assert rows_of(installation, sold)[0] == "paid"


def test_a_test_clock_on_its_way_stops_when_the_hours_begin_and_turns_everything_in_order(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3")
    at_night(installation)
    with installation.deps.storage.unit_of_work() as uow:
        by = parse_duration("P3M1D")
        send_clock(uow, installation.deps, installation.caller, CURRENT, by=by, to=None)
    for _ in range(40):
        installation.work()
    assert rows_of(installation, sold) == ["paid", "paid", "paid"]
    booked = installation.rows("SELECT occurred_on FROM journal_entries WHERE kind = 'repayment' ORDER BY id")
    assert [row["occurred_on"] for row in booked] == ["2026-12-21", "2027-01-21", "2027-02-21"]


def test_a_permission_taken_back_between_request_and_sending_is_heeded(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    request_due(installation.deps, sold.merchant_id)
    loan = loan_of(installation, sold)
    installation.bank.down = True
    revoke_mandate(installation.deps, loan.consumer_id, loan.mandate_id)
    installation.bank.down = False
    ask_bank(installation.deps)
    assert [each.code for each in deductions_of(installation, sold)] == ["mandate_not_active"]
    assert installation.bank._deductions == {}


def test_a_plan_that_rests_on_holidays_is_due_and_collected_on_workdays(installation: Installation) -> None:
    plan = Plan(id="roll", installments=6, annual_rate="0.12", holiday_roll="following")
    with installation.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, installation.deps, installation.caller, plan)
    sold = installation.sell(plan="roll")
    with installation.deps.storage.reading() as uow:
        rows = uow.loans.installments(str(sold.loan_id))
    # 21 February 2027 is a Sunday within the Spring Festival weeks; 21 March is a Sunday too.
    assert all(is_workday(row.due_on, "CNY") for row in rows)
    assert {row.due_on.day for row in rows} != {21}
    installation.advance(months=7)
    installation.work()
    assert rows_of(installation, sold) == ["paid"] * 6


def test_what_falls_on_a_holiday_waits_for_the_next_workday(installation: Installation) -> None:
    plan = Plan(id="roll", installments=3, annual_rate="0.12", holiday_roll="following")
    with installation.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, installation.deps, installation.caller, plan)
    sold = installation.sell(plan="roll", account="0002")
    with installation.deps.storage.unit_of_work() as uow:
        row = uow.loans.installments(str(sold.loan_id))[0]
        # A Saturday, as a retry could fall on.
        uow.loans.save_installment(
            row._replace(due_on=date(2026, 12, 19), version=2), row, date(2026, 12, 19)
        )
    installation.advance(days=28)
    installation.work()
    assert deductions_of(installation, sold) == []
    installation.advance(days=2)
    installation.work()
    assert len(deductions_of(installation, sold)) == 1


def texts(house: Installation) -> list[str]:
    return [text for reference, _, text in house.sms.messages if reference.startswith("ntc_")]


def test_the_consumer_is_told_once_some_days_before_with_amount_day_and_account_only(
    installation: Installation,
) -> None:
    installation.sell(plan="p12", language="zh-CN")
    installation.advance(days=26)
    installation.work()
    assert texts(installation) == []
    installation.advance(days=1)
    for _ in range(3):
        installation.work()
        installation.clock.pass_(minutes=5)
    assert texts(installation) == [
        "【小满商店】2026-12-21 将从您尾号 0001 的账户扣款 CNY 349.72，请预留余额。"
    ]
    installation.advance(months=1)
    installation.work()
    assert [text[6:17].strip("】 ") for text in texts(installation)] == ["2026-12-21", "2027-01-21"]


def test_the_notice_is_in_the_consumers_language_and_none_is_sent_at_night(
    installation: Installation,
) -> None:
    installation.sell(plan="p12", language="en")
    installation.advance(days=27)
    at_night(installation)
    installation.work()
    assert texts(installation) == []
    installation.advance(seconds=9 * 3600)
    installation.work()
    assert texts(installation) == [
        "[小满商店] CNY 349.72 will be deducted from your account ending in 0001 on 2026-12-21."
        " Please keep it covered."
    ]


def test_a_notice_that_is_not_true_any_more_is_dropped(installation: Installation) -> None:
    sold = installation.sell(plan="p12")
    installation.deps = replace(installation.deps, sms=Deaf())
    installation.advance(days=28)
    installation.work()
    move_day(installation.deps, str(sold.loan_id), 28, reason="asked by phone", by="An")
    installation.deps = replace(installation.deps, sms=installation.sms)
    installation.clock.pass_(minutes=2)
    installation.work()
    assert texts(installation) == []
    assert [row["status"] for row in installation.rows("SELECT status FROM deduction_notices")] == ["dropped"]


class Deaf:
    """A gateway that never answers."""

    def send(self, *, reference: str, phone: str, text: str) -> None:
        from merchant_server.ports import ProviderUnavailable

        raise ProviderUnavailable("sms", "down")


def test_an_operator_lets_a_loan_rest_and_go_on(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    loan_id = str(sold.loan_id)
    rests = suspend_collection(
        installation.deps, loan_id, SuspensionReason.HARDSHIP, note="lost the job", by="An"
    )
    assert rests.collection_paused_reason == "hardship"
    with pytest.raises(RuleRefused, match="suspended already"):
        suspend_collection(installation.deps, loan_id, SuspensionReason.OPERATOR, note="again", by="Bo")
    installation.advance(months=2)
    installation.work()
    assert deductions_of(installation, sold) == []
    resume_collection(installation.deps, loan_id, note="works again", by="An")
    installation.work()
    assert rows_of(installation, sold) == ["paid", "paid", "scheduled"]
    with pytest.raises(RuleRefused, match="no operator"):
        resume_collection(installation.deps, loan_id, note="again", by="An")
    told = [row["type"] for row in installation.rows("SELECT type FROM events ORDER BY sequence")]
    assert told.count("loan.collection_paused") == told.count("loan.collection_resumed") == 1


def test_a_dispute_stays_the_reason_when_another_one_ends_and_gives_way_to_it_when_it_ends(
    installation: Installation,
) -> None:
    loan = loan_of(installation, installation.sell(plan="p3"))
    both = loan.suspended(SuspensionReason.HARDSHIP).paused("dispute")
    assert both.collection_paused_reason == "dispute"
    assert both.unsuspended().collection_paused_reason == "dispute"
    assert both.resumed("dispute").collection_paused_reason == "hardship"
    assert both.unsuspended().resumed("dispute").collection_paused_reason is None
    assert loan.paused("dispute").suspended(SuspensionReason.OPERATOR).collection_paused_reason == "dispute"


@given(
    start=st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    count=st.integers(1, 24),
    day=st.sampled_from([*range(1, 29), MONTH_END]),
    gone=st.integers(0, 400),
)
def test_moved_days_keep_one_a_month_on_the_day_or_the_months_end(
    start: date, count: int, day: int, gone: int
) -> None:
    from fenqi.finance.dates import add_months, days_in_month

    due_on = [add_months(start, number) for number in range(1, count + 1)]
    today = min(start + timedelta(days=gone), due_on[-1] - timedelta(days=1))
    to_come = [each for each in due_on if each > today]
    moved = moved_dates(to_come, day, today)
    assert all(each.day == min(day, days_in_month(each.year, each.month)) for each in moved)
    assert moved[0] > today
    months = [each.year * 12 + each.month for each in moved]
    assert months == list(range(months[0], months[0] + len(moved)))
    assert all(abs((new - old).days) <= 31 for new, old in zip(moved, to_come, strict=True))


@pytest.mark.parametrize("day", [0, 29, 30, 32, -1])
def test_a_day_that_some_month_lacks_is_refused(day: int) -> None:
    with pytest.raises(RuleRefused):
        moved_dates([date(2026, 12, 21)], day, date(2026, 11, 21))


def test_the_consumer_moves_the_day_sees_it_first_and_owes_the_same(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    loan = loan_of(installation, sold)
    shown = preview_own_day(installation.deps, loan.consumer_id, loan.id, 5)
    assert [day.isoformat() for _, day in shown.rows] == ["2026-12-05", "2027-01-05", "2027-02-05"]
    moved = move_own_day(installation.deps, loan.consumer_id, loan.id, 5)
    assert moved.outstanding == loan.outstanding
    with installation.deps.storage.reading() as uow:
        rows = uow.loans.installments(loan.id)
        (change,) = uow.schedule_changes.of_loan(loan.id)
    assert [row.due_on for row in rows] == [day for _, day in shown.rows]
    assert (change.kind, change.actor, change.relief.total.minor) == ("deduction_day", "consumer", 0)
    installation.advance(days=14)
    installation.work()
    assert rows_of(installation, sold)[0] == "paid"
    with pytest.raises(RuleRefused, match="not long ago"):
        move_own_day(installation.deps, loan.consumer_id, loan.id, 20)


def test_a_move_is_refused_while_the_bank_is_asked_and_for_plans_by_the_week(
    installation: Installation,
) -> None:
    weekly = Plan(id="weeks", installments=4, annual_rate="0.12", period="week")
    with installation.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, installation.deps, installation.caller, weekly)
    sold = installation.sell(plan="weeks")
    with pytest.raises(RuleRefused, match="by the month"):
        move_day(installation.deps, str(sold.loan_id), 5, reason="asked", by="An")


def test_a_run_is_one_row_and_goes_on_after_a_crash_without_asking_twice(installation: Installation) -> None:
    sold = [
        installation.sell(Money(50_000, "CNY"), plan="p3", reference=f"order-{number}", account=account)
        for number, account in enumerate(("0001", "0001", "0005"))
    ]
    installation.advance(months=1)
    merchant_id = sold[0].merchant_id
    request_due(installation.deps, merchant_id)
    # The process dies here: nothing was sent. Another one begins the run again.
    seen: list[RunProgress] = []
    end = run_collection(installation.deps, seen.append, patience_seconds=60)
    assert (end.settled, end.failed, end.open, end.waiting, end.total) == (2, 1, 0, 0, 3)
    assert seen[0].open == 3 and seen[-1] == end
    assert run_collection(installation.deps, seen.append, patience_seconds=1) == end
    assert len(installation.bank._deductions) == 3
    (run,) = installation.rows("SELECT * FROM deduction_batches")
    assert run["run_on"] == "2026-12-21"
    batches: list[Any] = installation.rows("SELECT DISTINCT batch_id FROM deductions")
    assert batches == [{"batch_id": run["id"]}]
