"""Product and floor as two running servers, and how one path is measured on both."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measuring import Figure, Goal, Scale, compare
from benchmarks.world.load import drive
from benchmarks.world.seeding import World


@dataclass(frozen=True, slots=True)
class Pair:
    """Two running servers, and where what they serve comes from."""

    ours: int
    floor: int
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
