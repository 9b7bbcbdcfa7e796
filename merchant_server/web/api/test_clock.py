"""/v1/test_clock"""

from fenqi.wire import TestClockAdvanceSchema, TestClockSchema
from flask import Response

from merchant_server.services.operation.test_clock import advance_clock, clock_resource, read_clock
from merchant_server.web.api.describing import IDEMPOTENT, answer
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint(
    "test_clock", __name__, url_prefix="/v1/test_clock", description="Time to turn, in test mode."
)


@blp.get("")
@blp.response(200, TestClockSchema)
def retrieve() -> Response:
    """Read the clock."""
    who = caller("read")
    with deps().storage.reading() as uow:
        return answer(clock_resource(read_clock(uow, deps(), who)))


@blp.post("/advance")
@blp.doc(**IDEMPOTENT)
@blp.arguments(TestClockAdvanceSchema)
@blp.response(200, TestClockSchema)
def advance(step: dict[str, int]) -> Response:
    """Move the clock forwards; the worker does what falls due."""
    who = caller("settings")
    return answer_once(who, 200, lambda uow: clock_resource(advance_clock(uow, deps(), who, **step)))
