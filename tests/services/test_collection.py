"""Deductions from the due day to the books: whatever the bank does, each installment is paid once (laws 2, 3, 10, 12)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.deduction import Deduction, DeductionStatus, MandateStatus
from merchant_server.domain.loan import InstallmentStatus, Loan, LoanStatus
from merchant_server.ports import BankDeduction, ProviderUnavailable
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.operation import merchants
from tests.fakes.providers import FakeBank
from tests.installation import Installation

D, I, L = DeductionStatus, InstallmentStatus, LoanStatus


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


def test_nothing_is_collected_before_its_day(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(days=29)
    installation.work()
    assert deductions_of(installation, sold) == []
    installation.advance(days=1)
    installation.work()
    assert rows_of(installation, sold) == ["paid", "scheduled", "scheduled"]


def test_months_at_once_collect_every_installment_once_and_in_order(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    installation.advance(months=12)
    installation.work()
    made = deductions_of(installation, sold)
    assert [each.installment_number for each in made] == [1, 2, 3, 4, 5, 6]
    assert {each.status for each in made} == {D.SUCCEEDED}
    loan = loan_of(installation, sold)
    assert (loan.status, loan.outstanding.minor) == (L.REPAID, 0)
    assert cash(installation) == loan.total_payable.minor
    assert installation.now(sold).status == "closed"


def test_a_closed_account_stops_collection_and_the_loan_is_overdue(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0005")
    installation.advance(months=1)
    installation.work()
    installation.advance(months=3)
    installation.work()
    assert [each.code for each in deductions_of(installation, sold)] == ["account_closed"]
    assert loan_of(installation, sold).status == L.OVERDUE
    assert rows_of(installation, sold)[0] == "overdue"
    assert cash(installation) == 0


def test_insufficient_funds_twice_recover_and_the_loan_with_them(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0002")
    installation.advance(months=1)
    installation.work()
    assert rows_of(installation, sold)[0] == "due"
    installation.advance(days=1)
    installation.work()
    assert loan_of(installation, sold).status == L.OVERDUE
    installation.advance(days=2)
    installation.work()
    assert [each.status for each in deductions_of(installation, sold)] == [D.FAILED, D.FAILED, D.SUCCEEDED]
    assert loan_of(installation, sold).status == L.ACTIVE
    told = [row["type"] for row in installation.rows("SELECT type FROM events ORDER BY sequence")]
    assert told.count("deduction.failed") == 2 and told.count("loan.overdue") == 1


def test_a_lost_callback_is_settled_by_asking(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    ask_without_finding(installation)
    installation.clock.pass_(seconds=30)
    installation.work()
    assert rows_of(installation, sold)[0] == "paid"


def test_a_late_callback_after_asking_changes_nothing(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0003")
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    installation.clock.pass_(seconds=30)
    installation.work()
    assert tell(installation, deduction) == ["unchanged"]
    assert rows_of(installation, sold)[0] == "paid"


def test_a_callback_told_thrice_is_booked_once(installation: Installation) -> None:
    installation.sell(plan="p3", account="0004")
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    assert tell(installation, deduction) == ["applied", "duplicate", "duplicate"]
    assert cash(installation) == deduction.amount.minor


def test_a_reversal_reopens_the_installment_and_the_debt(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0006")
    before = loan_of(installation, sold)
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    assert tell(installation, deduction) == ["applied", "applied"]
    after = loan_of(installation, sold)
    assert (after.status, after.outstanding) == (L.OVERDUE, before.outstanding)
    assert rows_of(installation, sold)[0] == "overdue"
    assert cash(installation) == 0
    with installation.deps.storage.reading() as uow:
        line = uow.lines.get(before.consumer_id, "CNY")
    assert line is not None and line.used == before.principal


def test_a_reversal_that_comes_first_is_booked_with_the_success_it_takes_back(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0006")
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    success, reversal = installation.bank.callbacks(deduction.id, installation.clock.now())
    assert receive(installation.deps, *reversal).outcome == "applied"
    assert receive(installation.deps, *success).outcome == "unchanged"
    assert deductions_of(installation, sold)[0].status == D.REVERSED
    kinds = [row["kind"] for row in installation.rows("SELECT kind FROM journal_entries ORDER BY id")]
    assert kinds == ["signing", "capture", "repayment", "reversal"]


def test_a_reversal_after_the_loan_was_repaid_opens_it_again(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=3)
    installation.work()
    assert loan_of(installation, sold).status == L.REPAID
    last = deductions_of(installation, sold)[-1]
    installation.bank._deductions[last.id].behaviour = "reversed"
    assert tell(installation, last) == ["unchanged", "applied"]
    reopened = loan_of(installation, sold)
    assert (reopened.status, reopened.outstanding) == (L.OVERDUE, last.amount)
    installation.bank._deductions[last.id].behaviour = "pays"
    installation.advance(days=1)
    installation.work()
    assert loan_of(installation, sold).status == L.REPAID


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


def test_money_for_what_was_paid_meanwhile_is_kept_for_the_consumer_and_seen(installation: Installation) -> None:
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


class CutBank(FakeBank):
    """Does what it is asked, and the answer is lost: the connection is cut after the act."""

    cuts = 0

    def deduct(self, *, reference: str, mandate_reference: str, amount: Money) -> BankDeduction:
        answer = super().deduct(reference=reference, mandate_reference=mandate_reference, amount=amount)
        if self.cuts:
            self.cuts -= 1
            raise ProviderUnavailable("bank", "the answer was lost")
        return answer


def test_an_answer_that_was_lost_is_asked_for_with_the_same_reference_and_charged_once(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3")
    installation.bank.__class__ = CutBank
    installation.bank.cuts = 3  # type: ignore[attr-defined]
    installation.advance(months=1)
    for _ in range(6):
        installation.work()
        installation.clock.pass_(seconds=30)
    assert len(installation.bank._deductions) == 1
    assert [each.status for each in deductions_of(installation, sold)] == [D.SUCCEEDED]
    assert rows_of(installation, sold) == ["paid", "scheduled", "scheduled"]


def test_a_bank_that_is_down_is_asked_again_until_it_answers(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    installation.bank.down = True
    request_due(installation.deps, sold.merchant_id)
    for _ in range(5):
        ask_bank(installation.deps)
        installation.clock.pass_(seconds=30)
    assert [each.status for each in deductions_of(installation, sold)] == [D.REQUESTED]
    installation.bank.down = False
    installation.work()
    assert rows_of(installation, sold)[0] == "paid"


def test_a_mandate_that_ended_is_not_deducted_from(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    mandate_id = loan_of(installation, sold).mandate_id
    with installation.deps.storage.unit_of_work() as uow:
        mandate = uow.mandates.get(mandate_id)
        assert mandate is not None
        uow.mandates.save(mandate.to(MandateStatus.CANCELLED), mandate)
    installation.advance(months=2)
    installation.work()
    assert deductions_of(installation, sold) == []
    assert rows_of(installation, sold)[0] == "overdue"
    assert loan_of(installation, sold).status == L.OVERDUE


def test_an_overdue_installment_waits_for_a_person_once_its_mandate_ended(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0002")
    mandate_id = loan_of(installation, sold).mandate_id
    installation.advance(months=1)
    installation.work()
    installation.advance(days=1)
    installation.work()
    assert rows_of(installation, sold)[0] == "overdue"
    with installation.deps.storage.unit_of_work() as uow:
        mandate = uow.mandates.get(mandate_id)
        assert mandate is not None
        uow.mandates.save(mandate.to(MandateStatus.CANCELLED), mandate)
    installation.advance(days=5)
    installation.work()
    assert rows_of(installation, sold)[0] == "overdue"
    assert len(deductions_of(installation, sold)) == 2


def test_a_mandate_that_the_bank_ended_fails_for_good(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.bank.cancel_mandate(reference=loan_of(installation, sold).mandate_id)
    installation.advance(months=1)
    installation.work()
    assert [each.code for each in deductions_of(installation, sold)] == ["mandate_not_active"]


def at_once(workers: int, act: Any) -> list[Any]:
    start = threading.Barrier(workers)

    def run(_: int) -> Any:
        start.wait()
        return act()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(workers)))


def test_four_workers_at_once_do_nothing_twice(installation: Installation) -> None:
    sold = [installation.sell(plan="p3", reference=f"order-{number}", amount=Money(50_000, "CNY")) for number in range(4)]
    installation.advance(months=1)

    def work() -> None:
        for _ in range(3):
            request_due(installation.deps, installation.caller.merchant_id)
            ask_bank(installation.deps)

    at_once(4, work)
    installation.clock.pass_(seconds=30)
    at_once(4, work)
    for each in sold:
        assert len(deductions_of(installation, each)) == 1
        assert rows_of(installation, each)[0] == "paid"
    assert len(installation.bank._deductions) == 4


def test_callbacks_in_four_threads_book_once(installation: Installation) -> None:
    installation.sell(plan="p3", account="0004")
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    verdicts = [outcome for told in at_once(4, lambda: tell(installation, deduction) * 1) for outcome in told]
    assert verdicts.count("applied") == 1
    assert cash(installation) == deduction.amount.minor


def test_a_clock_that_stands_still_collects_nothing_twice(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    for _ in range(5):
        installation.work()
    assert len(deductions_of(installation, sold)) == 1


def test_two_merchants_days_are_their_own(installation: Installation) -> None:
    stranger = installation.another_merchant()
    mine = installation.sell(plan="p3", amount=Money(50_000, "CNY"))
    theirs = stranger.sell(plan="p3", amount=Money(50_000, "CNY"), reference="theirs")
    stranger.advance(months=1)
    stranger.work()
    assert (rows_of(installation, mine)[0], rows_of(installation, theirs)[0]) == ("scheduled", "paid")
