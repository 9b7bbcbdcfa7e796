"""Figures as a disclosure prints them: exact, the same on every machine. Rounds nothing but yearly rates shown."""

from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Final

from fenqi.disclosure.packs import words
from fenqi.finance.money import Money
from fenqi.finance.rounding import divide

Figure = Money | Decimal | int | date | str
_SIGNS: Final = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "JP¥", "HKD": "HK$"}
_NO_BREAK: Final = "\u00a0"


def figure_text(figure: Figure, language: str) -> str:
    """Return a figure as text: money with its sign, a Decimal as a percentage, a date in words."""
    if isinstance(figure, Money):
        return money_text(figure)
    if isinstance(figure, Decimal):
        return percent_text(figure)
    if isinstance(figure, date):
        return date_text(figure, language)
    return str(figure)


def money_text(amount: Money) -> str:
    """Return "¥3,999.00", or "KWD 3,999.000" where the currency has no sign of its own."""
    whole, dot, decimals = amount.decimal_text.lstrip("-").partition(".")
    sign = _SIGNS.get(amount.currency, amount.currency + _NO_BREAK)
    return f"{'-' if amount.minor < 0 else ''}{sign}{int(whole):,}{dot}{decimals}"


def percent_text(rate: Decimal) -> str:
    """Return a fraction in percent with two decimals, half up: 0.129949 is "12.99%"."""
    top, bottom = rate.as_integer_ratio()
    hundredths = divide(top * 10_000, bottom)
    return f"{'-' if hundredths < 0 else ''}{abs(hundredths) // 100}.{abs(hundredths) % 100:02}%"


def exact_percent_text(rate: Decimal) -> str:
    """Return an agreed rate in percent with all its decimals, at least two: 0.00625 is "0.625%"."""
    text = format((rate * 100).normalize(), "f")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}%"


def date_text(day: date, language: str) -> str:
    """Return "2026年11月21日" or "21 November 2026"."""
    if language == "zh-CN":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {words('en')['months'][day.month - 1]} {day.year}"


def payments_text(totals: list[int], currency: str) -> str:
    """Return what is paid in order, equal neighbours together: "11 × ¥355.31 + 1 × ¥355.27".

    More than four groups are told by number, smallest and largest: "24 × ¥166.67 … ¥201.99".
    """
    groups = [(total, len(list(same))) for total, same in groupby(totals)]
    if len(groups) > 4:
        low, high = money_text(Money(min(totals), currency)), money_text(Money(max(totals), currency))
        return f"{len(totals)} × {low} … {high}"
    return " + ".join(f"{count} × {money_text(Money(total, currency))}" for total, count in groups)


def period_text(period: str, language: str) -> str:
    """Return a plan's period ("month", "2 weeks") in words."""
    count, _, unit = period.rpartition(" ")
    spoken = words(language)["periods"]
    return str(spoken[unit] if not count else spoken[f"n {unit}"].format(n=count))
