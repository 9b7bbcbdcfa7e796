"""What holds for every applicant, whatever the numbers in the policy say."""

import json
import random
from datetime import date, timedelta

import pytest
import zen
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from merchant_server.domain.decision import GRADES, Features, Outcome
from merchant_server.domain.refusal import refusal
from merchant_server.providers.credit_policy import ZenCreditPolicy

AMOUNTS = st.one_of(st.integers(0, 6_000_000), st.integers(0, 10**15))
DAYS = st.one_of(st.just(0), st.integers(0, 120))


@st.composite
def any_features(draw):
    status = draw(st.sampled_from(["found", "found", "found", "thin", "unknown"]))
    return Features(
        currency=draw(st.sampled_from(["CNY", "CNY", "USD", "JPY", "KWD", "XTS"])),
        amount_minor=draw(AMOUNTS),
        age_years=draw(st.one_of(st.integers(18, 65), st.integers(0, 120))),
        identity=draw(st.sampled_from(["match", "match", "match", "mismatch", "unknown"])),
        bureau_status=status,
        bureau_score=draw(st.integers(300, 900)) if status == "found" else None,
        bureau_debts_minor=draw(AMOUNTS),
        bureau_worst_overdue_days=draw(DAYS),
        bureau_inquiries_30d=draw(st.integers(0, 15)),
        own_open_loans=draw(st.integers(0, 8)),
        own_outstanding_minor=draw(AMOUNTS),
        own_worst_overdue_days=draw(DAYS),
        own_refusals_30d=draw(st.integers(0, 5)),
        merchant_category=draw(
            st.sampled_from(["education", "electronics", "medical_aesthetics", "other", ""])
        ),
        decided_on=draw(st.dates(date(2020, 1, 1), date(2090, 1, 1))),
    )


def changed(features: Features, **changes) -> Features:
    return Features.from_dict({**features.to_dict(), **changes})


def without_hard_rules(features: Features) -> Features:
    status = {"unknown": "thin"}.get(features.bureau_status, features.bureau_status)
    return changed(
        features,
        currency="CNY",
        identity="match",
        age_years=18 + features.age_years % 48,
        bureau_status=status,
        bureau_worst_overdue_days=features.bureau_worst_overdue_days % 60,
        own_worst_overdue_days=0,
        own_outstanding_minor=features.own_outstanding_minor % 3_000_000,
    )


def encoded(policy: ZenCreditPolicy, features: Features) -> bytes:
    return json.dumps(policy.decide(features).to_dict(), sort_keys=True).encode()


@settings(max_examples=400, deadline=None)
@given(features=any_features())
def test_nobody_is_approved_while_a_hard_rule_holds(policy, features):
    hard = (
        features.identity != "match"
        or not 18 <= features.age_years <= 65
        or features.own_worst_overdue_days > 0
        or features.bureau_worst_overdue_days >= 60
        or features.bureau_status == "unknown"
        or features.currency == "XTS"
    )

    decision = policy.decide(features)

    assert not (hard and decision.outcome is Outcome.APPROVE)
    assert not hard or decision.limit_minor == decision.available_minor == 0


@settings(max_examples=400, deadline=None)
@given(features=any_features())
def test_every_answer_is_complete_whole_and_explained(policy, features):
    decision = policy.decide(features)

    assert 0 <= decision.available_minor <= decision.limit_minor
    assert decision.grade in GRADES
    assert 0 <= decision.rate_discount < 1
    assert (decision.outcome is Outcome.APPROVE) == (not decision.reasons)
    for code in decision.reasons:
        entry = refusal(code)
        assert all((entry.text("zh-CN"), entry.text("en"), entry.change("zh-CN"), entry.change("en")))
    assert not decision.reasons or refusal(decision.reasons[0]).kind == decision.outcome
    assert decision.outcome is not Outcome.APPROVE or features.amount_minor <= decision.available_minor
    assert not any(isinstance(value, float) for value in decision.trace["values"].values())


@settings(max_examples=300, deadline=None)
@given(features=any_features(), scores=st.tuples(st.integers(300, 900), st.integers(300, 900)))
def test_a_better_bureau_score_never_worsens_grade_limit_or_price(policy, features, scores):
    worse, better = (
        policy.decide(changed(features, bureau_status="found", bureau_score=score))
        for score in sorted(scores)
    )

    assert better.grade <= worse.grade
    assert better.limit_minor >= worse.limit_minor
    assert better.rate_discount >= worse.rate_discount


@settings(max_examples=300, deadline=None)
@given(features=any_features().map(without_hard_rules))
def test_a_counter_offer_is_approved_by_the_same_policy(policy, features):
    asked = changed(features, amount_minor=10**15)
    counter_minor = policy.decide(asked).counter_offer_minor
    assume(counter_minor is not None)

    answer = policy.decide(changed(asked, amount_minor=counter_minor))
    more = policy.decide(changed(asked, amount_minor=counter_minor + 1_000))

    assert answer.outcome is Outcome.APPROVE
    assert more.outcome is Outcome.DECLINE, "the counter-offer is the largest whole amount"


def test_a_thousand_stored_decisions_replay_to_equal_bytes(policy, policy_path):
    chance = random.Random(20261121)
    again = ZenCreditPolicy(policy_path)
    outcomes = set()
    for _ in range(1_000):
        status = chance.choice(["found", "found", "found", "found", "thin", "unknown"])
        features = Features(
            currency=chance.choice(["CNY", "CNY", "USD", "JPY"]),
            amount_minor=chance.randrange(6_000_000),
            age_years=chance.randrange(16, 68),
            identity=chance.choice(["match"] * 8 + ["mismatch", "unknown"]),
            bureau_status=status,
            bureau_score=chance.randrange(300, 901) if status == "found" else None,
            bureau_debts_minor=chance.randrange(25_000_000),
            bureau_worst_overdue_days=chance.choice([0, 0, 0, 30, 60]),
            bureau_inquiries_30d=chance.randrange(12),
            own_open_loans=chance.randrange(6),
            own_outstanding_minor=chance.randrange(1_000_000),
            own_worst_overdue_days=chance.choice([0, 0, 0, 0, 5]),
            own_refusals_30d=chance.randrange(4),
            merchant_category=chance.choice(["education", "travel", "rent", "other"]),
            decided_on=date(2026, 1, 1) + timedelta(days=chance.randrange(300)),
        )
        stored = json.dumps(features.to_dict())
        first = encoded(policy, features)

        assert encoded(again, Features.from_dict(json.loads(stored))) == first
        outcomes.add(json.loads(first)["outcome"])
    assert outcomes == {"approve", "refer", "decline"}


def decided_tables(policy) -> set[str]:
    return {
        node["id"] for node in json.loads(policy.document)["nodes"] if node["type"] == "decisionTableNode"
    }


def traced(data) -> str | list[str] | None:
    if isinstance(data, list):
        return [each["rule"]["_id"] for each in data]
    return data["rule"]["_id"] if data else None


@pytest.fixture(scope="module")
def document_once(policy_path):
    """The policy as it was written, in the engine."""
    return zen.ZenEngine().create_decision(policy_path.read_text(encoding="utf-8"))


@settings(max_examples=100, deadline=None)
@given(features=any_features())
def test_the_rows_that_are_told_are_those_of_the_engines_own_trace(policy, document_once, features):
    told = document_once.evaluate(features.to_dict(), {"trace": True})
    rows = {
        node: traced(each["traceData"])
        for node, each in told["trace"].items()
        if node in decided_tables(policy)
    }
    decided = policy.decide(features)
    assert decided.trace["rows"] == rows
    assert decided.outcome == told["result"]["outcome"]
    assert {name: told["result"][name] for name in decided.trace["values"]} == decided.trace["values"]
