"""What the two hottest transactions ask of a database: a number that grows is a cost for every sale and repayment."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.world.recording import RecordingEngine, Statement
from merchant_server.ports import UnitOfWork
from merchant_server.services.operation.idempotency import Once, run_once
from merchant_server.services.resources import checkout_resource
from merchant_server.services.sale.checkouts import create_checkout
from merchant_server.storage.postgres_session import Session
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_callback_waits_for_a_database_far_away_five_times_and_a_request_with_a_key_three_times(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation
    house.sell()
    house.advance(months=1)
    deduction = ask_without_finding(house)
    _ask_under_a_key(house, "which makes the installation's sealing key")
    trips: list[str] = []
    for name in ("command", "ask_all"):
        monkeypatch.setattr(Session, name, _noted(getattr(Session, name), trips))

    tell(house, deduction)
    callback = len(trips)
    _ask_under_a_key(house, "another")
    assert (callback, len(trips) - callback) == (5, 3)


def _noted(travel: Callable[..., Any], trips: list[str]) -> Callable[..., Any]:
    def noted(*args: Any, **named: Any) -> Any:
        trips.append(travel.__name__)
        return travel(*args, **named)

    return noted


def _ask_under_a_key(house: Installation, key: str) -> None:
    run_once(house.deps, house.caller, Once(key, "print"), 201, lambda uow: _checkout(uow, house))


def _checkout(uow: UnitOfWork, house: Installation) -> dict[str, Any]:
    return checkout_resource(create_checkout(uow, house.deps, house.caller, house.draft()))
