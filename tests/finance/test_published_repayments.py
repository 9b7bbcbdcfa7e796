"""Loans that others published as they were paid: schedule, fees, penalties and payments, snapshot by snapshot.

End-to-end features of Apache Fineract, replayed through `build_schedule` and `apply_payment`. A story is followed up
to the first event that is outside the product range, and to the reason given here when its tables are.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fenqi.finance import Money, Plan, Schedule, build_schedule
from fenqi.finance.repayment import Due, apply_payment, owed

from .published import cases
from .test_published_schedules import BEARS_INTEREST_ON_THE_DOWN_PAYMENT, plan_for

_PAID = re.compile(
    r'Customer makes "([A-Z_]+)" (?:repayment|transaction with "[A-Z_]+" payment type) '
    r'on "([^"]+)" with ([0-9.]+) EUR .*'
)
_DISBURSED = re.compile(r'Admin successfully disburse the loan on "([^"]+)" with "([0-9.]+)" EUR .*')
_CHARGED = re.compile(r'Admin adds "([A-Z_]+)" due date charge with "([^"]+)" due date and ([0-9.]+) EUR .*')
_UNDONE = re.compile(r'Customer undo "[0-9]+"th (?:"Repayment" )?transaction made on "([^"]+)"')
_WITHOUT_EFFECT = re.compile(
    r"Admin sets the business date .*|Admin does charge-off .*|Admin does a charge-off undo .*|.*is reverted"
)

# What marks a product or a feature, and why its tables are not ours.
OUT_OF_RANGE = {
    "loanreaging": "the agreed installments are replaced by others",
    "loanreamortization": "the agreed installments are replaced by others",
    "RECALCULATION": "interest is computed anew by the day after a late or early payment",
    "OVERDUE_FROM_AMOUNT": "charges for lateness arise by themselves",
    "1MONTH_INTEREST": "interest is compounded monthly on what is overdue",
}
ROUNDED_TO_WHOLE_UNITS = {
    "fineract-loanrepayment-343",
    "fineract-loanrepayment-375",
    "fineract-loanrepayment-3131",
    "fineract-loanrepayment-3151",
}


# The last event whose table is comparable: later, money paid ahead goes to the last installment or is spread
# (a setting of the product), or money comes from an event that the case does not tell.
FOLLOWED_UNTIL = {
    "fineract-loan-1528": 2,
    "fineract-loan-1743": 3,
    "fineract-loan-2442": 2,
    "fineract-loanchargeoff-1274": 6,
}


def _day(text: str) -> date:
    return datetime.strptime(text, "%d %B %Y").date()  # noqa: DTZ007


class Story:
    """A loan retold from its events; `rows` are what is owed after those so far."""

    def __init__(self, plan: Plan, unit: int) -> None:
        self.plan, self.unit = plan, unit
        self.schedule: Schedule | None = None
        self.charges: list[tuple[date, str, int]] = []
        self.payments: list[tuple[date, int]] = []
        self.pays_down = False

    def money(self, text: str) -> Money:
        return Money(int(Decimal(text) * self.unit), "JPY" if self.unit == 1 else "EUR")

    def tell(self, event: str, product: str) -> bool:
        """Take in one event; False when it is outside the range."""
        if found := _DISBURSED.fullmatch(event):
            if self.schedule is not None:
                return False
            self.schedule = build_schedule(self.plan, self.money(found[2]), _day(found[1]))
            self.pays_down = "AUTO" in product
        elif found := _PAID.fullmatch(event):
            self.payments.append((_day(found[2]), self.money(found[3]).minor))
        elif found := _CHARGED.fullmatch(event):
            part = "penalty_minor" if "NSF" in found[1] else "fee_minor"
            self.charges.append((_day(found[2]), part, self.money(found[3]).minor))
            return self.schedule is not None and self.charges[-1][0] <= self.schedule.due_dates[-1]
        elif found := _UNDONE.fullmatch(event):
            undone = [paid for paid in self.payments if paid[0] == _day(found[1])]
            if undone:
                self.payments.remove(undone[-1])
            else:
                self.pays_down = False
        else:
            return _WITHOUT_EFFECT.fullmatch(event) is not None
        return True

    def agreed(self) -> list[Due]:
        """Return the rows as agreed, with the down payment first and charges where they fall due."""
        assert self.schedule is not None
        rows = list(owed(self.schedule))
        for due_on, part, minor in self.charges:
            place = next(index for index, row in enumerate(rows) if row.due_on >= due_on)
            rows[place] = rows[place]._replace(**{part: getattr(rows[place], part) + minor})
        if self.schedule.down_payment.minor:
            down = self.schedule.down_payment
            rows.insert(0, Due(0, self.schedule.on, down.minor, 0, 0, 0, down.currency))
        return rows

    def rows(self) -> list[Due]:
        """Return what is still owed."""
        rows = self.agreed()
        assert self.schedule is not None
        currency = self.schedule.amount.currency
        payments = (
            [self.schedule.down_payment.minor] if self.pays_down and self.schedule.down_payment.minor else []
        )
        for minor in [*payments, *(minor for _, minor in self.payments)]:
            rows = list(apply_payment(rows, Money(minor, currency)).rows)
        return rows


def _stories() -> Iterator[tuple[dict[str, Any], Story]]:
    for case in cases("schedules/fineract_e2e_schedules.json"):
        terms = case["terms"]
        plan = plan_for(terms, int(terms["numberOfRepayments"]))
        outside = any(mark in terms["LoanProduct"] + case["id"] for mark in OUT_OF_RANGE)
        if (
            plan is None
            or outside
            or case["id"] in ROUNDED_TO_WHOLE_UNITS | BEARS_INTEREST_ON_THE_DOWN_PAYMENT
        ):
            continue
        rows = [row for shot in case["snapshots"] for row in shot["periods"] if "nr" in row]
        parts = [row[part] for row in rows for part in ("principal", "interest")]
        yield case, Story(plan, 1 if all(Decimal(part) % 1 == 0 for part in parts) else 100)


def test_published_loans_come_out_as_they_were_paid() -> None:
    followed: dict[str, int] = {}
    for case, story in _stories():
        shots = {shot["after_event"]: shot for shot in case["snapshots"]}
        for number, event in enumerate(case["events"], 1):
            after = number > FOLLOWED_UNTIL.get(case["id"], len(case["events"]))
            if after or not story.tell(event, case["terms"]["LoanProduct"]):
                break
            if number in shots and story.schedule is not None:
                _compare(case["id"], story, [row for row in shots[number]["periods"] if "nr" in row])
                followed[case["id"]] = followed.get(case["id"], 0) + 1
    assert (len(followed), sum(followed.values())) == (31, 63), followed


def _compare(name: str, story: Story, theirs: list[dict[str, str]]) -> None:
    for row, left, printed in zip(story.agreed(), story.rows(), theirs, strict=True):
        where = (name, row.number)
        assert str(row.due_on) == printed["date"], where
        assert row.principal_minor == Decimal(printed["principal"]) * story.unit, where
        assert left.total_minor == Decimal(printed["outstanding"]) * story.unit, where
        assert row.total_minor == Decimal(printed["due"]) * story.unit, where
