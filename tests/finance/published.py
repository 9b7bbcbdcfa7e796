"""Reads published figures from beside the project, when they are there; says so when they are not."""

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fenqi.finance import Money

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"


def cases(name: str) -> list[dict[str, Any]]:
    """Return the cases of one file, or skip with a reason."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"published figures {name} are not beside this checkout")
    loaded: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cases"]
    assert loaded, name
    return loaded


def flows(case: dict[str, Any]) -> Iterator[tuple[str, Money, Fraction]]:
    """Yield (kind, amount, years) for each flow of a yearly-rate case, in hundredths of a cent."""
    for flow in case["flows"]:
        for index in range(flow.get("count", 1)):
            amount = Money(int(Decimal(flow["amount"]) * 1_000_000), "EUR")
            yield flow["kind"], amount, Fraction(flow["t"]) + index * Fraction(flow.get("step", "0"))
