"""The ratios as an SVG of bars against their goals. It draws; it computes no figure."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.measuring import Figure

ROW, TOP, LEFT, BARS, RIGHT = 26, 62, 300, 420, 150
REACH = 4.0  # how many times the goal, up or down, the scale shows
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1c2733}.quiet{fill:#5b6875;font-size:12px}"
    ".met{fill:#2f7d5b}.short{fill:#c2713d}.goal{stroke:#1c2733;stroke-width:1.5}.ground{fill:#fff}"
)


def svg(figures: Sequence[Figure], caption: str) -> str:
    """Return one bar a path with a goal: its length is how the ratio stands to it, on a logarithmic scale."""
    figures = [figure for figure in figures if figure.goal]
    width, height = LEFT + BARS + RIGHT, TOP + ROW * len(figures) + 16
    rows = "".join(_row(figure, TOP + ROW * place) for place, figure in enumerate(figures))
    middle = LEFT + BARS / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(caption, {chr(34): "&quot;"})}"><style>{STYLE}</style>'
        f'<rect class="ground" width="{width}" height="{height}"/>'
        f'<text x="12" y="24">{escape(caption)}</text>'
        f'<text class="quiet" x="{LEFT}" y="{TOP - 14}">a quarter of the goal</text>'
        f'<text class="quiet" x="{middle}" y="{TOP - 14}" text-anchor="middle">the goal</text>'
        f'<text class="quiet" x="{LEFT + BARS}" y="{TOP - 14}" text-anchor="end">four times better</text>'
        f'{rows}<line class="goal" x1="{middle}" x2="{middle}" y1="{TOP - 6}" y2="{height - 12}"/></svg>\n'
    )


def _row(figure: Figure, y: int) -> str:
    assert figure.goal is not None
    standing = figure.ratio / figure.goal.ratio
    if figure.goal.bound == "at most":
        standing = 1 / standing
    share = 0.5 + math.log(min(max(standing, 1 / REACH), REACH), REACH) / 2
    kind = "met" if figure.met else "short"
    return (
        f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(figure.path)}</text>'
        f'<rect class="{kind}" x="{LEFT}" y="{y + 4}" width="{max(share * BARS, 2):.0f}" height="14" rx="2"/>'
        f'<text class="quiet" x="{LEFT + BARS + 10}" y="{y + 15}">{figure.ratio:.2f}× (goal {figure.goal})</text>'
    )
