"""Policies go live by two people, decide by lot that never changes, are kept for ever, and are proven by replay."""

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merchant_server.domain.consumer import Consumer, Person
from merchant_server.domain.decision import Decision, DecisionRecord, Outcome
from merchant_server.domain.errors import DomainError, Forbidden, NotFound, RuleRefused
from merchant_server.domain.published_policy import (
    Lineup,
    PolicyVersion,
    Proposal,
    Publication,
    lineup,
    publication,
)
from merchant_server.services.decisioning import live, publishing, rerunning
from merchant_server.storage.engine import StorageError
from tests.decision.people import id_number, random_features
from tests.installation import Installation

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def stricter(house: Installation, bottom: int = 380) -> bytes:
    """Return the shipped policy with grade D beginning higher, as a candidate."""
    document = json.loads(house.deps.policy.document)
    bands = next(each for each in document["nodes"] if each["id"] == "grade_bands")["content"]["rules"]
    by_id = {each["_id"]: each for each in bands}
    by_id["band_d"]["score_points"] = f"[{bottom}..395)"
    by_id["band_e"]["score_points"] = f"[295..{bottom})"
    return json.dumps(document, ensure_ascii=False).encode()


def published(house: Installation, document: bytes, share_bps: int = 10_000) -> str:
    first = publishing.publish(house.deps, document, "candidate", by="alice", share_bps=share_bps)
    house.clock.pass_(seconds=1)
    second = publishing.publish(house.deps, document, "candidate", by="bob", share_bps=share_bps)
    house.clock.pass_(seconds=1)
    assert first.publication is None and second.publication is not None
    return second.version


def store(house: Installation, record: DecisionRecord, number: int = 0) -> str:
    """Store a decision as a pre-approval would."""
    decision_id, now = house.deps.ids.new("dec"), house.clock.now()
    person = Person("王小明", id_number(100 + number % 600), "+8613800138000", AT.date())
    with house.deps.storage.unit_of_work() as uow:
        consumer = uow.consumers.find_or_add(Consumer(house.deps.ids.new("con"), person, now))
        uow.decisions.request(
            decision_id, merchant_id=house.caller.merchant_id, mode="test", checkout_id=None,
            consumer_id=consumer.id, at=now, purpose="preapproval",
        )  # fmt: skip
        live.keep(uow, house.deps.policy, now)
        uow.decisions.answer(decision_id, record, now)
    return decision_id


def decided_by(house: Installation, features) -> DecisionRecord:
    return DecisionRecord(features, {}, live.answer(house.deps.policy, features))


def test_a_policy_goes_live_when_a_second_person_publishes_it(installation: Installation) -> None:
    version = published(installation, stricter(installation))

    decided = installation.apply(installation.checkout())

    with installation.deps.storage.reading() as uow:
        assert uow.decisions.case(decided.decision_id).policy_version == version
        assert uow.policies.get(version).document == stricter(installation).decode()
        actions = [row["action"] for row in uow.audit.of(version)]
    assert actions == ["policy.proposed", "policy.published"]


@pytest.mark.parametrize("name", ["alice", "Alice", " alice ", "ALICE"])
def test_nobody_publishes_what_they_proposed(installation: Installation, name: str) -> None:
    document = stricter(installation)
    publishing.publish(installation.deps, document, "candidate", by="alice")

    with pytest.raises(Forbidden) as caught:
        publishing.publish(installation.deps, document, "candidate", by=name)

    assert caught.value.code == "four_eyes"
    assert installation.rows("SELECT * FROM policy_publications") == []


def test_the_database_itself_refuses_one_person_and_keeps_versions_for_ever(
    installation: Installation,
) -> None:
    version = published(installation, stricter(installation))
    for sql in (
        f"UPDATE policy_versions SET document = '{{}}' WHERE version = '{version}'",
        "DELETE FROM policy_versions",
        "DELETE FROM policy_publications",
        "INSERT INTO policy_publications SELECT 'pub_x', id, version, arm, share_bps, 'alice', 'alice', proposed_at"
        " FROM policy_proposals",
    ):
        with pytest.raises(StorageError), installation.engine.transaction() as connection:
            connection.execute(sql)


def test_another_share_is_another_proposal(sqlite_installation: Installation) -> None:
    document = stricter(sqlite_installation)
    publishing.publish(sqlite_installation.deps, document, "candidate", by="alice", share_bps=1_000)

    second = publishing.publish(sqlite_installation.deps, document, "candidate", by="bob", share_bps=5_000)

    assert second.publication is None, "bob looked at another share, so nobody agreed with alice"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"{}", "policy_problems"),
        (b"not json", "policy_problems"),
    ],
)
def test_a_policy_with_problems_is_never_proposed(sqlite_installation, document: bytes, code: str) -> None:
    with pytest.raises(DomainError) as caught:
        publishing.publish(sqlite_installation.deps, document, "candidate", by="alice")

    assert caught.value.code == code
    assert sqlite_installation.rows("SELECT * FROM policy_versions") == []


def test_a_price_over_this_installations_cap_is_refused_with_its_line(sqlite_installation) -> None:
    deps = replace(sqlite_installation.deps, rate_cap=Decimal("0.20"))
    line = next(
        number
        for number, text in enumerate(deps.policy.document.splitlines(), 1)
        if '"_id": "terms_a"' in text
    )

    found = publishing.problems(deps, deps.policy.document.encode())

    assert (
        f"line {line}: terms_by_grade › terms_a: a price up to 2400 basis points a year is over" in found[0]
    )


@pytest.mark.parametrize(("share_bps", "by"), [(-1, "alice"), (10_001, "alice"), (10_000, " ")])
def test_a_share_or_a_name_that_makes_no_sense_is_refused(
    sqlite_installation, share_bps: int, by: str
) -> None:
    with pytest.raises(RuleRefused):
        publishing.publish(
            sqlite_installation.deps, stricter(sqlite_installation), "candidate", by=by, share_bps=share_bps
        )


def arms(house: Installation, count: int = 2_000) -> Counter[str]:
    with house.deps.storage.reading() as uow:
        lots = uow.policies.lineup()
    return Counter(lots.arm_of(f"con_{number}") for number in range(count))


def test_a_challenger_decides_about_its_share_and_always_the_same_people(sqlite_installation) -> None:
    version = published(sqlite_installation, stricter(sqlite_installation), 2_500)

    assert 420 < arms(sqlite_installation)["challenger"] < 580
    with sqlite_installation.deps.storage.reading() as uow:
        for number in range(50):
            found = {live.policy_for(uow, sqlite_installation.deps, f"con_{number}").arm for _ in range(3)}
            policy = live.policy_for(uow, sqlite_installation.deps, f"con_{number}").policy
            assert len(found) == 1
            assert (policy.version == version) == (found == {"challenger"})


def test_a_share_of_nothing_or_a_new_champion_ends_the_experiment(sqlite_installation) -> None:
    published(sqlite_installation, stricter(sqlite_installation), 5_000)
    published(sqlite_installation, stricter(sqlite_installation), 0)
    assert arms(sqlite_installation)["challenger"] == 0
    published(sqlite_installation, stricter(sqlite_installation, 370), 5_000)
    published(sqlite_installation, stricter(sqlite_installation, 360))
    assert arms(sqlite_installation)["challenger"] == 0


@given(shares=st.lists(st.integers(0, 9_999), min_size=1, max_size=4), people=st.integers(1, 50))
def test_a_growing_share_takes_nobody_out_of_one_experiment(shares: list[int], people: int) -> None:
    def with_share(share: int) -> Lineup:
        made = Publication("pub_1", "ppr_1", "v", "challenger", share, "alice", "bob", AT)
        return lineup([made])

    chosen: set[int] = set()
    for share in sorted(shares):
        now = {each for each in range(people) if with_share(share).arm_of(f"con_{each}") == "challenger"}
        assert chosen <= now
        chosen = now


def test_an_old_decision_is_proven_after_its_policy_was_replaced(installation: Installation) -> None:
    decided = installation.apply(installation.checkout())
    published(installation, stricter(installation))

    found = rerunning.replay(installation.deps, decided.decision_id)

    assert found.equal and found.stored == found.again
    assert found.policy_version == installation.deps.policy.version


def test_a_thousand_random_decisions_replay_to_equal_bytes(sqlite_installation: Installation) -> None:
    house, chance = sqlite_installation, random.Random(1121)
    made = [store(house, decided_by(house, random_features(chance)), number) for number in range(1_000)]

    replays = [rerunning.replay(house.deps, each) for each in made]

    assert all(each.equal for each in replays)
    outcomes = Counter(json.loads(each.stored)["outcome"] for each in replays)
    assert set(outcomes) == {"approve", "refer", "decline"}


def test_a_decision_that_was_altered_is_not_proven(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    features = random_features(random.Random(3)).changed(
        {"identity": "match", "age_years": 30, "currency": "CNY"}
    )
    record = decided_by(house, features)
    forged = replace(record, decision=replace(record.decision, limit_minor=record.decision.limit_minor + 1))

    assert not rerunning.replay(house.deps, store(house, forged)).equal


def test_a_replay_of_nothing_is_not_found(sqlite_installation: Installation) -> None:
    with pytest.raises(NotFound):
        rerunning.replay(sqlite_installation.deps, "dec_nothing")


def test_a_policy_that_breaks_refers_and_its_referral_replays(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    document = json.loads(house.deps.policy.document)
    lines = next(each for each in document["nodes"] if each["id"] == "answer")["content"]["expressions"]
    next(each for each in lines if each["key"] == "limit_minor")["value"] = "line_minor * 0 - 1"
    published(house, json.dumps(document, ensure_ascii=False).encode())

    decided = house.apply(house.checkout())

    assert (decided.status, decided.decline_code) == ("referred", "manual_review")
    assert rerunning.replay(house.deps, decided.decision_id).equal


def test_a_published_policy_that_no_longer_opens_sends_everybody_to_a_person(
    installation: Installation,
) -> None:
    """An older release may have published what this one refuses: nobody is approved by accident, nothing stops."""
    kept = PolicyVersion("old@1", "old", "{}", "proposed", "alice", AT)
    wish = Proposal("ppr_1", "old@1", "champion", 10_000, "alice", AT)
    with installation.deps.storage.unit_of_work() as uow:
        uow.policies.keep(kept)
        uow.policies.propose(wish)
        uow.policies.publish(publication("pub_1", wish, "bob", AT))

    decided = installation.apply(installation.checkout())

    assert (decided.status, decided.decline_code) == ("referred", "manual_review")


def test_what_if_runs_a_candidate_over_a_thousand_stored_decisions(sqlite_installation: Installation) -> None:
    house, chance = sqlite_installation, random.Random(7)
    records = [decided_by(house, random_features(chance)) for _ in range(1_000)]
    for number, record in enumerate(records):
        store(house, record, number)
    candidate = stricter(house, 394)

    found = rerunning.what_if(house.deps, candidate, "candidate")

    opened = house.deps.workshop.open(candidate, "candidate")
    expected = [opened.decide(record.features) for record in records]
    assert found.before.decisions == found.after.decisions == 1_000
    assert found.before.outcomes == dict(Counter(str(each.decision.outcome) for each in records))
    assert found.after.outcomes == dict(Counter(str(each.outcome) for each in expected))
    assert found.after.grades["E"] > found.before.grades["E"]
    assert sum(found.after.expected_loss_minor.values()) == sum(each.expected_loss_minor for each in expected)
    changed = sum(one.decision.outcome != two.outcome for one, two in zip(records, expected, strict=True))
    assert sum(found.flips.values()) == changed > 0
    assert found.before.approval_rate == Decimal(found.before.outcomes["approve"]) / 1_000


def test_what_if_looks_at_the_newest_and_at_no_more_than_asked(sqlite_installation: Installation) -> None:
    house, chance = sqlite_installation, random.Random(9)
    for number in range(30):
        store(house, decided_by(house, random_features(chance)), number)

    same = rerunning.what_if(house.deps, house.deps.policy.document.encode(), "cn-standard", at_most=20)

    assert same.before == same.after
    assert (same.before.decisions, dict(same.flips)) == (20, {})


def test_what_was_stored_before_a_feature_existed_is_read_with_its_default(sqlite_installation) -> None:
    features = random_features(random.Random(5))
    old = {name: value for name, value in features.to_dict().items() if name != "device_persons_30d"}

    assert type(features).from_dict(old).device_persons_30d == 0


def test_a_decision_comes_back_as_it_was_stored(sqlite_installation: Installation) -> None:
    house, record = sqlite_installation, None
    decided = house.apply(house.checkout())
    with house.deps.storage.reading() as uow:
        record = uow.decisions.record(decided.decision_id)
    assert record is not None
    assert Decision.from_dict(record.decision.to_dict()) == record.decision
    assert DecisionRecord.from_dict(record.to_dict()) == record
    assert [price.plan_id for price in record.prices] == ["p3", "p6", "p12"]
    assert record.decision.outcome is Outcome.APPROVE
