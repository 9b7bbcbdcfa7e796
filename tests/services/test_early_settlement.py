"""Settling early by a quote: what was shown is what is paid, once, and never beside a deduction."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.deduction import Deduction, DeductionPurpose, DeductionStatus, MandateStatus
from merchant_server.domain.errors import DomainError, NotFound, RuleRefused
from merchant_server.domain.loan import LoanStatus
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.domain.settlement import SettlementQuote
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.collection.early_settlement import quote_own
from merchant_server.services.collection.paying import pay_now, settle_now
from merchant_server.services.decisioning.preapproval import spendable
from merchant_server.services.operation import merchants
from tests.installation import Installation
from tests.services.collecting import deductions_of, loan_of, rows_of, tell

CHARGED = Plan(id="charged", installments=6, annual_rate="0.12", early_settlement_fee_rate="0.01")


def sell(house: Installation, **draft: Any) -> Checkout:
    with house.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, house.deps, house.caller, CHARGED)
    return house.sell(plan="charged", **draft)


def quote(house: Installation, sold: Checkout) -> SettlementQuote:
    return quote_own(house.deps, loan_of(house, sold).consumer_id, str(sold.loan_id))


def settle(house: Installation, sold: Checkout, quote_id: str) -> Deduction:
    made = settle_now(house.deps, loan_of(house, sold).consumer_id, quote_id)
    assert made is not None
    return made


def told(house: Installation, sold: Checkout) -> None:
    house.clock.pass_(seconds=30)
    ask_bank(house.deps)


def refundable(house: Installation, sold: Checkout) -> int:
    with house.deps.storage.reading() as uow:
        return -uow.ledger.balance(f"consumer:{loan_of(house, sold).consumer_id}:refundable", "CNY").minor


def test_what_was_quoted_is_paid_once_and_the_loan_is_repaid(installation: Installation) -> None:
    sold = sell(installation)
    installation.advance(days=10)
    shown = quote(installation, sold)
    owed = loan_of(installation, sold).outstanding
    assert shown.total == shown.principal + shown.interest + shown.fee + shown.early_settlement_fee
    assert shown.total == owed - shown.given_back + shown.early_settlement_fee
    assert 0 < shown.early_settlement_fee.minor <= shown.given_back.minor
    made = settle(installation, sold, shown.id)
    assert settle(installation, sold, shown.id).id == made.id
    told(installation, sold)
    loan = loan_of(installation, sold)
    assert (loan.status, loan.paid, loan.outstanding.minor) == (LoanStatus.REPAID, shown.total, 0)
    assert set(rows_of(installation, sold)) == {"paid"}
    assert installation.now(sold).status == "closed"
    with installation.deps.storage.reading() as uow:
        (repayment,) = uow.repayments.of_loan(loan.id)
    assert (repayment.kind, repayment.excess.minor) == (RepaymentKind.SETTLEMENT, 0)
    # The permission was for this one payment, so the bank is told that it is over.
    installation.work()
    with installation.deps.storage.reading() as uow:
        own = uow.mandates.get(made.mandate_id)
    assert own is not None and own.status == MandateStatus.CANCELLED


def test_who_settled_early_has_the_whole_line_again(installation: Installation) -> None:
    sold = sell(installation)
    installation.advance(days=10)
    shown = quote(installation, sold)
    settle(installation, sold, shown.id)
    told(installation, sold)
    consumer_id = loan_of(installation, sold).consumer_id
    with installation.deps.storage.reading() as uow:
        line = uow.lines.get(consumer_id, "CNY")
        known = uow.consumers.history(consumer_id, installation.clock.now())
        assert line is not None
        assert spendable(uow, line, installation.clock.now()) == line.limit
    assert shown.given_back.minor > 0
    assert (known.outstanding_minor, known.open_loans, known.repaid_loans) == (0, 0, 1)


def test_a_quote_holds_until_the_business_day_is_over(installation: Installation) -> None:
    sold = sell(installation)
    shown = quote(installation, sold)
    installation.advance(days=1)
    with pytest.raises(RuleRefused) as refused:
        settle(installation, sold, shown.id)
    assert refused.value.code == "quote_lapsed"
    assert deductions_of(installation, sold) == []
    assert quote(installation, sold).total > shown.total


def test_a_quote_of_a_loan_that_changed_is_refused(installation: Installation) -> None:
    sold = sell(installation)
    shown = quote(installation, sold)
    consumer_id = loan_of(installation, sold).consumer_id
    pay_now(installation.deps, consumer_id, str(sold.loan_id), Money(1_000, "CNY"), DeductionPurpose.PAYMENT)
    told(installation, sold)
    with pytest.raises(RuleRefused) as refused:
        settle(installation, sold, shown.id)
    assert refused.value.code == "quote_stale"


def test_nobody_settles_anothers_loan(installation: Installation) -> None:
    sold = sell(installation)
    shown = quote(installation, sold)
    for act in (
        lambda: quote_own(installation.deps, "con_other", str(sold.loan_id)),
        lambda: settle_now(installation.deps, "con_other", shown.id),
        lambda: settle_now(installation.deps, "con_other", "stq_unknown"),
    ):
        with pytest.raises(NotFound):
            act()


def test_while_an_installment_is_deducted_nothing_is_settled(installation: Installation) -> None:
    sold = sell(installation)
    installation.advance(months=1)
    shown = quote(installation, sold)
    request_due(installation.deps, sold.merchant_id)
    for act in (lambda: settle(installation, sold, shown.id), lambda: quote(installation, sold)):
        with pytest.raises(RuleRefused) as refused:
            act()
        assert refused.value.code == "deduction_in_flight"


def test_while_a_settlement_is_under_way_no_installment_is_deducted(installation: Installation) -> None:
    sold = sell(installation)
    installation.advance(months=1)
    shown = quote(installation, sold)
    settle(installation, sold, shown.id)
    assert request_due(installation.deps, sold.merchant_id) == 0
    told(installation, sold)
    assert loan_of(installation, sold).status == LoanStatus.REPAID
    assert len(deductions_of(installation, sold)) == 1


def test_a_settlement_and_the_due_run_at_the_same_moment_ask_the_bank_once(
    installation: Installation,
) -> None:
    sold = sell(installation)
    installation.advance(months=1)
    shown = quote(installation, sold)
    start = threading.Barrier(2)

    def run(act: Any) -> None:
        start.wait()
        try:
            act()
        except DomainError as lost:
            assert lost.code in ("deduction_in_flight", "conflict")

    acts = (
        lambda: settle(installation, sold, shown.id),
        lambda: request_due(installation.deps, sold.merchant_id),
    )
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, acts))
    assert len(deductions_of(installation, sold)) == 1
    told(installation, sold)
    told(installation, sold)
    assert rows_of(installation, sold)[0] == "paid"


def test_a_failed_settlement_leaves_the_loan_as_it_was_and_uses_up_no_attempt(
    installation: Installation,
) -> None:
    sold = sell(installation, account="0005")
    before, rows = loan_of(installation, sold), rows_of(installation, sold)
    settle(installation, sold, quote(installation, sold).id)
    told(installation, sold)
    assert loan_of(installation, sold).outstanding == before.outstanding
    assert rows_of(installation, sold) == rows
    installation.advance(months=1)
    installation.work()
    assert [each.attempt for each in deductions_of(installation, sold)] == [1001, 1]


def test_a_settlement_that_the_bank_takes_back_puts_the_schedule_back(installation: Installation) -> None:
    sold = sell(installation, account="0006")
    before = loan_of(installation, sold)
    with installation.deps.storage.reading() as uow:
        owed = [row.due() for row in uow.loans.installments(before.id)]
    made = settle(installation, sold, quote(installation, sold).id)
    assert tell(installation, made) == ["applied", "applied"]
    after = loan_of(installation, sold)
    assert (after.status, after.outstanding) == (LoanStatus.ACTIVE, before.outstanding)
    with installation.deps.storage.reading() as uow:
        assert [row.due() for row in uow.loans.installments(before.id)] == owed
        line = uow.lines.get(before.consumer_id, "CNY")
    assert line is not None and line.used == before.principal


def test_money_for_a_quote_that_the_bank_had_refused_is_an_ordinary_payment(
    installation: Installation,
) -> None:
    sold = sell(installation, account="0005")
    shown = quote(installation, sold)
    made = settle(installation, sold, shown.id)
    told(installation, sold)
    installation.advance(days=30)
    known = installation.bank._deductions[made.id]
    known.status, known.code, known.behaviour = "succeeded", "", "pays"
    ((body, headers),) = installation.bank.callbacks(made.id, installation.clock.now())
    assert receive(installation.deps, body, headers).outcome == "applied"
    loan = loan_of(installation, sold)
    assert (loan.paid, loan.status) == (shown.total, LoanStatus.ACTIVE)
    assert deductions_of(installation, sold)[0].status == DeductionStatus.SUCCEEDED


@pytest.mark.parametrize(("purpose", "count"), [("shorter", 3), ("smaller", 6)])
def test_paying_ahead_changes_the_rows_to_come_as_the_person_chose(
    installation: Installation, purpose: str, count: int
) -> None:
    sold = sell(installation)
    before = loan_of(installation, sold)
    amount = Money(200_000, "CNY")
    pay_now(installation.deps, before.consumer_id, before.id, amount, DeductionPurpose(purpose))
    told(installation, sold)
    loan = loan_of(installation, sold)
    assert loan.paid == amount
    assert loan.relieved_interest.minor > 0 and loan.relieved_principal.minor == 0
    with installation.deps.storage.reading() as uow:
        rows = uow.loans.installments(loan.id)
    assert sum(row.is_open for row in rows) == count
    assert rows[-1].principal == amount and rows[-1].status == "paid"


def test_one_pays_no_more_than_is_owed_and_no_less_than_something(installation: Installation) -> None:
    sold = sell(installation)
    loan = loan_of(installation, sold)
    for minor, purpose, code in (
        (loan.outstanding.minor + 1, "payment", "payment_exceeds_owed"),
        (0, "payment", "payment_too_small"),
        (-1, "shorter", "payment_too_small"),
    ):
        with pytest.raises(RuleRefused) as refused:
            amount = Money(minor, "CNY")
            pay_now(installation.deps, loan.consumer_id, loan.id, amount, DeductionPurpose(purpose))
        assert refused.value.code == code
    with pytest.raises(RuleRefused) as refused:
        pay_now(installation.deps, loan.consumer_id, loan.id, Money(5, "USD"), DeductionPurpose.PAYMENT)
    assert refused.value.code == "currency_mismatch"
    assert refundable(installation, sold) == 0
