"""Bodies about what is given up or taken back: voids, refunds and previews of both."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from fenqi.wire.fields import (
    AMOUNT_MINOR_MAX,
    Answer,
    CalendarDate,
    MoneyField,
    Request,
    Text,
    UtcTime,
    WholeNumber,
)
from fenqi.wire.lines import LINE_QUANTITY_MAX, LINES_MAX
from fenqi.wire.vocabulary import MODES, REFUND_STATUSES, REFUND_STRATEGIES


class VoidPreviewDraftSchema(Request):
    """POST /v1/checkouts/{id}/void_previews; without an amount, all that is authorized and not captured."""

    amount = MoneyField(minimum=1, maximum=AMOUNT_MINOR_MAX, load_default=None, allow_none=True)


class VoidSchema(VoidPreviewDraftSchema):
    """POST /v1/checkouts/{id}/void; without an amount, all that is authorized and not captured."""

    loan_sequence = WholeNumber(
        load_default=None,
        allow_none=True,
        metadata={"description": "That of a preview: the void is refused when the loan changed since."},
    )


class ReturnedLineDraftSchema(Request):
    """Pieces of one line that come back; without a quantity, all that are left of it."""

    id = Text(required=True, minimum=1, maximum=64)
    quantity = WholeNumber(
        load_default=None, allow_none=True, validate=validate.Range(min=1, max=LINE_QUANTITY_MAX)
    )


class RefundPreviewDraftSchema(Request):
    """POST /v1/loans/{id}/refund_previews: what comes back, by amount or by lines, and how the rows take it."""

    amount = MoneyField(minimum=1, maximum=AMOUNT_MINOR_MAX)
    lines = fields.List(
        fields.Nested(ReturnedLineDraftSchema), validate=validate.Length(min=1, max=LINES_MAX)
    )
    strategy = fields.String(load_default="recompute", validate=validate.OneOf(REFUND_STRATEGIES))

    @validates_schema
    def check_something_comes_back(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a draft that names neither an amount nor lines."""
        if "amount" not in data and "lines" not in data:
            raise ValidationError("Give amount, or lines.", field_name="amount")


class RefundDraftSchema(Request):
    """POST /v1/refunds: a preview to commit, or a loan and an amount or lines without a look at it first."""

    preview_id = Text(minimum=1, maximum=64)
    loan_id = Text(minimum=1, maximum=64)
    amount = MoneyField(minimum=1, maximum=AMOUNT_MINOR_MAX)
    lines = fields.List(
        fields.Nested(ReturnedLineDraftSchema), validate=validate.Length(min=1, max=LINES_MAX)
    )
    strategy = fields.String(validate=validate.OneOf(REFUND_STRATEGIES))
    reference = Text(
        maximum=64, load_default="", metadata={"description": "Your return's number.", "example": "return-77"}
    )

    @validates_schema
    def check_one_way(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a draft that names both a preview and a loan, or neither."""
        if "preview_id" in data:
            for name in ("loan_id", "amount", "lines", "strategy"):
                if name in data:
                    raise ValidationError("The preview says this already.", field_name=name)
            return
        for name in ("loan_id", "amount"):
            if name not in data and (name == "loan_id" or "lines" not in data):
                raise ValidationError("Give preview_id, or loan_id and amount or lines.", field_name=name)


class OwedRowSchema(Answer):
    """What is still owed of one installment."""

    number = WholeNumber(required=True)
    due_on = CalendarDate(required=True)
    principal = MoneyField(required=True)
    interest = MoneyField(required=True)
    fee = MoneyField(required=True)
    penalty = MoneyField(required=True)
    total = MoneyField(required=True)


class ReturnedLineSchema(Answer):
    """Pieces of one line that come back, and what they had cost."""

    id = fields.String(required=True)
    quantity = WholeNumber(required=True)
    amount = MoneyField(required=True)


class VoidPreviewSchema(Answer):
    """What giving up a part of a signed checkout would do; hand its loan_sequence to the void."""

    object = fields.Constant("void_preview")
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    checkout_id = fields.String(required=True)
    loan_id = fields.String(required=True)
    loan_sequence = WholeNumber(required=True)
    amount = MoneyField(required=True)
    interest_given_back = MoneyField(required=True)
    fee_given_back = MoneyField(required=True)
    before = fields.List(fields.Nested(OwedRowSchema), load_default=list)
    after = fields.List(fields.Nested(OwedRowSchema), load_default=list)


class RefundPreviewSchema(Answer):
    """What a refund would do; commit it by its id until it expires or the loan changes."""

    object = fields.Constant("refund_preview")
    id = fields.String(required=True)
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    loan_id = fields.String(required=True)
    strategy = fields.String(required=True, metadata={"enum": REFUND_STRATEGIES})
    amount = MoneyField(required=True)
    to_consumer = MoneyField(required=True)
    from_merchant = MoneyField(required=True)
    merchant_fee_returned = MoneyField(required=True)
    principal_relieved = MoneyField(required=True)
    interest_given_back = MoneyField(required=True)
    fee_given_back = MoneyField(required=True)
    lines = fields.List(fields.Nested(ReturnedLineSchema), load_default=list)
    before = fields.List(fields.Nested(OwedRowSchema), load_default=list)
    after = fields.List(fields.Nested(OwedRowSchema), load_default=list)
    created_at = UtcTime(required=True)
    expires_at = UtcTime(required=True)


class RefundSchema(Answer):
    """Goods taken back; pending while money is on its way to the consumer."""

    object = fields.Constant("refund")
    id = fields.String(required=True)
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    status = fields.String(required=True, metadata={"enum": REFUND_STATUSES})
    loan_id = fields.String(required=True)
    checkout_id = fields.String(required=True)
    preview_id = fields.String(required=True)
    strategy = fields.String(required=True, metadata={"enum": REFUND_STRATEGIES})
    amount = MoneyField(required=True)
    to_consumer = MoneyField(required=True)
    from_merchant = MoneyField(required=True)
    interest_given_back = MoneyField(required=True)
    lines = fields.List(fields.Nested(ReturnedLineSchema), load_default=list)
    reference = fields.String(load_default="")
    code = fields.String(load_default=None, allow_none=True)
    created_at = UtcTime(required=True)
    sequence = WholeNumber(required=True)
