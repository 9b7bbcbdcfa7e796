"""Bodies and queries that clients send. `load` gives Money and UTC datetimes; unknown fields are refused.

Request bytes go through `strict_json` first, because a schema never sees a duplicate key.
"""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from fenqi.durations import parse_duration
from fenqi.errors import InvalidArgument
from fenqi.wire.fields import (
    AMOUNT_MINOR_MAX,
    Flag,
    MoneyField,
    Prose,
    Request,
    Text,
    UtcTime,
    WebAddress,
    WholeNumber,
)
from fenqi.wire.lines import LINES_MAX, LineDraftSchema
from fenqi.wire.vocabulary import (
    CAPTURES,
    CHECKOUT_STATUSES,
    DISPUTE_STATUSES,
    LANGUAGES,
    REFUND_STATUSES,
)

METADATA_MAX = 20
PLAN_IDS_MAX = 20
EVIDENCE_CHARACTERS_MAX = 4_000
EVIDENCE_LINKS_MAX = 10
TEST_CLOCK_STEP_SECONDS_MAX = 10 * 366 * 86_400


def _check_metadata_size(entries: dict[str, str]) -> None:
    if len(entries) > METADATA_MAX:
        raise ValidationError(f"Expected at most {METADATA_MAX} entries, got {len(entries)}.")


class EmptySchema(Request):
    """A POST that needs no fields: `{}`."""


class CheckoutDraftSchema(Request):
    """POST /v1/checkouts."""

    amount = MoneyField(required=True, minimum=1, maximum=AMOUNT_MINOR_MAX)
    reference = Text(
        required=True,
        minimum=1,
        maximum=64,
        metadata={"description": "Your order number.", "example": "order-1001"},
    )
    description = Text(maximum=200, load_default="", metadata={"example": "Bicycle, blue"})
    return_url = WebAddress(maximum=2000, load_default=None, allow_none=True)
    plan_ids = fields.List(
        Text(minimum=1, maximum=64),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=PLAN_IDS_MAX),
        metadata={"description": "Plans to offer; all active plans when left out."},
    )
    store_id = Text(minimum=1, maximum=64, load_default=None, allow_none=True)
    till_id = Text(minimum=1, maximum=64, load_default=None, allow_none=True)
    capture = fields.String(load_default="automatic", validate=validate.OneOf(CAPTURES))
    expires_in_seconds = WholeNumber(load_default=900, validate=validate.Range(min=60, max=172_800))
    language = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(LANGUAGES))
    metadata = fields.Dict(
        keys=Text(minimum=1, maximum=40),
        values=Text(maximum=500),
        load_default=dict,
        validate=_check_metadata_size,
        metadata={
            "maxProperties": METADATA_MAX,
            "description": "Your own names and texts, given back as sent.",
        },
    )

    lines = fields.List(
        fields.Nested(LineDraftSchema),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=LINES_MAX),
        metadata={"description": "What the order is made of; sums to the amount, and can come back by line."},
    )

    @validates_schema
    def check_plan_ids(self, data: dict[str, Any], **_: Any) -> None:
        plan_ids = data.get("plan_ids") or []
        if len(set(plan_ids)) != len(plan_ids):
            raise ValidationError("A plan is named twice.", field_name="plan_ids")


class CancelSchema(Request):
    """POST /v1/checkouts/{id}/cancel; a checkout that a phone has opened wants `confirm`."""

    confirm = Flag(
        load_default=False,
        metadata={"description": "true when the cashier confirmed that the customer gives up."},
    )


class SendLinkSchema(Request):
    """POST /v1/checkouts/{id}/send_link."""

    phone = Text(
        required=True, minimum=5, maximum=32, metadata={"example": "138 0013 8000", "writeOnly": True}
    )


class CaptureSchema(Request):
    """POST /v1/checkouts/{id}/capture; without an amount, all that is authorized and not yet captured."""

    amount = MoneyField(minimum=1, maximum=AMOUNT_MINOR_MAX, load_default=None, allow_none=True)


class EvidenceDraftSchema(Request):
    """POST /v1/disputes/{id}/evidence: what speaks for you, and where files that show it can be read."""

    text = Prose(required=True, minimum=1, maximum=EVIDENCE_CHARACTERS_MAX)
    links = fields.List(
        WebAddress(minimum=1, maximum=2000),
        load_default=list,
        validate=validate.Length(max=EVIDENCE_LINKS_MAX),
    )


class TestClockAdvanceSchema(Request):
    """POST /v1/test_clock/advance; exactly one of months, days and seconds, forwards only."""

    __test__ = False

    months = WholeNumber(validate=validate.Range(min=1, max=120))
    days = WholeNumber(validate=validate.Range(min=1, max=3_660))
    seconds = WholeNumber(validate=validate.Range(min=1, max=TEST_CLOCK_STEP_SECONDS_MAX))

    @validates_schema
    def check_one_unit(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give exactly one of months, days and seconds.")


class TestClockTurnSchema(Request):
    """POST /v1/test_clocks/{id}/advance; either `by`, an ISO 8601 duration, or `to`, an instant. Forwards only."""

    __test__ = False

    by = Text(minimum=2, maximum=40, metadata={"example": "P1M"})
    to = UtcTime()

    @validates_schema
    def check_one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give either by or to.")
        if "by" in data:
            try:
                parse_duration(data["by"])
            except InvalidArgument as wrong:
                raise ValidationError(wrong.message, field_name="by") from None


class PageQuerySchema(Request):
    """The query of every list: limit (1 to 100, default 20) and the cursor of the page before."""

    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=100))
    cursor = Text(minimum=1, maximum=200, load_default=None)


class CheckoutQuerySchema(PageQuerySchema):
    """GET /v1/checkouts."""

    status = fields.String(load_default=None, validate=validate.OneOf(CHECKOUT_STATUSES))
    reference = Text(minimum=1, maximum=64, load_default=None)


class LoanQuerySchema(PageQuerySchema):
    """GET /v1/loans."""

    checkout_id = Text(minimum=1, maximum=64, load_default=None)


class RefundQuerySchema(PageQuerySchema):
    """GET /v1/refunds."""

    loan_id = Text(minimum=1, maximum=64, load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(REFUND_STATUSES))


class DisputeQuerySchema(PageQuerySchema):
    """GET /v1/disputes."""

    loan_id = Text(minimum=1, maximum=64, load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(DISPUTE_STATUSES))
