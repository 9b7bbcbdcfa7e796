"""State machines as data: a StrEnum and a table of transitions, checked when they are defined."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from merchant_server.domain.errors import TransitionNotAllowed

State = TypeVar("State", bound=StrEnum)


class Machine(Generic[State]):
    """The legal moves of one noun. A state with no moves is final."""

    def __init__(self, noun: str, start: State, moves: Mapping[State, tuple[State, ...]]) -> None:
        missing = set(type(start)) - set(moves)
        if missing:
            raise TypeError(f"{noun}: no row for {sorted(missing)}")
        self.noun, self.start = noun, start
        self.moves = {state: frozenset(targets) for state, targets in moves.items()}
        self._refuse_unreachable()

    def _refuse_unreachable(self) -> None:
        seen, frontier = {self.start}, [self.start]
        while frontier:
            for target in self.moves[frontier.pop()] - seen:
                seen.add(target)
                frontier.append(target)
        if lost := set(self.moves) - seen:
            raise TypeError(f"{self.noun}: no way leads to {sorted(lost)}")

    def allows(self, current: State, wanted: State) -> bool:
        """Say whether `wanted` is one step from `current`."""
        return wanted in self.moves[current]

    def is_final(self, state: State) -> bool:
        """Say whether nothing can follow `state`."""
        return not self.moves[state]

    def check(self, current: State, wanted: State) -> State:
        """Return `wanted`, or raise TransitionNotAllowed with the moves that are open."""
        if self.allows(current, wanted):
            return wanted
        raise self.refusal(current, wanted)

    def refusal(self, current: State, wanted: State) -> TransitionNotAllowed:
        """Return the refusal of a move, for callers whose facts forbid what the table allows."""
        open_moves = ", ".join(sorted(self.moves[current])) or "none: this state is final"
        return TransitionNotAllowed(
            f"a {self.noun} that is {current} cannot become {wanted}",
            hint=f"from {current} the open moves are: {open_moves}",
            current=str(current),
            wanted=str(wanted),
        )
