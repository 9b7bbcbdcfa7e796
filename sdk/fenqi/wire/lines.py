"""Lines of an order, as shops send them and fenqi answers them."""

from marshmallow import fields, validate

from fenqi.wire.fields import AMOUNT_MINOR_MAX, Answer, MoneyField, Request, Text, WholeNumber

LINES_MAX = 100
LINE_QUANTITY_MAX = 9_999


class LineDraftSchema(Request):
    """One line of an order; `amount` is the price of all its pieces together."""

    id = Text(required=True, minimum=1, maximum=64, metadata={"example": "sku-1"})
    description = Text(maximum=200, load_default="", metadata={"example": "Bicycle, blue"})
    quantity = WholeNumber(load_default=1, validate=validate.Range(min=1, max=LINE_QUANTITY_MAX))
    amount = MoneyField(required=True, minimum=1, maximum=AMOUNT_MINOR_MAX)


class LineSchema(Answer):
    """One line of an order."""

    id = fields.String(required=True)
    description = fields.String(load_default="")
    quantity = WholeNumber(required=True)
    amount = MoneyField(required=True)
