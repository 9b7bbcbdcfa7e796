"""Offers: one amount priced under each plan. Pure and offline; an offer binds nobody."""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from fenqi.finance import apr
from fenqi.finance.cash_back import cash_back_of
from fenqi.finance.errors import AmountError, CostAboveCap
from fenqi.finance.money import Money, money
from fenqi.finance.plan import Plan
from fenqi.finance.rates import Rate, parse_rate
from fenqi.finance.schedule import Schedule, build_schedule


class Offer:
    """One amount under one plan, with its whole cost. Made by `quote`."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._annual_cost: Decimal | None = None

    @property
    def plan(self) -> Plan:
        """The plan that was priced."""
        return self.schedule.plan

    @property
    def amount(self) -> Money:
        """The goods' price."""
        return self.schedule.amount

    @property
    def down_payment(self) -> Money:
        """What is paid at once toward the goods."""
        return self.schedule.down_payment

    @property
    def total_payable(self) -> Money:
        """All that the consumer pays, down payment included."""
        return self.schedule.total_payable

    @property
    def total_cost(self) -> Money:
        """Everything beyond the goods' price."""
        return self.schedule.total_cost

    @property
    def cash_back(self) -> Money:
        """What the consumer gets back once the loan is repaid; it lowers no price and no yearly rate."""
        return cash_back_of(self.plan, money(self.schedule.principal_minor, self.amount.currency))

    @property
    def annual_cost(self) -> Decimal:
        """The disclosed yearly rate as a fraction, by the rule of the plan's disclosure."""
        if self._annual_cost is None:
            self._annual_cost = apr.of_schedule(self.schedule)
        return self._annual_cost

    @property
    def per_installment(self) -> Money:
        """The regular installment: the one that most installments equal, the earliest of them on a tie."""
        totals = self.schedule.rows.total
        middle = totals[len(totals) // 2]
        most = middle if 2 * totals.count(middle) > len(totals) else max(totals, key=totals.count)
        return money(most, self.amount.currency)

    def require_cost_within(self, cap: Rate) -> None:
        """Refuse an offer whose disclosed yearly cost, all fees included, is above `cap` ("0.24" is 24 %).

        Raises CostAboveCap, which carries plan_id, annual_cost and cap; RateError for a cap that is no rate.
        """
        highest = parse_rate(cap, "cap")
        if self.annual_cost > highest:
            raise CostAboveCap(self.plan.id, self.annual_cost, highest)

    def to_dict(self) -> dict[str, Any]:
        """Return the offer JSON-ready; installments carry minor units of the amount's currency."""
        return {
            "plan": self.plan.to_dict(),
            "amount": self.amount.to_dict(),
            "down_payment": self.down_payment.to_dict(),
            "up_front_fee": self.schedule.paid_fee.to_dict(),
            "per_installment": self.per_installment.to_dict(),
            "total_payable": self.total_payable.to_dict(),
            "total_cost": self.total_cost.to_dict(),
            "cash_back": self.cash_back.to_dict(),
            "annual_cost": format(self.annual_cost, "f"),
            "installments": self.schedule.installments.to_dicts(),
        }

    def __eq__(self, other: object) -> bool:
        return self.schedule == other.schedule if isinstance(other, Offer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.schedule)

    def __repr__(self) -> str:
        return f"<Offer {self.plan.id}: {self.amount}, {self.total_payable} in all>"


def quote(
    amount: Money, plans: Iterable[Plan], on: date, *, is_holiday: Callable[[date], bool] | None = None
) -> tuple[Offer, ...]:
    """Price an amount under each plan whose limits it meets, in the plans' order.

    Raises AmountError, ScheduleError, DateOutOfRange or PlanError, as `build_schedule` does.
    """
    if not isinstance(amount, Money):
        raise AmountError("is no Money", field="amount", allowed='such as Money.parse("3999.00", "CNY")')
    accepting = [plan for plan in plans if plan.accepts(amount)]
    return tuple(Offer(build_schedule(plan, amount, on, is_holiday=is_holiday)) for plan in accepting)
