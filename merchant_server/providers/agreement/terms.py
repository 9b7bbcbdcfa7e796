"""Reads agreement terms and refuses what a signed page must not hold. It decides nothing."""

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money

from merchant_server.ports import UnprintableCharacter
from merchant_server.providers.agreement.errors import TermsRefused

# Controls, format characters (all bidi controls and joiners), surrogates, private use, unassigned,
# line and paragraph separators: none has a shape that a signer could see.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Terms:
    """One mapping inside the terms, read field by field; `path` is where it stands, for messages."""

    def __init__(self, values: Mapping[str, Any], characters: frozenset[int], path: str = "") -> None:
        self._values, self._characters, self._path = values, characters, path

    def text(self, name: str, at_most: int) -> str:
        """Return a non-empty printable text. Raises TermsRefused, UnprintableCharacter."""
        value = self._value(name)
        if not isinstance(value, str) or not value.strip():
            raise TermsRefused(self._field(name), "must be a text that is not empty")
        return self._printable(value, self._field(name), at_most)

    def texts(self, name: str, at_most: int, at_most_items: int) -> list[str]:
        """Return a list of printable texts, which may be empty."""
        found = []
        for index, value in enumerate(self._items(name, at_most_items)):
            if not isinstance(value, str) or not value.strip():
                raise TermsRefused(f"{self._field(name)}[{index}]", "must be a text that is not empty")
            found.append(self._printable(value, f"{self._field(name)}[{index}]", at_most))
        return found

    def word(self, name: str) -> str:
        """Return a text that is not printed as it stands, or that may be empty."""
        value = self._value(name)
        if not isinstance(value, str):
            raise TermsRefused(self._field(name), "must be a text")
        return value

    def money(self, name: str, currency: str | None = None) -> Money:
        """Return an amount of zero or more, in `currency` when one is named."""
        value = self._value(name)
        if not isinstance(value, Mapping) or set(value) != {"minor", "currency"}:
            raise TermsRefused(self._field(name), 'must be {"minor": integer, "currency": code}')
        try:
            amount = Money(value["minor"], value["currency"])
        except (FinanceError, TypeError) as problem:
            raise TermsRefused(self._field(name), f"is no amount: {problem}") from problem
        if amount.minor < 0:
            raise TermsRefused(self._field(name), "must not be negative")
        if currency is not None and amount.currency != currency:
            raise TermsRefused(self._field(name), f"must be in {currency}, as the principal is")
        return amount

    def rate(self, name: str) -> Decimal:
        """Return a yearly rate as a fraction (0.12 is 12%), from its decimal text."""
        value = self._value(name)
        try:
            rate = Decimal(value) if isinstance(value, str) and len(value) <= 32 else None
        except InvalidOperation:
            rate = None
        if rate is None or not rate.is_finite() or not 0 <= rate < 100:
            raise TermsRefused(self._field(name), 'must be a decimal text such as "0.12", 0 to under 100')
        return rate

    def day(self, name: str) -> date:
        """Return a date from its ISO text."""
        value = self._value(name)
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError) as problem:
            raise TermsRefused(self._field(name), "must be a date such as 2026-11-21") from problem

    def number(self, name: str) -> int:
        """Return an integer."""
        value = self._value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise TermsRefused(self._field(name), "must be an integer")
        return value

    def part(self, name: str) -> "Terms":
        """Return the object under `name`."""
        value = self._value(name)
        if not isinstance(value, Mapping):
            raise TermsRefused(self._field(name), "must be an object")
        return Terms(value, self._characters, self._field(name))

    def parts(self, name: str, at_most_items: int) -> Iterator["Terms"]:
        """Yield the objects of the list under `name`."""
        for index, value in enumerate(self._items(name, at_most_items)):
            field = f"{self._field(name)}[{index}]"
            if not isinstance(value, Mapping):
                raise TermsRefused(field, "must be an object")
            yield Terms(value, self._characters, field)

    def has(self, name: str) -> bool:
        """Say whether a value other than null stands under `name`."""
        return self._values.get(name) is not None

    def _field(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _value(self, name: str) -> Any:
        if name not in self._values:
            raise TermsRefused(self._field(name), "is missing")
        return self._values[name]

    def _items(self, name: str, at_most: int) -> list[Any] | tuple[Any, ...]:
        value = self._value(name)
        if not isinstance(value, list | tuple):
            raise TermsRefused(self._field(name), "must be a list")
        if len(value) > at_most:
            raise TermsRefused(self._field(name), f"has {len(value)} items; at most {at_most} fit")
        return value

    def _printable(self, value: str, field: str, at_most: int) -> str:
        if len(value) > at_most:
            raise TermsRefused(field, f"has {len(value)} characters; at most {at_most} fit")
        for character in value:
            if unicodedata.category(character) in INVISIBLE or ord(character) not in self._characters:
                raise UnprintableCharacter(character, field)
        return value
