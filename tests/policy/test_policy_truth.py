"""The truth table of cn-standard: every rule, every bin and band, each at both sides of its boundary."""

from decimal import Decimal

import pytest

from merchant_server.domain.decision import Outcome

HARD = [
    ({"identity": "mismatch"}, "decline", "identity_mismatch"),
    ({"identity": "unknown"}, "refer", "identity_unknown"),
    ({"age_years": 0}, "decline", "age"),
    ({"age_years": 17}, "decline", "age"),
    ({"age_years": 18}, "approve", None),
    ({"age_years": 65}, "approve", None),
    ({"age_years": 66}, "decline", "age"),
    ({"own_worst_overdue_days": 0}, "approve", None),
    ({"own_worst_overdue_days": 1}, "decline", "own_overdue"),
    ({"bureau_worst_overdue_days": 59}, "approve", None),
    ({"bureau_worst_overdue_days": 60}, "decline", "bureau_overdue"),
    ({"bureau_status": "unknown", "bureau_score": None}, "refer", "bureau_unknown"),
    ({"bureau_status": "thin", "bureau_score": None, "amount_minor": 300_000}, "approve", None),
    ({"currency": "XTS"}, "refer", "currency_not_covered"),
]
BINS = [
    ("bureau_score", 300, 0), ("bureau_score", 399, 0), ("bureau_score", 400, 40),
    ("bureau_score", 499, 40), ("bureau_score", 500, 90), ("bureau_score", 549, 90),
    ("bureau_score", 550, 140), ("bureau_score", 599, 140), ("bureau_score", 600, 190),
    ("bureau_score", 649, 190), ("bureau_score", 650, 240), ("bureau_score", 699, 240),
    ("bureau_score", 700, 280), ("bureau_score", 749, 280), ("bureau_score", 750, 320),
    ("bureau_score", 900, 320),
    ("bureau_inquiries_30d", 0, 60), ("bureau_inquiries_30d", 1, 60),
    ("bureau_inquiries_30d", 2, 45), ("bureau_inquiries_30d", 3, 45),
    ("bureau_inquiries_30d", 4, 25), ("bureau_inquiries_30d", 6, 25),
    ("bureau_inquiries_30d", 7, 10), ("bureau_inquiries_30d", 10, 10),
    ("bureau_inquiries_30d", 11, 0),
    ("bureau_debts_minor", 0, 60), ("bureau_debts_minor", 999_999, 60),
    ("bureau_debts_minor", 1_000_000, 45), ("bureau_debts_minor", 4_999_999, 45),
    ("bureau_debts_minor", 5_000_000, 25), ("bureau_debts_minor", 9_999_999, 25),
    ("bureau_debts_minor", 10_000_000, 10), ("bureau_debts_minor", 19_999_999, 10),
    ("bureau_debts_minor", 20_000_000, 0),
    ("own_open_loans", 0, 30), ("own_open_loans", 1, 40), ("own_open_loans", 2, 40),
    ("own_open_loans", 3, 20), ("own_open_loans", 4, 20), ("own_open_loans", 5, 0),
    ("own_refusals_30d", 0, 40), ("own_refusals_30d", 1, 40), ("own_refusals_30d", 2, 25),
    ("own_refusals_30d", 3, 0),
    ("merchant_category", "education", 30), ("merchant_category", "rent", 30),
    ("merchant_category", "car_insurance", 30), ("merchant_category", "home", 25),
    ("merchant_category", "electronics", 20), ("merchant_category", "travel", 15),
    ("merchant_category", "wedding", 15), ("merchant_category", "medical_aesthetics", 0),
    ("merchant_category", "anything else", 20),
]  # fmt: skip
POINTS = {
    "bureau_score": "points_bureau",
    "bureau_inquiries_30d": "points_inquiries",
    "bureau_debts_minor": "points_debts",
    "own_open_loans": "points_loans",
    "own_refusals_30d": "points_refusals",
    "merchant_category": "points_category",
}
# Features that land on the first and the last reachable total of each band.
BANDS = [
    ({"bureau_score": 900, "own_open_loans": 1, "merchant_category": "education"}, 550, "A"),
    ({"bureau_score": 700, "own_open_loans": 3}, 480, "A"),
    ({"bureau_score": 700, "own_open_loans": 3, "merchant_category": "travel"}, 475, "B"),
    ({"bureau_score": 650, "own_open_loans": 3}, 440, "B"),
    ({"bureau_score": 650, "own_open_loans": 3, "merchant_category": "travel"}, 435, "C"),
    ({"bureau_score": 600, "merchant_category": "travel"}, 395, "C"),
    ({"bureau_score": 600, "own_open_loans": 3}, 390, "D"),
    ({"bureau_score": 550, "merchant_category": "travel"}, 345, "D"),
    ({"bureau_score": 550, "own_open_loans": 3}, 340, "E"),
    ({"bureau_score": 500, "merchant_category": "travel"}, 295, "E"),
    ({"bureau_score": 500, "own_open_loans": 3}, 290, "F"),
    ({"bureau_score": 400}, 250, "F"),
    ({"bureau_score": 400, "merchant_category": "travel"}, 245, "G"),
    ({"bureau_score": 300}, 210, "G"),
]
TERMS = {
    "A": (5_000_000, "0.03"),
    "B": (3_000_000, "0.02"),
    "C": (2_000_000, "0.01"),
    "D": (1_000_000, "0"),
    "E": (500_000, "0"),
}


@pytest.mark.parametrize(("changes", "outcome", "code"), HARD)
def test_a_hard_rule_fires_exactly_at_its_boundary(policy, applicant, changes, outcome, code):
    decision = policy.decide(applicant(**changes))

    assert (decision.outcome, decision.reasons) == (outcome, (code,) if code else ())
    if code:
        assert (decision.limit_minor, decision.available_minor, decision.counter_offer_minor) == (0, 0, None)
        assert decision.rate_discount == 0


@pytest.mark.parametrize(("feature", "value", "points"), BINS)
def test_a_scorecard_bin_gives_its_points(policy, applicant, feature, value, points):
    decision = policy.decide(applicant(**{feature: value}))

    assert decision.trace["values"][POINTS[feature]] == points


@pytest.mark.parametrize(("changes", "points", "grade"), BANDS)
def test_a_band_begins_and_ends_where_it_says(policy, applicant, changes, points, grade):
    decision = policy.decide(applicant(amount_minor=10_000, **changes))

    assert (decision.trace["values"]["score_points"], decision.grade) == (points, grade)
    if grade in TERMS:
        limit_minor, discount = TERMS[grade]
        assert decision.outcome is Outcome.APPROVE
        assert (decision.limit_minor, decision.rate_discount) == (limit_minor, Decimal(discount))


def test_grade_f_asks_a_person_and_names_what_cost_points(policy, applicant):
    decision = policy.decide(applicant(bureau_score=450))

    assert (decision.outcome, decision.reasons) == ("refer", ("score_borderline", "low_bureau_score"))
    assert decision.limit_minor == 0


def test_grade_g_declines_and_names_what_cost_points(policy, applicant):
    features = applicant(
        bureau_score=399,
        bureau_inquiries_30d=11,
        bureau_debts_minor=20_000_000,
        own_open_loans=5,
        own_refusals_30d=3,
    )

    decision = policy.decide(features)

    assert decision.outcome is Outcome.DECLINE
    assert decision.reasons == (
        "score_too_low",
        "low_bureau_score",
        "many_inquiries",
        "high_debts",
        "many_open_loans",
        "recent_refusals",
    )


def test_a_thin_file_is_never_better_than_d_and_has_a_small_line(policy, applicant):
    thin = {
        "bureau_status": "thin",
        "bureau_score": None,
        "own_open_loans": 1,
        "merchant_category": "education",
    }

    decision = policy.decide(applicant(amount_minor=300_000, **thin))
    over = policy.decide(applicant(amount_minor=300_001, **thin))

    assert (decision.outcome, decision.grade, decision.limit_minor) == ("approve", "D", 300_000)
    assert (over.outcome, over.counter_offer_minor) == ("decline", 300_000)


@pytest.mark.parametrize(
    ("amount_minor", "outstanding_minor", "outcome", "counter_minor"),
    [
        (5_000_000, 0, "approve", None),
        (5_000_001, 0, "decline", 5_000_000),
        (100_001, 4_900_000, "decline", 100_000),
        (100_000, 4_900_000, "approve", None),
        (200_000, 4_989_999, "decline", 10_000),
        (200_000, 4_990_000, "decline", 10_000),
        (200_000, 4_990_001, "decline", None),
        (200_000, 4_876_544, "decline", 123_400),
        (1, 5_000_000, "decline", None),
        (1, 6_000_000, "decline", None),
        (0, 5_000_000, "approve", None),
    ],
)
def test_an_amount_over_what_is_left_gets_the_rest_in_whole_units(
    policy, applicant, amount_minor, outstanding_minor, outcome, counter_minor
):
    decision = policy.decide(applicant(amount_minor=amount_minor, own_outstanding_minor=outstanding_minor))

    assert (decision.outcome, decision.counter_offer_minor) == (outcome, counter_minor)
    assert decision.reasons == (() if outcome == "approve" else ("amount_over_limit",))
    assert decision.limit_minor == 5_000_000
    assert decision.available_minor == max(0, 5_000_000 - outstanding_minor)


@pytest.mark.parametrize(
    ("currency", "limit_minor", "whole_minor"),
    [
        ("CNY", 5_000_000, 100),
        ("HKD", 5_500_000, 100),
        ("USD", 700_000, 100),
        ("EUR", 650_000, 100),
        ("GBP", 550_000, 100),
        ("SGD", 900_000, 100),
        ("JPY", 1_000_000, 1),
        ("KWD", 2_100_000, 1_000),
    ],
)
def test_limits_and_counter_offers_follow_the_currency(policy, applicant, currency, limit_minor, whole_minor):
    decision = policy.decide(applicant(currency=currency, amount_minor=limit_minor, own_outstanding_minor=1))

    assert decision.limit_minor == limit_minor
    assert decision.counter_offer_minor == limit_minor - whole_minor


def test_a_decline_outranks_a_referral_and_reasons_keep_the_order_of_the_table(policy, applicant):
    decision = policy.decide(
        applicant(identity="unknown", age_years=17, own_worst_overdue_days=3, bureau_worst_overdue_days=90)
    )

    assert (decision.outcome, decision.reasons) == ("decline", ("age", "own_overdue", "bureau_overdue"))


def test_debts_are_compared_in_the_reference_currency(policy, applicant):
    in_yen = policy.decide(applicant(currency="JPY", bureau_debts_minor=199_999, amount_minor=1))
    more = policy.decide(applicant(currency="JPY", bureau_debts_minor=200_000, amount_minor=1))

    assert (in_yen.trace["values"]["points_debts"], more.trace["values"]["points_debts"]) == (60, 45)
