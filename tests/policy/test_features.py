"""Features refuse what a rule could not judge."""

from datetime import UTC, datetime

import pytest

from merchant_server.domain.decision import Features, FeaturesInvalid


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("amount_minor", -1),
        ("amount_minor", 10**15 + 1),
        ("amount_minor", 10.0),
        ("amount_minor", "10"),
        ("age_years", None),
        ("age_years", True),
        ("bureau_worst_overdue_days", None),
        ("own_worst_overdue_days", -1),
        ("identity", "garbage"),
        ("bureau_status", ""),
        ("bureau_score", None),
        ("bureau_score", 299),
        ("bureau_score", 901),
        ("bureau_score", 700.0),
        ("currency", "cny"),
        ("currency", "CN"),
        ("currency", None),
        ("merchant_category", None),
        ("decided_on", "2026-11-21"),
        ("decided_on", datetime(2026, 11, 21, tzinfo=UTC)),
    ],
)
def test_a_value_that_no_rule_could_judge_is_refused_by_name(applicant, feature, value):
    with pytest.raises(FeaturesInvalid) as caught:
        applicant(**{feature: value})

    assert caught.value.feature == feature


@pytest.mark.parametrize("status", ["thin", "unknown"])
def test_a_score_without_a_report_is_refused(applicant, status):
    with pytest.raises(FeaturesInvalid, match="bureau_score"):
        applicant(bureau_status=status, bureau_score=700)


def test_a_stored_vector_comes_back_equal(applicant):
    features = applicant()

    assert Features.from_dict(features.to_dict()) == features


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        (lambda row: row.pop("age_years"), "age_years"),
        (lambda row: row.update(sex="f"), "sex"),
        (lambda row: row.update(decided_on="today"), "decided_on"),
        (lambda row: row.update(decided_on=None), "decided_on"),
    ],
)
def test_a_stored_vector_with_other_fields_is_refused_by_name(applicant, change, feature):
    row = applicant().to_dict()
    change(row)

    with pytest.raises(FeaturesInvalid) as caught:
        Features.from_dict(row)

    assert caught.value.feature == feature
