"""Where the desk's drawings have their lines, in whole SVG units. It draws figures that others computed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fenqi.finance.money import Money

from merchant_server.domain.deduction_batch import BatchProgress
from merchant_server.domain.installment import Installment, InstallmentStatus

CELL_WIDTH, CELL_HEIGHT, CELL_GAP = 20, 24, 3
# The height says it too, for whoever does not see the colours.
HEIGHTS = {
    InstallmentStatus.SCHEDULED: 6,
    InstallmentStatus.DUE: 12,
    InstallmentStatus.DEDUCTING: 18,
}
HALF_BAR = 100
RUN_WIDTH, RUN_HEIGHT, RUN_SEEN = 200, 12, 2
# Short schedules are drawn as the first part of a year, so that boxes keep one size.
CELLS_MIN = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """One installment as a box."""

    x: int
    y: int
    width: int
    height: int
    state: str
    crossed: bool


def strip(installments: Sequence[Installment]) -> tuple[Cell, ...]:
    """Return one box an installment, in order; what went wrong is crossed out."""
    cells = []
    for place, installment in enumerate(installments):
        height = HEIGHTS.get(installment.status, CELL_HEIGHT)
        state = installment.status.value
        box = (place * CELL_WIDTH, CELL_HEIGHT - height, CELL_WIDTH - CELL_GAP, height)
        cells.append(Cell(*box, state, state == "overdue"))
    return tuple(cells)


def strip_width(installments: Sequence[Installment]) -> int:
    """Return the width of the whole drawing."""
    return max(len(installments), CELLS_MIN) * CELL_WIDTH


def tally(installments: Sequence[Installment]) -> list[tuple[str, int]]:
    """Return how many installments are in each state, in the order that they appear."""
    return list(Counter(each.status.value for each in installments).items())


@dataclass(frozen=True, slots=True)
class Bar:
    """A balance as a bar from the middle line: to the right when positive, to the left when negative."""

    x: int
    width: int
    side: str


def bar(balance: Money, largest_minor: int) -> Bar:
    """Return a balance's bar; anything but zero stays visible."""
    width = 0 if not balance.minor else max(abs(balance.minor) * HALF_BAR // max(largest_minor, 1), 1)
    if balance.minor < 0:
        return Bar(HALF_BAR - width, width, "negative")
    return Bar(HALF_BAR, width, "positive")


def largest_minor(balances: Sequence[tuple[str, int, Money]], currency: str) -> int:
    """Return the largest amount, of either sign, that bars of a currency are measured by."""
    return max((abs(each.minor) for _kind, _count, each in balances if each.currency == currency), default=1)


def run_parts(run: BatchProgress) -> tuple[Cell, ...]:
    """Return a run as one bar: what was settled, what failed, and lower what is open; a part that is there is seen."""
    parts, x = [], 0
    for state, count, height in (
        ("paid", run.settled, RUN_HEIGHT),
        ("overdue", run.failed, RUN_HEIGHT),
        ("deducting", run.open, RUN_HEIGHT // 2),
    ):
        width = max(count * RUN_WIDTH // max(run.requested, 1), RUN_SEEN) if count else 0
        if width:
            parts.append(Cell(x, RUN_HEIGHT - height, width, height, state, False))
        x += width
    return tuple(parts)


TEMPLATE_DRAWINGS = {
    "run_parts": run_parts,
    "strip": strip,
    "strip_width": strip_width,
    "tally": tally,
    "bar": bar,
    "largest_minor": largest_minor,
}
