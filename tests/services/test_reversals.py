"""What a bank takes back, and what arrives twice: the debt opens again, and an excess is the consumer's and seen."""

from fenqi.finance.plan import Plan

from merchant_server.domain.deduction import DeductionStatus
from merchant_server.domain.loan import LoanStatus
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.operation import merchants
from tests.installation import Installation
from tests.services.collecting import ask_without_finding, cash, deductions_of, loan_of, rows_of, tell


def test_a_reversal_reopens_the_installment_and_the_debt(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0006")
    before = loan_of(installation, sold)
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    assert tell(installation, deduction) == ["applied", "applied"]
    after = loan_of(installation, sold)
    assert (after.status, after.outstanding) == (LoanStatus.OVERDUE, before.outstanding)
    assert rows_of(installation, sold)[0] == "overdue"
    assert cash(installation) == 0
    with installation.deps.storage.reading() as uow:
        line = uow.lines.get(before.consumer_id, "CNY")
    assert line is not None and line.used == before.principal


def test_a_reversal_that_comes_first_is_booked_with_the_success_it_takes_back(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3", account="0006")
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    success, reversal = installation.bank.callbacks(deduction.id, installation.clock.now())
    assert receive(installation.deps, *reversal).outcome == "applied"
    assert receive(installation.deps, *success).outcome == "unchanged"
    assert deductions_of(installation, sold)[0].status == DeductionStatus.REVERSED
    kinds = [row["kind"] for row in installation.rows("SELECT kind FROM journal_entries ORDER BY id")]
    assert kinds == ["signing", "capture", "repayment", "reversal"]


def test_a_reversal_after_the_loan_was_repaid_opens_it_again(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=3)
    installation.work()
    assert loan_of(installation, sold).status == LoanStatus.REPAID
    last = deductions_of(installation, sold)[-1]
    installation.bank._deductions[last.id].behaviour = "reversed"
    assert tell(installation, last) == ["unchanged", "applied"]
    reopened = loan_of(installation, sold)
    assert (reopened.status, reopened.outstanding) == (LoanStatus.OVERDUE, last.amount)
    installation.bank._deductions[last.id].behaviour = "pays"
    installation.advance(days=1)
    installation.work()
    assert loan_of(installation, sold).status == LoanStatus.REPAID


def test_an_installment_of_interest_alone_can_be_reversed_too(installation: Installation) -> None:
    with installation.deps.storage.unit_of_work() as uow:
        interest = Plan(id="io", installments=3, method="interest_only", annual_rate="0.12")
        merchants.put_plan(uow, installation.deps, installation.caller, interest)
    sold = installation.sell(plan="io", account="0006")
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    assert tell(installation, deduction) == ["applied", "applied"]
    assert rows_of(installation, sold)[0] == "overdue"
    assert loan_of(installation, sold).paid.minor == 0


def test_money_for_what_was_paid_meanwhile_is_kept_for_the_consumer_and_seen(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3", account="0002")
    installation.advance(months=1)
    installation.work()
    first = deductions_of(installation, sold)[0]
    installation.advance(days=4)
    installation.work()
    installation.advance(days=4)
    installation.work()
    assert rows_of(installation, sold)[0] == "paid"
    told = installation.bank._deductions[first.id]
    told.status, told.code = "succeeded", ""
    assert tell(installation, first) == ["applied"]
    loan = loan_of(installation, sold)
    with installation.deps.storage.reading() as uow:
        kept = uow.ledger.balance(f"consumer:{loan.consumer_id}:refundable", "CNY")
    assert kept == -first.amount
    assert rows_of(installation, sold) == ["paid", "scheduled", "scheduled"]

    told.behaviour = "reversed"
    assert tell(installation, first) == ["duplicate", "applied"]
    with installation.deps.storage.reading() as uow:
        assert uow.ledger.balance(f"consumer:{loan.consumer_id}:refundable", "CNY").minor == 0
    assert rows_of(installation, sold)[0] == "paid"
