"""A worker with nothing to do: its turn asks the same few questions however many merchants and loans there are."""

from collections import Counter
from datetime import timedelta
from typing import Any

from benchmarks.world.recording import RecordingEngine, Transaction
from merchant_server.services.operation.merchants import create_merchant
from merchant_server.storage.unit_of_work import SqlStorage
from merchant_server.worker import work_once
from tests.installation import Installation
from tests.operations.test_hot_queries import Recorder

# One question each for: deliveries, collecting, disputes, closes, payouts, clocks, refunds … see worker.py.
MOST = 40
# Read from end to end, and short by nature: acts that wait for their place, and the newest row by its key.
SHORT = ("r in SELECT r.audit_id", "audit_heads in SELECT * FROM audit_heads ORDER BY size DESC LIMIT 1")


def idle_turn(house: Installation) -> list[Transaction]:
    """Run one turn that does nothing and return the statements of each of its blocks."""
    house.work()
    storage: Any = house.deps.storage
    assert isinstance(storage, SqlStorage)
    taped = storage.engine = RecordingEngine(house.engine)
    try:
        assert work_once(house.deps, lambda: 0, run=lambda step: step()) == 0
    finally:
        storage.engine = house.engine
    return taped.reads + taped.writes


def texts(turn: list[Transaction]) -> Counter[str]:
    return Counter(statement.sql for block in turn for statement in block)


def test_an_idle_turn_asks_no_more_when_merchants_and_loans_are_many(installation: Installation) -> None:
    house = installation
    house.sell()
    before = texts(idle_turn(house))
    assert sum(before.values()) <= MOST
    for number in range(5):
        create_merchant(
            house.deps, name=f"店 {number}", legal_name=f"店 {number}", category="shop", currency="CNY",
            time_zone=("Asia/Shanghai", "Pacific/Kiritimati", "Pacific/Niue")[number % 3], fee_bps=100,
        )  # fmt: skip
    for _ in range(3):
        house.sell(plan="p6")
    # A clock that was turned is asked like any other, also on a day on which a deduction was made.
    house.advance(months=1)
    assert texts(idle_turn(house)) == before


def test_what_an_idle_turn_asks_is_found_through_an_index(installation: Installation) -> None:
    house = installation
    house.sell()
    house.clock.pass_(seconds=timedelta(days=1).total_seconds())
    turn = idle_turn(house)
    with house.engine.transaction() as connection:
        if house.engine.dialect == "postgresql":
            connection.execute("SET LOCAL enable_seqscan = off")
        recorder = Recorder(connection, house.engine.dialect)
        for sql, params, many, _ in (statement for block in turn for statement in block):
            if many:
                assert params == []
            elif sql.startswith("SELECT"):
                recorder.all(sql, params)
            else:
                recorder.execute(sql, params)
    assert [scan for scan in recorder.scans if not scan.startswith(SHORT)] == []
