"""The bank's settlement file: read line by line, and held against our requests and the books. Changes nothing.

A file is UTF-8 text with one record a line: a header `H,1,<gateway account>,<date>`, money that moved as
`D,<kind>,<reference>,<minor units>,<currency>,<instant>` with one of KINDS, and a trailer
`T,<lines>,<sum in>,<sum out>`. One bad line spoils no other.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import MAX_MINOR, Money

from merchant_server.domain.errors import RuleRefused

KINDS = ("deduction", "reversal", "payment", "payout", "return", "drawing")
COMES_IN = frozenset({"deduction", "payment", "drawing"})
FILE_BYTES_MAX = 64 * 1024 * 1024
# What the bank books just before its day ends may stand in the next day's file.
LATE_SECONDS = 3_600
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{4,64}")
_MINOR = re.compile(r"[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class BankLine:
    """Money that the bank says it moved; `number` is the line of the file, from 1."""

    number: int
    kind: str
    reference: str
    amount: Money
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used, and why. It holds no piece of the line itself."""

    number: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class BankFile:
    """What could be read of a file."""

    gateway_account: str
    covers_on: date
    lines: tuple[BankLine, ...]
    bad_lines: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class OurRow:
    """One request of ours: `kind` as the file says it, `booked` is what the ledger has by the file's kinds."""

    reference: str
    kind: str
    status: str
    amount: Money
    booked: Mapping[str, "Booking"]

    def is_told_by(self, line: BankLine) -> bool:
        """Say whether a line can be about this: what was deducted may also be reversed."""
        return self.kind == ("deduction" if line.kind == "reversal" else line.kind)


@dataclass(frozen=True, slots=True)
class Booking:
    """What the ledger has of one request, and since when."""

    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the three do not agree. `explained` says that time or an earlier file accounts for it.

    `applicable` says that settling the line the normal way closes it.
    """

    code: str
    detail: str
    reference: str = ""
    line: int | None = None
    explained: bool = False
    applicable: bool = False


class _Unreadable(ValueError):
    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)


def read_bank_file(raw: bytes) -> BankFile:
    """Read a file; bad lines are listed with their numbers. Raises RuleRefused when even its header cannot be read."""
    if len(raw) > FILE_BYTES_MAX:
        raise RuleRefused("the bank file is too long", code="bank_file_invalid", hint="split it by day")
    rows = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if rows and not rows[-1].strip():
        rows.pop()
    account, covers_on = _header(rows[0] if rows else b"")
    lines: list[BankLine] = []
    bad: list[BadLine] = []
    seen: dict[tuple[str, str], int] = {}
    trailer: tuple[int, list[str]] | None = None
    for number, row in enumerate(rows[1:], 2):
        try:
            parts = _parts(row)
            if trailer is not None:
                raise _Unreadable("line_after_trailer", "it stands behind the trailer")
            if parts[0] == "T":
                trailer = (number, parts)
                continue
            line = _line(number, parts)
            first = seen.setdefault((line.kind, line.reference), number)
            if first != number:
                raise _Unreadable("line_duplicate", f"line {first} told the same")
            lines.append(line)
        except _Unreadable as wrong:
            bad.append(BadLine(number, wrong.code, wrong.detail))
    bad += _trailer(trailer, lines, len(rows), spoiled=len(bad))
    return BankFile(account, covers_on, tuple(lines), tuple(bad))


def _header(row: bytes) -> tuple[str, date]:
    try:
        mark, version, account, day = _parts(row)
        if (mark, version) != ("H", "1"):
            raise ValueError
        return account, date.fromisoformat(day)
    except ValueError:
        raise RuleRefused(
            "the first line is no header of a bank file",
            code="bank_file_invalid",
            hint="it must read H,1,<gateway account>,<date>",
        ) from None


def _parts(row: bytes) -> list[str]:
    try:
        return row.rstrip(b"\r").decode("utf-8").split(",")
    except UnicodeDecodeError:
        raise _Unreadable("line_not_utf8", "it is not UTF-8") from None


def _line(number: int, parts: list[str]) -> BankLine:
    if parts[0] != "D":
        raise _Unreadable("line_unknown", "it is no record of type D or T")
    if len(parts) != 6:
        raise _Unreadable("line_truncated", f"it has {len(parts)} fields instead of 6")
    _, kind, reference, minor, currency, booked = parts
    if kind not in KINDS:
        raise _Unreadable("kind_unknown", f"its kind is none of {', '.join(KINDS)}")
    if not _REFERENCE.fullmatch(reference):
        raise _Unreadable("reference_invalid", "its reference is none of ours")
    if not _MINOR.fullmatch(minor) or int(minor) > MAX_MINOR:
        raise _Unreadable("amount_invalid", "its amount is no whole number of minor units above zero")
    try:
        amount = Money(int(minor), currency)
    except FinanceError:
        raise _Unreadable("currency_unknown", "its currency is not known") from None
    try:
        instant = datetime.fromisoformat(booked)
    except ValueError:
        instant = None
    if instant is None or instant.utcoffset() != timedelta(0):
        raise _Unreadable("instant_invalid", "its instant is not ISO 8601 in UTC")
    return BankLine(number, kind, reference, amount, instant)


def _trailer(
    found: tuple[int, list[str]] | None, lines: Sequence[BankLine], rows: int, *, spoiled: int
) -> Iterator[BadLine]:
    if found is None:
        yield BadLine(rows + 1, "trailer_missing", "the file was cut off: there is no trailer")
        return
    number, parts = found
    # A spoiled line is reported by itself; then counts and sums cannot agree and say nothing new.
    came_in = sum(each.amount.minor for each in lines if each.kind in COMES_IN)
    went_out = sum(each.amount.minor for each in lines if each.kind not in COMES_IN)
    for index, (name, ours) in enumerate((("lines", len(lines)), ("in", came_in), ("out", went_out)), 1):
        if not spoiled and (len(parts) != 4 or parts[index] != str(ours)):
            yield BadLine(number, "trailer_differs", f"its {name} differ from what the lines say ({ours})")


def compare(
    file: BankFile,
    ours: Mapping[str, OurRow],
    settled: Sequence[OurRow],
    told_before: AbstractSet[tuple[str, str]],
) -> list[Difference]:
    """Return every difference between the file, our requests and the books.

    `ours` has the rows that the file names, `settled` those whose money the books have since its day, `told_before`
    what other files said.
    """
    found = [Difference(each.code, each.detail, line=each.number, explained=False) for each in file.bad_lines]
    for line in file.lines:
        found += _of_line(line, ours.get(line.reference), (line.kind, line.reference) in told_before)
    named = {(each.kind, each.reference) for each in file.lines} | told_before
    first = datetime(file.covers_on.year, file.covers_on.month, file.covers_on.day, tzinfo=UTC)
    for row in settled:
        for kind, booking in row.booked.items():
            if (kind, row.reference) not in named and first <= booking.at < first + timedelta(days=1):
                found.append(_missing_there(row, kind, booking, first))
    return found


def _of_line(line: BankLine, row: OurRow | None, told_before: bool) -> Iterator[Difference]:
    def told(code: str, detail: str, *, explained: bool = False, applicable: bool = False) -> Difference:
        return Difference(code, detail, line.reference, line.number, explained, applicable)

    if row is None or not row.is_told_by(line):
        yield told("reference_unknown", f"no {line.kind} of ours has this reference")
        return
    if row.amount.currency != line.amount.currency:
        yield told("currency_differs", f"the bank says {line.amount}, we asked for {row.amount}")
        return
    if row.amount != line.amount:
        yield told("amount_differs", f"the bank says {line.amount}, we asked for {row.amount}")
        return
    booked = row.booked.get(line.kind)
    if booked is not None:
        if booked.amount != line.amount:
            yield told("ledger_differs", f"the bank says {line.amount}, the books have {booked.amount}")
        elif told_before:
            yield told(
                "told_before", "an earlier file told the same; nothing is applied twice", explained=True
            )
        return
    if row.kind != "deduction" and row.status == "failed":
        yield told("paid_after_failure", "the bank moved what it had refused, and the books have undone it")
    elif row.status in ("requested", "pending"):
        yield told("late_here", "the bank's answer has not reached us", explained=True, applicable=True)
    elif row.status in ("succeeded", "reversed", "paid") and line.kind != "reversal":
        yield told("ledger_missing", f"our row is {row.status}, and the books have nothing")
    else:
        yield told("missing_here", f"our row is {row.status}, and the bank moved the money", applicable=True)


def _missing_there(row: OurRow, kind: str, booking: Booking, first: datetime) -> Difference:
    if first + timedelta(days=1) - booking.at <= timedelta(seconds=LATE_SECONDS):
        return Difference(
            "late_there", f"a {kind} so late may stand in the next file", row.reference, explained=True
        )
    return Difference(
        "missing_there", f"the books have a {kind} of {booking.amount}, the bank does not", row.reference
    )
