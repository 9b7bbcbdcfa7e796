"""What publishing refuses besides broken cells: prices over the law's cap, answers that are missing, blocked yeses."""

import json
import re

import pytest

from merchant_server.domain.decision import PolicyBroken
from merchant_server.domain.errors import RuleRefused
from merchant_server.providers.credit_policy import ZenCreditPolicy, ZenWorkshop, check
from merchant_server.services.decisioning import publishing
from tests.installation import Installation


def encoded(document) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def node(document, name):
    return next(each for each in document["nodes"] if each["id"] == name)["content"]


def row(document, table, name):
    return next(each for each in node(document, table)["rules"] if each["_id"] == name)


@pytest.mark.parametrize(
    ("cell", "cap_bps", "message"),
    [
        ("2401", 2_400, "over the legal cap of 2400"),
        ("2400", 2_400, None),
        ("3600", 3_600, None),
        ("1600", 1_500, "over the legal cap of 1500"),
        ("-1", 2_400, "not a whole number of basis points"),
        ("default_bps", 2_400, "not a whole number of basis points"),
        ("24.5", 2_400, "not a whole number of basis points"),
    ],
)
def test_a_price_over_the_legal_cap_is_refused_with_its_row(document, cell, cap_bps, message):
    for each in node(document, "terms_by_grade")["rules"]:
        each["rate_cap_bps"] = "1500"
    row(document, "terms_by_grade", "terms_c")["rate_cap_bps"] = cell

    found = [str(each) for each in check(encoded(document), rate_cap_bps=cap_bps)]

    if message is None:
        assert found == []
    else:
        assert any(message in each and "terms_c" in each for each in found), found


def test_a_cap_computed_out_of_sight_is_refused(document):
    node(document, "answer")["expressions"].append(
        {"id": "rate_cap_bps", "key": "rate_cap_bps", "value": "default_bps * 2"}
    )

    assert any("not a whole number of basis points" in str(each) for each in check(encoded(document)))


@pytest.mark.parametrize("name", ["line_days", "expected_loss_minor", "installment_max_minor"])
def test_an_answer_that_is_missing_is_refused(document, name):
    lines = node(document, "answer")["expressions"]
    lines[:] = [each for each in lines if each["key"] != name]

    assert any(f"nothing computes {name}" in str(each) for each in check(encoded(document)))


def test_a_policy_that_forgot_the_block_list_still_approves_nobody_on_it(document, applicant):
    row(document, "block_list", "block_match")["blocked_matches"] = "> 5"

    with pytest.raises(PolicyBroken, match="on the block list"):
        ZenCreditPolicy(encoded(document)).decide(applicant(blocked_matches=1))


@pytest.mark.parametrize(
    ("name", "formula"), [("line_days", "0"), ("line_days", "4000"), ("ask_bureau", '"yes"')]
)
def test_an_answer_out_of_bounds_is_broken(document, applicant, name, formula):
    lines = node(document, "answer")["expressions"]
    lines[:] = [each for each in lines if each["key"] != name]
    lines.append({"id": name, "key": name, "value": formula})

    with pytest.raises(PolicyBroken, match=name):
        ZenCreditPolicy(encoded(document)).decide(applicant())


def test_differences_are_told_cell_by_cell(document):
    workshop, old = ZenWorkshop(), encoded(document)
    row(document, "grade_bands", "band_e")["score_points"] = "[290..345)"
    node(document, "score_category")["rules"].pop(3)

    found = workshop.differences(old, encoded(document))

    assert "~ grade_bands › band_e › score_points: [295..345) → [290..345)" in found
    assert '- score_category › category_home › merchant_category: "home"' in found
    assert workshop.differences(old, old) == ()


def _unknown_field(document):
    next(each for each in document["nodes"] if each["id"] == "score_total")["secret"] = True


def _overlap(document):
    row(document, "grade_bands", "band_c")["score_points"] = "[390..440)"


def _missing_band(document):
    node(document, "grade_bands")["rules"].pop(2)


def _over_cap(document):
    row(document, "terms_by_grade", "terms_c")["rate_cap_bps"] = "2500"


def _no_default(document):
    node(document, "score_bureau")["rules"].pop()


def _division_by_zero(document):
    row(document, "currency_scale", "currency_usd")["scale_denominator"] = "0"


def _missing_feature(document):
    node(document, "score_bureau")["inputs"][0]["field"] = "marital_status"


@pytest.mark.parametrize(
    ("plant", "message", "at"),
    [
        (_unknown_field, "Unknown field", "secret"),
        (_overlap, "overlaps", "band_"),
        (_missing_band, "no row covers", "band_"),
        (_over_cap, "over the legal cap of 2400", "terms_c"),
        (_no_default, "must be a default row", "bureau_8"),
        (_division_by_zero, "divides by scale_denominator", "scale_denominator"),
        (_missing_feature, "marital_status is neither a feature", "marital_status"),
    ],
)
def test_each_bad_policy_is_refused_at_publishing_with_its_line(
    sqlite_installation: Installation, document, plant, message, at
):
    plant(document)
    text = encoded(document)

    with pytest.raises(RuleRefused) as refused:
        publishing.publish(sqlite_installation.deps, text, "bad", by="alice")

    found = [each for each in refused.value.facts["problems"] if message in each]
    assert refused.value.code == "policy_problems" and found, refused.value.facts["problems"]
    line = int(re.match(r"line (\d+): ", found[0])[1])
    shown = text.decode().splitlines()[line - 1]
    nearby = "\n".join(text.decode().splitlines()[max(line - 4, 0) : line + 3])
    assert at in found[0] or at in shown, (found[0], shown)
    assert at in nearby, nearby
