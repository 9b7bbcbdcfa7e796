"""A refund lowers what is owed first, gives back what was paid, and does exactly what its preview showed."""

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.deduction import DeductionPurpose
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.installment import Installment
from merchant_server.domain.loan import LoanStatus
from merchant_server.domain.refund import Refund, RefundPreview, RefundStatus, Strategy
from merchant_server.domain.relief_proposal import ReliefKind
from merchant_server.services.collection import proposals
from merchant_server.services.collection.paying import pay_now
from merchant_server.services.refunds.committing import commit_refund, refund_at_once
from merchant_server.services.refunds.previewing import preview_refund
from merchant_server.services.refunds.returning import return_money
from tests.installation import Installation
from tests.services.collecting import cash, loan_of, rows_of

S = Strategy


def preview(
    house: Installation, sold: Checkout, minor: int, strategy: Strategy = S.RECOMPUTE
) -> RefundPreview:
    with house.deps.storage.unit_of_work() as uow:
        return preview_refund(uow, house.deps, house.caller, str(sold.loan_id), Money(minor, "CNY"), strategy)


def commit(house: Installation, preview_id: str) -> Refund:
    with house.deps.storage.unit_of_work() as uow:
        return commit_refund(uow, house.deps, house.caller, preview_id, "return-1")


def refund(house: Installation, sold: Checkout, minor: int, strategy: Strategy = S.RECOMPUTE) -> Refund:
    with house.deps.storage.unit_of_work() as uow:
        return refund_at_once(
            uow, house.deps, house.caller, str(sold.loan_id), Money(minor, "CNY"), strategy, ""
        )


def balance(house: Installation, account: str) -> int:
    with house.deps.storage.reading() as uow:
        return uow.ledger.balance(account, "CNY").minor


def test_a_full_refund_on_the_day_leaves_nothing_owed_and_costs_the_merchant_what_it_got(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p12")
    done = refund(installation, sold, 399_900)
    loan = loan_of(installation, sold)
    assert (loan.status, loan.outstanding.minor) == (LoanStatus.REFUNDED, 0)
    assert done.interest_given_back == loan.interest
    assert (done.status, done.to_consumer.minor) == (RefundStatus.SUCCEEDED, 0)
    assert balance(installation, f"merchant:{loan.merchant_id}:payable") == 0
    assert balance(installation, "income:merchant_fee") == 0
    with installation.deps.storage.reading() as uow:
        line = uow.lines.get(loan.consumer_id, "CNY")
    assert line is not None and line.used.minor == 0


@pytest.mark.parametrize("strategy", [each for each in Strategy if each != S.FULL_SETTLEMENT])
def test_a_partial_refund_lowers_the_principal_by_exactly_its_amount(
    installation: Installation, strategy: Strategy
) -> None:
    sold = installation.sell(plan="p6")
    before = loan_of(installation, sold)
    shown = preview(installation, sold, 100_001, strategy)
    done = commit(installation, shown.id)
    after = loan_of(installation, sold)
    assert after.relieved_principal.minor == 100_001
    assert after.outstanding == before.outstanding - Money(100_001, "CNY") - done.interest_given_back
    with installation.deps.storage.reading() as uow:
        rows = [row.due() for row in uow.loans.installments(after.id) if row.is_open]
    assert tuple(rows) == shown.effect.after


def test_what_was_paid_already_goes_back_to_the_account_it_came_from(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=2)
    installation.work()
    assert rows_of(installation, sold) == ["paid", "paid", "scheduled"]
    had = cash(installation)
    done = refund(installation, sold, 399_900)
    loan = loan_of(installation, sold)
    assert done.status == RefundStatus.PENDING
    assert done.to_consumer.minor == had
    assert return_money(installation.deps) == 1
    with installation.deps.storage.reading() as uow:
        again = uow.refunds.get(done.id)
    assert again is not None and again.status == RefundStatus.SUCCEEDED
    assert installation.bank.returns[done.id] == (loan.mandate_id, done.to_consumer)
    assert cash(installation) == 0


def test_a_full_settlement_pays_the_interest_to_date_and_gives_the_rest_back(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p12")
    installation.advance(months=3, days=10)
    installation.work()
    before = loan_of(installation, sold)
    done = refund(installation, sold, 399_900, S.FULL_SETTLEMENT)
    loan = loan_of(installation, sold)
    assert loan.status == LoanStatus.REFUNDED or loan.status == LoanStatus.REPAID
    assert loan.outstanding.minor == 0
    paid_now = loan.paid - before.paid
    assert 0 < paid_now.minor < 4_000
    assert done.to_consumer == Money(399_900, "CNY") - loan.relieved_principal - paid_now


def test_the_same_preview_is_one_refund_and_two_equal_previews_are_two(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    first = preview(installation, sold, 50_000)
    done = commit(installation, first.id)
    assert commit(installation, first.id) == done
    second = preview(installation, sold, 50_000)
    assert commit(installation, second.id).id != done.id
    assert loan_of(installation, sold).relieved_principal.minor == 100_000


def test_a_preview_of_a_loan_that_changed_meanwhile_is_stale(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    old = preview(installation, sold, 50_000)
    refund(installation, sold, 50_000)
    with pytest.raises(RuleRefused) as refused:
        commit(installation, old.id)
    assert refused.value.code == "preview_stale"


def test_a_preview_expires(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    old = preview(installation, sold, 50_000)
    installation.clock.pass_(minutes=15)
    with pytest.raises(RuleRefused) as refused:
        commit(installation, old.id)
    assert refused.value.code == "preview_expired"


def test_a_refund_bears_the_day_of_the_merchants_clock(installation: Installation) -> None:
    sold = installation.sell(plan="p12")
    installation.advance(days=40)
    done = refund(installation, sold, 100_000)
    with installation.deps.storage.reading() as uow:
        now = installation.deps.business_now(uow, done.merchant_id)
    assert done.created_at == now > installation.clock.now()


def test_no_more_than_what_was_captured_is_refunded(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    refund(installation, sold, 300_000)
    with pytest.raises(RuleRefused) as refused:
        preview(installation, sold, 99_901)
    assert (refused.value.code, refused.value.facts["left_minor"]) == ("refund_exceeds_captured", 99_900)
    with pytest.raises(RuleRefused) as uncaptured:
        preview(installation, installation.sell(plan="p3", capture="manual", reference="order-2"), 1)
    assert uncaptured.value.code == "nothing_captured"


def test_another_merchants_loan_is_not_found(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    shown = preview(installation, sold, 50_000)
    other = installation.another_merchant()
    with pytest.raises(NotFound):
        preview(other, sold, 50_000)
    with pytest.raises(NotFound):
        commit(other, shown.id)


def test_a_closed_account_leaves_the_money_with_us_and_the_refund_failed(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    installation.work()
    mandate = installation.bank._mandates[loan_of(installation, sold).mandate_id]
    mandate.behaviour = "closed"
    done = refund(installation, sold, 399_900)
    return_money(installation.deps)
    with installation.deps.storage.reading() as uow:
        again = uow.refunds.get(done.id)
    assert again is not None and (again.status, again.code) == (RefundStatus.FAILED, "account_closed")
    loan = loan_of(installation, sold)
    assert balance(installation, f"consumer:{loan.consumer_id}:refundable") == -done.to_consumer.minor


def test_a_bank_that_was_down_is_asked_again_and_pays_once(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    installation.work()
    done = refund(installation, sold, 399_900)
    installation.bank.down = True
    assert return_money(installation.deps) == 1
    installation.bank.down = False
    assert return_money(installation.deps) == 0
    installation.clock.pass_(seconds=20)
    assert return_money(installation.deps) == 1
    assert len(installation.bank.returns) == 1
    with installation.deps.storage.reading() as uow:
        again = uow.refunds.get(done.id)
    assert again is not None and again.status == RefundStatus.SUCCEEDED


def grant(house: Installation, sold: Checkout, kind: ReliefKind, **terms: int) -> None:
    made = proposals.propose(house.deps, str(sold.loan_id), kind, terms, reason="illness", by="An")
    proposals.approve(house.deps, made.id, by="Bo")


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize(
    ("kind", "terms"), [(ReliefKind.HARDSHIP, {"installments": 24}), (ReliefKind.EXTENSION, {"months": 3})]
)
def test_goods_of_a_loan_in_hardship_or_with_more_time_come_back_by_every_strategy(
    sqlite_installation: Installation, strategy: Strategy, kind: ReliefKind, terms: dict[str, int]
) -> None:
    house = sqlite_installation
    sold = house.sell(plan="p12")
    house.advance(months=2, days=10)
    house.work()
    grant(house, sold, kind, **terms)
    before = loan_of(house, sold)
    owed = before.principal - before.relieved_principal
    if strategy == S.FULL_SETTLEMENT:
        done = refund(house, sold, 399_900, strategy)
        assert loan_of(house, sold).outstanding.minor == 0
        assert done.to_consumer.minor > 0
        return
    done = refund(house, sold, 150_000, strategy)
    after = loan_of(house, sold)
    assert after.relieved_principal - before.relieved_principal == Money(150_000, "CNY") < owed
    assert after.outstanding == before.outstanding - Money(150_000, "CNY") - done.interest_given_back
    refund(house, sold, 249_900, S.RECOMPUTE)
    with house.deps.storage.reading() as uow:
        assert not any(row.principal > row.principal_paid for row in uow.loans.installments(after.id))


def test_interest_that_was_paid_ahead_is_returned_once_however_many_refunds_follow(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p6")
    loan = loan_of(installation, sold)
    with installation.deps.storage.reading() as uow:
        first, second = uow.loans.installments(loan.id)[:2]
    ahead = first.outstanding + second.interest
    pay_now(installation.deps, loan.consumer_id, loan.id, ahead, DeductionPurpose.PAYMENT)
    installation.work()
    done = [refund(installation, sold, minor) for minor in (130_000, 130_000, 139_900)]
    installation.work()
    returned = [preview.effect.interest_returned for preview in _previews(installation, loan.id)]
    paid = sum(row.interest_paid.minor for row in _rows(installation, loan.id))
    assert sum(each.minor for each in returned) <= paid
    assert sum(each.to_consumer.minor for each in done) <= loan_of(installation, sold).paid.minor


def _previews(house: Installation, loan_id: str) -> list[RefundPreview]:
    with house.deps.storage.reading() as uow:
        return uow.refunds.committed_previews(loan_id)


def _rows(house: Installation, loan_id: str) -> list[Installment]:
    with house.deps.storage.reading() as uow:
        return uow.loans.installments(loan_id)
