"""Scorecards as data, the measures by hand-computed figures, bins, and what no score may look at. No library needed."""

import ast
import math
import random
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merchant_server.providers.credit_policy import check
from merchant_server.risk.binning import BINS_MAX, binned
from merchant_server.risk.measures import separation, stability, weights_of_evidence
from merchant_server.risk.protected import ProtectedAttribute, refuse_protected
from merchant_server.risk.scorecard import Numbers, Scorecard, ScorecardInvalid, Texts

CARD = Scorecard(
    500,
    (
        Numbers("own_open_loans", (Decimal(1), Decimal(3)), (10, 20, -15)),
        Texts("merchant_category", (("education", "rent"), ("travel",)), (12, -8), 0),
    ),
)


def test_a_perfect_a_useless_and_a_reversed_score_have_the_areas_they_must() -> None:
    bad = [1, 1, 0, 0]

    assert separation([1, 2, 3, 4], bad).auc == 1 and separation([1, 2, 3, 4], bad).ks == 1
    assert separation([5, 5, 5, 5], bad).auc == 0.5 and separation([5, 5, 5, 5], bad).ks == 0
    assert separation([4, 3, 2, 1], bad).auc == 0 and separation([4, 3, 2, 1], bad).gini == -1


def test_the_area_is_the_share_of_pairs_in_the_right_order_ties_counting_half() -> None:
    chance = random.Random(1)
    scores = [chance.randrange(12) for _ in range(60)]
    bad = [chance.randrange(2) for _ in range(60)]
    pairs = [(g, b) for g, kind in zip(scores, bad, strict=True) if not kind
             for b, other in zip(scores, bad, strict=True) if other]  # fmt: skip

    expected = sum(1 if g > b else 0.5 if g == b else 0 for g, b in pairs) / len(pairs)

    assert separation(scores, bad).auc == pytest.approx(expected, abs=1e-12)


def test_one_kind_of_row_alone_separates_nothing() -> None:
    with pytest.raises(ValueError, match="good and bad"):
        separation([1, 2], [0, 0])


def test_weights_of_evidence_and_information_value_are_those_computed_by_hand() -> None:
    woes, information = weights_of_evidence([(80, 20), (20, 80)])

    good, bad = 80.5 / 101, 20.5 / 101
    assert woes == pytest.approx([math.log(good / bad), -math.log(good / bad)])
    assert information == pytest.approx(2 * (good - bad) * math.log(good / bad))


def test_the_same_people_are_stable_and_others_are_not() -> None:
    chance = random.Random(2)
    scores = [chance.gauss(600, 50) for _ in range(2_000)]

    assert stability(scores, scores) == pytest.approx(0, abs=1e-9)
    assert stability(scores, [chance.gauss(600, 50) for _ in range(2_000)]) < 0.1
    assert stability(scores, [chance.gauss(520, 50) for _ in range(2_000)]) > 0.25


@pytest.mark.parametrize(
    "feature",
    ["sex", "Gender", "marital_status", "personal_status_and_sex", "foreign_worker", "nationality", "is_male",
     "race", "applicant religion", "性别", "婚姻状况", "spouse_income"],
)  # fmt: skip
def test_a_protected_attribute_is_refused_by_name(feature: str) -> None:
    with pytest.raises(ProtectedAttribute) as caught:
        refuse_protected(["duration_months", feature])

    assert caught.value.feature == feature


def test_a_name_that_only_looks_alike_is_not_refused() -> None:
    refuse_protected(["trace_count", "email_domain", "age_years", "housing", "purpose", "employment_since"])


@pytest.mark.parametrize(
    ("loans", "category", "score"),
    [
        ("0", "education", 522),
        ("1", "rent", 532),
        ("2.9", "travel", 512),
        ("3", "travel", 477),
        ("99", "x", 485),
    ],
)
def test_points_are_added_up_bin_by_bin(loans: str, category: str, score: int) -> None:
    assert CARD.score({"own_open_loans": loans, "merchant_category": category}) == score


@pytest.mark.parametrize(
    "row",
    [{}, {"own_open_loans": "1"}, {"own_open_loans": "many", "merchant_category": "rent"},
     {"own_open_loans": "NaN", "merchant_category": "rent"}, {"own_open_loans": "", "merchant_category": "rent"}],
)  # fmt: skip
def test_a_row_that_cannot_be_scored_is_a_typed_error(row: dict[str, str]) -> None:
    with pytest.raises(ScorecardInvalid):
        CARD.score(row)


def test_a_scorecard_comes_back_from_its_file_as_it_was() -> None:
    assert Scorecard.from_dict(CARD.to_dict()) == CARD


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.update(format="other/1"),
        lambda row: row.pop("features"),
        lambda row: row["features"][0].update(points=[1]),
        lambda row: row["features"][0].update(edges=["3", "1"]),
        lambda row: row["features"][0].update(edges=["a", "b"]),
        lambda row: row["features"][1].update(groups=[["rent"], ["rent"]]),
    ],
)
def test_a_file_that_is_no_scorecard_is_a_typed_error(change) -> None:
    row = CARD.to_dict()
    change(row)

    with pytest.raises(ScorecardInvalid):
        Scorecard.from_dict(row)


def test_a_scorecard_becomes_tables_that_a_policy_may_be_published_with(document) -> None:
    import json

    nodes = CARD.policy_nodes()
    replaced = {"score_loans": nodes[0], "score_category": nodes[1]}
    for place, node in enumerate(document["nodes"]):
        if node["id"] in replaced:
            document["nodes"][place] = {**replaced[node["id"]], "id": node["id"]}
    total = next(each for each in document["nodes"] if each["id"] == "score_total")["content"]["expressions"][
        0
    ]
    for old, new in (("loans", "own_open_loans"), ("category", "merchant_category")):
        total["value"] = total["value"].replace(f"points_{old}", f"points_{new}")
    answer = next(each for each in document["nodes"] if each["id"] == "answer")["content"]["expressions"]
    factors = next(each for each in answer if each["key"] == "factors")
    factors["value"] = factors["value"].replace("factor_loans, ", "")

    assert [str(each) for each in check(json.dumps(document, ensure_ascii=False).encode())] == []


@given(st.lists(st.tuples(st.integers(-50, 50), st.booleans()), min_size=30, max_size=300))
def test_bins_hold_every_row_once_and_are_few(rows: list[tuple[int, bool]]) -> None:
    column = binned("x", [str(value) for value, _ in rows], [int(bad) for _, bad in rows])

    assert sum(good + bad for good, bad in column.counts) == len(rows)
    assert len(column.counts) <= BINS_MAX and list(column.edges) == sorted(set(column.edges))
    for value, _ in rows:
        assert 0 <= column.place(str(value)) < len(column.counts)


def test_a_text_that_was_never_seen_tells_nothing() -> None:
    column = binned("x", ["a", "b"] * 50, [0, 1] * 50)

    assert column.woe("never") == 0.0 and column.woe("a") > 0 > column.woe("b")


def test_neither_scoring_nor_the_server_imports_a_training_library() -> None:
    root = Path(__file__).parents[2] / "merchant_server"
    libraries = {"sklearn", "numpy", "pandas", "scipy", "optbinning"}
    found = {
        f"{path.relative_to(root)} imports {name}"
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
        if name.split(".")[0] in libraries
    }  # fmt: skip
    assert found == set()
