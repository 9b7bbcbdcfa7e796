"""Figures as an aligned table for people and as JSON for programs."""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figure, in_words, percentile

FLUSHES = 50
HEADINGS = ("path", "ratio", "goal", "spread", "ours p50 / p95", "floor p50 / p95", "per second", "verdict")


def machine() -> dict[str, Any]:
    """Return what the figures were measured on, and how busy it was with other work."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average": [round(each, 2) for each in os.getloadavg()],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "durable_write": in_words(flush_seconds()),
    }


def flush_seconds() -> float:
    """Return what one durable write of 4 KB takes here, at the median: it decides what a shared commit is worth."""
    with tempfile.TemporaryFile() as file:
        taken = []
        for _ in range(FLUSHES):
            before = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 4096, 0)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - before)
    return statistics.median(taken)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def table(figures: Sequence[Figure]) -> str:
    """Return one line a path, columns aligned, with what each was held against below it."""
    rows = [HEADINGS, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for index, row in enumerate(rows):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if index:
            lines += [f"    floor: {figures[index - 1].floor}"]
            lines += [f"    {figures[index - 1].note}"] if figures[index - 1].note else []
    return "\n".join(lines)


def unrest(figures: Sequence[Figure]) -> float:
    """Return by how much the machine's own pace varied meanwhile: its slow tenth over its fast one."""
    paces = tuple(each for figure in figures for each in figure.paces)
    return percentile(paces, 0.9) / percentile(paces, 0.1) if paces else 1.0


def _cells(figure: Figure) -> tuple[str, ...]:
    ours, bare = figure.operations_per_second
    return (
        figure.path,
        f"{figure.ratio:.2f}×",
        str(figure.goal or "none"),
        f"{min(figure.ratios):.2f}–{max(figure.ratios):.2f}",
        f"{in_words(percentile(figure.ours, 0.5))} / {in_words(percentile(figure.ours, 0.95))}",
        f"{in_words(percentile(figure.bare, 0.5))} / {in_words(percentile(figure.bare, 0.95))}",
        f"{ours:,.0f} / {bare:,.0f}",
        "" if figure.goal is None else "met" if figure.met else "not yet",
    )


def as_json(figures: Sequence[Figure], measured_at: datetime) -> str:
    """Return every figure with its rounds, and the machine."""
    document = {
        "measured_at": measured_at.isoformat(),
        "machine": machine(),
        "arguments": [Path(argument).name for argument in sys.argv[1:]],
        "unrest": round(unrest(figures), 3),
        "figures": [
            {
                "path": figure.path,
                "floor": figure.floor,
                "goal": figure.goal and {"bound": figure.goal.bound, "ratio": figure.goal.ratio},
                "ratio": round(figure.ratio, 4),
                "ratios": [round(ratio, 4) for ratio in figure.ratios],
                "met": figure.met if figure.goal else None,
                "ours_seconds": _percentiles(figure.ours),
                "floor_seconds": _percentiles(figure.bare),
                "per_second": {
                    "ours": figure.operations_per_second[0],
                    "floor": figure.operations_per_second[1],
                },
                "note": figure.note,
                "unrest": round(unrest([figure]), 3),
            }
            for figure in figures
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _percentiles(samples: tuple[float, ...]) -> dict[str, float]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(samples, share), 9) for name, share in shares.items()}
