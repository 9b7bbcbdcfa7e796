"""What a second operator looks at before granting relief: the proposal beside its loan; the person stays unnamed."""

from dataclasses import dataclass

from merchant_server.domain.errors import NotFound
from merchant_server.domain.installment import Installment
from merchant_server.domain.loan import Loan
from merchant_server.domain.penalty import days_overdue
from merchant_server.domain.relief_proposal import ReliefProposal
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.proposals import LISTED_MAX, refuse_own_loan
from merchant_server.services.deps import Deps, merchant_of


@dataclass(frozen=True, slots=True)
class ReliefCase:
    """One proposal and the loan it is about."""

    proposal: ReliefProposal
    loan: Loan
    open_rows: tuple[Installment, ...]
    days_overdue: int
    merchant_name: str
    time_zone: str
    goods: str

    def is_by(self, name: str) -> bool:
        """Say whether this operator proposed it, and so cannot grant it."""
        return self.proposal.proposed_by.casefold() == name.strip().casefold()


def relief_queue(deps: Deps) -> tuple[ReliefCase, ...]:
    """Return what waits for a second operator, oldest first."""
    with deps.storage.reading() as uow:
        return tuple(_case(uow, deps, each) for each in uow.relief_proposals.open(LISTED_MAX))


def relief_case(deps: Deps, proposal_id: str, name: str) -> ReliefCase:
    """Return one proposal for an operator. Raises NotFound, Forbidden for their own loan."""
    with deps.storage.reading() as uow:
        proposal = uow.relief_proposals.get(proposal_id)
        if proposal is None:
            raise NotFound("there is no such proposal", proposal_id=proposal_id)
        found = _case(uow, deps, proposal)
        refuse_own_loan(uow, found.loan, name)
        return found


def _case(uow: UnitOfWork, deps: Deps, proposal: ReliefProposal) -> ReliefCase:
    loan = uow.loans.get(proposal.loan_id)
    assert loan is not None
    merchant, checkout = merchant_of(uow, loan.merchant_id), uow.checkouts.get(loan.checkout_id)
    assert checkout is not None
    rows = tuple(row for row in uow.loans.installments(loan.id) if row.is_open)
    return ReliefCase(
        proposal,
        loan,
        rows,
        days_overdue(rows, deps.today(uow, merchant)),
        merchant.name,
        merchant.time_zone,
        checkout.description or checkout.reference,
    )
