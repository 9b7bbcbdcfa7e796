"""Installments as objects, made from a schedule's columns only when somebody looks at them."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import count, repeat
from typing import Any, NamedTuple, overload

from fenqi.finance.money import Money, money
from fenqi.finance.rows import Rows


class Installment(NamedTuple):
    """One installment: its number from 1, its due date, and parts in minor units of `currency`."""

    number: int
    due_on: date
    principal_minor: int
    interest_minor: int
    fee_minor: int
    currency: str

    @property
    def principal(self) -> Money:
        """The part that repays the financed amount."""
        return money(self.principal_minor, self.currency)

    @property
    def interest(self) -> Money:
        """The part that is interest."""
        return money(self.interest_minor, self.currency)

    @property
    def fee(self) -> Money:
        """The part that is a fee."""
        return money(self.fee_minor, self.currency)

    @property
    def total(self) -> Money:
        """What the consumer pays on the due date."""
        return money(self.total_minor, self.currency)

    @property
    def total_minor(self) -> int:
        """Principal, interest and fee together, in minor units."""
        return self.principal_minor + self.interest_minor + self.fee_minor

    def to_dict(self) -> dict[str, Any]:
        """Return the installment JSON-ready: amounts in minor units, the date in ISO 8601."""
        return {
            "number": self.number,
            "due_on": self.due_on.isoformat(),
            "principal": self.principal_minor,
            "interest": self.interest_minor,
            "fee": self.fee_minor,
            "total": self.total_minor,
        }


# A plan's dates are the same for every amount of a day.
@lru_cache(maxsize=256)
def _in_iso(days: tuple[date, ...]) -> tuple[str, ...]:
    return tuple(day.isoformat() for day in days)


class Installments(Sequence[Installment]):
    """The installments of one schedule; behaves as a tuple of them, and equals one."""

    __slots__ = ("_currency", "_due_dates", "_made", "_rows")

    def __init__(self, rows: Rows, due_dates: Sequence[date], currency: str) -> None:
        self._rows = rows
        self._due_dates = due_dates
        self._currency = currency
        self._made: tuple[Installment, ...] | None = None

    def _all(self) -> tuple[Installment, ...]:
        if self._made is None:
            rows, currency = self._rows, repeat(self._currency)
            columns = zip(
                count(1), self._due_dates, rows.principal, rows.interest, rows.fee, currency, strict=False
            )
            self._made = tuple(map(tuple.__new__, repeat(Installment), columns))
        return self._made

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return each installment as its own `to_dict` does, straight from the columns."""
        rows, due_dates = self._rows, _in_iso(tuple(self._due_dates))
        columns = zip(count(1), due_dates, rows.principal, rows.interest, rows.fee, rows.total, strict=False)
        return [
            {
                "number": number,
                "due_on": due_on,
                "principal": principal,
                "interest": interest,
                "fee": fee,
                "total": total,
            }
            for number, due_on, principal, interest, fee, total in columns
        ]

    def __len__(self) -> int:
        return len(self._due_dates)

    def __iter__(self) -> Iterator[Installment]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Installment: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Installment, ...]: ...
    def __getitem__(self, index: int | slice) -> Installment | tuple[Installment, ...]:
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Installments):
            return self._all() == other._all()
        return self._all() == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())
