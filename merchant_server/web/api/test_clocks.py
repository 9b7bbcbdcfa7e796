"""/v1/test_clocks"""

from typing import Any

from fenqi.durations import parse_duration
from fenqi.wire import PageQuerySchema, TestClockSchema, TestClockTurnSchema, page_of
from flask import Response

from merchant_server.services.operation.test_clock import clock_resource
from merchant_server.services.operation.turning import CURRENT, find_clock, send_clock
from merchant_server.web.api.describing import IDEMPOTENT, answer, window
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "test_clocks",
    __name__,
    url_prefix="/v1/test_clocks",
    description="Time to turn day by day, in test mode.",
)


@blp.get("")
@blp.arguments(PageQuerySchema, location="query")
@blp.response(200, page_of(TestClockSchema))
def listing(query: dict[str, Any]) -> Response:
    """List the test clocks: the merchant's one."""
    who = caller("read")
    with deps().storage.reading() as uow:
        return window([clock_resource(find_clock(uow, deps(), who, CURRENT))], query)


@blp.get("/<clock_id>")
@blp.response(200, TestClockSchema)
def retrieve(clock_id: str) -> Response:
    """Look a clock up; `current` is the merchant's one."""
    who = caller("read")
    with deps().storage.reading() as uow:
        return answer(clock_resource(find_clock(uow, deps(), who, clock_id)))


@blp.post("/<clock_id>/advance")
@blp.doc(**IDEMPOTENT)
@blp.arguments(TestClockTurnSchema)
@blp.response(200, TestClockSchema)
def advance(turn: dict[str, Any], clock_id: str) -> Response:
    """Let a clock go forwards; it is `advancing` until all that fell due on the way was done."""
    who = caller("settings")
    by = parse_duration(turn["by"]) if "by" in turn else None
    return answer_once(
        who, 200, lambda uow: clock_resource(send_clock(uow, deps(), who, clock_id, by=by, to=turn.get("to")))
    )
