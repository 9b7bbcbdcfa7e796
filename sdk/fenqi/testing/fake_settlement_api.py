"""The fake server's routes about payouts, statements and test clocks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fenqi.durations import parse_duration
from fenqi.testing.fake_settlement import CLOCK_ID, FakeSettlement, payout_json
from fenqi.wire import PayoutQuerySchema, StatementQuerySchema, TestClockTurnSchema, strict_json

# A handler gets the settlement, the present, the query and the body, and returns a body; None is 404.
Handler = Callable[..., dict[str, Any] | None]


def _payout(settlement: FakeSettlement, payout_id: str) -> dict[str, Any] | None:
    return next((row for row in settlement.payouts if row["id"] == payout_id), None)


def _list(settlement: FakeSettlement, _: datetime, query: dict[str, str], __: bytes) -> dict[str, Any]:
    wanted = PayoutQuerySchema().load(query)
    rows = [row for row in reversed(settlement.payouts) if wanted["status"] in (None, row["status"])]
    ids = [row["id"] for row in rows]
    start = ids.index(wanted["cursor"]) + 1 if wanted["cursor"] in ids else 0
    shown = rows[start : start + wanted["limit"]]
    more = start + wanted["limit"] < len(rows)
    return {
        "object": "list",
        "data": [payout_json(row) for row in shown],
        "has_more": more,
        "next_cursor": shown[-1]["id"] if more else None,
    }


def _retrieve(
    settlement: FakeSettlement, _: datetime, __: dict[str, str], ___: bytes, payout_id: str
) -> dict[str, Any] | None:
    row = _payout(settlement, payout_id)
    return None if row is None else payout_json(row)


def _composition(
    settlement: FakeSettlement, _: datetime, __: dict[str, str], ___: bytes, payout_id: str
) -> dict[str, Any] | None:
    row = _payout(settlement, payout_id)
    return None if row is None else settlement.composition(row)


def _statement(settlement: FakeSettlement, _: datetime, query: dict[str, str], __: bytes) -> dict[str, Any]:
    wanted = StatementQuerySchema().load(query)
    return settlement.statement(wanted["first"], wanted["last"], wanted["account"])


def _balance(settlement: FakeSettlement, _: datetime, __: dict[str, str], ___: bytes) -> dict[str, Any]:
    return settlement.balance()


def _clocks(settlement: FakeSettlement, now: datetime, _: dict[str, str], __: bytes) -> dict[str, Any]:
    return {"object": "list", "data": [settlement.clock(now)], "has_more": False, "next_cursor": None}


def _clock(
    settlement: FakeSettlement, now: datetime, _: dict[str, str], __: bytes, clock_id: str
) -> dict[str, Any] | None:
    return settlement.clock(now) if clock_id in (CLOCK_ID, "current") else None


def _turn(
    settlement: FakeSettlement, now: datetime, _: dict[str, str], body: bytes, clock_id: str
) -> dict[str, Any] | None:
    turn = TestClockTurnSchema().load(strict_json(body))
    if clock_id not in (CLOCK_ID, "current"):
        return None
    settlement.turn(now, parse_duration(turn["by"]) if "by" in turn else None, turn.get("to"))
    return settlement.clock(now)


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/v1/payouts", _list),
    ("GET", "/v1/payouts/([^/]+)", _retrieve),
    ("GET", "/v1/payouts/([^/]+)/statement", _composition),
    ("GET", "/v1/statements", _statement),
    ("GET", "/v1/balance", _balance),
    ("GET", "/v1/test_clocks", _clocks),
    ("GET", "/v1/test_clocks/([^/]+)", _clock),
    ("POST", "/v1/test_clocks/([^/]+)/advance", _turn),
)
