"""A scorecard as data: points per bin of each feature, and its score. It needs no library and reads no file."""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

FORMAT = "fenqi-scorecard/1"


class ScorecardInvalid(Exception):
    """A scorecard or a row of features cannot be used. Attributes: feature, reason."""

    def __init__(self, feature: str, reason: str) -> None:
        self.feature, self.reason = feature, reason
        super().__init__(f"scorecard feature {feature}: {reason}")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Bins of numbers: bin i holds what is below edge i and not below the one before; the last has no end."""

    name: str
    edges: tuple[Decimal, ...]
    points: tuple[int, ...]

    def of(self, value: str) -> int:
        """Return the points of a value. Raises ScorecardInvalid for what is no number."""
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise ScorecardInvalid(self.name, "is not a number") from None
        if not number.is_finite():
            raise ScorecardInvalid(self.name, "is not a finite number")
        return self.points[bisect.bisect_right(self.edges, number)]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"name": self.name, "edges": [str(edge) for edge in self.edges], "points": list(self.points)}


@dataclass(frozen=True, slots=True)
class Texts:
    """Bins of texts: each lists its texts; what is in none gets `other_points`."""

    name: str
    groups: tuple[tuple[str, ...], ...]
    points: tuple[int, ...]
    other_points: int

    def of(self, value: str) -> int:
        """Return the points of a text."""
        for group, points in zip(self.groups, self.points, strict=True):
            if value in group:
                return points
        return self.other_points

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "name": self.name,
            "groups": [list(group) for group in self.groups],
            "points": list(self.points),
            "other_points": self.other_points,
        }


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Points that are added up; a higher score is a better risk. `base_points` is the part of no feature."""

    base_points: int
    features: tuple[Numbers | Texts, ...]

    def score(self, row: Mapping[str, str]) -> int:
        """Return the score of a row of texts by feature name. Raises ScorecardInvalid for a missing feature."""
        total = self.base_points
        for feature in self.features:
            if feature.name not in row:
                raise ScorecardInvalid(feature.name, "is missing")
            total += feature.of(row[feature.name])
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "format": FORMAT,
            "base_points": self.base_points,
            "features": [feature.to_dict() for feature in self.features],
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Scorecard":
        """Rebuild a scorecard. Raises ScorecardInvalid."""
        try:
            if row["format"] != FORMAT:
                raise ScorecardInvalid("format", f"must be {FORMAT}")
            return cls(int(row["base_points"]), tuple(_feature(each) for each in row["features"]))
        except (KeyError, TypeError, ValueError, InvalidOperation) as wrong:
            raise ScorecardInvalid("file", f"is not a scorecard ({type(wrong).__name__})") from None

    def policy_nodes(self) -> list[dict[str, Any]]:
        """Return JDM decision tables with these points, to be put between `features` and `score_total`.

        Each gives `points_<feature>`. Edges become whole numbers, as a policy compares nothing else: an edge of
        12.5 is `>= 13` for whole-numbered features.
        """
        return [_node(feature, place) for place, feature in enumerate(self.features)]


def _feature(row: Mapping[str, Any]) -> Numbers | Texts:
    points = tuple(int(each) for each in row["points"])
    made: Numbers | Texts
    if "edges" in row:
        made = Numbers(row["name"], tuple(Decimal(each) for each in row["edges"]), points)
        whole = len(points) == len(made.edges) + 1 and list(made.edges) == sorted(set(made.edges))
    else:
        groups = tuple(tuple(group) for group in row["groups"])
        made = Texts(row["name"], groups, points, int(row["other_points"]))
        texts = [text for group in groups for text in group]
        whole = len(points) == len(groups) and len(texts) == len(set(texts))
    if not whole:
        raise ScorecardInvalid(made.name, "has bins that overlap, or not one number of points for each")
    return made


def _node(feature: Numbers | Texts, place: int) -> dict[str, Any]:
    name, points_name = feature.name, f"points_{feature.name}"
    if isinstance(feature, Numbers):
        cells = _ranges([int(edge.to_integral_value("ROUND_CEILING")) for edge in feature.edges])
        default = min(feature.points)
    else:
        cells = [", ".join(f'"{text}"' for text in group) for group in feature.groups]
        default = feature.other_points
    rules = [
        {"_id": f"{name}_{number}", "_description": "", name: cell, points_name: str(points)}
        for number, (cell, points) in enumerate(zip(cells, feature.points, strict=True), 1)
    ]
    rules.append(
        {"_id": f"{name}_default", "_description": "No usable value", name: "", points_name: str(default)}
    )
    return {
        "id": f"score_{name}",
        "name": f"Score: {name}",
        "type": "decisionTableNode",
        "position": {"x": 260 * place, "y": 0},
        "content": {
            "hitPolicy": "first",
            "inputField": None,
            "outputPath": None,
            "passThrough": True,
            "executionMode": "single",
            "inputs": [{"id": name, "name": name, "field": name}],
            "outputs": [{"id": points_name, "name": "Points", "field": points_name}],
            "rules": rules,
        },
    }


def _ranges(edges: list[int]) -> list[str]:
    if not edges:
        return [">= 0"]
    middle = [f"[{low}..{high})" for low, high in pairwise(edges)]
    return [f"< {edges[0]}", *middle, f">= {edges[-1]}"]
