"""What finance refuses, as types. Each error carries facts for a program and one sentence for a person.

Must not import anything outside this package: finance stands alone.
"""

from decimal import Decimal


class FinanceError(ValueError):
    """Refuse an input. `code` is stable, `field` names the input, `allowed` the accepted range."""

    code = "finance_error"

    def __init__(self, message: str, *, field: str | None = None, allowed: str | None = None) -> None:
        parts = [f"{field}: {message}" if field else message]
        if allowed:
            parts.append(f"allowed: {allowed}")
        super().__init__("; ".join(parts))
        self.field = field
        self.allowed = allowed


class AmountError(FinanceError):
    """An amount is no whole number of minor units, out of range, or too small for its plan."""

    code = "amount_invalid"


class CurrencyMismatch(FinanceError):
    """Two amounts of different currencies met in one operation."""

    code = "currency_mismatch"


class CurrencyError(FinanceError):
    """A currency is not an active ISO 4217 code."""

    code = "currency_unknown"


class PlanError(FinanceError):
    """A term of a plan is unknown, out of range, or contradicts another term."""

    code = "plan_invalid"


class RateError(PlanError):
    """A rate is no decimal string, negative, or above its cap."""

    code = "rate_invalid"


class CostAboveCap(RateError):
    """An offer's disclosed yearly cost is above the highest that may be sold; facts as attributes."""

    code = "annual_cost_above_cap"

    def __init__(self, plan_id: str, annual_cost: Decimal, cap: Decimal) -> None:
        message = f"plan {plan_id!r} costs {annual_cost:f} a year; lower its rates or its fees"
        super().__init__(message, field="annual_cost", allowed=f"at most {cap:f}")
        self.plan_id, self.annual_cost, self.cap = plan_id, annual_cost, cap


class DateOutOfRange(FinanceError):
    """A date lies outside 1900-01-01 to 2200-12-31, or an interval runs backwards."""

    code = "date_out_of_range"


class ScheduleError(FinanceError):
    """An amount and a plan make no schedule whose every part is payable."""

    code = "schedule_impossible"


class FlowError(FinanceError):
    """The items given to a yearly-rate function are malformed."""

    code = "flows_invalid"


class NoSolution(FinanceError):
    """No rate above -100 % makes the flows equal."""

    code = "rate_no_solution"


class SeveralSolutions(FinanceError):
    """More than one rate makes the flows equal; `solutions` lists them as period rates."""

    code = "rate_several_solutions"

    def __init__(self, message: str, solutions: tuple[str, ...]) -> None:
        super().__init__(message, field="flows")
        self.solutions = solutions


class RepaymentError(FinanceError):
    """A payment, pay-off or refund cannot be applied to the rows given."""

    code = "repayment_invalid"


def shown(value: object) -> str:
    """Return a refused value short enough for a message, whatever it is."""
    try:
        text = repr(value)
    except ValueError:
        text = "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."
