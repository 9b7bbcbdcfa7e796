"""Bodies about what merchants are paid: payouts, statements, the balance; and the queries for them."""

from marshmallow import ValidationError, fields, validate, validates_schema

from fenqi.wire.drafts import PageQuerySchema
from fenqi.wire.fields import Answer, CalendarDate, MoneyField, Request, UtcTime, WholeNumber
from fenqi.wire.vocabulary import MODES, PAYOUT_STATUSES

STATEMENT_ACCOUNTS = ("payable", "reserve", "funded")


class PayoutSchema(Answer):
    """Money on its way to the merchant's bank account; `code` says why the bank refused."""

    object = fields.Constant("payout")
    id = fields.String(required=True)
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    status = fields.String(required=True, metadata={"enum": PAYOUT_STATUSES})
    amount = MoneyField(required=True)
    code = fields.String(load_default="")
    payout_on = CalendarDate(required=True)
    created_at = UtcTime(required=True)
    settled_at = UtcTime(load_default=None, allow_none=True)
    sequence = WholeNumber(required=True)


class PayoutQuerySchema(PageQuerySchema):
    """GET /v1/payouts."""

    status = fields.String(load_default=None, validate=validate.OneOf(PAYOUT_STATUSES))


class StatementLineSchema(Answer):
    """One posting; an amount above zero is the merchant's, one below is taken off."""

    entry_id = fields.String(required=True)
    occurred_on = CalendarDate(required=True)
    heading = fields.String(required=True)
    loan_id = fields.String(load_default=None, allow_none=True)
    reference = fields.String(load_default="")
    amount = MoneyField(required=True)


class StatementSchema(Answer):
    """What the merchant was owed over some days: opening + all lines = closing, as the books have it."""

    object = fields.Constant("statement")
    account = fields.String(required=True, metadata={"enum": STATEMENT_ACCOUNTS})
    first = CalendarDate(required=True, data_key="from")
    last = CalendarDate(required=True, data_key="to")
    opening = MoneyField(required=True)
    closing = MoneyField(required=True)
    totals = fields.Dict(keys=fields.String(), values=MoneyField(), required=True)
    lines = fields.List(fields.Nested(StatementLineSchema), required=True)


class StatementQuerySchema(Request):
    """GET /v1/statements: the first and the last day, both within, 366 days at most."""

    first = CalendarDate(required=True, data_key="from", metadata={"example": "2026-11-22"})
    last = CalendarDate(required=True, data_key="to", metadata={"example": "2026-11-22"})
    account = fields.String(load_default="payable", validate=validate.OneOf(STATEMENT_ACCOUNTS))

    @validates_schema
    def check_order(self, data: dict[str, object], **_: object) -> None:
        if data["first"] > data["last"]:  # type: ignore[operator]
            raise ValidationError("Expected the last day on or after the first.", field_name="to")


class PayoutStatementSchema(Answer):
    """What one payout is made of; its lines sum to its amount."""

    object = fields.Constant("payout_statement")
    payout_id = fields.String(required=True)
    amount = MoneyField(required=True)
    totals = fields.Dict(keys=fields.String(), values=MoneyField(), required=True)
    lines = fields.List(fields.Nested(StatementLineSchema), required=True)


class BalanceSchema(Answer):
    """What the merchant is owed now: payable, kept back, and on its way to its bank."""

    object = fields.Constant("balance")
    payable = MoneyField(required=True)
    reserve = MoneyField(required=True)
    on_its_way = MoneyField(required=True)
