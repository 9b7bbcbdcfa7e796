"""Plots of a trained scorecard as SVG texts: ROC, scores of good and bad, weights of evidence. No library."""

from collections.abc import Sequence
from html import escape

from merchant_server.risk.binning import Binned
from merchant_server.risk.measures import separation
from merchant_server.risk.training import Report

WIDTH, HEIGHT, MARGIN = 480, 320, 44
GOOD, BAD, INK, QUIET = "#1f7a6d", "#b4452f", "#1d2430", "#c9ced6"
SCORE_BARS = 24


def roc(scores: Sequence[float], bad: Sequence[int], auc: float) -> str:
    """Return the ROC curve: caught bad against refused good, as the cut-off rises."""
    goods, bads = len(bad) - sum(bad), sum(bad)
    caught, refused, points = 0, 0, [(0.0, 0.0)]
    for _score, kind in sorted(zip(scores, bad, strict=True)):
        caught, refused = caught + kind, refused + 1 - kind
        points.append((refused / goods, caught / bads))
    path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    diagonal = f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="{QUIET}"/>'
    line = f'<polyline points="{path}" fill="none" stroke="{GOOD}" stroke-width="2"/>'
    return _svg(f"ROC, AUC {auc:.4f}", "good refused", "bad caught", diagonal + line)


def distributions(scores: Sequence[int], bad: Sequence[int]) -> str:
    """Return how the scores of good and bad lie."""
    low, high = min(scores), max(scores) + 1
    shares = []
    for kind in (0, 1):
        counts = [0] * SCORE_BARS
        for score, is_bad in zip(scores, bad, strict=True):
            if is_bad == kind:
                counts[(score - low) * SCORE_BARS // (high - low)] += 1
        shares.append([count / max(sum(counts), 1) for count in counts])
    top = max(map(max, shares)) or 1.0
    lines = []
    for share, colour in zip(shares, (GOOD, BAD), strict=True):
        path = " ".join(
            f"{_x((place + 0.5) / SCORE_BARS):.1f},{_y(value / top):.1f}" for place, value in enumerate(share)
        )
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    label = f"score, {low} to {high - 1}; green good, red bad"
    return _svg("Scores of good and bad", label, "share", "".join(lines))


def evidence(column: Binned) -> str:
    """Return the weight of evidence of each bin: above the line is better than average."""
    top = max((abs(woe) for woe in column.woes), default=0.0) or 1.0
    wide = 1 / len(column.woes)
    bars = []
    for place, woe in enumerate(column.woes):
        height = abs(woe) / top / 2
        y = 0.5 + height if woe > 0 else 0.5
        bars.append(
            f'<rect x="{_x(place * wide + wide * 0.1):.1f}" y="{_y(y):.1f}"'
            f' width="{wide * 0.8 * (WIDTH - 2 * MARGIN):.1f}" height="{height * (HEIGHT - 2 * MARGIN):.1f}"'
            f' fill="{GOOD if woe > 0 else BAD}"><title>{escape(_label(column, place))}: {woe:+.3f}</title></rect>'
        )
    axis = f'<path d="M{_x(0)} {_y(0.5)}H{_x(1)}" stroke="{INK}"/>'
    title = f"{column.name}, IV {column.information_value:.3f}"
    return _svg(title, f"bins, WOE up to ±{top:.2f}", "WOE", "".join(bars) + axis)


def every(report: Report, bad: Sequence[int]) -> dict[str, str]:
    """Return every plot by file name."""
    plots = {
        "roc.svg": roc(report.scores, bad, separation(report.scores, bad).auc),
        "scores.svg": distributions(report.scores, bad),
    }
    return plots | {f"woe-{column.name}.svg": evidence(column) for column in report.fit.bins}


def _label(column: Binned, place: int) -> str:
    if column.groups:
        return ", ".join(column.groups[place])
    low = f"from {column.edges[place - 1]}" if place else ""
    high = f"below {column.edges[place]}" if place < len(column.edges) else ""
    return " ".join(filter(None, (low, high))) or "any"


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def _y(share: float) -> float:
    return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)


def _svg(title: str, below: str, beside: str, inside: str) -> str:
    text = f'font-family="sans-serif" fill="{INK}" text-anchor="middle"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>"
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{WIDTH - 2 * MARGIN}" height="{HEIGHT - 2 * MARGIN}"'
        f' fill="none" stroke="{QUIET}"/>{inside}'
        f'<text x="{WIDTH / 2}" y="26" font-size="15" {text}>{escape(title)}</text>'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" font-size="12" {text}>{escape(below)}</text>'
        f'<text transform="translate(18 {HEIGHT / 2}) rotate(-90)" font-size="12" {text}>{escape(beside)}</text>'
        "</svg>\n"
    )
