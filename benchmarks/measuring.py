"""Rounds of one path and of its floor in turn, and the ratio between them. Knows no path."""

import gc
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

Bound = Literal["at least", "at most"]
PACE_ADDITIONS = 40_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How much work a run does: rounds of each side, and a divisor of every count."""

    rounds: int
    divisor: int

    def of(self, count: int) -> int:
        """Return a full run's count at this scale, at least two."""
        return max(count // self.divisor, 2)


FULL = Scale(rounds=5, divisor=1)
QUICK = Scale(rounds=2, divisor=50)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio is held against: "at least" reads it as speed (floor's time over ours), "at most" as time."""

    bound: Bound
    ratio: float

    def __str__(self) -> str:
        return f"{'≥' if self.bound == 'at least' else '≤'} {self.ratio:g}×"


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one side: raw latencies in seconds, and what one operation took.

    One after another, an operation takes the median latency, which other work on the machine hardly moves; side
    by side, it takes the wall time of the round over its operations.
    """

    latencies: list[float]
    seconds_each: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured path beside its floor; without a goal it is there for the record, and its ratio reads as speed."""

    path: str
    floor: str
    goal: Goal | None
    ratios: tuple[float, ...]
    ours: tuple[float, ...]
    bare: tuple[float, ...]
    operations_per_second: tuple[float, float]
    note: str = ""
    paces: tuple[float, ...] = ()  # what `pace` said before each side of each round

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)

    def saying(self, words: str, share: float) -> "Figure":
        """Return the figure with a note on one percentile of our own latencies; `{}` in the words is its place."""
        note = words.format(in_words(percentile(self.ours, share)))
        return replace(self, note="; ".join(filter(None, (self.note, note))))

    @property
    def met(self) -> bool:
        """Whether the ratio keeps the goal, if there is one."""
        if self.goal is None:
            return True
        if self.goal.bound == "at least":
            return self.ratio >= self.goal.ratio
        return self.ratio <= self.goal.ratio


def percentile(samples: tuple[float, ...], share: float) -> float:
    """Return the raw sample below which `share` of all samples lie."""
    ordered = sorted(samples)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def in_words(seconds: float) -> str:
    """Return a duration in the unit that suits it."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def pace() -> float:
    """Return the seconds that a fixed sum takes at this moment: a shared host is not equally fast all the time."""
    best = float("inf")
    for _ in range(3):
        before = time.perf_counter()
        sum(range(PACE_ADDITIONS))
        best = min(best, time.perf_counter() - before)
    return best


def timed(work: Callable[[int], object], numbers: range, batch: int = 1) -> Round:
    """Call `work` with each number; a latency is the mean of `batch` calls, for calls too short to time alone."""
    latencies = []
    for first in range(numbers.start, numbers.stop, batch):
        last = min(first + batch, numbers.stop)
        before = time.perf_counter()
        for number in range(first, last):
            work(number)
        latencies.append((time.perf_counter() - before) / (last - first))
    return Round(latencies, statistics.median(latencies))


def side_by_side(
    work: Callable[[int], object], numbers: range, pool: ThreadPoolExecutor, threads: int
) -> Round:
    """Call `work` with each number from several threads at once."""

    def some(mine: range) -> list[float]:
        latencies = []
        for number in mine:
            before = time.perf_counter()
            work(number)
            latencies.append(time.perf_counter() - before)
        return latencies

    shares = [range(numbers.start + first, numbers.stop, threads) for first in range(threads)]
    started = time.perf_counter()
    latencies = [each for done in pool.map(some, shares) for each in done]
    return Round(latencies, (time.perf_counter() - started) / len(numbers))


def compare(
    path: str,
    floor: str,
    goal: Goal | None,
    rounds: int,
    ours: Callable[[int], Round],
    bare: Callable[[int], Round],
    note: str = "",
) -> Figure:
    """Run both sides in alternating rounds, each called with the number of its round, and compare them."""
    pairs: list[tuple[Round, Round]] = []
    paces = []
    for number in range(rounds):
        sides = [ours, bare] if number % 2 == 0 else [bare, ours]
        done: dict[Callable[[int], Round], Round] = {}
        for side in sides:
            gc.collect()
            paces.append(pace())
            done[side] = side(number)
        pairs.append((done[ours], done[bare]))
    slowness = goal is not None and goal.bound == "at most"
    speeds = [theirs.seconds_each / own.seconds_each for own, theirs in pairs]
    return Figure(
        path=path,
        floor=floor,
        goal=goal,
        ratios=tuple(1 / speed if slowness else speed for speed in speeds),
        ours=tuple(sample for own, _ in pairs for sample in own.latencies),
        bare=tuple(sample for _, theirs in pairs for sample in theirs.latencies),
        operations_per_second=(
            statistics.median(1 / own.seconds_each for own, _ in pairs),
            statistics.median(1 / theirs.seconds_each for _, theirs in pairs),
        ),
        note=note,
        paces=tuple(paces),
    )


def alone(
    path: str,
    floor: str,
    goal: Goal,
    scale: Scale,
    ours: Callable[[int], object],
    bare: Callable[[int], object],
    *,
    count: int,
    batch: int = 1,
    note: str = "",
) -> Figure:
    """Compare two functions of a number that touch nothing: `count` calls a round, after a warm-up."""
    numbers = range(scale.of(count))
    for work in (ours, bare):
        timed(work, numbers)
    return compare(
        path,
        floor,
        goal,
        scale.rounds,
        lambda _: timed(ours, numbers, batch),
        lambda _: timed(bare, numbers, batch),
        note,
    )
