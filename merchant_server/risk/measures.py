"""How well a score separates good from bad, and how much a feature tells. Pure arithmetic on statistics, not money."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

SMOOTHING = 0.5


@dataclass(frozen=True, slots=True)
class Separation:
    """AUC, Gini = 2·AUC − 1, and the Kolmogorov-Smirnov distance between good and bad."""

    auc: float
    gini: float
    ks: float


def separation(scores: Sequence[float], bad: Sequence[int]) -> Separation:
    """Return how well scores (higher is better) tell bad (1) from good (0); ties count half.

    Raises ValueError unless both kinds are there.
    """
    bads, goods = sum(bad), len(bad) - sum(bad)
    if not bads or not goods:
        raise ValueError("a separation needs good and bad rows")
    ordered = sorted(zip(scores, bad, strict=True))
    won, ks, bads_below, goods_below = 0.0, 0.0, 0, 0
    for _score, rows in groupby(ordered, key=lambda row: row[0]):
        kinds = Counter(kind for _, kind in rows)
        won += kinds[0] * (bads_below + kinds[1] / 2)
        bads_below, goods_below = bads_below + kinds[1], goods_below + kinds[0]
        ks = max(ks, abs(bads_below / bads - goods_below / goods))
    auc = won / (bads * goods)
    return Separation(auc, 2 * auc - 1, ks)


def weights_of_evidence(bins: Sequence[tuple[int, int]]) -> tuple[list[float], float]:
    """Return the WOE of each bin of (good, bad) counts, and the information value of the whole.

    WOE = ln(share of good / share of bad), with half a row added to each count so that an empty side is finite.
    """
    goods = sum(good for good, _ in bins)
    bads = sum(bad for _, bad in bins)
    count = len(bins)
    woes, information = [], 0.0
    for good, bad in bins:
        share_good = (good + SMOOTHING) / (goods + SMOOTHING * count)
        share_bad = (bad + SMOOTHING) / (bads + SMOOTHING * count)
        woe = math.log(share_good / share_bad)
        woes.append(woe)
        information += (share_good - share_bad) * woe
    return woes, information


def stability(expected: Sequence[float], actual: Sequence[float], bins: int = 10) -> float:
    """Return the population stability index of two sets of scores, over deciles of the first.

    Below 0.1 is stable and above 0.25 is another population, by the usual rule of thumb.
    """
    ordered = sorted(expected)
    edges = sorted({ordered[len(ordered) * step // bins] for step in range(1, bins)})
    index = 0.0
    for share_a, share_b in zip(_shares(expected, edges), _shares(actual, edges), strict=True):
        index += (share_b - share_a) * math.log(share_b / share_a)
    return index


def _shares(scores: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = Counter(sum(score >= edge for edge in edges) for score in scores)
    whole = len(scores) + SMOOTHING * (len(edges) + 1)
    return [(counts[place] + SMOOTHING) / whole for place in range(len(edges) + 1)]
