"""Due work, pages and figures are found through an index on both databases, and reading waits for no writer."""

import re
import threading
import time
from datetime import timedelta
from typing import Any

from merchant_server.ports import Tried
from merchant_server.storage.engine import Connection, Engine
from merchant_server.storage.opening import open_engine
from merchant_server.storage.repositories.checkouts import Checkouts
from merchant_server.storage.repositories.decisions import Decisions
from merchant_server.storage.repositories.deductions import Deductions
from merchant_server.storage.repositories.deliveries import Deliveries
from merchant_server.storage.repositories.loans import Loans
from merchant_server.storage.repositories.operations import Operations
from merchant_server.storage.repositories.watch import Watch
from tests.installation import START, Installation

# Small by nature: one row a merchant, an endpoint, a policy or an hour.
SMALL = {"merchants", "webhook_endpoints", "event_sequences", "chores", "checkups", "test_clocks"}


class Recorder:
    """A connection that explains each statement before it runs it."""

    def __init__(self, connection: Connection, dialect: str) -> None:
        self._connection, self._dialect = connection, dialect
        self.scans: list[str] = []
        self.claim_suffix, self.row_lock = connection.claim_suffix, connection.row_lock

    def _explain(self, sql: str, params: Any) -> None:
        if self._dialect == "sqlite":
            plan = [str(row["detail"]) for row in self._connection.all(f"EXPLAIN QUERY PLAN {sql}", params)]
            # "SCAN t USING INDEX i" walks an index in order, which a LIMIT ends; a bare SCAN reads the table.
            found = [re.match(r"SCAN (\w+)(?: AS \w+)?$", line) for line in plan]
        else:
            plan = [row["QUERY PLAN"] for row in self._connection.all(f"EXPLAIN {sql}", params)]
            found = [re.search(r"Seq Scan on (\w+)", line) for line in plan]
        self.scans += [f"{each[1]} in {sql[:90]}" for each in found if each and each[1] not in SMALL]

    def execute(self, sql: str, params: Any = {}) -> int:  # noqa: B006
        self._explain(sql, params)
        return self._connection.execute(sql, params)

    def executemany(self, sql: str, rows: Any) -> None:
        for row in rows:
            self.execute(sql, row)

    def one(self, sql: str, params: Any = {}) -> Any:  # noqa: B006
        self._explain(sql, params)
        return self._connection.one(sql, params)

    def all(self, sql: str, params: Any = {}) -> Any:  # noqa: B006
        self._explain(sql, params)
        return self._connection.all(sql, params)


def test_hot_queries_use_an_index(installation: Installation) -> None:
    """PostgreSQL would read tiny tables from end to end; so it is told that this is dear, as it is at size."""
    installation.sell()
    merchant = installation.caller.merchant_id
    now = START + timedelta(days=400)
    with installation.engine.transaction() as connection:
        if installation.engine.dialect == "postgresql":
            connection.execute("SET LOCAL enable_seqscan = off")
        recorder: Any = Recorder(connection, installation.engine.dialect)
        until = now + timedelta(seconds=30)
        deliveries = Deliveries(recorder, installation.deps.ids.new)
        deliveries.due_endpoints(now)
        deliveries.claim("whe_none", now, until, 1)
        deliveries.pending()
        deliveries.attempts("dlv_none", before=None, limit=20)
        deliveries.record([Tried("dlv_none", 1, now, 1, 200, delivered=True)])
        Deductions(recorder).claim_to_ask(now, until, 50)
        Deductions(recorder).of_loan("loan_none")
        Deductions(recorder).next_attempt("loan_none", 1)
        Loans(recorder).to_collect(merchant, now.date(), 50)
        Loans(recorder).to_age(merchant, now.date(), 50)
        Checkouts(recorder).to_expire(now, 50)
        Checkouts(recorder).page(merchant, "test", before=None, limit=20, status=None, reference=None)
        Checkouts(recorder).page(merchant, "test", before=None, limit=20, status=None, reference="order-1")
        Decisions(recorder, None).stuck(now, 50)  # type: ignore[arg-type]
        Watch(recorder, None).remembers(now)  # type: ignore[arg-type]
        Operations(recorder).figures(now)
        Operations(recorder).has_deliveries(now)
        Operations(recorder).forget_deliveries(now, 500)
    assert recorder.scans == []


def test_a_missing_index_is_found(installation: Installation) -> None:
    with installation.engine.transaction() as connection:
        recorder: Any = Recorder(connection, installation.engine.dialect)
        recorder.all("SELECT * FROM loans WHERE plan_id = :plan", {"plan": "p12"})
    assert recorder.scans


def test_a_reader_is_never_held_up_by_a_writer(engine: Engine, database_url: str) -> None:
    """A transaction that writes for as long as the readers read: none of them waits for it, nor sees half of it."""
    insert = "INSERT INTO chores (name, done_at) VALUES (:name, 'now')"
    with engine.transaction() as connection:
        connection.execute(insert, {"name": "before"})
    other = open_engine(database_url)
    waits: list[float] = []

    def read() -> None:
        for _ in range(50):
            began = time.perf_counter()
            with other.reading() as reading:
                assert reading.all("SELECT name FROM chores WHERE name <> 'before'") == []
            waits.append(time.perf_counter() - began)

    with engine.transaction() as connection:
        connection.execute(insert, {"name": "half"})
        reader = threading.Thread(target=read)
        reader.start()
        reader.join(30)
        assert not reader.is_alive()
    other.close()
    assert len(waits) == 50
    assert max(waits) < 5  # a reader that waited would have waited for the writer's end
