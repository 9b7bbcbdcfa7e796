"""Bins of one column: fine first, then merged where merging tells least, until each holds enough rows."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from merchant_server.risk.measures import weights_of_evidence

FINE_BINS = 20
BINS_MAX = 6
SMALLEST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Binned:
    """A binned column. `edges` for numbers or `groups` for texts; one WOE and one (good, bad) count for each bin."""

    name: str
    edges: tuple[Decimal, ...]
    groups: tuple[tuple[str, ...], ...]
    woes: tuple[float, ...]
    counts: tuple[tuple[int, int], ...]
    information_value: float

    def place(self, value: str) -> int | None:
        """Return the bin of a value, or None for a text that was never seen."""
        if not self.groups:
            return bisect_right(self.edges, Decimal(value))
        return next((place for place, group in enumerate(self.groups) if value in group), None)

    def woe(self, value: str) -> float:
        """Return the WOE of a value; a text that was never seen tells nothing."""
        place = self.place(value)
        return 0.0 if place is None else self.woes[place]


def is_number(values: Sequence[str]) -> bool:
    """Say whether every value of a column is a finite number."""
    try:
        return all(Decimal(value).is_finite() for value in values)
    except InvalidOperation:
        return False


def binned(name: str, values: Sequence[str], bad: Sequence[int]) -> Binned:
    """Return the bins of a column; numbers keep their order, texts are ordered by how bad they are."""
    rows = len(values)
    smallest = max(1, math.ceil(rows * SMALLEST_SHARE))
    if is_number(values):
        edges, counts = _numbers([Decimal(value) for value in values], bad)
        places = _merged(counts, smallest)
        kept = tuple(edges[last] for _first, last in places[:-1])
        return _made(name, kept, (), [_sum(counts, place) for place in places])
    texts, counts = _texts(values, bad)
    places = _merged(counts, smallest)
    groups = tuple(tuple(texts[first : last + 1]) for first, last in places)
    return _made(name, (), groups, [_sum(counts, place) for place in places])


def _made(
    name: str,
    edges: tuple[Decimal, ...],
    groups: tuple[tuple[str, ...], ...],
    counts: list[tuple[int, int]],
) -> Binned:
    woes, information = weights_of_evidence(counts)
    return Binned(name, edges, groups, tuple(woes), tuple(counts), information)


def _numbers(values: list[Decimal], bad: Sequence[int]) -> tuple[list[Decimal], list[tuple[int, int]]]:
    ordered = sorted(values)
    edges = sorted({ordered[len(ordered) * step // FINE_BINS] for step in range(1, FINE_BINS)} - {ordered[0]})
    counts = [[0, 0] for _ in range(len(edges) + 1)]
    for value, kind in zip(values, bad, strict=True):
        counts[bisect_right(edges, value)][kind] += 1
    return edges, [(good, worse) for good, worse in counts]


def _texts(values: Sequence[str], bad: Sequence[int]) -> tuple[list[str], list[tuple[int, int]]]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for value, kind in zip(values, bad, strict=True):
        counts[value][kind] += 1
    texts = sorted(counts, key=lambda text: (counts[text][1] / sum(counts[text]), text))
    return texts, [(counts[text][0], counts[text][1]) for text in texts]


def _sum(counts: Sequence[tuple[int, int]], place: tuple[int, int]) -> tuple[int, int]:
    part = counts[place[0] : place[1] + 1]
    return sum(good for good, _ in part), sum(worse for _, worse in part)


def _merged(counts: Sequence[tuple[int, int]], smallest: int) -> list[tuple[int, int]]:
    """Return the (first, last) fine bins of each bin, merging neighbours whose bad shares are least apart."""
    places = [(place, place) for place in range(len(counts))]
    while len(places) > 1:
        sums = [_sum(counts, place) for place in places]
        small = [place for place, (good, worse) in enumerate(sums) if good + worse < smallest]
        if not small and len(places) <= BINS_MAX and not _alike(sums):
            return places
        pairs = [at for at in range(len(places) - 1) if not small or at in small or at + 1 in small]
        nearest = min(pairs, key=lambda at: _distance(sums[at], sums[at + 1]))
        places[nearest : nearest + 2] = [(places[nearest][0], places[nearest + 1][1])]
    return places


def _alike(sums: Sequence[tuple[int, int]]) -> bool:
    return any(_distance(one, other) < 1.0 for one, other in pairwise(sums))


def _distance(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the chi-square of two bins: how surely their bad shares differ."""
    rows = [one, other]
    whole = sum(map(sum, rows))
    columns = [one[0] + other[0], one[1] + other[1]]
    total = 0.0
    for row in rows:
        for count, column in zip(row, columns, strict=True):
            expected = sum(row) * column / whole
            total += (count - expected) ** 2 / expected if expected else 0.0
    return total
