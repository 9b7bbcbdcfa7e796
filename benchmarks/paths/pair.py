"""Product and floor as running servers, and how one path is measured on both."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.measuring import Figure, Goal, Round, Scale, compare
from benchmarks.world.load import drive
from benchmarks.world.seeding import World


@dataclass(frozen=True, slots=True)
class Pair:
    """The ports of running servers, and where what they serve comes from.

    `bound` is the floor's view over our engine: as fast as we could be if all above the storage cost nothing.
    """

    ours: int
    floor: int
    bound: int
    world: World
    scale: Scale

    def measure(
        self,
        path: str,
        floor: str,
        goal: Goal | None,
        requests: tuple[Callable[[int], list[bytes]], Callable[[int], list[bytes]]],
        *,
        connections: int,
        status: tuple[int, int],
        note: str = "",
    ) -> Figure:
        """Load both servers in alternating rounds; each gets the requests of the round's number."""
        return compare(
            path,
            floor,
            goal,
            self.scale.rounds,
            lambda number: drive(self.ours, requests[0](number), connections, status[0]),
            lambda number: drive(self.floor, requests[1](number), connections, status[1]),
            note,
        )

    def measure_with_bound(
        self,
        path: str,
        floor: str,
        goal: Goal,
        asked: Callable[[int], list[bytes]],
        *,
        connections: int,
        status: int,
    ) -> Figure:
        """Measure, and tell what the bound reaches against the floor in the same rounds."""
        against: list[float] = []

        def bare(number: int) -> Round:
            done = drive(self.floor, asked(number), connections, status)
            bound = drive(self.bound, asked(number), connections, status)
            against.append(done.seconds_each / bound.seconds_each)
            return done

        figure = compare(
            path,
            floor,
            goal,
            self.scale.rounds,
            lambda number: drive(self.ours, asked(number), connections, status),
            bare,
        )
        reached = statistics.median(against)
        return replace(
            figure, note=f"such a view over our engine reaches {reached:.2f}×, with nothing else of ours"
        )
