"""Block list, fraud rules, age by law, affordability, price, reviews, kept reports: both sides of each boundary."""

from decimal import Decimal

import pytest

from merchant_server.domain.decision import Outcome
from merchant_server.domain.refusal import public_reasons

RULES = [
    ({"blocked_matches": 0}, "approve", None),
    ({"blocked_matches": 1}, "decline", "fraud_blocked"),
    ({"person_applications_24h": 8}, "approve", None),
    ({"person_applications_24h": 9}, "decline", "fraud_velocity"),
    ({"phone_applications_24h": 8}, "approve", None),
    ({"phone_applications_24h": 9}, "decline", "fraud_velocity"),
    ({"device_applications_24h": 10}, "approve", None),
    ({"device_applications_24h": 11}, "decline", "fraud_velocity"),
    ({"store_applications_1h": 240}, "approve", None),
    ({"store_applications_1h": 241}, "decline", "fraud_velocity"),
    ({"address_applications_24h": 120}, "approve", None),
    ({"address_applications_24h": 121}, "decline", "fraud_velocity"),
    ({"phone_persons_30d": 2}, "approve", None),
    ({"phone_persons_30d": 3}, "decline", "fraud_velocity"),
    ({"device_persons_30d": 4}, "approve", None),
    ({"device_persons_30d": 5}, "decline", "fraud_velocity"),
    # In a sandbox one visitor plays everybody, so what is counted stops nobody there; the block list does.
    ({"mode": "test", "device_persons_30d": 50, "person_applications_24h": 50}, "approve", None),
    ({"mode": "test", "blocked_matches": 1}, "decline", "fraud_blocked"),
    ({"disclosure_pack": "CN", "age_years": 65}, "approve", None),
    ({"disclosure_pack": "CN", "age_years": 66}, "decline", "age"),
    ({"disclosure_pack": "EU", "age_years": 80}, "approve", None),
    ({"disclosure_pack": "EU", "age_years": 81}, "decline", "age"),
    ({"disclosure_pack": "UK", "age_years": 80}, "approve", None),
    ({"disclosure_pack": "UK", "age_years": 81}, "decline", "age"),
    ({"disclosure_pack": "US", "age_years": 99}, "approve", None),
    ({"disclosure_pack": "US", "age_years": 18}, "approve", None),
    ({"disclosure_pack": "US", "age_years": 17}, "decline", "age"),
    # Half of 10,000.00 a month is 5,000.00.
    ({"income_stated_minor": 1_000_000, "installment_minor": 500_000}, "approve", None),
    ({"income_stated_minor": 1_000_000, "installment_minor": 500_001}, "decline", "not_affordable"),
    ({"income_seen_minor": 1_000_000, "installment_minor": 500_001}, "decline", "not_affordable"),
    # Of two incomes the smaller counts, and of two debts the larger: 24 months of 1,000.00.
    ({"income_stated_minor": 9_000_000, "income_seen_minor": 1_000_000, "installment_minor": 500_001}, "decline",
     "not_affordable"),
    ({"income_stated_minor": 1_000_000, "debts_stated_minor": 2_400_000, "installment_minor": 400_000}, "approve",
     None),
    ({"income_stated_minor": 1_000_000, "debts_stated_minor": 2_400_000, "installment_minor": 400_001}, "decline",
     "not_affordable"),
    ({"income_stated_minor": 1_000_000, "bureau_debts_minor": 2_400_000, "installment_minor": 400_001}, "decline",
     "not_affordable"),
    ({"income_stated_minor": 1_000_000, "own_due_30d_minor": 100_000, "installment_minor": 400_000}, "approve", None),
    ({"income_stated_minor": 1_000_000, "own_due_30d_minor": 100_000, "installment_minor": 400_001}, "decline",
     "not_affordable"),
    ({"income_stated_minor": 0, "installment_minor": 10**9}, "approve", None),
    ({"annual_cost_bps": 2_400}, "approve", None),
    ({"annual_cost_bps": 2_401}, "decline", "price_over_cap"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "outcome", "code"), RULES)
def test_a_rule_fires_exactly_at_its_boundary(policy, applicant, changes, outcome, code):
    decision = policy.decide(applicant(**changes))

    assert (decision.outcome, decision.reasons) == (outcome, (code,) if code else ())


REVIEWS = [
    ({"review_verdict": "approved", "review_limit_minor": 400_000, "bureau_score": 450}, "approve", None),
    ({"review_verdict": "approved", "review_limit_minor": 400_000, "bureau_score": 300}, "approve", None),
    ({"review_verdict": "approved", "review_limit_minor": 399_899, "bureau_score": 300}, "decline",
     "amount_over_limit"),
    ({"review_verdict": "approved", "review_limit_minor": 400_000, "bureau_status": "unknown", "bureau_score": None},
     "approve", None),
    ({"review_verdict": "approved", "review_limit_minor": 400_000, "identity": "unknown"}, "refer", "identity_unknown"),
    ({"review_verdict": "approved", "review_limit_minor": 400_000, "identity": "mismatch"}, "decline",
     "identity_mismatch"),
    ({"review_verdict": "approved", "review_limit_minor": 400_000, "age_years": 17}, "decline", "age"),
    ({"review_verdict": "approved", "review_limit_minor": 400_000, "blocked_matches": 1}, "decline", "fraud_blocked"),
    ({"review_verdict": "declined", "bureau_score": 450}, "decline", "review_declined"),
    ({"review_verdict": "declined", "bureau_status": "unknown", "bureau_score": None}, "decline", "review_declined"),
    ({"review_verdict": "declined"}, "approve", None),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "outcome", "code"), REVIEWS)
def test_a_persons_verdict_stands_in_for_the_score_and_for_no_hard_rule(
    policy, applicant, changes, outcome, code
):
    decision = policy.decide(applicant(**changes))

    assert (decision.outcome, decision.reasons[:1]) == (outcome, (code,) if code else ())


KEPT = [
    ({}, True),
    ({"line_status": "live", "bureau_age_days": 50}, False),
    ({"line_status": "live", "bureau_age_days": 51}, True),
    ({"line_status": "expired"}, True),
    ({"line_status": "live", "own_worst_overdue_days": 1}, True),
    ({"line_status": "live", "bureau_status": "unknown", "bureau_score": None}, True),
    ({"line_status": "live", "bureau_status": "thin", "bureau_score": None}, False),
]


@pytest.mark.parametrize(("changes", "asks"), KEPT)
def test_the_policy_says_when_a_kept_report_will_do(policy, applicant, changes, asks):
    assert policy.decide(applicant(**changes)).ask_bureau is asks


def test_a_yes_names_its_conditions_and_what_it_is_expected_to_cost(policy, applicant):
    decision = policy.decide(applicant(income_stated_minor=1_000_000, installment_minor=100_000))

    assert decision.outcome is Outcome.APPROVE
    assert (decision.rate_cap_bps, decision.installment_max_minor, decision.line_days) == (2_400, 500_000, 50)
    # Grade A: 0.5 % default at a loss of 60 % of 3,999.00.
    assert decision.expected_loss_minor == int(Decimal(399_900) * 50 * 60 / 1_000_000)


GRADE_TERMS = [(900, "A", 50), (650, "B", 120), (600, "C", 250), (550, "D", 500), (500, "E", 900)]


@pytest.mark.parametrize(("score", "grade", "default_bps"), GRADE_TERMS)
def test_each_grade_has_its_expected_share_of_defaults_and_its_cap(
    policy, applicant, score, grade, default_bps
):
    decision = policy.decide(applicant(bureau_score=score, amount_minor=100_000))

    assert (decision.grade, decision.rate_cap_bps) == (grade, 2_400)
    assert decision.expected_loss_minor == 100_000 * default_bps * 60 // 1_000_000


def test_a_refusal_is_expected_to_cost_nothing(policy, applicant):
    assert policy.decide(applicant(age_years=17)).expected_loss_minor == 0


def test_without_a_known_income_no_installment_is_bounded(policy, applicant):
    assert policy.decide(applicant()).installment_max_minor is None


def test_fraud_is_never_told(policy, applicant):
    decision = policy.decide(applicant(blocked_matches=2, own_worst_overdue_days=4, device_persons_30d=9))

    assert decision.reasons == ("fraud_blocked", "fraud_velocity", "own_overdue")
    assert [reason.code for reason in public_reasons(decision.reasons, proven=True)] == ["general"]
    assert decision.counter_offer_minor is None


def test_before_there_is_a_cart_a_line_is_granted_and_nothing_is_drawn(policy, applicant):
    decision = policy.decide(applicant(purpose="preapproval", amount_minor=0))

    assert (decision.outcome, decision.limit_minor, decision.available_minor) == (
        "approve",
        5_000_000,
        5_000_000,
    )
    assert decision.expected_loss_minor == 0
