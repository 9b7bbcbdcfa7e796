"""Four eyes: what one operator proposes for a loan, another one grants or turns down."""

from datetime import datetime

from merchant_server.domain.errors import (
    Erased,
    Forbidden,
    NotFound,
    RaceLost,
    RuleRefused,
    TransitionConflict,
)
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.relief_proposal import (
    ProposalStatus,
    ReliefKind,
    ReliefProposal,
    checked_terms,
)
from merchant_server.domain.retention import OPEN_LOANS
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.relieving import extend, spread, waive, write_off
from merchant_server.services.deps import Deps

LISTED_MAX = 200


def propose(
    deps: Deps, loan_id: str, kind: ReliefKind, terms: dict[str, int], *, reason: str, by: str
) -> ReliefProposal:
    """Keep a wish until another operator decides.

    Raises NotFound, Forbidden, RuleRefused, TransitionConflict while another one is open.
    """
    if not by.strip() or not reason.strip():
        raise RuleRefused(
            "say who proposes this, and why", code="operator_missing", hint="give your name and a reason"
        )
    try:
        return _propose(deps, loan_id, kind, terms, reason.strip(), by.strip())
    except RaceLost:
        raise
    except TransitionConflict as taken:
        raise TransitionConflict(
            "another proposal for this loan waits",
            hint="approve or reject that one first; fenqi-server loan proposals lists it",
            loan_id=loan_id,
        ) from taken


def _propose(
    deps: Deps, loan_id: str, kind: ReliefKind, terms: dict[str, int], reason: str, by: str
) -> ReliefProposal:
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        if loan is None:
            raise NotFound("there is no such loan", loan_id=loan_id)
        refuse_own_loan(uow, loan, by)
        if loan.status not in OPEN_LOANS:
            raise RuleRefused("nothing is owed on this loan", code="nothing_owed", loan_id=loan_id)
        if kind == ReliefKind.WRITE_OFF and loan.status != LoanStatus.OVERDUE:
            raise RuleRefused("only an overdue loan can be written off", code="not_overdue", loan_id=loan_id)
        proposal = ReliefProposal(
            id=deps.ids.new("rlp"),
            merchant_id=loan.merchant_id,
            loan_id=loan_id,
            kind=kind,
            terms=checked_terms(kind, terms),
            reason=reason,
            status=ProposalStatus.PROPOSED,
            proposed_by=by,
            proposed_at=deps.clock.now(),
        )
        uow.relief_proposals.add(proposal)
        _note(uow, deps, proposal, "proposed", by, deps.clock.now())
    return proposal


def approve(deps: Deps, proposal_id: str, *, by: str) -> Loan:
    """Grant a proposal: the loan changes in the same commit.

    Raises NotFound, RuleRefused (own_proposal, deduction_in_flight, and what the change refuses), TransitionNotAllowed.
    """
    with deps.storage.unit_of_work() as uow:
        proposal = _found(uow, proposal_id)
        decided = proposal.approve(by, deps.clock.now())
        loan = uow.loans.locked(proposal.loan_id)
        assert loan is not None
        refuse_own_loan(uow, loan, by)
        uow.relief_proposals.save(decided)
        _note(uow, deps, decided, "approved", by.strip(), deps.clock.now())
        _refuse_while_asked(uow, loan)
        return _grant(uow, deps, loan, decided)


def reject(deps: Deps, proposal_id: str, *, by: str) -> ReliefProposal:
    """Turn a proposal down; its own proposer may too. Raises NotFound, TransitionNotAllowed."""
    with deps.storage.unit_of_work() as uow:
        proposal = _found(uow, proposal_id)
        decided = proposal.reject(by, deps.clock.now())
        uow.relief_proposals.save(decided)
        _note(uow, deps, decided, "rejected", by.strip(), deps.clock.now())
    return decided


def open_proposals(deps: Deps) -> list[ReliefProposal]:
    """Return what waits for a second operator, oldest first."""
    with deps.storage.reading() as uow:
        return uow.relief_proposals.open(LISTED_MAX)


def currency_of(deps: Deps, loan_id: str) -> str:
    """Return the currency of a loan, in which a waiver is counted. Raises NotFound."""
    with deps.storage.reading() as uow:
        loan = uow.loans.get(loan_id)
    if loan is None:
        raise NotFound("there is no such loan", loan_id=loan_id)
    return loan.principal.currency


def refuse_own_loan(uow: UnitOfWork, loan: Loan, name: str) -> None:
    """Raise Forbidden when a reviewer of this name owes the loan."""
    reviewer = uow.reviews.reviewer(name.strip())
    if reviewer is None:
        return
    try:
        consumer = uow.consumers.get(loan.consumer_id)
    except Erased:
        return
    if consumer and uow.consumers.id_number_index(consumer.person.id_number) == reviewer.id_number_index:
        raise Forbidden(
            "nobody grants themselves relief",
            code="relief_own_loan",
            hint="let another operator do it",
            loan_id=loan.id,
        )


def _found(uow: UnitOfWork, proposal_id: str) -> ReliefProposal:
    proposal = uow.relief_proposals.get(proposal_id)
    if proposal is None:
        raise NotFound("there is no such proposal", proposal_id=proposal_id)
    return proposal


def _refuse_while_asked(uow: UnitOfWork, loan: Loan) -> None:
    if any(row.status == InstallmentStatus.DEDUCTING for row in uow.loans.installments(loan.id)):
        raise RuleRefused(
            "a deduction of this loan is under way at this moment",
            code="deduction_in_flight",
            hint="approve it again once the bank has answered",
        )


def _grant(uow: UnitOfWork, deps: Deps, loan: Loan, granted: ReliefProposal) -> Loan:
    source_id, actor, reason = granted.id, f"operator {granted.decided_by}", granted.reason
    if granted.kind == ReliefKind.WRITE_OFF:
        return write_off(uow, deps, loan, source_id=source_id, actor=actor, reason=reason)
    act = {ReliefKind.WAIVER: waive, ReliefKind.EXTENSION: extend, ReliefKind.HARDSHIP: spread}[granted.kind]
    (value,) = granted.terms.values()
    return act(uow, deps, loan, value, source_id=source_id, actor=actor, reason=reason)


def _note(uow: UnitOfWork, deps: Deps, proposal: ReliefProposal, what: str, by: str, at: datetime) -> None:
    uow.audit.add(
        deps.ids.new("aud"),
        at=at,
        actor=f"operator {by}",
        action=f"relief.{what}",
        subject=proposal.id,
        merchant_id=proposal.merchant_id,
        detail={"loan": proposal.loan_id, "kind": proposal.kind.value, "terms": proposal.terms},
    )
