"""What deciding needs: decisions, policies, reviews and the watch as repositories; the policy workshop as a port."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from merchant_server.domain.circumstances import Velocity
from merchant_server.domain.decision import Decision, DecisionRecord, Features
from merchant_server.domain.published_policy import Lineup, PolicyVersion, Proposal, Publication
from merchant_server.domain.review import Review, Reviewer


@dataclass(frozen=True, slots=True)
class DecisionCase:
    """Who was decided about, for whom and when; nothing personal."""

    id: str
    merchant_id: str
    mode: str
    checkout_id: str | None
    consumer_id: str
    purpose: str
    outcome: str | None
    policy_version: str | None
    requested_at: datetime
    decided_at: datetime | None


class CreditPolicy(Protocol):
    """One policy, compiled: pure, replayable; the same features and version give the same bytes."""

    @property
    def name(self) -> str:
        """What the policy is called, without its digest."""
        ...

    @property
    def version(self) -> str:
        """Name and digest: what a decision keeps."""
        ...

    @property
    def document(self) -> str:
        """The policy's JSON text."""
        ...

    def decide(self, features: Features) -> Decision:
        """Return the answer. Raises PolicyBroken when there is no complete one."""
        ...


class PolicyWorkshop(Protocol):
    """Makes policies out of texts."""

    def open(self, document: bytes, name: str) -> CreditPolicy:
        """Return the policy in a text. Raises PolicyBroken."""
        ...

    def problems(self, document: bytes, *, rate_cap_bps: int) -> Sequence[str]:
        """Return every reason not to publish a text, each with its line."""
        ...

    def differences(self, old: bytes, new: bytes) -> Sequence[str]:
        """Return what changed between two texts, cell by cell."""
        ...


class Circuits(Protocol):
    """The breakers before the outside sources, as this process sees them."""

    def states(self) -> Mapping[str, str]:
        """Return each source's circuit: closed (asked as usual), half_open (being tried) or open (not asked)."""
        ...


class Decisions(Protocol):
    """What was asked of the policy, and what it answered; features are sealed, and kept for replay."""

    def request(
        self,
        decision_id: str,
        *,
        merchant_id: str,
        mode: str,
        checkout_id: str | None,
        consumer_id: str,
        at: datetime,
        purpose: str = "purchase",
    ) -> None:
        """Store the intention to decide, before anybody outside is asked."""
        ...

    def answer(self, decision_id: str, record: DecisionRecord, at: datetime) -> None:
        """Store the answer, once; raises TransitionConflict when there is one."""
        ...

    def get(self, decision_id: str) -> tuple[Features, Decision] | None:
        """Return what a decision saw and said, or None while there is no answer."""
        ...

    def record(self, decision_id: str) -> DecisionRecord | None:
        """Return the whole record of a decision, or None while there is no answer."""
        ...

    def stored(self, decision_id: str) -> dict[str, Any] | None:
        """Return the record exactly as it was stored, for replay, or None while there is no answer."""
        ...

    def case(self, decision_id: str) -> DecisionCase | None:
        """Return who was decided about and for whom, or None."""
        ...

    def newest(self, limit: int, *, before: str | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Return up to `limit` answered decisions as (id, stored record), newest first, older than `before`."""
        ...

    def stuck(self, before: datetime, limit: int) -> list[str]:
        """Return the checkouts whose decision was asked for before then and never answered."""
        ...

    def quarantine(self, decision_id: str, source: str, *, at: datetime, reason: str, body: bytes) -> None:
        """Keep, sealed, what a source sent that was no answer."""
        ...

    def quarantined(self, decision_id: str, source: str) -> bytes | None:
        """Return what was quarantined of a source's answer for a decision, or None."""
        ...


class Policies(Protocol):
    """The policies of the installation, kept for ever."""

    def keep(self, version: PolicyVersion) -> None:
        """Store a version, unless it is known."""
        ...

    def knows(self, version: str) -> bool:
        """Say whether a version is kept."""
        ...

    def get(self, version: str) -> PolicyVersion | None:
        """Return a version with its document, or None."""
        ...

    def versions(self) -> list[PolicyVersion]:
        """Return every version, oldest first."""
        ...

    def propose(self, proposal: Proposal) -> None:
        """Store a proposal."""
        ...

    def open_proposal(self, version: str, arm: str, share_bps: int) -> Proposal | None:
        """Return the newest proposal of exactly this that nobody published yet, or None."""
        ...

    def publish(self, publication: Publication) -> None:
        """Store a publication, once; Conflict when the proposal was published before."""
        ...

    def publications(self) -> list[Publication]:
        """Return every publication, oldest first."""
        ...

    def lineup(self) -> Lineup:
        """Return the live champion and challenger."""
        ...


class Watch(Protocol):
    """Velocity facts and the block list; keys come in clear and are kept as keyed hashes."""

    def note(
        self, decision_id: str, keys: Mapping[str, str], *, mode: str, consumer_id: str, at: datetime
    ) -> None:
        """Count one application under each of its keys."""
        ...

    def velocity(self, keys: Mapping[str, str], *, mode: str, at: datetime) -> Velocity:
        """Return the counts of each key within its window up to `at`, and the people behind shared keys."""
        ...

    def remembers(self, before: datetime) -> bool:
        """Say whether there are facts from before then."""
        ...

    def forget(self, before: datetime) -> int:
        """Delete facts from before then; return how many."""
        ...

    def block(self, block_id: str, kind: str, key: str, *, reason: str, by: str, at: datetime) -> None:
        """Put a key on the block list; Conflict when it is there."""
        ...

    def lift(self, block_id: str, *, by: str, at: datetime) -> bool:
        """Take a key off the block list; say whether it was on it."""
        ...

    def blocks(self, keys: Mapping[str, str]) -> list[str]:
        """Return the ids of the live blocks that any of the keys meets."""
        ...

    def block_list(self) -> list[dict[str, Any]]:
        """Return every live block, without what it blocks in clear."""
        ...


class Reviews(Protocol):
    """The queue of cases for people, and who may judge them."""

    def add(self, review: Review) -> None:
        """Queue a case; Conflict when one is queued for the decision."""
        ...

    def get(self, review_id: str) -> Review | None:
        """Return a review, or None."""
        ...

    def of_decision(self, decision_id: str) -> list[Review]:
        """Return a decision's reviews, oldest first."""
        ...

    def queue(self, limit: int) -> list[Review]:
        """Return the open cases, the one whose target time is nearest first."""
        ...

    def latest(self, consumer_id: str, currency: str, since: datetime) -> Review | None:
        """Return the newest verdict about a person since then, or None."""
        ...

    def save(self, review: Review, was: Review) -> None:
        """Store the verdict; raises TransitionConflict when another reviewer was first."""
        ...

    def add_reviewer(self, reviewer: Reviewer, at: datetime) -> None:
        """Store who may review; Conflict when the name is taken."""
        ...

    def reviewer(self, name: str) -> Reviewer | None:
        """Return a reviewer who is not removed, or None."""
        ...

    def reviewers(self) -> list[str]:
        """Return the names of those who may review."""
        ...

    def remove_reviewer(self, name: str, at: datetime) -> bool:
        """End somebody's right to review; say whether they had it."""
        ...
