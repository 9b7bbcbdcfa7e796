"""What tests of collection share: looking at a loan, and being the bank that tells what became of a deduction."""

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.deduction import Deduction
from merchant_server.domain.loan import Loan
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from tests.installation import Installation


def loan_of(house: Installation, sold: Checkout) -> Loan:
    with house.deps.storage.reading() as uow:
        loan = uow.loans.get(str(sold.loan_id))
    assert loan is not None
    return loan


def rows_of(house: Installation, sold: Checkout) -> list[str]:
    with house.deps.storage.reading() as uow:
        return [row.status.value for row in uow.loans.installments(str(sold.loan_id))]


def deductions_of(house: Installation, sold: Checkout) -> list[Deduction]:
    with house.deps.storage.reading() as uow:
        return uow.deductions.of_loan(str(sold.loan_id))


def cash(house: Installation) -> int:
    with house.deps.storage.reading() as uow:
        return uow.ledger.balance("bank:cash", "CNY").minor


def tell(house: Installation, deduction: Deduction) -> list[str]:
    """Deliver every callback of a deduction; return the verdicts."""
    return [
        receive(house.deps, body, headers).outcome
        for body, headers in house.bank.callbacks(deduction.id, house.clock.now())
    ]


def ask_without_finding(house: Installation) -> Deduction:
    """Request what is due and send it; the bank has not said what became of it."""
    request_due(house.deps, house.caller.merchant_id)
    ask_bank(house.deps)
    (deduction,) = house.rows("SELECT id FROM deductions WHERE status = 'pending'")
    with house.deps.storage.reading() as uow:
        found = uow.deductions.get(deduction["id"])
    assert found is not None
    return found
