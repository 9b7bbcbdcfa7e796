"""What a million loans would need, computed from what this machine measures: disk, processor, and what fills first.

`python -m benchmarks.scale` measures real sales and collections through the services and prints the tables; `--write`
keeps the measurement in docs/explanation/scale.json and the tables in scale.md, from where a test makes them again.
Assumptions are named below and printed with the result; nothing here is a promise.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.report import machine
from benchmarks.world.seeding import World, add_checkouts, fill, new_world, sell_all
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.operation.test_clock import advance_clock
from merchant_server.storage import catalog

DOCS = Path(__file__).resolve().parents[1] / "docs" / "explanation"
LOANS = 400
INSTALLMENTS = 12
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
# Assumptions, each in one place.
CHECKOUTS_A_LOAN = 3  # offers that are shown and not taken
PEAK = 10  # the busiest hour against the year's average
COLLECT_HOURS = 6  # a day's installments are asked for within these
DOCUMENT_SECONDS = 0.03  # render, sign and stamp one agreement: `make bench`
CORE_HOUR_PRICE, GB_MONTH_PRICE = 0.04, 0.10  # US dollars, of a common cloud; put in your own
YEARS_KEPT = 10
SECONDS_A_YEAR = 365 * 86_400
GB = 10**9
GROUPS = {
    "agreements, sealed": ("agreements", "mandates", "consent_events"),
    "checkouts and decisions": (
        "checkouts", "applicants", "codes", "decisions", "transitions", "velocity_facts", "code_sends", "reviews",
    ),
    "loans, schedules, books": ("loans", "installments", "deductions", "callbacks", "journal_entries", "postings"),
    "events and deliveries": ("events", "deliveries"),
    "audit log": ("audit", "audit_leaves", "audit_tiles"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """What one loan costs here. Bytes are of the database file; seconds are processor time of one core."""

    loans: int
    checkout_bytes: float
    sale_bytes: float
    collection_bytes: float
    group_bytes: dict[str, float]
    checkout_seconds: float
    sale_seconds: float
    collection_seconds: float

    @property
    def loan_year_bytes(self) -> float:
        """One loan, the checkouts that led to it, and a year of installments."""
        return CHECKOUTS_A_LOAN * self.checkout_bytes + self.sale_bytes + INSTALLMENTS * self.collection_bytes

    @property
    def loan_year_seconds(self) -> float:
        """The processor time of the same, with the document."""
        return (
            CHECKOUTS_A_LOAN * self.checkout_seconds
            + self.sale_seconds
            + DOCUMENT_SECONDS
            + INSTALLMENTS * self.collection_seconds
        )


def measure(loans: int) -> Measured:
    """Make checkouts, loans and collections through the services, and see what each kind added."""
    with tempfile.TemporaryDirectory(prefix="fenqi-scale-") as folder:
        world = new_world(Path(folder), datetime.now(UTC))
        # The first of everything allocates pages and makes keys that later ones share.
        fill(world, checkouts_made=20, to_sign=0, to_decide=0, opened=0, loans=20)
        checkouts = _cost(world, lambda: add_checkouts(world, loans))
        sales = _cost(world, lambda: sell_all(world, loans, first=20))
        before = _by_table(world)
        _answer(world)
        collections = _cost(world, lambda: _collect_month(world))
        after = _by_table(world)
        grown = {name: after[name] - before.get(name, 0) for name in after}
        collected = len(world.deductions)
        world.close()
        shares = {
            group: sum(grown.get(name, 0) for name in names) / collected for group, names in GROUPS.items()
        }
        first = {
            group: sum(before.get(name, 0) for name in names) / (loans + 20)
            for group, names in GROUPS.items()
        }
        return Measured(
            loans=loans,
            checkout_bytes=checkouts[0] / loans,
            sale_bytes=sales[0] / loans,
            collection_bytes=collections[0] / collected,
            group_bytes={group: first[group] + (INSTALLMENTS - 1) * shares[group] for group in GROUPS},
            checkout_seconds=checkouts[1] / loans,
            sale_seconds=sales[1] / loans,
            collection_seconds=collections[1] / collected,
        )


def _cost(world: World, work: Callable[[], None]) -> tuple[float, float]:
    """Return how many bytes and seconds of processor time something took."""
    size, began = _size(world), time.process_time()
    work()
    return _size(world) - size, time.process_time() - began


def _size(world: World) -> float:
    (pages,) = world.house.rows("PRAGMA page_count")
    (free,) = world.house.rows("PRAGMA freelist_count")
    return float((pages["page_count"] - free["freelist_count"]) * 4096)


def _by_table(world: World) -> dict[str, float]:
    """Return the bytes of each table's values, without indexes."""
    found = {}
    for table in catalog.tables():
        values = " + ".join(f"COALESCE(LENGTH(CAST({name} AS BLOB)), 0)" for name in table.columns)
        (row,) = world.house.rows(f"SELECT COALESCE(SUM({values}), 0) AS bytes FROM {table.name}")
        found[table.name] = float(row["bytes"])
    return found


def _answer(world: World) -> None:
    """Let the bank say yes to every deduction that is with it."""
    rows = world.house.rows("SELECT * FROM deductions WHERE status = 'pending'")
    for row in rows:
        event_id, body = world.callback(row)
        now = world.house.clock.now()
        receive(world.deps, body, world.sign_callback(event_id, body, now))


def _collect_month(world: World) -> None:
    """Let a month pass and collect from everybody: request, ask, callback, books, events."""
    with world.deps.storage.unit_of_work() as uow:
        advance_clock(uow, world.deps, world.caller, months=1)
    while request_due(world.deps, world.caller.merchant_id):
        pass
    while ask_bank(world.deps):
        pass
    world.deductions = [
        row["id"] for row in world.house.rows("SELECT id FROM deductions WHERE status = 'pending'")
    ]
    _answer(world)


def tables(seen: Measured) -> str:
    """Return the Markdown that stands in scale.md."""
    one = [
        ("a checkout that is not taken", _bytes(seen.checkout_bytes), _ms(seen.checkout_seconds)),
        ("a sale: code, decision, signature", _bytes(seen.sale_bytes), _ms(seen.sale_seconds + DOCUMENT_SECONDS)),
        ("an installment that is collected", _bytes(seen.collection_bytes), _ms(seen.collection_seconds)),
        (
            f"**a loan-year** ({CHECKOUTS_A_LOAN} checkouts, 1 sale, {INSTALLMENTS} installments)",
            f"**{_bytes(seen.loan_year_bytes)}**", f"**{_ms(seen.loan_year_seconds)}**",
        ),
    ]  # fmt: skip
    whole = sum(seen.group_bytes.values())
    groups = [
        (group, _bytes(size), f"{size / whole:.0%}")
        for group, size in sorted(seen.group_bytes.items(), key=lambda item: -item[1])
    ]
    return "\n\n".join((
        _table(("one", "database", "processor time, one core"), one),
        _table(("where a loan-year's bytes are", "values, without indexes", "share"), groups),
        _table(
            ("loans a year", "disk a year", f"disk, {YEARS_KEPT} years", "sales a second, busiest hour",
             "collections a second", "cores, busiest hour", "US$ a year"),
            [_row(seen, loans) for loans in SIZES],
        ),
        f"A million loans: {_bytes(seen.loan_year_bytes * 10**6)}, "
        f"{seen.loan_year_seconds * 10**6 / 3600:,.0f} core-hours, US$ {_price(seen, 10**6):,.0f} in their first year "
        f"at US$ {CORE_HOUR_PRICE} a core-hour used and US$ {GB_MONTH_PRICE:.2f} a gigabyte-month.",
    ))  # fmt: skip


def _row(seen: Measured, loans: int) -> tuple[str, ...]:
    sales = loans / SECONDS_A_YEAR * PEAK
    collections = loans * INSTALLMENTS / 365 / (COLLECT_HOURS * 3600)
    cores = (
        sales * (CHECKOUTS_A_LOAN * seen.checkout_seconds + seen.sale_seconds + DOCUMENT_SECONDS)
        + collections * seen.collection_seconds
    )
    disk = loans * seen.loan_year_bytes
    return (
        f"{loans:,}", _bytes(disk), _bytes(disk * YEARS_KEPT), f"{sales:,.3f}", f"{collections:,.3f}",
        f"{cores:,.3f}", f"{_price(seen, loans):,.0f}",
    )  # fmt: skip


def _price(seen: Measured, loans: int) -> float:
    # The disk fills evenly over the year, so half of it is paid for on average.
    disk = loans * seen.loan_year_bytes / GB * GB_MONTH_PRICE * 12 / 2
    return disk + loans * seen.loan_year_seconds / 3600 * CORE_HOUR_PRICE


def _bytes(size: float) -> str:
    for unit, scale in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size:.0f} B"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def filled(page: str, seen: Measured) -> str:
    """Return scale.md with its tables written anew."""
    return re.sub(
        r"(<!-- begin scale -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{tables(seen)}\n\n{found[2]}",
        page,
        flags=re.DOTALL,
    )


def stored() -> Measured:
    """Return the measurement that the docs were written from."""
    kept: dict[str, Any] = json.loads((DOCS / "scale.json").read_text("utf-8"))
    return Measured(**kept["measured"])


def main(arguments: list[str]) -> int:
    """Measure, print, and write when asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--loans", type=int, default=LOANS, help="how many are sold and collected")
    parser.add_argument(
        "--write", action="store_true", help="keep the measurement and fill docs/explanation/scale.md"
    )
    options = parser.parse_args(arguments)
    seen = measure(options.loans)
    print(tables(seen))
    if options.write:
        document = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "measured": asdict(seen),
        }
        (DOCS / "scale.json").write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
        page = DOCS / "scale.md"
        page.write_text(filled(page.read_text("utf-8"), seen), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
