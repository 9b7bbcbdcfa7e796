"""Looking disputes up: for their merchant, and for the operators who decide them."""

from dataclasses import dataclass

from merchant_server.domain.dispute import Dispute, DisputeWords, refuse_own_dispute
from merchant_server.domain.errors import Erased, Forbidden, NotFound
from merchant_server.domain.loan import Loan
from merchant_server.domain.merchant import Caller
from merchant_server.domain.review import Reviewer
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of

QUEUE_MAX = 100


@dataclass(frozen=True, slots=True)
class DisputeCase:
    """What an operator sees: the dispute, what both sides wrote, and the purchase; the person stays unnamed."""

    dispute: Dispute
    words: DisputeWords | None
    loan: Loan
    merchant_name: str
    goods: str


def find_dispute(deps: Deps, caller: Caller, dispute_id: str) -> tuple[Dispute, DisputeWords | None]:
    """Return the caller's dispute with what was written in it, None when the person was erased. Raises NotFound."""
    with deps.storage.reading() as uow:
        return own_dispute(uow, caller, dispute_id), words_of(uow, dispute_id)


def list_disputes(
    deps: Deps, caller: Caller, before: str | None, limit: int, loan_id: str | None, status: str | None
) -> list[Dispute]:
    """Return up to `limit` of the caller's disputes, newest first, older than `before`."""
    with deps.storage.reading() as uow:
        return uow.disputes.page(
            caller.merchant_id, caller.mode, before=before, limit=limit, loan_id=loan_id, status=status
        )


def queue(deps: Deps) -> tuple[Dispute, ...]:
    """Return the installation's live disputes, those to decide first."""
    with deps.storage.reading() as uow:
        return tuple(uow.disputes.live(QUEUE_MAX))


def case(deps: Deps, dispute_id: str, reviewer_name: str) -> DisputeCase:
    """Return one dispute for an operator. Raises NotFound, and Forbidden for one of their own."""
    with deps.storage.reading() as uow:
        dispute = uow.disputes.get(dispute_id)
        if dispute is None:
            raise unknown()
        refuse_own(uow, dispute, reviewer_name)
        loan, checkout = uow.loans.get(dispute.loan_id), uow.checkouts.get(dispute.checkout_id)
        assert loan is not None and checkout is not None
        merchant = merchant_of(uow, dispute.merchant_id)
        goods = checkout.description or checkout.reference
        return DisputeCase(dispute, words_of(uow, dispute_id), loan, merchant.name, goods)


def own_dispute(uow: UnitOfWork, caller: Caller, dispute_id: str) -> Dispute:
    """Return the caller's dispute. Raises NotFound; another merchant's is not found either."""
    dispute = uow.disputes.get(dispute_id)
    if dispute is None or (dispute.merchant_id, dispute.mode) != (caller.merchant_id, caller.mode):
        raise unknown()
    return dispute


def words_of(uow: UnitOfWork, dispute_id: str) -> DisputeWords | None:
    """Return what people wrote, or None when the person was erased."""
    try:
        return uow.disputes.words(dispute_id)
    except Erased:
        return None


def refuse_own(uow: UnitOfWork, dispute: Dispute, name: str) -> Reviewer:
    """Return the reviewer of this name. Raises Forbidden for a name that is none, and for their own dispute."""
    reviewer = uow.reviews.reviewer(name)
    if reviewer is None:
        raise Forbidden(
            f"{name!r} may not decide disputes",
            code="reviewer_unknown",
            hint="fenqi-server review add-reviewer NAME adds somebody",
        )
    try:
        consumer = uow.consumers.get(dispute.consumer_id)
    except Erased:
        consumer = None
    index = uow.consumers.id_number_index(consumer.person.id_number) if consumer else ""
    refuse_own_dispute(dispute, reviewer, index)
    return reviewer


def unknown() -> NotFound:
    """Return the refusal of a dispute that is not there for whoever asks."""
    return NotFound("there is no such dispute", hint="check the id, and that the key is of the same mode")
