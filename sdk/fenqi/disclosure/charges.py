"""What a consumer pays beyond the price, item by item: who takes it, how, at what rate, and what that is a year.

Amounts are the schedule's; only the yearly rate of one item alone is computed here.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from fenqi.disclosure.errors import DisclosureError
from fenqi.disclosure.packs import words
from fenqi.disclosure.text import exact_percent_text, money_text, percent_text
from fenqi.finance import apr
from fenqi.finance.errors import NoSolution, SeveralSolutions, shown
from fenqi.finance.money import Money, money
from fenqi.finance.rates import Rate, parse_rate
from fenqi.finance.schedule import Schedule

ITEMS: Final = (
    "interest",
    "rated_fee",
    "fixed_fee",
    "up_front_fee",
    "penalty",
    "late_fee",
    "early_settlement_fee",
)


class Charge(NamedTuple):
    """One item of the cost in regular payment.

    `annual_rate` is what it alone makes a year (None where no rate fits), `yearly` the same as text.
    """

    key: str
    name: str
    amount: Money
    taken_by: str
    how: str
    standard: str
    annual_rate: Decimal | None
    yearly: str

    def to_dict(self) -> dict[str, Any]:
        """Return the item JSON-ready."""
        rate = None if self.annual_rate is None else format(self.annual_rate, "f")
        return self._asdict() | {"amount": self.amount.to_dict(), "annual_rate": rate}


class PossibleCharge(NamedTuple):
    """One item that arises only when the consumer pays late or settles early."""

    key: str
    name: str
    taken_by: str
    standard: str

    def to_dict(self) -> dict[str, Any]:
        """Return the item JSON-ready."""
        return self._asdict()


class LateTerms(NamedTuple):
    """What the agreement charges for late payment: a yearly rate on the overdue amount, and a fee each time."""

    penalty_annual_rate: Decimal
    late_fee: Money | None

    @classmethod
    def read(cls, penalty_annual_rate: Rate, late_fee: Money | None, currency: str) -> "LateTerms":
        """Check both. Raises RateError or DisclosureError."""
        if late_fee is not None and (
            not isinstance(late_fee, Money) or late_fee.minor < 0 or late_fee.currency != currency
        ):
            allowed = f"Money in {currency}, zero or more"
            raise DisclosureError(f"{shown(late_fee)} is no fee", field="late_fee", allowed=allowed)
        rate = parse_rate(penalty_annual_rate, "penalty_annual_rate", highest=Decimal(10))
        return cls(rate, late_fee if late_fee else None)


def charges(schedule: Schedule, language: str, takers: Mapping[str, str]) -> tuple[Charge, ...]:
    """Return every item of the total cost; their amounts sum to it exactly."""
    plan, currency = schedule.plan, schedule.amount.currency
    rows = schedule.rows
    fixed = plan.installment_fee_minor * len(rows.fee)
    rated = sum(rows.fee) - fixed
    up_front = schedule.total_fee_minor - fixed - rated
    fixed_column = [plan.installment_fee_minor] * len(rows.fee)
    rated_column = [fee - plan.installment_fee_minor for fee in rows.fee]
    borne = plan.annual_rate * (10000 - plan.subsidized_bps) / 10000
    found = (
        ("interest", schedule.total_interest_minor, exact_percent_text(borne), rows.interest),
        ("rated_fee", rated, exact_percent_text(plan.fee_rate), rated_column),
        ("fixed_fee", fixed, money_text(money(plan.installment_fee_minor, currency)), fixed_column),
        ("up_front_fee", up_front, exact_percent_text(plan.up_front_fee_rate), None),
    )
    spoken = words(language)["charges"]
    items = []
    for key, minor, standard, column in found:
        if not minor:
            continue
        text = spoken[f"up_front_{plan.up_front_fee}" if key == "up_front_fee" else key]
        annual_rate = _alone(schedule, column, minor)
        item = Charge(
            key=key,
            name=text["name"],
            amount=money(minor, currency),
            taken_by=takers[key],
            how=text["how"],
            standard=text["standard"].format(standard=standard),
            annual_rate=annual_rate,
            yearly="" if annual_rate is None else percent_text(annual_rate),
        )
        items.append(item)
    return tuple(items)


def _alone(schedule: Schedule, column: Sequence[int] | None, minor: int) -> Decimal | None:
    """Return the nominal yearly rate if this item were the only cost, or None where no rate fits."""
    currency, grid = schedule.amount.currency, schedule.grid
    parts = schedule.rows.principal
    received = schedule.principal_minor
    if column is None:
        received -= minor
        column = [0] * len(parts)
    first = grid.first_period + len(grid.rates) - len(parts)
    flows = [(money(received, currency), 0 * first)]
    for index, (part, cost) in enumerate(zip(parts, column, strict=True)):
        flows.append((money(-part - cost, currency), first + index))
    try:
        return apr.irr(flows, schedule.plan.parsed_period.per_year)
    except (NoSolution, SeveralSolutions):
        return None


def possible_charges(
    schedule: Schedule, late: LateTerms, language: str, takers: Mapping[str, str]
) -> tuple[PossibleCharge, ...]:
    """Return the items that only late payment or early settlement brings; empty when the agreement has none."""
    spoken = words(language)["charges"]
    found = []
    if late.penalty_annual_rate:
        found.append(("penalty", exact_percent_text(late.penalty_annual_rate)))
    if late.late_fee is not None:
        found.append(("late_fee", money_text(late.late_fee)))
    if schedule.plan.early_settlement_fee_rate:
        found.append(("early_settlement_fee", exact_percent_text(schedule.plan.early_settlement_fee_rate)))
    return tuple(
        PossibleCharge(
            key, spoken[key]["name"], takers[key], spoken[key]["standard"].format(standard=standard)
        )
        for key, standard in found
    )


def read_takers(taken_by: Mapping[str, str] | None, creditor: str) -> dict[str, str]:
    """Return who takes each item: the creditor, unless named otherwise. Raises DisclosureError."""
    given = dict(taken_by or {})
    for key, name in given.items():
        if key not in ITEMS or not isinstance(name, str) or not name.strip():
            allowed = "a name for each of " + ", ".join(ITEMS)
            raise DisclosureError(f"{shown(key)} is no item with a name", field="taken_by", allowed=allowed)
    return dict.fromkeys(ITEMS, creditor) | given
