"""Rules at their edges: codes, credit lines, retries, reading time, age, keys."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from fenqi.finance.money import Money
from hypothesis import given
from hypothesis import strategies as st

from merchant_server.domain.code import LIFE_SECONDS, TRIES_MAX, Code, issue
from merchant_server.domain.code_limits import refuse_too_many
from merchant_server.domain.consumer import CreditLine, Person, mask_phone
from merchant_server.domain.deduction import ATTEMPTS_MAX, RETRY_AFTER_DAYS, retry_after_days
from merchant_server.domain.errors import Forbidden, RuleRefused
from merchant_server.domain.event import RETRY_SECONDS, next_try
from merchant_server.domain.merchant import Caller

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
KEY = b"k" * 32


def code(**changes: object) -> Code:
    made = issue(
        code_id="otp_1", purpose="phone", checkout_id="chk_1", bound_to="+8613800138000", phone_index="x",
        digits="123456", key=KEY, now=NOW,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def refused(wrong: Code, digits: str = "123456", after_seconds: float = 0) -> str:
    with pytest.raises(RuleRefused) as refusal:
        wrong.attempt(digits, KEY, NOW + timedelta(seconds=after_seconds))
    return refusal.value.code


def test_a_code_is_right_once_within_its_life() -> None:
    attempt = code().attempt("123456", KEY, NOW + timedelta(seconds=LIFE_SECONDS - 1))
    assert attempt.right
    assert refused(attempt.code) == "code_used"
    assert refused(code(), after_seconds=LIFE_SECONDS) == "code_expired"


def test_the_sixth_try_of_a_code_is_refused_even_when_it_would_be_right() -> None:
    tried = code()
    for _ in range(TRIES_MAX):
        attempt = tried.attempt("000000", KEY, NOW)
        assert not attempt.right
        tried = attempt.code
    assert refused(tried) == "code_exhausted"


@pytest.mark.parametrize(
    "digits", ["", "12345", "1234567", "１２３４５６", "123456\n", "abcdef", "-23456", "1e5"]
)
def test_only_the_very_digits_are_right(digits: str) -> None:
    assert not code().attempt(digits, KEY, NOW).right


def test_a_code_is_bound_to_what_it_was_made_for() -> None:
    assert not code(bound_to="+8613900139000").attempt("123456", KEY, NOW).right
    assert not code(id="otp_2").attempt("123456", KEY, NOW).right
    assert not code().attempt("123456", b"another key of the installation", NOW).right


def test_what_is_stored_of_a_code_holds_no_digits() -> None:
    assert "123456" not in repr(code())


@pytest.mark.parametrize(
    ("minutes_ago", "allowed"),
    [
        ([1, 2], True),
        ([1, 2, 9], False),
        ([1, 2, 10], True),
        ([60 * hour for hour in range(1, 10)], True),
        ([60 * hour for hour in range(1, 11)], False),
    ],
)
def test_a_number_gets_three_messages_in_ten_minutes_and_ten_a_day(
    minutes_ago: list[int], allowed: bool
) -> None:
    sent_at = [NOW - timedelta(minutes=minutes) for minutes in minutes_ago]
    if allowed:
        refuse_too_many("number", sent_at, NOW)
    else:
        with pytest.raises(RuleRefused, match="too many") as refusal:
            refuse_too_many("number", sent_at, NOW)
        assert refusal.value.code == "code_rate_limited"


def line(limit: int, used: int) -> CreditLine:
    return CreditLine("con_1", Money(limit, "CNY"), Money(used, "CNY"), "B", "0", NOW + timedelta(days=1), 1)


@given(limit=st.integers(0, 10**12), used=st.integers(0, 10**12), amount=st.integers(1, 10**12))
def test_a_line_is_never_drawn_beyond_its_limit(limit: int, used: int, amount: int) -> None:
    drawn = line(limit, used)
    if used + amount <= limit:
        assert drawn.draw(Money(amount, "CNY"), NOW).used == Money(used + amount, "CNY")
    else:
        with pytest.raises(RuleRefused) as refusal:
            drawn.draw(Money(amount, "CNY"), NOW)
        assert (refusal.value.code, refusal.value.facts["left_minor"]) == ("amount_over_limit", limit - used)


def test_an_expired_line_is_not_drawn() -> None:
    with pytest.raises(RuleRefused) as refusal:
        line(100, 0).draw(Money(1, "CNY"), NOW + timedelta(days=1))
    assert refusal.value.code == "approval_expired"


def test_a_failed_deduction_waits_longer_each_time_and_ends() -> None:
    waits = [retry_after_days(attempt, "insufficient_funds") for attempt in range(1, ATTEMPTS_MAX + 1)]
    assert waits == [*RETRY_AFTER_DAYS, None]
    assert retry_after_days(1, "account_closed") is None


@given(jitter=st.floats(0, 0.999), attempts=st.integers(1, 12), receiver=st.none() | st.integers(0, 10**9))
def test_a_delivery_waits_at_least_its_schedule_and_at_most_a_day_and_a_fifth(
    jitter: float, attempts: int, receiver: int | None
) -> None:
    again = next_try(attempts, NOW, jitter, receiver)
    if attempts > len(RETRY_SECONDS):
        assert again is None
        return
    assert again is not None
    waited = (again - NOW).total_seconds()
    scheduled = max(RETRY_SECONDS[attempts - 1], min(receiver or 0, 86_400))
    assert scheduled <= waited <= scheduled * 1.2
    assert waited >= min(receiver or 0, 86_400)


def test_deliveries_are_tried_for_about_three_days() -> None:
    assert 60 * 3600 < sum(RETRY_SECONDS) < 100 * 3600


@pytest.mark.parametrize(
    ("born_on", "day", "years"),
    [
        (date(1990, 3, 7), date(2008, 3, 6), 17),
        (date(1990, 3, 7), date(2008, 3, 7), 18),
        (date(2004, 2, 29), date(2022, 2, 28), 17),
        (date(2004, 2, 29), date(2022, 3, 1), 18),
    ],
)
def test_age_counts_full_years(born_on: date, day: date, years: int) -> None:
    assert Person("王小明", "x" * 18, "+8613800138000", born_on).age_on(day) == years


def test_a_person_is_never_printed() -> None:
    person = Person("王小明", "110101199003077651", "+8613800138000", date(1990, 3, 7))
    assert "王" not in f"{person!r} {person}"
    assert (person.masked_name, person.masked_id_number, mask_phone("+8613800138000")) == (
        "王**", "110*************51", "**********8000",
    )  # fmt: skip


def test_a_caller_without_a_scope_is_told_which() -> None:
    with pytest.raises(Forbidden) as refusal:
        Caller("mer_1", "test", "key_1", ("read",)).needs("capture")
    assert refusal.value.facts["scope"] == "capture"
