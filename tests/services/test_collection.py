"""Deductions from the due day to the books: each installment is paid once, in order (laws 2, 3, 10, 12)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.deduction import DeductionStatus, MandateStatus
from merchant_server.domain.loan import LoanStatus
from merchant_server.ports import BankDeduction, ProviderUnavailable
from merchant_server.services.collection.deductions import ask_bank, request_due
from tests.fakes.providers import FakeBank
from tests.installation import Installation
from tests.services.collecting import ask_without_finding, cash, deductions_of, loan_of, rows_of, tell


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
    assert {each.status for each in made} == {DeductionStatus.SUCCEEDED}
    loan = loan_of(installation, sold)
    assert (loan.status, loan.outstanding.minor) == (LoanStatus.REPAID, 0)
    assert cash(installation) == loan.total_payable.minor
    assert installation.now(sold).status == "closed"


def test_a_closed_account_stops_collection_and_the_loan_is_overdue(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0005")
    installation.advance(months=1)
    installation.work()
    installation.advance(months=3)
    installation.work()
    assert [each.code for each in deductions_of(installation, sold)] == ["account_closed"]
    assert loan_of(installation, sold).status == LoanStatus.OVERDUE
    assert rows_of(installation, sold)[0] == "overdue"
    assert cash(installation) == 0


def test_insufficient_funds_twice_recover_and_the_loan_with_them(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0002")
    installation.advance(months=1)
    installation.work()
    assert rows_of(installation, sold)[0] == "due"
    installation.advance(days=1)
    installation.work()
    assert loan_of(installation, sold).status == LoanStatus.OVERDUE
    installation.advance(days=2)
    installation.work()
    assert [each.status for each in deductions_of(installation, sold)] == [
        DeductionStatus.FAILED,
        DeductionStatus.FAILED,
        DeductionStatus.SUCCEEDED,
    ]
    assert loan_of(installation, sold).status == LoanStatus.ACTIVE
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
    assert [each.status for each in deductions_of(installation, sold)] == [DeductionStatus.SUCCEEDED]
    assert rows_of(installation, sold) == ["paid", "scheduled", "scheduled"]


def test_a_bank_that_is_down_is_asked_again_until_it_answers(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    installation.bank.down = True
    request_due(installation.deps, sold.merchant_id)
    for _ in range(5):
        ask_bank(installation.deps)
        installation.clock.pass_(seconds=30)
    assert [each.status for each in deductions_of(installation, sold)] == [DeductionStatus.REQUESTED]
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
    assert loan_of(installation, sold).status == LoanStatus.OVERDUE


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
    sold = [
        installation.sell(plan="p3", reference=f"order-{number}", amount=Money(50_000, "CNY"))
        for number in range(4)
    ]
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
