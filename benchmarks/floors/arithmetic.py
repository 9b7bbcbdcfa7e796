"""Schedules by bare integer loops, and five plans by Decimal and pyxirr: what anybody would write by hand."""

import calendar
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyxirr

CENT = Decimal(1)
ONE = 10**18
Row = tuple[int, int]
DecimalRow = tuple[date, int, int]


def rows(principal: int, annual_rate: tuple[int, int], installments: int) -> list[Row]:
    """Return (principal, interest) of each installment in minor units, rounded half up, the rest in the last.

    The rate is a ratio of integers; the payment comes from an annuity factor with 18 decimals.
    """
    top, bottom = annual_rate[0], annual_rate[1] * 12
    rate = ONE * top // bottom
    growth = ONE
    for _ in range(installments):
        growth = growth * (ONE + rate) // ONE
    scale = (growth - ONE) * ONE
    payment = (2 * principal * rate * growth + scale) // (2 * scale)
    double = 2 * bottom
    balance, made = principal, []
    for _ in range(installments - 1):
        interest = (2 * balance * top + bottom) // double
        made.append((payment - interest, interest))
        balance -= payment - interest
    made.append((balance, (2 * balance * top + bottom) // double))
    return made


def interest_free_rows(principal: int, installments: int) -> list[Row]:
    """Return equal parts without interest, rounded half up, the rest in the last."""
    part = (2 * principal + installments) // (2 * installments)
    return [(part, 0)] * (installments - 1) + [(principal - part * (installments - 1), 0)]


def offer(
    minor: int, currency: str, plan: dict[str, Any], annual_rate: tuple[int, int], on: date
) -> dict[str, Any]:
    """Return one plan's offer JSON-ready, as the API says it: dated rows, totals, and the yearly rate by pyxirr."""
    count = plan["installments"]
    made = rows(minor, annual_rate, count) if annual_rate[0] else interest_free_rows(minor, count)
    totals = [principal + interest for principal, interest in made]
    rate = 12 * (pyxirr.irr([-minor, *totals]) or 0.0)

    def money(amount: int) -> dict[str, Any]:
        return {"minor": amount, "currency": currency}

    return {
        "object": "offer",
        "plan": plan,
        "amount": money(minor),
        "down_payment": money(0),
        "up_front_fee": money(0),
        "per_installment": money(totals[0]),
        "total_payable": money(sum(totals)),
        "total_cost": money(sum(totals) - minor),
        "cash_back": money(0),
        "annual_cost": f"{rate:.15f}",
        "installments": [
            {
                "number": number,
                "due_on": add_months(on, number).isoformat(),
                "principal": principal,
                "interest": interest,
                "fee": 0,
                "total": principal + interest,
            }
            for number, (principal, interest) in enumerate(made, 1)
        ],
    }


def add_months(day: date, months: int) -> date:
    """Return the same day so many months on, or the month's last one."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def decimal_offer(
    principal: int, annual_rate: str, installments: int, on: date
) -> tuple[list[DecimalRow], int, float]:
    """Return dated rows, the total and the yearly rate (pyxirr's internal rate times 12) of one plan."""
    rate = Decimal(annual_rate) / 12
    growth = (1 + rate) ** installments
    payment = (principal * rate * growth / (growth - 1)).quantize(CENT, ROUND_HALF_UP)
    balance, made = Decimal(principal), []
    for number in range(1, installments + 1):
        interest = (balance * rate).quantize(CENT, ROUND_HALF_UP)
        part = balance if number == installments else payment - interest
        balance -= part
        made.append((add_months(on, number), int(part), int(interest)))
    flows = [float(principal), *(-float(part + interest) for _, part, interest in made)]
    found = pyxirr.irr(flows)
    assert found is not None
    return made, sum(part + interest for _, part, interest in made), 12 * found
