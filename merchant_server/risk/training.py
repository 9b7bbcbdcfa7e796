"""A scorecard from a CSV: bins, weights of evidence and a logistic regression. Needs the extra [risk]."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from merchant_server.risk.binning import Binned, binned
from merchant_server.risk.measures import Separation, separation, stability
from merchant_server.risk.protected import refuse_protected
from merchant_server.risk.scorecard import Numbers, Scorecard, Texts

BASE_SCORE, BASE_ODDS, POINTS_TO_DOUBLE_ODDS = 600, 20, 50
FOLDS, REPEATS, SEED = 10, 3, 20261121
SMALLEST_INFORMATION = 0.02
HOLD_OUT_SHARE = 0.3
LARGEST_BYTES = 200_000_000


class TrainingRefused(Exception):
    """The data cannot be trained on. Attributes: reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"no scorecard can be made: {reason}")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts with features and one target: 1 is bad."""

    features: tuple[str, ...]
    columns: dict[str, list[str]]
    bad: list[int]

    def rows(self, places: Sequence[int]) -> "Table":
        """Return some of the rows."""
        columns = {name: [values[place] for place in places] for name, values in self.columns.items()}
        return Table(self.features, columns, [self.bad[place] for place in places])


@dataclass(frozen=True, slots=True)
class Fit:
    """A trained model: bins with weights, as log-odds of good. `scores` are of the rows it was trained on."""

    bins: tuple[Binned, ...]
    weights: tuple[float, ...]
    intercept: float

    def log_odds(self, table: Table) -> list[float]:
        """Return the log-odds of good of each row."""
        sums = [self.intercept] * len(table.bad)
        for column, weight in zip(self.bins, self.weights, strict=True):
            for place, value in enumerate(table.columns[column.name]):
                sums[place] += weight * column.woe(value)
        return sums

    def scorecard(self) -> Scorecard:
        """Return the model as points per bin: 600 at odds of 20 to 1, 50 more double the odds."""
        factor = POINTS_TO_DOUBLE_ODDS / math.log(2)
        offset = BASE_SCORE - factor * math.log(BASE_ODDS)
        features: list[Numbers | Texts] = []
        for column, weight in zip(self.bins, self.weights, strict=True):
            points = tuple(round(factor * weight * woe) for woe in column.woes)
            if column.groups:
                features.append(Texts(column.name, column.groups, points, 0))
            else:
                features.append(Numbers(column.name, column.edges, points))
        return Scorecard(round(offset + factor * self.intercept), tuple(features))


@dataclass(frozen=True, slots=True)
class Report:
    """What training found. Separations are of rows that the model did not see, unless they say `trained`."""

    rows: int
    bad_rate: float
    validated: Separation
    auc_deviation: float
    trained: Separation
    hold_out: Separation
    stability_index: float
    information_values: dict[str, float]
    left_out: tuple[str, ...]
    scores: list[int]
    fit: Fit


def read_table(file: Path, *, target: str, bad: str, exclude: Sequence[str] = ()) -> Table:
    """Read a CSV with a header. `bad` is the target's text for a bad row; every other is good.

    Raises TrainingRefused, and ProtectedAttribute for a feature that no score may look at.
    """
    if file.stat().st_size > LARGEST_BYTES:
        raise TrainingRefused(f"the file is larger than {LARGEST_BYTES} bytes")
    with file.open(newline="", encoding="utf-8-sig") as text:
        rows = list(csv.reader(text, skipinitialspace=True, strict=True))
    header, rows = (rows[0], [row for row in rows[1:] if row]) if rows else ([], [])
    if len(set(header)) != len(header) or target not in header:
        raise TrainingRefused(f"the header has no column {target!r}, or names one twice")
    if ragged := next((place for place, row in enumerate(rows, 2) if len(row) != len(header)), None):
        raise TrainingRefused(f"row {ragged} has not as many cells as the header")
    unknown = sorted(set(exclude) - set(header))
    if unknown:
        raise TrainingRefused(f"there is no column {unknown[0]!r} to leave out")
    features = [name for name in header if name != target and name not in exclude]
    refuse_protected(features)
    columns = {name: [row[header.index(name)].strip() for row in rows] for name in features}
    kinds = [int(row[header.index(target)].strip() == bad) for row in rows]
    if min(sum(kinds), len(kinds) - sum(kinds)) < FOLDS:
        raise TrainingRefused(f"it needs at least {FOLDS} good and {FOLDS} bad rows")
    return Table(tuple(features), columns, kinds)


def fit(table: Table) -> Fit:
    """Return a model of the features that tell enough, by logistic regression on their weights of evidence."""
    linear = _scikit("linear_model")
    every = [binned(name, table.columns[name], table.bad) for name in table.features]
    bins = [column for column in every if column.information_value >= SMALLEST_INFORMATION]
    if not bins:
        raise TrainingRefused("no feature tells good from bad")
    matrix = [
        [column.woe(table.columns[column.name][place]) for column in bins] for place in range(len(table.bad))
    ]
    model = linear.LogisticRegression(C=1.0, max_iter=1_000)
    model.fit(matrix, [1 - kind for kind in table.bad])
    weights = tuple(float(weight) for weight in model.coef_[0])
    return Fit(tuple(bins), weights, float(model.intercept_[0]))


def train(table: Table) -> Report:
    """Train on every row, and judge by 3 × 10-fold cross-validation with the bins made inside each fold."""
    whole = fit(table)
    repeats = [separation(_unseen(table, SEED + repeat), table.bad) for repeat in range(REPEATS)]
    aucs = [each.auc for each in repeats]
    mean = sum(aucs) / len(aucs)
    used = {column.name for column in whole.bins}
    trained, hold_out, index = _hold_out(table)
    return Report(
        rows=len(table.bad),
        bad_rate=sum(table.bad) / len(table.bad),
        validated=Separation(mean, 2 * mean - 1, sum(each.ks for each in repeats) / len(repeats)),
        auc_deviation=math.sqrt(sum((auc - mean) ** 2 for auc in aucs) / len(aucs)),
        trained=trained,
        hold_out=hold_out,
        stability_index=index,
        information_values={
            name: binned(name, table.columns[name], table.bad).information_value for name in table.features
        },
        left_out=tuple(name for name in table.features if name not in used),
        scores=_scores(whole.scorecard(), table),
        fit=whole,
    )


def _unseen(table: Table, seed: int) -> list[float]:
    splitter = _scikit("model_selection").StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = [0.0] * len(table.bad)
    for seen, unseen in splitter.split([[0]] * len(table.bad), table.bad):
        scored = fit(table.rows(seen)).log_odds(table.rows(unseen))
        for place, score in zip(unseen, scored, strict=True):
            scores[place] = score
    return scores


def _hold_out(table: Table) -> tuple[Separation, Separation, float]:
    split = _scikit("model_selection").train_test_split
    places = list(range(len(table.bad)))
    seen, unseen = split(places, test_size=HOLD_OUT_SHARE, stratify=table.bad, random_state=SEED)
    one, other = table.rows(seen), table.rows(unseen)
    model = fit(one)
    before, after = model.log_odds(one), model.log_odds(other)
    return separation(before, one.bad), separation(after, other.bad), stability(before, after)


def _scores(card: Scorecard, table: Table) -> list[int]:
    names = [feature.name for feature in card.features]
    return [
        card.score({name: table.columns[name][place] for name in names}) for place in range(len(table.bad))
    ]


def _scikit(module: str) -> Any:
    try:
        return __import__(f"sklearn.{module}", fromlist=[module])
    except ImportError:
        raise TrainingRefused("scikit-learn is missing; install fenqi[risk]") from None
