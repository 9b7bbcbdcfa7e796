"""Stored decisions run again: by the same policy, to prove them, and by a candidate, to see what it changes."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from merchant_server.domain.decision import GRADES, Decision, DecisionRecord, Outcome
from merchant_server.domain.errors import NotFound
from merchant_server.services.decisioning.live import answer, kept_policy
from merchant_server.services.deps import Deps

PAGE = 200
FLIPS_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision computed again. `equal` says that every byte is the same; else `stored` and `again` differ."""

    decision_id: str
    policy_version: str
    stored: bytes
    again: bytes
    counter_offers_hold: bool

    @property
    def equal(self) -> bool:
        """Say whether the stored decision and its counter-offers were proven."""
        return self.stored == self.again and self.counter_offers_hold


def canonical(decision: Mapping[str, Any]) -> bytes:
    """Return a decision's bytes: JSON with sorted keys and no spaces, as they are stored."""
    return json.dumps(decision, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def replay(deps: Deps, decision_id: str) -> Replay:
    """Compute a stored decision anew from its vector and policy version. Raises NotFound, PolicyBroken."""
    with deps.storage.reading() as uow:
        stored = uow.decisions.stored(decision_id)
        if stored is None:
            raise NotFound("there is no such decision with an answer", decision_id=decision_id)
        record = DecisionRecord.from_dict(stored)
        policy = kept_policy(uow, deps, record.decision.policy_version)
    again = answer(policy, record.features)
    holds = all(
        answer(policy, record.features.changed(offer.changes)).outcome == Outcome.APPROVE
        for offer in record.counter_offers
    )
    return Replay(
        decision_id, policy.version, canonical(stored["decision"]), canonical(again.to_dict()), holds
    )


@dataclass(frozen=True, slots=True)
class Side:
    """What one policy says of a set of decisions. Amounts are minor units, by currency."""

    outcomes: Mapping[str, int]
    grades: Mapping[str, int]
    approved_minor: Mapping[str, int]
    expected_loss_minor: Mapping[str, int]
    rate_discount_mean: Decimal

    @property
    def decisions(self) -> int:
        """How many decisions were looked at."""
        return sum(self.outcomes.values())

    @property
    def approval_rate(self) -> Decimal:
        """The share of yes, as a fraction."""
        return Decimal(self.outcomes.get(Outcome.APPROVE, 0)) / max(self.decisions, 1)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The same stored decisions as they were, and as a candidate would have them."""

    candidate: str
    before: Side
    after: Side
    flips: Mapping[tuple[str, str], int]
    flipped: tuple[tuple[str, str, str], ...]


def what_if(deps: Deps, document: bytes, name: str, *, at_most: int = 1_000) -> WhatIf:
    """Run a candidate over the newest stored decisions; nothing is changed. Raises PolicyBroken."""
    candidate = deps.workshop.open(document, name)
    before: list[tuple[DecisionRecord, Decision]] = []
    after: list[tuple[DecisionRecord, Decision]] = []
    flips: Counter[tuple[str, str]] = Counter()
    flipped: list[tuple[str, str, str]] = []
    for decision_id, record in _stored(deps, at_most):
        again = answer(candidate, record.features)
        before.append((record, record.decision))
        after.append((record, again))
        change = (str(record.decision.outcome), str(again.outcome))
        if change[0] != change[1]:
            flips[change] += 1
            flipped.append((decision_id, *change))
    return WhatIf(candidate.version, _side(before), _side(after), flips, tuple(flipped[:FLIPS_SHOWN_MAX]))


def _stored(deps: Deps, at_most: int) -> Iterator[tuple[str, DecisionRecord]]:
    before: str | None = None
    while at_most > 0:
        with deps.storage.reading() as uow:
            page = uow.decisions.newest(min(PAGE, at_most), before=before)
        for decision_id, stored in page:
            yield decision_id, DecisionRecord.from_dict(stored)
        if len(page) < PAGE:
            return
        at_most, before = at_most - len(page), page[-1][0]


def _side(answers: list[tuple[DecisionRecord, Decision]]) -> Side:
    approved: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    discounts: list[Decimal] = []
    for record, decision in answers:
        if decision.outcome == Outcome.APPROVE:
            approved[record.features.currency] += record.features.amount_minor
            losses[record.features.currency] += decision.expected_loss_minor
            discounts.append(decision.rate_discount)
    grades = Counter(decision.grade or "-" for _, decision in answers)
    return Side(
        outcomes=dict(Counter(str(decision.outcome) for _, decision in answers)),
        grades={grade: grades[grade] for grade in (*GRADES, "-") if grades[grade]},
        approved_minor=dict(approved),
        expected_loss_minor=dict(losses),
        rate_discount_mean=sum(discounts, Decimal(0)) / max(len(discounts), 1),
    )
