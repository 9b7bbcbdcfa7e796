"""check(): the shipped policy is clean, and each planted fault is refused with its place."""

import copy
import json
import random
import re
from contextlib import suppress

import pytest

from merchant_server.domain.decision import Outcome, PolicyBroken
from merchant_server.providers.credit_policy import ZenCreditPolicy, check


def node(document, name):
    return next(each for each in document["nodes"] if each["id"] == name)


def content(document, name):
    return node(document, name)["content"]


def row(document, table, name):
    return next(each for each in content(document, table)["rules"] if each["_id"] == name)


def line(document, name, key):
    return next(each for each in content(document, name)["expressions"] if each["key"] == key)


def problems(document) -> list[str]:
    return [str(each) for each in check(json.dumps(document, ensure_ascii=False, indent=1).encode())]


def test_every_shipped_policy_is_clean(policy_path):
    files = sorted(policy_path.parent.glob("*.json"))

    assert policy_path in files
    assert {path.name: check(path.read_bytes()) for path in files} == {path.name: [] for path in files}


CELLS = [
    ("hard_rules", "rule_identity_mismatch", "identity", '"mismatched"', "identity is never"),
    ("hard_rules", "rule_identity_mismatch", "identity", "mismatch", "mismatch is neither a feature"),
    ("hard_rules", "rule_identity_mismatch", "identity", "> 3", "identity is a text"),
    ("hard_rules", "rule_age", "age_years", "< 18 or > ", "not a condition that the engine can read"),
    ("hard_rules", "rule_age", "age_years", '"18"', "is a number and is compared with a text"),
    ("hard_rules", "rule_age", "age_years", "< 17.5", "fractions are not compared"),
    ("hard_rules", "rule_age", "age_years", "", "matches everybody"),
    ("hard_rules", "rule_age", "code", '"too_young"', "too_young is not a reason code"),
    ("hard_rules", "rule_age", "code", '"identity_unknown"', "is a reason to refer"),
    ("hard_rules", "rule_age", "code", '"high_debts"', "of kind factor"),
    ("hard_rules", "rule_age", "outcome", '"deny"', "deny is not an outcome"),
    ("hard_rules", "rule_age", "outcome", "", "may not be empty"),
    ("hard_rules", "rule_age", "outcome", "decline", "decline is neither a feature"),
    ("score_bureau", "bureau_2", "bureau_score", "[700..751)", "overlaps"),
    ("score_bureau", "bureau_2", "bureau_score", "[701..750)", "no row covers 700"),
    ("score_bureau", "bureau_2", "bureau_score", "[750..700)", "its range is empty"),
    ("score_bureau", "bureau_1", "bureau_score", "[750..899]", "no row covers 900"),
    ("score_bureau", "bureau_8", "bureau_score", "[301..400)", "no row covers 300"),
    ("score_bureau", "bureau_2", "bureau_score", "> 700 and < 750", "not one range of whole numbers"),
    ("score_bureau", "bureau_2", "points_bureau", "28.5", "fractions are not allowed"),
    ("score_bureau", "bureau_2", "points_bureau", "points_else", "points_else is neither a feature"),
    ("score_bureau", "bureau_5", "factor_bureau", '"age"', "of kind decline"),
    ("score_bureau", "bureau_default", "bureau_score", "< 300", "must be a default row"),
    ("score_inquiries", "inquiries_5", "bureau_inquiries_30d", "[11..90]", "no row covers 91"),
    ("grade_bands", "band_c", "score_points", "[396..440)", "no row covers 395"),
    ("grade_bands", "band_c", "score_points", "[390..440)", "overlaps"),
    ("grade_bands", "band_c", "band", '"B"', "expected C, found B"),
    ("grade_bands", "band_c", "band", '"H"', "H is not a grade"),
    ("grade_bands", "band_g", "score_points", "[0..250)", "no row covers anything to -1"),
    ("terms_by_grade", "terms_c", "grade", '"B"', "already answered by terms_b"),
    ("terms_by_grade", "terms_c", "grade", '"X"', "grade is never"),
    ("terms_by_grade", "terms_c", "grade_rate_discount", "0.01", "not a decimal text"),
    ("terms_by_grade", "terms_c", "grade_rate_discount", '"1 %"', "not a decimal text"),
    ("terms_by_grade", "terms_c", "grade_rate_discount", '"-0.01"', "not a decimal text"),
    ("terms_by_grade", "terms_c", "base_limit_minor", "-1", "may not be negative"),
    ("currency_scale", "currency_usd", "scale_denominator", "0", "divides by scale_denominator, which"),
    ("currency_scale", "currency_usd", "currency", '"CNY"', "already answered by currency_cny"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "name", "column", "text", "message"), CELLS)
def test_a_broken_cell_is_refused_with_its_place(document, table, name, column, text, message):
    row(document, table, name)[column] = text

    found = problems(document)

    assert any(re.search(message, each) for each in found), found
    if "divides" not in message:
        assert any(table in each and name in each and re.search(message, each) for each in found), found


def test_the_line_is_the_line_of_the_row_in_the_file(policy_path):
    text = policy_path.read_text(encoding="utf-8")
    broken = text.replace('"score_points": "[395..440)"', '"score_points": "[396..440)"')
    expected = 1 + broken[: broken.index('"band_c"')].count("\n")

    (problem,) = check(broken.encode())

    assert problem.line == expected
    assert "no row covers 395" in problem.message


def drop_grade(document):
    content(document, "terms_by_grade")["rules"].pop(2)


def drop_default(document):
    content(document, "score_bureau")["rules"].pop()


def drop_band(document):
    content(document, "grade_bands")["rules"].pop(6)


def unknown_feature(document):
    content(document, "score_bureau")["inputs"][0]["field"] = "marital_status"


def unknown_column(document):
    row(document, "score_bureau", "bureau_1")["note"] = "hello"


def same_row_twice(document):
    row(document, "score_bureau", "bureau_1")["_id"] = "bureau_2"


def function_node(document):
    node(document, "score_total")["type"] = "functionNode"


def unknown_field(document):
    node(document, "score_total")["secret"] = True


def unknown_top_field(document):
    document["notes"] = "hello"


def no_pass_through(document):
    content(document, "score_total")["passThrough"] = False


def no_output(document):
    document["nodes"].pop()


def second_input(document):
    document["nodes"].append({**node(document, "features"), "id": "features2"})


def loose_node(document):
    document["edges"].pop(4)


def edge_to_nowhere(document):
    document["edges"][4]["targetId"] = "nowhere"


def circle(document):
    document["edges"].append({"id": "back", "sourceId": "answer", "targetId": "hard_rules", "type": "edge"})


def missing_answer(document):
    expressions = content(document, "answer")["expressions"]
    expressions[:] = [each for each in expressions if each["key"] != "rate_discount"]


def forward_name(document):
    line(document, "amounts", "line_minor")["value"] = "$.left_minor"


def zero_division(document):
    line(document, "amounts", "line_minor")["value"] = "base_limit_minor / 0"


def feature_division(document):
    line(document, "amounts", "line_minor")["value"] = "base_limit_minor / own_open_loans"


def computed_division(document):
    line(document, "amounts", "line_minor")["value"] = "base_limit_minor / (own_open_loans - 1)"


def fraction(document):
    line(document, "amounts", "line_minor")["value"] = "base_limit_minor * 0.5"


def unreadable(document):
    line(document, "amounts", "line_minor")["value"] = "floor("


def unknown_reason(document):
    line(document, "answer", "reasons")["value"] = '["because"]'


def price_not_decimal(document):
    line(document, "answer", "rate_discount")["value"] = 'granted ? grade_rate_discount : "none"'


def collect_without_path(document):
    content(document, "hard_rules")["outputPath"] = None


def hit_policy(document):
    content(document, "hard_rules")["hitPolicy"] = "unique"


def number_in_cell(document):
    row(document, "score_bureau", "bureau_1")["points_bureau"] = 320


WHOLE = [
    (drop_grade, 'no row answers grade "C"'),
    (drop_default, "must be a default row"),
    (drop_band, "no row covers anything to 249"),
    (unknown_feature, "marital_status is neither a feature nor computed before"),
    (unknown_column, "there is no such column"),
    (same_row_twice, "an _id of its own"),
    (function_node, "score_total › type: Must be one of: inputNode"),
    (unknown_field, "score_total › secret: Unknown field"),
    (unknown_top_field, "notes: Unknown field"),
    (no_pass_through, "is neither a feature nor computed before"),
    (no_output, "exactly one outputNode"),
    (second_input, "exactly one inputNode"),
    (loose_node, "nothing leads to this node"),
    (edge_to_nowhere, "joins a node that does not exist"),
    (circle, "form a circle"),
    (missing_answer, "nothing computes rate_discount"),
    (forward_name, r"\$\.left_minor is neither"),
    (zero_division, "divides by 0, which could be zero"),
    (feature_division, "divides by own_open_loans, which could be zero"),
    (computed_division, "divides by an expression"),
    (fraction, "fractions are not allowed"),
    (unreadable, "not an expression that the engine can read"),
    (unknown_reason, "because is not a reason code"),
    (price_not_decimal, '"none" is not a decimal text'),
    (collect_without_path, "needs an outputPath"),
    (hit_policy, "hitPolicy: Must be one of"),
    (number_in_cell, "Not a valid string"),
]


@pytest.mark.parametrize(("plant", "message"), WHOLE, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_file_is_refused_and_says_where(document, plant, message):
    plant(document)

    found = problems(document)

    assert any(re.search(message, each) for each in found), found


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "utf-8"),
        (b"[]", "not a JSON object"),
        (b"{}", "Missing data"),
        (b'{"nodes": [], "nodes": []}', "duplicate key 'nodes'"),
        (b'{"nodes": NaN}', "NaN"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"contentType": 5, "nodes": 7, "edges": {}}', "Not a valid"),
    ],
)
def test_what_is_no_policy_at_all_is_a_problem_and_not_an_exception(policy, message):
    assert any(message in str(each) for each in check(policy))


def test_a_thousand_random_mutations_are_refused_or_answer_without_a_surprise(document, applicant):
    chance = random.Random(4)
    junk = [None, True, 0, -1, 1.5, "", "x", '"', "((", [], {}, ["a"], {"a": 1}, "$.a", "a / 0", "[9..1]"]
    refused = 0
    for _ in range(1_000):
        mutant = copy.deepcopy(document)
        place, key = mutant, None
        while isinstance(place, dict | list) and place and (key is None or chance.random() < 0.85):
            parent = place
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
            place = place[key]
        parent[key] = chance.choice(junk)
        policy = json.dumps(mutant).encode()
        if check(policy):
            refused += 1
            continue
        with suppress(PolicyBroken):
            assert ZenCreditPolicy(policy).decide(applicant()).outcome in tuple(Outcome)
    assert 700 < refused < 1_000
