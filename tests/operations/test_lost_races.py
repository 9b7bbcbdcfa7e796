"""A deadlock between two requests on PostgreSQL: both are answered, each has its effect once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from merchant_server.ports import UnitOfWork
from merchant_server.providers.system import SystemClock
from merchant_server.services.operation.idempotency import Once, run_once
from merchant_server.storage.opening import open_engine
from tests.databases import postgres_database
from tests.installation import build


def test_requests_that_deadlock_are_run_again_whole_and_both_answered(
    postgres_url: str, migrated_postgres: str, authority_folder: Path, tmp_path: Path
) -> None:
    with postgres_database(postgres_url, migrated_postgres) as url:
        engine = open_engine(url)
        house = build(engine, authority_folder, tmp_path / "keys.json", real_documents=False)
        house.sell()
        house.sell(plan="p6")
        first, second = (row["id"] for row in house.rows("SELECT id FROM loans ORDER BY id"))
        # The loser pauses for real, as on a server: at once it would barge in before the one that waits.
        deps = replace(house.deps, clock=SystemClock())
        both_hold_one, tries = threading.Barrier(2), []

        def ask(key: str, loan_ids: tuple[str, str]) -> Any:
            def action(uow: UnitOfWork) -> dict[str, Any]:
                uow.loans.locked(loan_ids[0])
                tries.append(key)
                if tries.count(key) == 1:
                    both_hold_one.wait(30)
                uow.loans.locked(loan_ids[1])
                return {"key": key}

            return run_once(deps, house.caller, Once(key, "f"), 200, action)

        with ThreadPoolExecutor(2) as pool:
            replies = list(pool.map(ask, ("a", "b"), ((first, second), (second, first))))
        assert [reply.body for reply in replies] == [b'{"key":"a"}', b'{"key":"b"}']
        assert len(tries) == 3
        assert [reply.replayed for reply in replies] == [False, False]
        assert ask("a", (first, second)).replayed
        assert house.breaches() == []
        engine.close()
