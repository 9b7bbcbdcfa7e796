"""What the two hottest transactions ask of a database: a number that grows is a cost for every sale and repayment."""

from collections.abc import Callable
from typing import Any

from benchmarks.world.recording import RecordingEngine, Statement
from merchant_server.storage.unit_of_work import SqlStorage
from tests.installation import Installation
from tests.services.collecting import ask_without_finding, tell

# Statements in all, and those of them that are answered with rows: on PostgreSQL each of these is a round trip.
SIGN, CALLBACK = (28, 10), (17, 5)


def recorded(house: Installation, act: Callable[[], Any]) -> list[Statement]:
    """Return the statements of the longest transaction of an act."""
    storage: Any = house.deps.storage
    assert isinstance(storage, SqlStorage)
    taped = storage.engine = RecordingEngine(house.engine)
    try:
        act()
    finally:
        storage.engine = house.engine
    return max(taped.writes, key=len)


def counted(statements: list[Statement]) -> tuple[int, int]:
    return len(statements), sum(
        each.sql.startswith("SELECT") or "RETURNING" in each.sql for each in statements
    )


def test_a_signature_is_28_statements_and_10_questions(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    house.sell()
    checkout = house.checkout()
    house.apply(checkout)
    house.choose(checkout)
    assert counted(recorded(house, lambda: house.sign(checkout))) == SIGN


def test_a_bank_callback_is_17_statements_and_5_questions(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    house.sell()
    house.advance(months=1)
    deduction = ask_without_finding(house)
    assert counted(recorded(house, lambda: tell(house, deduction))) == CALLBACK
