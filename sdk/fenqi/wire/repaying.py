"""Bodies about repaying a loan without waiting: what settles it today, and links to pay a part of it."""

from marshmallow import fields, validate

from fenqi.wire.fields import (
    AMOUNT_MINOR_MAX,
    Answer,
    CalendarDate,
    MoneyField,
    Request,
    UtcTime,
    WholeNumber,
)
from fenqi.wire.vocabulary import MODES, PAYMENT_ORDER_STATUSES

LINK_SECONDS_MIN, LINK_SECONDS_MAX, LINK_SECONDS_DEFAULT = 60, 7 * 86_400, 1_800


class SettlementQuoteSchema(Answer):
    """What settles a loan on one day, for a service desk; the consumer confirms and pays it on their own page."""

    object = fields.Constant("settlement_quote")
    id = fields.String(required=True)
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    loan_id = fields.String(required=True)
    on = CalendarDate(required=True)
    total = MoneyField(required=True)
    principal = MoneyField(required=True)
    interest = MoneyField(required=True)
    fee = MoneyField(required=True)
    penalty = MoneyField(required=True)
    early_settlement_fee = MoneyField(required=True)
    given_back = MoneyField(required=True)
    created_at = UtcTime(required=True)
    expires_at = UtcTime(required=True)


class PaymentOrderDraftSchema(Request):
    """POST /v1/loans/{id}/payment_orders: how much; what is due, or else the next installment, when left out."""

    amount = MoneyField(minimum=1, maximum=AMOUNT_MINOR_MAX, load_default=None, allow_none=True)
    expires_in_seconds = WholeNumber(
        load_default=LINK_SECONDS_DEFAULT, validate=validate.Range(LINK_SECONDS_MIN, LINK_SECONDS_MAX)
    )


class PaymentOrderSchema(Answer):
    """A link to pay a part of a loan; draw `url` as a QR code. `pending` once somebody opened the bank's page."""

    object = fields.Constant("payment_order")
    id = fields.String(required=True)
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    loan_id = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": PAYMENT_ORDER_STATUSES})
    amount = MoneyField(required=True)
    url = fields.String(required=True)
    created_at = UtcTime(required=True)
    expires_at = UtcTime(required=True)
