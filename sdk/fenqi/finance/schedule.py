"""Schedules: which installment is due when, in whole minor units that sum exactly. No clock, no fractions."""

from collections.abc import Callable
from datetime import date

from fenqi.finance.dates import check_date
from fenqi.finance.errors import AmountError, ScheduleError
from fenqi.finance.grid import Grid, grid_of
from fenqi.finance.installments import Installment, Installments
from fenqi.finance.money import MAX_MINOR, Money, money
from fenqi.finance.plan import Plan
from fenqi.finance.rounding import divide
from fenqi.finance.rows import Rows, rows_for

__all__ = ["Installment", "Installments", "Schedule", "build_schedule"]
Parts = tuple[int, int, int, int]


class Schedule:
    """One amount under one plan from one day on. Built by `build_schedule` and never changed after.

    `amount` is the goods' price. `down_payment` is paid at once; `principal` is what is financed, with the
    up-front fee when the plan finances it.
    """

    def __init__(self, plan: Plan, amount: Money, on: date, grid: Grid, parts: Parts, rows: Rows) -> None:
        self.plan = plan
        self.amount = amount
        self.on = on
        self.grid = grid
        self.rows = rows
        self._installments: Installments | None = None
        self.down_payment_minor, up_front_fee, self.paid_fee_minor, self.principal_minor = parts
        self.total_interest_minor = sum(rows.interest)
        self.total_fee_minor = sum(rows.fee) + up_front_fee
        self.total_cost_minor = self.total_interest_minor + self.total_fee_minor
        if amount.minor + self.total_cost_minor > MAX_MINOR:
            raise AmountError("makes too large a total", field="amount", allowed="a total up to 10^15")

    @property
    def installments(self) -> Installments:
        """The installments in order of their due dates: a sequence that equals a tuple of them."""
        made = self._installments
        if made is None:
            made = self._installments = Installments(self.rows, self.due_dates, self.amount.currency)
        return made

    @property
    def due_dates(self) -> tuple[date, ...]:
        """The due dates; a bullet plan has only the last."""
        dues, count = self.grid.due_dates, len(self.rows.principal)
        return dues if len(dues) == count else dues[-count:]

    @property
    def down_payment(self) -> Money:
        """What is paid at once toward the goods."""
        return money(self.down_payment_minor, self.amount.currency)

    @property
    def paid_fee(self) -> Money:
        """The up-front fee paid at once; zero when it is financed."""
        return money(self.paid_fee_minor, self.amount.currency)

    @property
    def principal(self) -> Money:
        """The financed amount, which the installments' principal parts sum to."""
        return money(self.principal_minor, self.amount.currency)

    @property
    def total_interest(self) -> Money:
        """All interest."""
        return money(self.total_interest_minor, self.amount.currency)

    @property
    def total_fee(self) -> Money:
        """All fees, up-front and per installment."""
        return money(self.total_fee_minor, self.amount.currency)

    @property
    def total_cost(self) -> Money:
        """Everything beyond the goods' price."""
        return money(self.total_cost_minor, self.amount.currency)

    @property
    def total_payable(self) -> Money:
        """All that the consumer pays: down payment, up-front fee and every installment."""
        return money(self.amount.minor + self.total_cost_minor, self.amount.currency)

    @property
    def subsidies(self) -> dict[str, Money]:
        """What each party bears of the interest that the plan's subsidy spares the consumer."""
        shares = self.plan.subsidy_bps
        if not shares:
            return {}
        full = build_schedule(self.plan.unsubsidized(), self.amount, self.on)
        spared = money(max(full.total_interest_minor - self.total_interest_minor, 0), self.amount.currency)
        split = spared.allocate([bps for _, bps in shares], remainder="largest")
        return {party: part for (party, _), part in zip(shares, split, strict=True)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return (self.plan, self.amount, self.on, self.due_dates) == (
            other.plan,
            other.amount,
            other.on,
            other.due_dates,
        )

    def __hash__(self) -> int:
        return hash((self.plan, self.amount, self.on))

    def __repr__(self) -> str:
        return f"<Schedule {self.plan.id} of {self.amount} on {self.on}, {len(self.due_dates)} installments>"


def build_schedule(
    plan: Plan, amount: Money, on: date, *, is_holiday: Callable[[date], bool] | None = None
) -> Schedule:
    """Return the schedule of an amount bought on a day.

    `is_holiday` is the calendar of a plan that rolls due dates. Raises AmountError when the amount is not
    positive, ScheduleError when a part would be negative or below one minor unit, DateOutOfRange outside 1900
    to 2200, PlanError when the calendar is missing.
    """
    if not isinstance(amount, Money) or amount.minor <= 0:
        raise AmountError("must be positive Money", field="amount", allowed="1 to 10^15 minor units")
    grid = grid_of(plan, check_date(on), is_holiday)
    parts = _split(plan, grid, amount.minor)
    return Schedule(plan, amount, on, grid, parts, rows_for(plan, parts[3], grid))


def _split(plan: Plan, grid: Grid, amount_minor: int) -> Parts:
    """Return down payment, up-front fee, the fee paid at once and the principal, rounded as the plan says."""
    if not grid.down_payment[0] and not grid.up_front_fee[0]:
        return 0, 0, 0, amount_minor
    down = divide(amount_minor * grid.down_payment[0], grid.down_payment[1], plan.rounding)
    financed = amount_minor - down
    if financed < 1:
        raise ScheduleError("leaves nothing to finance", field="amount", allowed="more than the down payment")
    fee = divide(financed * grid.up_front_fee[0], grid.up_front_fee[1], plan.rounding)
    if plan.up_front_fee == "financed":
        return down, fee, 0, financed + fee
    return down, fee, fee, financed
