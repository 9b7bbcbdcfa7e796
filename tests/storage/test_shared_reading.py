"""What the transactions of one commit remember for each other is never older than what they wrote."""

from dataclasses import replace
from typing import Any

import pytest
from fenqi.finance.plan import Plan

from merchant_server.domain.event import Fact
from merchant_server.ports import Endpoint
from merchant_server.storage.engine import TransactionMisuse
from merchant_server.storage.unit_of_work import SqlStorage, SqlUnitOfWork
from tests.installation import Installation


class Members:
    """Units of work that share one connection's memory, as the transactions of one commit do."""

    def __init__(self, house: Installation, connection: Any) -> None:
        storage: Any = house.deps.storage
        assert isinstance(storage, SqlStorage)
        self._storage, self._connection = storage, connection

    def another(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self._connection, self._storage._ring, self._storage._new_id)


@pytest.fixture
def house(installation: Installation) -> Installation:
    return installation


def test_a_clock_that_one_moves_has_moved_for_the_next(house: Installation) -> None:
    merchant_id = house.caller.merchant_id
    with house.engine.transaction() as connection:
        members = Members(house, connection)
        assert members.another().merchants.clock_offset_seconds(merchant_id) == 0
        members.another().merchants.advance_clock(merchant_id, 60)
        assert members.another().merchants.clock_offset_seconds(merchant_id) == 60


def test_a_plan_that_one_adds_is_there_for_the_next(house: Installation) -> None:
    merchant_id, mode = house.caller.merchant_id, house.caller.mode
    added = Plan(id="added", installments=3, annual_rate="0.12")
    with house.engine.transaction() as connection:
        members = Members(house, connection)
        before = members.another().merchants.plans(merchant_id, mode)
        members.another().merchants.add_plan(merchant_id, mode, added, house.clock.now())
        after = members.another().merchants.plans(merchant_id, mode)
    assert [plan.id for plan in after] == [*(plan.id for plan in before), "added"]


def test_events_go_to_an_endpoint_that_was_just_added_and_not_to_one_that_was_just_ended(
    house: Installation,
) -> None:
    added = _endpoint(house, "whe_added")

    def tell(members: Members, name: str) -> None:
        events = members.another().events
        events.append(_fact(house, name), house.clock.now())
        events.store()

    with house.engine.transaction() as connection:
        members = Members(house, connection)
        tell(members, "evt_before")
        members.another().endpoints.add(added)
        tell(members, "evt_with_it")
        members.another().endpoints.save(replace(added, status="disabled"))
        tell(members, "evt_after")
    assert [row["event_id"] for row in house.rows("SELECT event_id FROM deliveries")] == ["evt_with_it"]


def test_what_was_foreseen_is_asked_anew_once_it_has_changed(house: Installation) -> None:
    merchant_id, mode = house.caller.merchant_id, house.caller.mode
    with house.engine.transaction() as connection:
        uow = Members(house, connection).another()
        uow.merchants.foresee(merchant_id, plans_of=mode)
        uow.events.foresee(merchant_id, mode)
        uow.merchants.advance_clock(merchant_id, 60)
        uow.endpoints.add(_endpoint(house, "whe_added"))
        uow.events.append(_fact(house, "evt_with_it"), house.clock.now())
        uow.events.store()
        assert uow.merchants.clock_offset_seconds(merchant_id) == 60
    assert [row["event_id"] for row in house.rows("SELECT event_id FROM deliveries")] == ["evt_with_it"]


def _endpoint(house: Installation, name: str) -> Endpoint:
    caller = house.caller
    return Endpoint(
        name, caller.merchant_id, caller.mode, "https://shop.example/hook", ("*",), "whsec_x", "active",
        house.clock.now(),
    )  # fmt: skip


def _fact(house: Installation, name: str) -> Fact:
    caller = house.caller
    return Fact(
        name, caller.merchant_id, caller.mode, "loan.created", "loan", f"loan_{name}", 1, house.clock.now(), {}
    )  # fmt: skip


def test_a_repository_that_outlives_its_block_answers_nothing_from_memory(house: Installation) -> None:
    merchant_id = house.caller.merchant_id
    with house.deps.storage.reading() as uow:
        merchants = uow.merchants
        assert merchants.get(merchant_id) is not None
    with pytest.raises(TransactionMisuse, match="outside its block"):
        merchants.get(merchant_id)
