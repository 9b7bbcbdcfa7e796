"""Whole-number bins of a decision table: what a cell covers, where bins overlap, where one is missing.

It reads cells such as `[700..750)`, `>= 60` or `2`; it evaluates nothing and knows no feature.
"""

import re

LOWEST, HIGHEST = -(10**18), 10**18
RANGE = re.compile(r"([\[(])\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*([\])])")
COMPARISON = re.compile(r"(<=|>=|<|>|==)?\s*(-?\d+)")


def covered(cell: str) -> tuple[int, int] | None:
    """Return the first and last whole number that a cell matches, or None when it is not one bin."""
    text = cell.strip()
    if found := RANGE.fullmatch(text):
        opening, low, high, closing = found.groups()
        return int(low) + (opening == "("), int(high) - (closing == ")")
    if found := COMPARISON.fullmatch(text):
        operator, number = found.group(1), int(found.group(2))
        return {
            "<": (LOWEST, number - 1),
            "<=": (LOWEST, number),
            ">": (number + 1, HIGHEST),
            ">=": (number, HIGHEST),
        }.get(operator, (number, number))
    return None


def faults(bins: dict[str, tuple[int, int]], domain: tuple[int, int]) -> list[tuple[str, str]]:
    """Return (row, message) for every bin that is empty, overlaps another, or leaves a hole before it.

    `bins` maps a row to the numbers it covers; together they must cover `domain` exactly once.
    """
    found = [(row, "its range is empty") for row, (low, high) in bins.items() if low > high]
    expected, before = domain[0], ""
    for row, (low, high) in sorted(bins.items(), key=lambda item: item[1]):
        if low > high:
            continue
        if before and low < expected:
            found.append((row, f"overlaps {before} from {low} to {min(high, expected - 1)}"))
        elif low > expected:
            found.append((row, f"no row covers {_span(expected, low - 1)}"))
        expected, before = max(expected, high + 1), row
    if expected <= domain[1]:
        found.append((before, f"no row covers {_span(expected, domain[1])}"))
    return found


def _span(low: int, high: int) -> str:
    start = "anything" if low <= LOWEST else str(low)
    end = "up" if high >= HIGHEST else f"to {high}"
    return start if low == high else f"{start} {end}"
