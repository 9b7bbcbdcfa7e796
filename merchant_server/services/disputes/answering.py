"""The merchant's answer to a dispute: evidence, a challenge, or giving in, which refunds at once."""

from dataclasses import replace

from merchant_server.domain.dispute import (
    EVIDENCE_MAX,
    Dispute,
    DisputeStatus,
    DisputeWords,
    Evidence,
)
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.merchant import Caller
from merchant_server.domain.secret import Secret
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.disputes.closing import end_with_refund, locked_dispute
from merchant_server.services.disputes.finding import own_dispute, words_of
from merchant_server.services.publishing import publish_dispute

Answered = tuple[Dispute, DisputeWords | None]


def submit_evidence(
    uow: UnitOfWork, deps: Deps, caller: Caller, dispute_id: str, text: str, links: tuple[str, ...]
) -> Answered:
    """Add evidence to a dispute. Raises NotFound, TransitionNotAllowed, RuleRefused (evidence_too_many)."""
    _loan, was = locked_dispute(uow, own_dispute(uow, caller, dispute_id))
    moved = was.to(DisputeStatus.EVIDENCE_SUBMITTED)
    words = uow.disputes.words(dispute_id)
    if len(words.evidence) >= EVIDENCE_MAX:
        raise RuleRefused(
            f"a dispute takes evidence {EVIDENCE_MAX} times",
            code="evidence_too_many",
            hint="challenge the dispute with what is there, or accept it",
        )
    now = deps.business_now(uow, was.merchant_id)
    evidence = (*words.evidence, Evidence(Secret(text), links, now))
    uow.disputes.save(moved, was, now, "evidence submitted", evidence=evidence)
    publish_dispute(uow, deps, moved, "dispute.updated")
    return moved, replace(words, evidence=evidence)


def challenge(uow: UnitOfWork, deps: Deps, caller: Caller, dispute_id: str) -> Answered:
    """Say that the evidence is complete and ask for a decision; doing so twice changes nothing.

    Raises NotFound, TransitionNotAllowed, RuleRefused (evidence_missing).
    """
    _loan, was = locked_dispute(uow, own_dispute(uow, caller, dispute_id))
    words = words_of(uow, dispute_id)
    if was.status == DisputeStatus.CHALLENGED:
        return was, words
    if was.status == DisputeStatus.OPEN:
        raise RuleRefused(
            "a dispute is challenged with evidence",
            code="evidence_missing",
            hint="submit evidence first, or accept the dispute",
        )
    moved = was.to(DisputeStatus.CHALLENGED)
    uow.disputes.save(moved, was, deps.business_now(uow, was.merchant_id), "challenged by the merchant")
    publish_dispute(uow, deps, moved, "dispute.updated")
    return moved, words


def accept(uow: UnitOfWork, deps: Deps, caller: Caller, dispute_id: str) -> Answered:
    """Give in: what is disputed is refunded in this commit; doing so twice changes nothing.

    Raises NotFound, TransitionNotAllowed, RuleRefused (deduction_in_flight).
    """
    loan, was = locked_dispute(uow, own_dispute(uow, caller, dispute_id))
    words = words_of(uow, dispute_id)
    if was.status == DisputeStatus.ACCEPTED:
        return was, words
    actor = f"merchant {caller.merchant_id}"
    return end_with_refund(uow, deps, loan, was, DisputeStatus.ACCEPTED, actor), words
