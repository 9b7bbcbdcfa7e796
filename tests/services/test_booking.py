"""Money that arrives pays what is owed in order, excess is kept and seen, and a changed schedule keeps its sums."""

from collections.abc import Callable

import pytest
from fenqi.finance.money import Money
from fenqi.finance.recomputation import recompute
from fenqi.finance.repayment import Due, owed
from fenqi.finance.schedule import build_schedule

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.errors import RuleRefused, TransitionConflict
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.ledger import payable
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.services.collection.booking import receive, reshape, take_back
from merchant_server.services.collection.deductions import ask_bank, request_due
from tests.installation import PLANS, Installation
from tests.services.collecting import deductions_of, loan_of, rows_of, tell


def pay(house: Installation, sold: Checkout, minor: int, source_id: str = "pay_1") -> Loan:
    with house.deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(str(sold.loan_id))
        assert loan is not None
        amount = Money(minor, "CNY")
        return receive(uow, house.deps, loan, amount, kind=RepaymentKind.PAYMENT, source_id=source_id)


def change(
    house: Installation, sold: Checkout, owed_by: Callable[[list[Due]], list[Due]], **words: str
) -> Loan:
    with house.deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(str(sold.loan_id))
        assert loan is not None
        owed = owed_by([row.due() for row in uow.loans.installments(loan.id) if row.is_open])
        return reshape(
            uow, house.deps, loan, owed, kind=ChangeKind.REFUND, source_id=words.get("source_id", "rfd_1"),
            actor="merchant", reason="test", principal_bearer=payable(loan.merchant_id),
            gone=InstallmentStatus.REFUNDED,
        )  # fmt: skip


def test_a_partial_payment_pays_interest_before_principal_and_leaves_the_row_open(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p6")
    before = loan_of(installation, sold)
    after = pay(installation, sold, 5_000)
    assert after.outstanding == before.outstanding - Money(5_000, "CNY")
    with installation.deps.storage.reading() as uow:
        first = uow.loans.installments(before.id)[0]
    assert first.interest_paid == first.interest
    assert first.principal_paid.minor == 5_000 - first.interest.minor
    assert first.status == InstallmentStatus.SCHEDULED


def test_a_payment_reaches_over_rows_and_what_is_too_much_is_kept_for_the_consumer(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3")
    owed = loan_of(installation, sold).outstanding
    assert pay(installation, sold, owed.minor + 77).status == LoanStatus.REPAID
    assert rows_of(installation, sold) == ["paid", "paid", "paid"]
    with installation.deps.storage.reading() as uow:
        loan = loan_of(installation, sold)
        assert uow.ledger.balance(f"consumer:{loan.consumer_id}:refundable", "CNY").minor == -77


def test_the_same_money_is_booked_once(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    pay(installation, sold, 1_000)
    with pytest.raises(TransitionConflict):
        pay(installation, sold, 1_000)
    assert loan_of(installation, sold).paid.minor == 1_000


def test_a_deduction_that_succeeds_after_a_payment_of_its_row_leaves_an_excess(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3", account="0006")
    installation.advance(months=1)
    request_due(installation.deps, installation.caller.merchant_id)
    ask_bank(installation.deps)
    (deduction,) = deductions_of(installation, sold)
    pay(installation, sold, deduction.amount.minor - 100)
    installation.bank._deductions[deduction.id].behaviour = "pays"
    assert tell(installation, deduction) == ["applied"]
    loan = loan_of(installation, sold)
    assert loan.paid == deduction.amount
    with installation.deps.storage.reading() as uow:
        excess = uow.ledger.balance(f"consumer:{loan.consumer_id}:refundable", "CNY")
    assert excess.minor == -(deduction.amount.minor - 100)


def test_taking_back_a_partial_payment_restores_what_was_owed(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    before = loan_of(installation, sold).outstanding
    pay(installation, sold, 70_001)
    with installation.deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(str(sold.loan_id))
        assert loan is not None
        after = take_back(uow, installation.deps, loan, "pay_1", 1)
    assert after.outstanding == before
    # Its day is still to come, so nothing is late.
    assert rows_of(installation, sold)[0] == "scheduled"


def test_a_row_whose_deduction_is_under_way_cannot_be_changed(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    request_due(installation.deps, installation.caller.merchant_id)
    with pytest.raises(RuleRefused) as refused:
        change(installation, sold, lambda rows: rows[1:])
    assert refused.value.code == "deduction_in_flight"


def test_a_loan_of_which_everything_is_relieved_is_refunded(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    loan = change(installation, sold, lambda rows: [])
    assert (loan.status, loan.outstanding.minor) == (LoanStatus.REFUNDED, 0)
    assert set(rows_of(installation, sold)) == {"refunded"}
    with installation.deps.storage.reading() as uow:
        line = uow.lines.get(loan.consumer_id, "CNY")
    assert line is not None and line.used.minor == 0


@pytest.mark.parametrize(
    ("mode", "paid", "reduction"),
    [
        ("shorter", 0, 123_457),
        ("smaller", 70_001, 200_000),
        ("last_first", 1, 399_900),
        ("next_first", 300_000, 1),
        ("equal", 69_003, 7),
    ],
)
def test_any_payment_and_any_recomputation_keep_the_books(
    sqlite_installation: Installation, mode: str, paid: int, reduction: int
) -> None:
    house = sqlite_installation
    sold = house.sell(plan="p6")
    if paid:
        pay(house, sold, paid)
    loan = loan_of(house, sold)
    schedule = build_schedule(PLANS[1], sold.amount, loan.signed_on)
    agreed = owed(schedule)

    def lowered(rows: list[Due]) -> list[Due]:
        left = sum(row.principal_minor for row in rows)
        money = Money(min(reduction, left), "CNY")
        return list(recompute(schedule, rows, money, mode, loan.signed_on, agreed=agreed).rows)

    changed = change(house, sold, lowered)
    assert changed.outstanding < loan.outstanding
    assert house.breaches() == []
