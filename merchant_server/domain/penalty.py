"""Being late: how many days, which bucket, and what a day of it costs. Pure rules; nothing is charged here."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.finance.rounding import divide

from merchant_server.domain.installment import Installment

DAYS_A_YEAR = 365
DAYS_A_BUCKET = 30
BUCKET_LAST = 7
# 银发〔2003〕251号 §3: the penalty rate is the contract's rate and at most half of it more.
CN_SHARE_OF_CONTRACT_RATE = Decimal("1.5")


def days_overdue(rows: Sequence[Installment], today: date) -> int:
    """Return how many days the oldest open row is late; 0 when none is."""
    due = [row.due_on for row in rows if row.due_on < today and row.is_open]
    return (today - min(due)).days if due else 0


def bucket(days: int) -> str | None:
    """Return M1 for 1 to 30 days late, M2 for 31 to 60, and so on up to M7; None when nothing is late."""
    return f"M{min((days - 1) // DAYS_A_BUCKET + 1, BUCKET_LAST)}" if days > 0 else None


def highest_rate(plan: Plan, legal_cap: Decimal) -> Decimal:
    """Return the highest yearly penalty rate that a plan may charge: the legal cap, and by its place's own rule.

    In China that is one and a half times the contract's rate, where the contract has one. In the United Kingdom default
    interest never exceeds the contract's rate (Consumer Credit Act 1974 section 93), so where there is none it is none.
    In the EU Member States set the cap (Directive (EU) 2023/2225 Article 35), in the US the states do: there the
    installation's own cap stands for theirs.
    """
    if plan.disclosure == "UK":
        return min(legal_cap, plan.annual_rate)
    if plan.disclosure == "CN" and plan.annual_rate:
        return min(legal_cap, plan.annual_rate * CN_SHARE_OF_CONTRACT_RATE)
    return legal_cap


def one_day(row: Installment, plan: Plan, legal_cap: Decimal) -> Money:
    """Return what one more day late costs: on what is owed without penalties, and never more in all than the row.

    Penalties bear no penalties anywhere; in the US that is 16 CFR 444.4.
    """
    rate = min(plan.penalty_annual_rate, highest_rate(plan, legal_cap))
    base = (row.total - row.paid).minor
    top, bottom = rate.as_integer_ratio()
    cost = divide(base * top, bottom * DAYS_A_YEAR, plan.rounding)
    return Money(max(0, min(cost, (row.total - row.penalty).minor)), row.total.currency)
