"""Policies put to work by two people: check, compare, propose, publish; versions are kept for ever."""

from dataclasses import dataclass
from datetime import datetime

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.published_policy import (
    CHALLENGER,
    CHAMPION,
    WHOLE_BPS,
    Lineup,
    PolicyVersion,
    Proposal,
    Publication,
    publication,
)
from merchant_server.ports import CreditPolicy, UnitOfWork
from merchant_server.services.decisioning.live import kept_policy
from merchant_server.services.deps import Deps

NAME_CHARACTERS_MAX = 64


@dataclass(frozen=True, slots=True)
class Published:
    """What a call to `publish` did: a proposal waiting for a second person, or a publication."""

    version: str
    proposal: Proposal
    publication: Publication | None


def problems(deps: Deps, document: bytes) -> tuple[str, ...]:
    """Return every reason not to publish a text under this installation's legal cap, each with its line."""
    return tuple(deps.workshop.problems(document, rate_cap_bps=int(deps.rate_cap * 10_000)))


def differences(deps: Deps, document: bytes, against: str | None = None) -> tuple[str, ...]:
    """Return what differs from a kept version, or from the live champion. Raises NotFound, PolicyBroken."""
    with deps.storage.reading() as uow:
        old = _document(uow, deps, against) if against else champion(uow, deps).document
    return tuple(deps.workshop.differences(old.encode(), document))


def champion(uow: UnitOfWork, deps: Deps) -> CreditPolicy:
    """Return the policy that decides about everybody who is not in an experiment."""
    live = uow.policies.lineup().champion
    return deps.policy if live is None else kept_policy(uow, deps, live.version)


def publish(
    deps: Deps,
    document: bytes,
    name: str,
    *,
    by: str,
    share_bps: int = WHOLE_BPS,
    note: str = "",
) -> Published:
    """Propose a policy, or publish it when somebody else proposed exactly this before.

    A share below 10000 makes it a challenger for that part of the people; 0 ends the experiment.
    Raises RuleRefused (policy_problems, policy_share_invalid) and Forbidden (four_eyes).
    """
    by = " ".join(by.split())
    if not by or len(by) > NAME_CHARACTERS_MAX:
        raise RuleRefused("say who you are", code="operator_name_invalid", field="by")
    found = problems(deps, document)
    if found:
        raise RuleRefused(
            f"the policy has {len(found)} problems; the first: {found[0]}",
            code="policy_problems",
            hint="run fenqi-server policy check",
            problems=list(found),
        )
    policy = deps.workshop.open(document, name)
    arm, now = CHAMPION if share_bps == WHOLE_BPS else CHALLENGER, deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        uow.policies.keep(PolicyVersion(policy.version, policy.name, policy.document, "proposed", by, now))
        proposal = uow.policies.open_proposal(policy.version, arm, share_bps)
        if proposal is None:
            proposal = Proposal(deps.ids.new("ppr"), policy.version, arm, share_bps, by, now, note)
            uow.policies.propose(proposal)
            _audit(uow, deps, by, "policy.proposed", proposal, now)
            return Published(policy.version, proposal, None)
        made = publication(deps.ids.new("pub"), proposal, by, now)
        uow.policies.publish(made)
        _audit(uow, deps, by, "policy.published", proposal, now)
        return Published(policy.version, proposal, made)


def _audit(uow: UnitOfWork, deps: Deps, by: str, action: str, proposal: Proposal, at: datetime) -> None:
    uow.audit.add(
        deps.ids.new("aud"),
        at=at,
        actor=f"operator {by}",
        action=action,
        subject=proposal.version,
        detail={"proposal_id": proposal.id, "arm": proposal.arm, "share_bps": proposal.share_bps},
    )


def versions(deps: Deps) -> tuple[list[PolicyVersion], Lineup]:
    """Return every kept version, oldest first, and who is live."""
    with deps.storage.reading() as uow:
        return uow.policies.versions(), uow.policies.lineup()


def document_of(deps: Deps, version: str) -> str:
    """Return the text of a kept version. Raises NotFound."""
    with deps.storage.reading() as uow:
        return _document(uow, deps, version)


def _document(uow: UnitOfWork, deps: Deps, version: str) -> str:
    if version == deps.policy.version:
        return deps.policy.document
    kept = uow.policies.get(version)
    if kept is None:
        raise NotFound(
            f"no policy {version} is kept here", hint="fenqi-server policy list names those that are"
        )
    return kept.document
