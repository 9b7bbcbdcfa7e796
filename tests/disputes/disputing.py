"""What tests of disputes share: a reviewer, opening one, and the merchant's answers."""

from collections.abc import Callable
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.dispute import Dispute, DisputeReason
from merchant_server.domain.loan import Loan
from merchant_server.services.decisioning.reviewing import add_reviewer
from merchant_server.services.disputes.answering import accept, challenge, submit_evidence
from merchant_server.services.disputes.opening import open_by_consumer
from tests.decision.people import id_number
from tests.installation import Installation
from tests.services.collecting import loan_of

REVIEWER = "Li Wei"
RULING = "The parcel's tracking shows no delivery."


def with_reviewer(house: Installation, name: str = REVIEWER, number: str = "") -> Installation:
    add_reviewer(house.deps, name, number or id_number(1, "19800101"))
    return house


def open_one(
    house: Installation, sold: Checkout, minor: int | None = None, text: str = "It never came."
) -> Dispute:
    loan = loan_of(house, sold)
    amount = None if minor is None else Money(minor, "CNY")
    return open_by_consumer(house.deps, loan.consumer_id, loan.id, DisputeReason.NOT_RECEIVED, text, amount)


def _as_merchant(house: Installation, act: Callable[..., Any], dispute_id: str, *more: Any) -> Dispute:
    with house.deps.storage.unit_of_work() as uow:
        found: Dispute = act(uow, house.deps, house.caller, dispute_id, *more)[0]
    return found


def give_evidence(house: Installation, dispute_id: str, text: str = "Signed for on Monday.") -> Dispute:
    return _as_merchant(house, submit_evidence, dispute_id, text, ("https://shop.example/slip.pdf",))


def contest(house: Installation, dispute_id: str) -> Dispute:
    return _as_merchant(house, challenge, dispute_id)


def give_in(house: Installation, dispute_id: str) -> Dispute:
    return _as_merchant(house, accept, dispute_id)


def challenged(house: Installation, sold: Checkout, minor: int | None = None) -> Dispute:
    dispute = open_one(house, sold, minor)
    give_evidence(house, dispute.id)
    return contest(house, dispute.id)


def now(house: Installation, dispute: Dispute) -> Dispute:
    with house.deps.storage.reading() as uow:
        found = uow.disputes.get(dispute.id)
    assert found is not None
    return found


def loan(house: Installation, dispute: Dispute) -> Loan:
    with house.deps.storage.reading() as uow:
        found = uow.loans.get(dispute.loan_id)
    assert found is not None
    return found
