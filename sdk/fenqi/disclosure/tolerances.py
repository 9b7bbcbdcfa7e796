"""How far a stated figure may lie from the exact one in the United States; the allowances are the US pack's data."""

from decimal import Decimal

from fenqi.disclosure.packs import pack_of
from fenqi.finance import apr
from fenqi.finance.money import Money
from fenqi.finance.schedule import Schedule


def is_irregular(schedule: Schedule) -> bool:
    """Tell whether payments between the first and the last differ: 12 CFR 1026.22(a)(3).

    An odd first period and an odd first or last payment do not make a transaction irregular.
    """
    return len(set(schedule.rows.total[1:-1])) > 1


def annual_rate_is_accurate(schedule: Schedule, stated: Decimal) -> bool:
    """Tell whether a stated annual percentage rate (a fraction) is accurate: 12 CFR 1026.22(a)(2) and (3)."""
    allowed = pack_of("US").data["tolerances"]
    key = "annual_rate_irregular" if is_irregular(schedule) else "annual_rate_regular"
    return abs(stated - apr.of_schedule(schedule, "reg_z")) <= Decimal(allowed[key])


def finance_charge_is_accurate(schedule: Schedule, stated: Money) -> bool:
    """Tell whether a stated finance charge is accurate: 12 CFR 1026.18(d)(2), in US dollars.

    Raises CurrencyMismatch for a stated amount of another currency.
    """
    allowed = pack_of("US").data["tolerances"]["finance_charge"]
    financed = schedule.amount - schedule.down_payment - schedule.paid_fee
    away = abs(stated - schedule.total_cost)
    small = financed <= Money(allowed["small_up_to_minor"], "USD")
    return away <= Money(allowed["small_minor" if small else "large_minor"], "USD")
