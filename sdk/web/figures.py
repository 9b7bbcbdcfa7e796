"""Turn the figures of an offer into text, exactly as the script does. Never prices or rounds money."""

import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from fenqi.errors import InvalidArgument
from fenqi.finance.currencies import exponent_of
from fenqi.finance.errors import FinanceError

from .texts import TEXTS

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_RATE = re.compile(r"(\d{1,6})(?:\.(\d+))?", re.ASCII)
_PERIOD = re.compile(r"(?:(\d+) )?([a-z_]+?)s?", re.ASCII)
_LARGEST = 2**53 - 1


def money_text(money: Mapping[str, Any], language: str) -> str:
    """Return {"minor", "currency"} as "¥4,263.72", or as "KWD 1,234.567" where texts have no sign."""
    minor, currency = money["minor"], str(money["currency"])
    if type(minor) is not int or abs(minor) > _LARGEST:
        raise InvalidArgument(f"{minor!r} is no whole number of minor units.", field="minor")
    try:
        exponent = exponent_of(currency)
    except FinanceError as error:
        raise InvalidArgument(str(error), field="currency") from error
    digits = str(abs(int(minor))).rjust(exponent + 1, "0")
    whole = f"{int(digits[: len(digits) - exponent]):,}"
    decimals = f".{digits[-exponent:]}" if exponent else ""
    sign = "-" if minor < 0 else ""
    return sign + TEXTS[language].get(currency, f"{currency}\u00a0") + whole + decimals


def row_money_text(offer: Mapping[str, Any], row: Mapping[str, Any], key: str, language: str) -> str:
    """Return one part of an installment, which carries bare minor units of the offer's currency, as money."""
    return money_text({"minor": row[key], "currency": offer["amount"]["currency"]}, language)


def rate_text(fraction: Any, *, exact: bool = False) -> str:
    """Return a rate such as "0.12994" as "12.99%": two decimals, half up; an agreed one with all it has, "12.994%"."""
    matched = _RATE.fullmatch(fraction) if isinstance(fraction, str) else None
    if matched is None:
        raise InvalidArgument(f'{fraction!r} is no rate such as "0.1299".', field="annual_cost")
    part = (matched[2] or "").ljust(5, "0")
    digits = str(int(matched[1] + part[:4]) + (not exact and part[4] >= "5")).rjust(3, "0")
    return f"{digits[:-2]}.{digits[-2:]}{part[4:].rstrip('0') if exact else ''}%"


def date_text(day: Any, language: str) -> str:
    """Return an ISO date as "2026年12月21日" or "Dec 21, 2026"."""
    matched = _DATE.fullmatch(day) if isinstance(day, str) else None
    if matched is None or not 1 <= int(matched[2]) <= 12:
        raise InvalidArgument(f"{day!r} is no date such as 2026-12-21.", field="due_on")
    words = TEXTS[language]
    month = int(matched[2])
    name = words["months"].split(" ")[month - 1] if words["months"] else ""
    return words["date"].format(y=matched[1], m=month, b=name, d=int(matched[3]))


def period_text(period: str, language: str) -> str:
    """Return a plan's period ("month", "2 weeks") in words; one that is unknown stays as it is."""
    matched = _PERIOD.fullmatch(period)
    if matched is None:
        return period
    key = f"per_{matched[2]}s" if matched[1] else f"per_{matched[2]}"
    return TEXTS[language].get(key, period).format(n=matched[1])


def payments_text(offer: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Return what is paid, as ("12 × ¥355.31", "末期 ¥355.28").

    The second is empty unless the first or last installment alone differs, and by no more than rounding:
    at most as many minor units as there are installments.
    """
    words, rows = TEXTS[language], offer["installments"]
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row["total"])]
    if not groups:
        raise InvalidArgument("An offer needs at least one installment.", field="installments")

    def money(row: Mapping[str, Any]) -> str:
        return row_money_text(offer, row, "total", language)

    few, many = min(groups, key=len), max(groups, key=len)
    if len(groups) == 2 and len(few) == 1 < len(many):
        odd, regular = few[0], many[0]
        if abs(odd["total"] - regular["total"]) <= len(rows):
            key = "odd_first" if few is groups[0] else "odd_last"
            return f"{len(rows)} × {money(regular)}", words[key].format(money=money(odd))
    if len(groups) <= 3:
        return " + ".join(f"{len(group)} × {money(group[0])}" for group in groups), ""
    return words["range"].format(n=len(rows), first=money(rows[0]), last=money(rows[-1])), ""
