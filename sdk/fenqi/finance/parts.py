"""Taking an amount off a list of parts, on bare integers. Knows no rows and no dates."""

from collections.abc import Sequence


def take(parts: Sequence[int], amount: int, *, from_the_end: bool) -> list[int]:
    """Take from one end, each part whole before the next."""
    left, taken = amount, list(parts)
    for index in range(len(parts) - 1, -1, -1) if from_the_end else range(len(parts)):
        cut = min(left, taken[index])
        taken[index] -= cut
        left -= cut
    return taken


def take_evenly(parts: Sequence[int], amount: int) -> list[int]:
    """Take the same from every part, and from larger ones what smaller ones cannot give."""
    left, taken = amount, list(parts)
    for done, index in enumerate(sorted(range(len(parts)), key=lambda index: parts[index])):
        cut = min(parts[index], left // (len(parts) - done))
        taken[index] -= cut
        left -= cut
    return taken
