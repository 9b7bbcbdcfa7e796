"""Prefixed ids that sort by time."""

import pytest
from fenqi import ids
from fenqi.errors import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

MILLISECONDS = st.integers(0, 2**48 - 1)
RANDOMNESS = st.binary(min_size=10, max_size=10)


@given(MILLISECONDS, RANDOMNESS)
def test_an_id_tells_its_prefix_and_time(now_ms: int, randomness: bytes) -> None:
    made = ids.new_id(ids.CHECKOUT, now_ms, randomness)
    assert len(made) == 30
    assert ids.parse_id(made, prefix="chk") == ids.ParsedId("chk", now_ms)


@given(MILLISECONDS, MILLISECONDS, RANDOMNESS, RANDOMNESS)
def test_ids_of_different_milliseconds_sort_by_time(first: int, second: int, a: bytes, b: bytes) -> None:
    if first != second:
        assert (ids.new_id("evt", first, a) < ids.new_id("evt", second, b)) == (first < second)


@given(st.lists(st.tuples(st.integers(0, 5), RANDOMNESS), max_size=50))
def test_monotonic_ids_sort_in_the_order_made_even_when_the_clock_steps_back(
    steps: list[tuple[int, bytes]],
) -> None:
    maker = ids.MonotonicIds()
    made = [maker.new("je", now_ms, randomness) for now_ms, randomness in steps]
    assert made == sorted(set(made))


def test_a_full_counter_borrows_a_millisecond_and_repeats_nothing() -> None:
    maker = ids.MonotonicIds()
    full = maker.new("je", 5, b"\xff" * 10)
    assert full < maker.new("je", 5, b"\0" * 10)


def test_the_known_ulid_of_the_specification_is_read() -> None:
    # github.com/ulid/spec: 01ARZ3NDEKTSV4RRFFQ69G5FAV was made at 1469922850259 ms.
    assert ids.parse_id("chk_01arz3ndektsv4rrffq69g5fav").created_ms == 1469922850259


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chk",
        "chk_",
        "_01arz3ndektsv4rrffq69g5fav",
        "chk_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "chk_81arz3ndektsv4rrffq69g5fav",
        "chk_01arz3ndektsv4rrffq69g5fau",
        "chk_01arz3ndektsv4rrffq69g5fa",
        "chk_01arz3ndektsv4rrffq69g5fav\n",
        "évt_" + "0" * 26,
    ],
)
def test_malformed_ids_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        ids.parse_id(text)
    assert not ids.is_id(text, "chk")


def test_an_id_of_another_kind_is_refused() -> None:
    loan = ids.new_id(ids.LOAN, 1, bytes(10))
    with pytest.raises(InvalidArgument, match="chk_"):
        ids.parse_id(loan, prefix=ids.CHECKOUT)


@pytest.mark.parametrize(
    ("now_ms", "randomness"), [(-1, bytes(10)), (2**48, bytes(10)), (1, bytes(9)), (1, b"")]
)
def test_unusable_time_or_randomness_is_refused(now_ms: int, randomness: bytes) -> None:
    with pytest.raises(InvalidArgument):
        ids.new_id("chk", now_ms, randomness)
