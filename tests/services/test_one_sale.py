"""One sale through the services, on both engines: from the QR to the last installment."""

from fenqi.finance.money import Money

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.loan import LoanStatus
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.operation.test_clock import advance_clock
from tests.installation import Installation


def next_month(house: Installation) -> None:
    with house.deps.storage.unit_of_work() as uow:
        advance_clock(uow, house.deps, house.caller, months=1)


def test_a_signed_sale_is_captured_and_booked(installation: Installation) -> None:
    sold = installation.sell()

    assert sold.status == CheckoutStatus.CAPTURED
    assert sold.captured == Money(399_900, "CNY")
    with installation.deps.storage.reading() as uow:
        loan = uow.loans.get(sold.loan_id)
        assert loan is not None
        assert uow.ledger.balance(f"loan:{loan.id}:principal", "CNY") == Money(399_900, "CNY")
        # 60 basis points of 3,999.00 are 23.99.
        assert uow.ledger.balance(f"merchant:{sold.merchant_id}:payable", "CNY") == Money(
            -(399_900 - 2_399), "CNY"
        )


def test_a_loan_is_repaid_month_by_month(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    for month in range(3):
        next_month(installation)
        installation.work()
        with installation.deps.storage.reading() as uow:
            paid = [row.status for row in uow.loans.installments(sold.loan_id)].count(InstallmentStatus.PAID)
        assert paid == month + 1

    with installation.deps.storage.reading() as uow:
        loan = uow.loans.get(sold.loan_id)
    assert loan is not None and loan.status == LoanStatus.REPAID
    assert installation.now(sold).status == CheckoutStatus.CLOSED


def test_insufficient_funds_are_tried_again_and_the_loan_recovers(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0002")
    next_month(installation)
    installation.work()
    for _ in range(4):
        with installation.deps.storage.unit_of_work() as uow:
            advance_clock(uow, installation.deps, installation.caller, days=1)
        installation.work()

    with installation.deps.storage.reading() as uow:
        first = uow.loans.installments(sold.loan_id)[0]
        tries = [each.status.value for each in uow.deductions.of_loan(sold.loan_id)]
    assert first.status == InstallmentStatus.PAID
    assert tries == ["failed", "failed", "succeeded"]


def test_a_callback_told_a_hundred_times_is_booked_once(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0004")
    next_month(installation)
    from merchant_server.services.collection.deductions import ask_bank, request_due

    request_due(installation.deps, sold.merchant_id)
    ask_bank(installation.deps)
    with installation.deps.storage.reading() as uow:
        deduction = uow.deductions.of_loan(sold.loan_id)[0]
    verdicts = [
        receive(installation.deps, body, headers).outcome
        for _ in range(34)
        for body, headers in installation.bank.callbacks(deduction.id, installation.clock.now())
    ]

    assert verdicts.count("applied") == 1
    assert set(verdicts) <= {"applied", "duplicate", "unchanged"}
