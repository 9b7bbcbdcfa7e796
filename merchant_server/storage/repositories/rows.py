"""How values become columns: UTC text for times, ISO text for dates, JSON text for lists and maps."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from fenqi.finance.lines import Line, ReturnedLine
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.finance.repayment import Due

from merchant_server.domain.errors import TransitionConflict
from merchant_server.storage.engine import Connection, Row

Made = TypeVar("Made")
LineKind = TypeVar("LineKind", Line, ReturnedLine)

_STAMP_DIGITS = len("2026-11-22T09:30:00.123456")
_JSON = msgspec.json.Encoder(order="sorted")


def stamp(moment: datetime) -> str:
    """Return an aware time as fixed-width UTC text, so that text order is time order."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds")[:_STAMP_DIGITS] + "Z"


def moment(text: str) -> datetime:
    """Return the aware time of a column."""
    return datetime.fromisoformat(text)


def maybe_moment(text: str | None) -> datetime | None:
    """Return the aware time of a column that may be empty."""
    return None if text is None else moment(text)


def to_json(value: Any) -> str:
    """Return compact JSON text with sorted keys."""
    return _JSON.encode(value).decode()


def from_json(text: str) -> Any:
    """Return what a JSON column holds."""
    return msgspec.json.decode(text)


# Reading a plan's terms checks each of them.
@lru_cache(maxsize=4096)
def plan_of(text: str) -> Plan:
    """Return the plan that JSON text describes: the same one for the same terms, as many loans have them."""
    return Plan.from_dict(from_json(text))


@lru_cache(maxsize=4096)
def plan_text(plan: Plan) -> str:
    """Return a plan's terms as JSON text, for `plan_of`."""
    return to_json(plan.to_dict())


def made(kind: type[Made], row: Row, /, **changed: Any) -> Made:
    """Return a dataclass from the row's columns of the same names, but those that are given `changed`."""
    fields: dict[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: row[name] for name in fields if name not in changed}, **changed)


def moved(connection: Connection, changed: int, noun: str, aggregate_id: str) -> None:
    """Raise TransitionConflict when a compare-and-set changed no row."""
    if changed != 1:
        raise TransitionConflict(
            f"the {noun} was changed by somebody else",
            hint="read it again, then decide anew",
            id=aggregate_id,
        )


def save(connection: Connection, sql: str, row: dict[str, Any], noun: str, aggregate_id: str) -> None:
    """Compare and set one row; TransitionConflict, here or later in the block, when there was nothing to set."""
    connection.write(sql, row, lambda changed: moved(connection, changed, noun, aggregate_id))


def insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    """Insert one row; column names come from our own code only."""
    connection.write(_inserting(table, tuple(row)), row)


def insert_all(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows of one shape; column names come from our own code only."""
    if rows:
        write_rows(connection, _inserting(table, tuple(rows[0])), rows)


def write_rows(connection: Connection, sql: str, rows: list[dict[str, Any]]) -> None:
    """Write by one statement for each row; a single row needs no list."""
    if len(rows) == 1:
        connection.write(sql, rows[0])
    else:
        connection.write_all(sql, rows)


@lru_cache(maxsize=256)
def _inserting(table: str, columns: tuple[str, ...]) -> str:
    values = ", ".join(f":{name}" for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"


def due_row(row: Mapping[str, Any]) -> Due:
    """Return one row of what is owed, from a row or its JSON."""
    principal, interest, fee, penalty = (
        row[f"{part}_minor"] for part in ("principal", "interest", "fee", "penalty")
    )
    due_on = date.fromisoformat(row["due_on"])
    return Due(row["number"], due_on, principal, interest, fee, penalty, row["currency"])


def rows_text(rows: Sequence[Due]) -> str:
    """Return rows of what is owed as JSON text."""
    return to_json([{**row._asdict(), "due_on": row.due_on.isoformat()} for row in rows])


def rows_from_text(text: str) -> tuple[Due, ...]:
    """Return rows of what is owed from their JSON text."""
    return tuple(due_row(each) for each in from_json(text))


def lines_text(lines: Sequence[Line] | Sequence[ReturnedLine]) -> str:
    """Return lines of an order, or pieces of them, as JSON text."""
    return to_json([line.to_dict() for line in lines])


def lines_from_text(kind: type[LineKind], text: str) -> tuple[LineKind, ...]:
    """Return lines of a kind from their JSON text."""
    return tuple(
        kind(**each | {"amount": Money(each["amount"]["minor"], each["amount"]["currency"])})
        for each in from_json(text)
    )
