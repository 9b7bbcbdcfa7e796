"""Money: a whole number of minor units and an ISO 4217 code. Never a float; never two currencies in a sum."""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import Any, Final

from fenqi.finance.currencies import exponent_of
from fenqi.finance.errors import AmountError, CurrencyMismatch, FinanceError, shown
from fenqi.finance.rounding import divide

MAX_MINOR: Final = 10**15
_ALLOWED: Final = "whole minor units from -10^15 to 10^15"
_DECIMAL = re.compile(r"([+-]?)([0-9]{1,16})(?:\.([0-9]+))?", re.ASCII)


def money(minor: int, currency: str) -> "Money":
    """Make Money from parts already known to be sound; only the bound is checked."""
    if not -MAX_MINOR <= minor <= MAX_MINOR:
        raise AmountError("is too large", field="amount", allowed=_ALLOWED)
    made = object.__new__(Money)
    made._minor = minor
    made._currency = currency
    return made


class Money:
    """An exact amount: `Money(399900, "CNY")` is ¥3999.00. Immutable, hashable, ordered in one currency."""

    __slots__ = ("_currency", "_minor")
    _minor: int
    _currency: str

    def __init__(self, minor: int, currency: str) -> None:
        if type(minor) is not int:
            raise AmountError(
                f"{shown(minor)} is no whole number of minor units", field="amount", allowed=_ALLOWED
            )
        if not -MAX_MINOR <= minor <= MAX_MINOR:
            raise AmountError("is too large", field="amount", allowed=_ALLOWED)
        exponent_of(currency)
        self._minor = minor
        self._currency = currency

    @classmethod
    def parse(cls, text: str | Decimal, currency: str) -> "Money":
        """Read an amount of major units ("3999.00"). Raises AmountError for a float or too many decimals."""
        exponent = exponent_of(currency)
        if isinstance(text, Decimal):
            text = format(text, "f")
        matched = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
        if matched is None:
            raise AmountError(
                f"{shown(text)} is no decimal amount", field="amount", allowed='a string such as "3999.00"'
            )
        sign, whole, decimals = matched[1], matched[2], matched[3] or ""
        if len(decimals) > exponent:
            raise AmountError(
                f"{shown(text)} has too many decimals",
                field="amount",
                allowed=f"{exponent} decimals for {currency}",
            )
        minor = int(whole + decimals.ljust(exponent, "0"))
        return cls(-minor if sign == "-" else minor, currency)

    # Read many times for each row of a schedule: a getter in C takes half the time of a method.
    minor: int = property(attrgetter("_minor"), doc="Whole minor units: cents, fen, yen.")  # type: ignore[assignment]
    currency: str = property(attrgetter("_currency"), doc="ISO 4217 code.")  # type: ignore[assignment]

    @property
    def decimal_text(self) -> str:
        """The amount in major units, locale-free: "3999.00", "-0.05", "500" (JPY)."""
        exponent = exponent_of(self._currency)
        digits = str(abs(self._minor)).rjust(exponent + 1, "0")
        text = f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits
        return f"-{text}" if self._minor < 0 else text

    def times(self, factor: int | Fraction | Decimal, *, rounding: str = "half_up") -> "Money":
        """Multiply and round to a minor unit by a named rounding (half_up, half_even, up, down)."""
        if isinstance(factor, bool) or not isinstance(factor, int | Fraction | Decimal):
            raise AmountError(
                f"cannot multiply by {shown(factor)}", field="factor", allowed="int, Fraction or Decimal"
            )
        try:
            exact = Fraction(factor)
        except (ValueError, OverflowError):
            raise AmountError(
                f"cannot multiply by {factor}", field="factor", allowed="a finite number"
            ) from None
        return money(divide(self._minor * exact.numerator, exact.denominator, rounding), self._currency)

    def allocate(self, weights: Sequence[int | Fraction], *, remainder: str = "last") -> tuple["Money", ...]:
        """Split into shares that sum exactly to this amount.

        Each share is its exact value rounded toward zero; what is left goes, whole, to the last (`last`) or
        first (`first`) share of non-zero weight, or one minor unit each to the shares with the largest
        fractions, earlier ones first on a tie (`largest`). Raises AmountError for weights that are negative,
        all zero, or neither int nor Fraction.
        """
        exact = _checked_weights(weights)
        if remainder not in ("last", "first", "largest"):
            raise FinanceError("is unknown", field="remainder", allowed="last, first, largest")
        total = sum(exact)
        unit = 1 if self._minor >= 0 else -1
        wanted = [abs(self._minor) * weight / total for weight in exact]
        shares = [share.numerator // share.denominator for share in wanted]
        left = abs(self._minor) - sum(shares)
        positions = [index for index, weight in enumerate(exact) if weight]
        if remainder == "largest":
            order = sorted(positions, key=lambda index: (shares[index] - wanted[index], index))
            for index in order[:left]:
                shares[index] += 1
        else:
            shares[positions[-1 if remainder == "last" else 0]] += left
        return tuple(money(unit * share, self._currency) for share in shares)

    def to_dict(self) -> dict[str, Any]:
        """Return {"minor": int, "currency": str}, the shape on the wire."""
        return {"minor": self._minor, "currency": self._currency}

    def _same(self, other: "Money", verb: str) -> int:
        if self._currency != other._currency:
            raise CurrencyMismatch(
                f"cannot {verb} {self._currency} and {other._currency}",
                field="currency",
                allowed=self._currency,
            )
        return other._minor

    def __add__(self, other: "Money") -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        return money(self._minor + self._same(other, "add"), self._currency)

    def __sub__(self, other: "Money") -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        return money(self._minor - self._same(other, "subtract"), self._currency)

    def __mul__(self, factor: int | Fraction) -> "Money":
        if isinstance(factor, Fraction):
            if (self._minor * factor).denominator != 1:
                raise AmountError(
                    f"{self} times {factor} is no whole minor unit; use times(factor, rounding=...)",
                    field="factor",
                    allowed="an exact product",
                )
            return self.times(factor)
        if type(factor) is not int:
            raise AmountError(
                f"cannot multiply by {shown(factor)}", field="factor", allowed="int or Fraction"
            )
        return money(self._minor * factor, self._currency)

    __rmul__ = __mul__

    def __neg__(self) -> "Money":
        return money(-self._minor, self._currency)

    def __abs__(self) -> "Money":
        return money(abs(self._minor), self._currency)

    def __bool__(self) -> bool:
        return self._minor != 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self._minor == other._minor and self._currency == other._currency

    def __hash__(self) -> int:
        return hash((self._minor, self._currency))

    def __lt__(self, other: "Money") -> bool:
        return self._minor < self._same(other, "compare") if isinstance(other, Money) else NotImplemented

    def __le__(self, other: "Money") -> bool:
        return self._minor <= self._same(other, "compare") if isinstance(other, Money) else NotImplemented

    def __gt__(self, other: "Money") -> bool:
        return self._minor > self._same(other, "compare") if isinstance(other, Money) else NotImplemented

    def __ge__(self, other: "Money") -> bool:
        return self._minor >= self._same(other, "compare") if isinstance(other, Money) else NotImplemented

    def __str__(self) -> str:
        return f"{self._currency} {self.decimal_text}"

    def __repr__(self) -> str:
        return f"Money({self._minor}, {self._currency!r})"

    def __reduce__(self) -> tuple[type["Money"], tuple[int, str]]:
        return Money, (self._minor, self._currency)


def _checked_weights(weights: Sequence[int | Fraction]) -> list[Fraction]:
    allowed = "a non-empty list of int or Fraction, none negative, not all zero"
    exact: list[Fraction] = []
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | Fraction) or weight < 0:
            raise AmountError(f"{shown(weight)} is no weight", field="weights", allowed=allowed)
        exact.append(Fraction(weight))
    if not any(exact):
        raise AmountError("there is nothing to share by", field="weights", allowed=allowed)
    return exact
