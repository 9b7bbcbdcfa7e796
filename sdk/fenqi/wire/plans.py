"""The JSON of a plan: exactly the terms of `fenqi.finance.plan.Plan`, which alone judges them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, pre_dump

from fenqi.finance.dates import DAY_COUNTS, HOLIDAY_ROLLS
from fenqi.finance.errors import FinanceError
from fenqi.finance.plan import DISCLOSURES, MAX_INSTALLMENTS, METHODS, Plan
from fenqi.wire.fields import Answer, MoneyField, Request, Text, WholeNumber

_RATE_LENGTH_MAX = 20
_RATE_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,12})?$"
_PERIOD_LENGTH_MAX = 40


def _rate(example: str = "0") -> Text:
    published = {"example": example, "pattern": _RATE_PATTERN, "description": "A decimal fraction of one."}
    return Text(maximum=_RATE_LENGTH_MAX, metadata=published)


def _choice(*allowed: str) -> fields.String:
    return fields.String(metadata={"enum": allowed})


def _terms() -> dict[str, fields.Field[Any]]:
    """Return fresh fields for every term; a term left out takes Plan's default."""
    return {
        "id": Text(required=True, minimum=1, maximum=64, metadata={"example": "p12"}),
        "installments": WholeNumber(
            required=True, metadata={"minimum": 1, "maximum": MAX_INSTALLMENTS, "example": 12}
        ),
        "method": _choice(*METHODS),
        "annual_rate": _rate("0.12"),
        "fee_rate": _rate(),
        "down_payment_rate": _rate(),
        "up_front_fee_rate": _rate(),
        "up_front_fee": _choice("paid", "financed"),
        "installment_fee_minor": WholeNumber(),
        "early_settlement_fee_rate": _rate(),
        "penalty_annual_rate": _rate(),
        "period": Text(maximum=_PERIOD_LENGTH_MAX, metadata={"example": "month"}),
        "first_due_after": Text(maximum=_PERIOD_LENGTH_MAX, allow_none=True),
        "interest_free_installments": WholeNumber(),
        "subsidy_bps": fields.Dict(keys=fields.String(), values=WholeNumber()),
        "cash_back_bps": fields.Dict(keys=fields.String(), values=WholeNumber()),
        "day_count": _choice(*DAY_COUNTS),
        "rounding": _choice("half_up", "half_even"),
        "remainder": _choice("last", "first"),
        "holiday_roll": _choice(*HOLIDAY_ROLLS),
        "min_amount": MoneyField(minimum=0, allow_none=True),
        "max_amount": MoneyField(minimum=0, allow_none=True),
        "rate_cap": _rate("1"),
        "disclosure": _choice(*DISCLOSURES),
        "name": Text(maximum=200),
    }


def _plan(data: Mapping[str, Any]) -> Plan:
    try:
        return Plan.from_dict(data)
    except FinanceError as error:
        raise ValidationError(str(error), field_name=error.field or "_schema") from error


class PlanDraftSchema(Request.from_dict(_terms(), name="PlanTerms")):  # type: ignore[misc]
    """POST /v1/plans; loads to a Plan. An id of your own choosing names it."""

    @post_load
    def make_plan(self, data: dict[str, Any], **_: Any) -> Plan:
        return _plan(data)


class PlanSchema(Answer.from_dict(_terms(), name="PlanAnswerTerms")):  # type: ignore[misc]
    """A plan; dumps from a Plan or its mapping, loads to a Plan, ignores terms that a newer server adds."""

    object = fields.Constant("plan")

    @pre_dump
    def terms_of(self, plan: Plan | Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        return (plan if isinstance(plan, Plan) else _plan(plan)).to_dict() | {"object": "plan"}

    @post_load
    def make_plan(self, data: dict[str, Any], **_: Any) -> Plan:
        return _plan({name: value for name, value in data.items() if name != "object"})
