"""Workdays of the banks behind a currency: which days money moves, and how far back n of them reach. Reads no clock."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

import holidays
from fenqi.finance.plan import Plan

# Whose banks move a currency's money. The calendar of China knows the weekends that are worked (调休).
CALENDARS = {"CNY": "CN", "HKD": "HK", "USD": "US", "GBP": "GB", "JPY": "JP", "SGD": "SG", "AUD": "AU"}
TARGET_CURRENCIES = ("EUR",)
SATURDAY = 5


@cache
def _calendar(currency: str) -> holidays.HolidayBase | None:
    if currency in TARGET_CURRENCIES:
        return holidays.financial_holidays("ECB")
    country = CALENDARS.get(currency)
    return None if country is None else holidays.country_holidays(country)


def is_workday(day: date, currency: str) -> bool:
    """Say whether banks settle `currency` on `day`; one without a known calendar rests at weekends only."""
    calendar = _calendar(currency)
    return day.weekday() < SATURDAY if calendar is None else bool(calendar.is_working_day(day))


def calendar_of(plan: Plan, currency: str) -> Callable[[date], bool] | None:
    """Return the test for days on which banks rest, for a plan that keeps its due dates off them; else None."""
    return None if plan.holiday_roll == "none" else lambda day: not is_workday(day, currency)


def next_workday(day: date, currency: str) -> date:
    """Return the first workday after `day`."""
    day += timedelta(days=1)
    while not is_workday(day, currency):
        day += timedelta(days=1)
    return day


def ripe_before(today: date, workdays: int, currency: str) -> date:
    """Return the first day whose captures are not yet `workdays` workdays old on the workday `today` (T+n)."""
    edge = today + timedelta(days=1)
    for _ in range(workdays):
        edge -= timedelta(days=1)
        while not is_workday(edge, currency):
            edge -= timedelta(days=1)
    return edge
