"""Facts into the outbox, in the transaction that makes them true: every version of an aggregate has one event."""

from collections.abc import Sequence
from typing import Any

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.dispute import Dispute
from merchant_server.domain.event import Fact
from merchant_server.domain.installment import Installment
from merchant_server.domain.loan import Loan
from merchant_server.domain.refund import Refund
from merchant_server.ports import Endpoint, UnitOfWork
from merchant_server.services import cause
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.resources import (
    checkout_resource,
    dispute_resource,
    loan_resource,
    refund_resource,
)
from merchant_server.services.setup_resources import endpoint_resource


def move_checkout(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, was: Checkout, reason: str = "", event: str = ""
) -> Checkout:
    """Store a checkout's transition and its event, which is named after its state unless `event` says otherwise."""
    uow.checkouts.save(checkout, was, deps.clock.now(), reason or f"checkout.{checkout.status}")
    publish_checkout(uow, deps, checkout, event)
    return checkout


def publish_checkout(uow: UnitOfWork, deps: Deps, checkout: Checkout, event: str = "") -> None:
    """Queue the event of a checkout's present version."""
    named = event or f"checkout.{checkout.status}"
    _publish(uow, deps, checkout, "checkout", named, checkout_resource(checkout))


def move_loan(
    uow: UnitOfWork, deps: Deps, loan: Loan, was: Loan, installments: Sequence[Installment], event: str
) -> Loan:
    """Store a loan's next version and its event."""
    uow.loans.save(loan, was, deps.clock.now(), event)
    publish_loan(uow, deps, loan, installments, event)
    return loan


def publish_loan(
    uow: UnitOfWork, deps: Deps, loan: Loan, installments: Sequence[Installment], event: str
) -> None:
    """Queue an event of a loan's present version."""
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    _publish(uow, deps, loan, "loan", event, loan_resource(loan, installments, today))


def publish_endpoint(
    uow: UnitOfWork, deps: Deps, endpoint: Endpoint, event: str, only_to: str | None = None
) -> str:
    """Queue an event about an endpoint's present version, for one endpoint only if named; return the event's id."""
    data = endpoint_resource(endpoint)
    return _publish(uow, deps, endpoint, "webhook_endpoint", event, data, only_to)


def publish_refund(uow: UnitOfWork, deps: Deps, refund: Refund) -> None:
    """Queue the event of a refund's present version."""
    _publish(uow, deps, refund, "refund", f"refund.{refund.status}", refund_resource(refund))


def publish_dispute(uow: UnitOfWork, deps: Deps, dispute: Dispute, event: str) -> None:
    """Queue an event of a dispute's present version; what people wrote in it stays out."""
    _publish(uow, deps, dispute, "dispute", event, dispute_resource(dispute))


def _publish(
    uow: UnitOfWork,
    deps: Deps,
    aggregate: Checkout | Loan | Refund | Endpoint | Dispute,
    noun: str,
    event: str,
    data: dict[str, Any],
    only_to: str | None = None,
) -> str:
    fact = Fact(
        id=deps.ids.new("evt"),
        merchant_id=aggregate.merchant_id,
        mode=aggregate.mode,
        type=event,
        aggregate_type=noun,
        aggregate_id=aggregate.id,
        aggregate_sequence=aggregate.version,
        created_at=deps.business_now(uow, aggregate.merchant_id),
        data=data,
        request_id=cause.request_id(),
    )
    uow.events.append(fact, deps.clock.now(), only_to)
    return fact.id
