"""The benchmarks run to their end, and hold every path against a floor of the same run."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks import measuring
from benchmarks.chart import svg
from benchmarks.measuring import Figure, Goal, Round, compare
from benchmarks.memory import Held
from benchmarks.report import table, unrest
from benchmarks.world.seeding import fill, new_world

ROOT = Path(__file__).parents[2]
PATHS = {
    "schedule of 12 rows", "five-plan table", "five-plan table, careful", "qr.svg", "qr.png", "policy.decide",
    "agreement: render, sign, stamp", "agreement: sign and stamp", "storage: sign, SQLite",
    "storage: bank callback, SQLite", "storage: sign, PostgreSQL", "storage: bank callback, PostgreSQL",
    "bank callbacks, 8 callers, SQLite", "bank callbacks, 8 callers, PostgreSQL",
    "group commit, 16 waiters", "group commit, one client", "GET hosted page, five plans",
    "GET /v1/offers, nothing written", "POST /v1/checkouts, SQLite, 1 conn.", "POST /v1/checkouts, SQLite, 32 conn.",
    "POST /v1/checkouts, PostgreSQL, 1 conn.", "POST /v1/checkouts, PostgreSQL, 32 conn.",
    "POST bank callback, SQLite, 32 conn.", "POST bank callback, PostgreSQL, 32 conn.",
    "reads beside writers, SQLite, p99", "POST decision, end to end",
    "deduction run, SQLite", "deduction run, PostgreSQL", "settlement quote, SQLite",
    "webhook deliveries, one worker",
}  # fmt: skip
FOR_THE_RECORD = {"POST decision, end to end", "settlement quote, SQLite"}


def test_a_world_has_its_deductions_at_the_bank_at_whatever_hour_it_is_made(tmp_path: Path) -> None:
    ten_at_night_in_shanghai = datetime(2026, 11, 22, 14, 1, tzinfo=UTC)
    world = new_world(tmp_path, ten_at_night_in_shanghai)
    fill(world, checkouts_made=0, to_sign=0, to_decide=0, opened=0, loans=2)
    assert len(world.deductions) == 2
    world.close()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, str]:
    """One quick run: its JSON, its chart and its table."""
    folder = tmp_path_factory.mktemp("bench")
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--quick",
        "--json",
        folder / "b.json",
        "--svg",
        folder / "b.svg",
    ]
    few = {**os.environ, "FENQI_BENCH_LOANS": "1000", "FENQI_PROCESSES": "1"}
    done = subprocess.run(command, cwd=ROOT, env=few, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "b.json").read_text()), (folder / "b.svg").read_text(), done.stdout


def test_a_quick_run_measures_every_path(quick: tuple[dict[str, Any], str, str]) -> None:
    document, _, printed = quick
    assert {figure["path"] for figure in document["figures"]} == PATHS
    assert all(path in printed for path in PATHS)


def test_every_figure_has_a_floor_measured_beside_it(quick: tuple[dict[str, Any], str, str]) -> None:
    for figure in quick[0]["figures"]:
        assert figure["floor"] and figure["floor_seconds"]["p50"] > 0 and figure["ours_seconds"]["p50"] > 0
        assert len(figure["ratios"]) >= 2 and min(figure["ratios"]) > 0


def test_the_chart_has_a_bar_for_every_path_with_a_goal(quick: tuple[dict[str, Any], str, str]) -> None:
    drawn = xml.etree.ElementTree.fromstring(quick[1])
    words = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= PATHS - FOR_THE_RECORD
    assert not words & FOR_THE_RECORD


def rounds(*seconds: float) -> Any:
    """Return a side whose rounds take these seconds an operation."""
    return lambda number: Round([seconds[number]], seconds[number])


def measured(goal: Goal) -> Figure:
    return compare("a path", "its floor", goal, 3, rounds(2.0, 4.0, 9.0), rounds(1.0, 1.0, 3.0))


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    assert measured(Goal("at most", 3)).ratio == 3
    assert measured(Goal("at least", 0.5)).ratio == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("at most", 3), True),
        (Goal("at most", 2.9), False),
        (Goal("at least", 0.3), True),
        (Goal("at least", 0.4), False),
    ],
)
def test_a_verdict_follows_the_goal_in_its_own_direction(goal: Goal, met: bool) -> None:
    figure = measured(goal)
    assert figure.met is met
    assert ("not yet" in table([figure])) is not met


def test_sides_take_turns_to_go_first() -> None:
    order: list[str] = []

    def side(name: str) -> Any:
        return lambda number: order.append(name) or Round([1.0], 1.0)

    compare("a path", "its floor", Goal("at most", 1), 3, side("ours"), side("floor"))
    assert order == ["ours", "floor", "floor", "ours", "ours", "floor"]


def test_a_host_that_slows_down_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    paces = iter([1.0, 1.0, 1.0, 2.0, 1.5, 1.0])
    monkeypatch.setattr(measuring, "pace", lambda: next(paces))
    assert unrest([measured(Goal("at most", 3))]) == 2
    assert unrest([]) == 1


def test_a_chart_survives_names_with_markup() -> None:
    figure = compare("a < b & c", 'the "floor"', Goal("at most", 1), 1, rounds(1.0), rounds(1.0))
    assert "a < b & c" in "".join(xml.etree.ElementTree.fromstring(svg([figure], 'a "caption"')).itertext())


def test_memory_that_grows_is_told_from_memory_that_is_flat() -> None:
    flat, growing = (Held("worker", tuple(90.0 + each * step for each in range(30))) for step in (0.0, 1.0))
    assert "flat" in str(flat) and "growing" in str(growing)
    assert str(flat).endswith("met") and str(Held("server", (161.0,) * 30)).endswith("not yet")
