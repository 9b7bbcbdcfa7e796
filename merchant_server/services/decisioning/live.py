"""Which policy decides about a person now, and its answer; a policy that gives none sends the case to a person."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from merchant_server.domain.decision import Decision, Features, Outcome, PolicyBroken
from merchant_server.domain.published_policy import CHALLENGER, CHAMPION, PolicyVersion
from merchant_server.ports import CreditPolicy, UnitOfWork
from merchant_server.services.deps import Deps

SHIPPED_BY = "fenqi"


@dataclass(frozen=True, slots=True)
class LivePolicy:
    """A policy at work, and the arm of the experiment that it is: champion or challenger."""

    policy: CreditPolicy
    arm: str


@dataclass(frozen=True, slots=True)
class UnusablePolicy:
    """A published policy that no longer opens. It answers nobody, so every case goes to a person."""

    version: str
    problems: tuple[str, ...]
    document: str = ""

    @property
    def name(self) -> str:
        """What the policy is called, without its digest."""
        return self.version.partition("@")[0]

    def decide(self, features: Features) -> Decision:
        """Raise PolicyBroken."""
        raise PolicyBroken(self.version, self.problems)


def policy_for(uow: UnitOfWork, deps: Deps, consumer_id: str) -> LivePolicy:
    """Return the policy that decides about a person: the published one of their arm, or the shipped one."""
    lineup = uow.policies.lineup()
    arm = lineup.arm_of(consumer_id)
    publication = lineup.challenger if arm == CHALLENGER else lineup.champion
    if publication is None:
        return LivePolicy(deps.policy, CHAMPION)
    try:
        return LivePolicy(kept_policy(uow, deps, publication.version), arm)
    except PolicyBroken as broken:
        # Published by an older release, and refused by this one: people decide until it is replaced.
        return LivePolicy(UnusablePolicy(publication.version, broken.problems), arm)


def kept_policy(uow: UnitOfWork, deps: Deps, version: str) -> CreditPolicy:
    """Return a kept version, compiled. Raises PolicyBroken when it is not kept or no longer opens."""
    if version == deps.policy.version:
        return deps.policy
    kept = uow.policies.get(version)
    if kept is None:
        raise PolicyBroken(version, ("this version is not kept in the database",))
    return deps.workshop.open(kept.document.encode(), kept.name)


def keep(uow: UnitOfWork, policy: CreditPolicy, at: datetime) -> None:
    """Keep the version of a policy that is about to be named by a decision, for replay for ever."""
    if not uow.policies.knows(policy.version):
        uow.policies.keep(
            PolicyVersion(policy.version, policy.name, policy.document, "shipped", SHIPPED_BY, at)
        )


def answer(policy: CreditPolicy, features: Features) -> Decision:
    """Ask a policy; one that gives no complete answer refers the case to a person, and never says yes."""
    try:
        return policy.decide(features)
    except PolicyBroken:
        return Decision(Outcome.REFER, "", 0, Decimal(0), ("manual_review",), policy.version)
