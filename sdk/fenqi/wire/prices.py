"""The JSON of offers: what an amount costs under each plan. Amounts are computed by fenqi.finance and nowhere else."""

from marshmallow import fields, validate

from fenqi.finance.currencies import EXPONENTS
from fenqi.wire.fields import AMOUNT_MINOR_MAX, Answer, CalendarDate, MoneyField, Request, Text, WholeNumber
from fenqi.wire.plans import PlanSchema


class OfferQuerySchema(Request):
    """GET /v1/offers; `plan_ids` are separated by commas, every plan when left out."""

    amount_minor = fields.Integer(
        required=True, validate=validate.Range(min=1, max=AMOUNT_MINOR_MAX), metadata={"example": 399900}
    )
    currency = fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Z]{3}\Z", error="Expected an ISO 4217 code such as CNY."),
        metadata={"enum": sorted(EXPONENTS), "example": "CNY"},
    )
    plan_ids = Text(minimum=1, maximum=1300, load_default=None)


class _OfferRow(Answer):
    number = WholeNumber(required=True)
    due_on = CalendarDate(required=True)
    principal = WholeNumber(required=True)
    interest = WholeNumber(required=True)
    fee = WholeNumber(required=True)
    total = WholeNumber(required=True)


class OfferSchema(Answer):
    """One amount under one plan with its whole cost; binds nobody. Installments are in minor units."""

    object = fields.Constant("offer")
    plan = fields.Nested(PlanSchema, required=True)
    amount = MoneyField(required=True)
    down_payment = MoneyField(required=True)
    up_front_fee = MoneyField(required=True)
    per_installment = MoneyField(required=True)
    total_payable = MoneyField(required=True)
    total_cost = MoneyField(required=True)
    cash_back = MoneyField(
        load_default=None, metadata={"description": "Given back once the loan is repaid; lowers no price."}
    )
    annual_cost = fields.String(
        required=True, metadata={"description": "Yearly rate as a decimal fraction, all costs included."}
    )
    installments = fields.List(fields.Nested(_OfferRow), load_default=list)
