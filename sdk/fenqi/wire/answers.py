"""Bodies that fenqi answers. `dump` takes mappings or objects; `load` ignores what it does not know."""

from functools import cache

from marshmallow import Schema, fields, validate

from fenqi.wire.fields import Answer, CalendarDate, MoneyField, UtcTime, WholeNumber
from fenqi.wire.lines import LineSchema
from fenqi.wire.vocabulary import (
    CAPTURES,
    CHECKOUT_STATUSES,
    DISPUTE_REASONS,
    DISPUTE_STATUSES,
    EVENT_TYPES,
    MODES,
)


class _BothLanguages(Answer):
    zh_cn = fields.String(data_key="zh-CN", attribute="zh-CN", load_default="")
    en = fields.String(load_default="")


class _Decline(Answer):
    code = fields.String(required=True)
    text = fields.Nested(_BothLanguages, load_default=dict)
    hint = fields.Nested(_BothLanguages, load_default=dict)


class _TillView(Answer):
    text = fields.Nested(_BothLanguages, load_default=dict)
    final = fields.Boolean(load_default=False)
    poll_after_seconds = WholeNumber(load_default=2)
    wait_seconds = WholeNumber(
        load_default=0,
        metadata={
            "description": "How long this state usually lasts; after it, ask the customer. 0: no wait."
        },
    )
    cancel_needs_confirm = fields.Boolean(load_default=False)


class CheckoutSchema(Answer):
    """A checkout; inside an event it comes without `url`."""

    object = fields.Constant("checkout")
    id = fields.String(required=True)
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    status = fields.String(required=True, metadata={"enum": CHECKOUT_STATUSES})
    amount = MoneyField(required=True)
    reference = fields.String(required=True)
    description = fields.String(load_default="")
    url = fields.String(load_default=None, allow_none=True)
    return_url = fields.String(load_default=None, allow_none=True)
    plan_ids = fields.List(fields.String(), load_default=list, allow_none=True)
    store_id = fields.String(load_default=None, allow_none=True)
    till_id = fields.String(load_default=None, allow_none=True)
    capture = fields.String(load_default="automatic", metadata={"enum": CAPTURES})
    language = fields.String(load_default=None, allow_none=True)
    created_at = UtcTime(required=True)
    expires_at = UtcTime(required=True)
    sequence = WholeNumber(required=True, metadata={"description": "Grows by one at every change."})
    plan_id = fields.String(load_default=None, allow_none=True)
    loan_id = fields.String(load_default=None, allow_none=True)
    captured = MoneyField(load_default=None, allow_none=True)
    voided = MoneyField(load_default=None, allow_none=True)
    authorized_until = UtcTime(load_default=None, allow_none=True)
    decline = fields.Nested(_Decline, load_default=None, allow_none=True)
    till = fields.Nested(_TillView, load_default=None, allow_none=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
    lines = fields.List(fields.Nested(LineSchema), load_default=list)


class InstallmentSchema(Answer):
    """One row of a loan's schedule; the stored row is what is charged."""

    number = WholeNumber(required=True)
    due_on = CalendarDate(required=True)
    principal = MoneyField(required=True)
    interest = MoneyField(required=True)
    fee = MoneyField(required=True)
    total = MoneyField(required=True)
    paid = MoneyField(required=True)
    penalty = MoneyField(load_default=None, allow_none=True)
    penalty_paid = MoneyField(load_default=None, allow_none=True)
    outstanding = MoneyField(load_default=None, allow_none=True)
    status = fields.String(required=True)


class LoanSchema(Answer):
    """A loan and its schedule."""

    object = fields.Constant("loan")
    id = fields.String(required=True)
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    status = fields.String(required=True)
    checkout_id = fields.String(required=True)
    reference = fields.String(load_default="")
    principal = MoneyField(required=True)
    total_payable = MoneyField(required=True)
    paid = MoneyField(required=True)
    relieved = MoneyField(load_default=None, allow_none=True)
    penalty = MoneyField(load_default=None, allow_none=True)
    penalty_paid = MoneyField(load_default=None, allow_none=True)
    outstanding = MoneyField(required=True)
    days_overdue = WholeNumber(load_default=0)
    overdue_bucket = fields.String(load_default=None, allow_none=True)
    signed_on = CalendarDate(required=True)
    created_at = UtcTime(required=True)
    collection_paused_reason = fields.String(
        load_default=None,
        allow_none=True,
        metadata={"description": "Why nothing is deducted at the moment, such as dispute; null while it is."},
    )
    sequence = WholeNumber(required=True)
    installments = fields.List(fields.Nested(InstallmentSchema), load_default=list)


class EvidenceSchema(Answer):
    """What was submitted to a dispute at one time."""

    text = fields.String(required=True)
    links = fields.List(fields.String(), load_default=list)
    submitted_at = UtcTime(required=True)


class DisputeSchema(Answer):
    """A dispute; won and lost are told from your side. In a list or an event it comes without what people wrote."""

    object = fields.Constant("dispute")
    id = fields.String(required=True)
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    status = fields.String(required=True, metadata={"enum": DISPUTE_STATUSES})
    reason = fields.String(required=True, metadata={"enum": DISPUTE_REASONS})
    loan_id = fields.String(required=True)
    checkout_id = fields.String(required=True)
    amount = MoneyField(required=True)
    opened_by = fields.String(load_default="consumer", metadata={"enum": ("consumer", "operator")})
    answer_due_on = CalendarDate(required=True)
    refund_id = fields.String(load_default=None, allow_none=True)
    created_at = UtcTime(required=True)
    closed_at = UtcTime(load_default=None, allow_none=True)
    sequence = WholeNumber(required=True)
    statement = fields.String(load_default=None, allow_none=True)
    evidence = fields.List(fields.Nested(EvidenceSchema), load_default=list)
    ruling = fields.String(load_default=None, allow_none=True)


class _Aggregate(Answer):
    type = fields.String(required=True)
    id = fields.String(required=True)
    sequence = WholeNumber(required=True)


class EventSchema(Answer):
    """Something that happened; `sequence` is gap-free per merchant, `aggregate.sequence` per thing."""

    object = fields.Constant("event")
    id = fields.String(required=True)
    type = fields.String(required=True, metadata={"enum": EVENT_TYPES})
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    created_at = UtcTime(required=True)
    sequence = WholeNumber(required=True)
    aggregate = fields.Nested(_Aggregate, required=True)
    data = fields.Dict(keys=fields.String(), required=True)
    request_id = fields.String(
        load_default=None,
        allow_none=True,
        metadata={"description": "The request that caused it; null when the worker or the bank did."},
    )


class TestClockSchema(Answer):
    """The merchant's test clock: wall time plus an offset."""

    __test__ = False

    object = fields.Constant("test_clock")
    id = fields.String(load_default="current")
    status = fields.String(load_default="ready", metadata={"enum": ("ready", "advancing")})
    target = UtcTime(
        load_default=None, allow_none=True, metadata={"description": "Where it goes, day by day."}
    )
    now = UtcTime(required=True)
    offset_seconds = WholeNumber(load_default=0)


class ProblemSchema(Answer):
    """A refusal (RFC 9457): `code` is permanent, `field` a path such as amount.minor, `hint` what to do."""

    type = fields.String(load_default="about:blank")
    title = fields.String(load_default="")
    status = WholeNumber(validate=validate.Range(min=100, max=599))
    detail = fields.String(load_default="")
    code = fields.String(required=True)
    field = fields.String(load_default=None, allow_none=True)
    hint = fields.String(load_default=None, allow_none=True)
    request_id = fields.String(load_default=None, allow_none=True)


@cache
def page_of(schema: type[Schema]) -> type[Schema]:
    """Return the schema class of a list of these: object, data, has_more, next_cursor."""
    name = schema.__name__.removesuffix("Schema") + "ListSchema"
    return type(
        name,
        (Answer,),
        {
            "object": fields.Constant("list"),
            "data": fields.List(fields.Nested(schema), required=True),
            "has_more": fields.Boolean(load_default=False),
            "next_cursor": fields.String(load_default=None, allow_none=True),
            "__doc__": f"A page of {name.removesuffix('ListSchema').lower()} resources.",
        },
    )
