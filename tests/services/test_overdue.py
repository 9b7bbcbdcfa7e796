"""Being late costs what the plan says and no more; relief takes two people; a loss is a loss until money comes."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.errors import RaceLost, RuleRefused, TransitionConflict, TransitionNotAllowed
from merchant_server.domain.ledger import CREDIT_LOSS
from merchant_server.domain.loan import LoanStatus
from merchant_server.domain.penalty import bucket
from merchant_server.domain.relief_proposal import ReliefKind
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.services.collection import proposals
from merchant_server.services.collection.booking import receive, reshape
from merchant_server.services.operation import merchants
from tests.installation import Installation
from tests.services.collecting import deductions_of, loan_of, rows_of

LATE = Plan(id="late", installments=3, annual_rate="0.12", penalty_annual_rate="0.18")


def put(house: Installation, plan: Plan) -> None:
    with house.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, house.deps, house.caller, plan)


def overdue(house: Installation, days: int = 2) -> Checkout:
    """Sell on an account that the bank closes, and let the first row be late for so many days."""
    put(house, LATE)
    sold = house.sell(plan="late", account="0005")
    house.advance(months=1)
    house.work()
    for _ in range(days):
        house.advance(days=1)
        house.work()
    return sold


def grant(house: Installation, sold: Checkout, kind: str, **terms: int) -> Any:
    made = proposals.propose(house.deps, str(sold.loan_id), ReliefKind(kind), terms, reason="ill", by="An")
    return proposals.approve(house.deps, made.id, by="Bo")


def balance(house: Installation, account: str) -> int:
    with house.deps.storage.reading() as uow:
        return uow.ledger.balance(account, "CNY").minor


def test_days_of_grace_cost_nothing_and_each_day_after_them_once(installation: Installation) -> None:
    sold = overdue(installation, days=3)
    assert loan_of(installation, sold).penalty.minor == 0
    for day in range(1, 5):
        installation.advance(days=1)
        installation.work()
        installation.work()
        loan = loan_of(installation, sold)
        assert loan.plan is not None
        # A good grade lowered the contract's rate, and with it the highest penalty: half more than that.
        rate = loan.plan.annual_rate * Decimal("1.5")
        assert rate < Decimal("0.18")
        cost = (_row(installation, sold) * rate / 365).quantize(Decimal(1), ROUND_HALF_UP)
        assert loan.penalty.minor == day * cost
    resource = installation.get(f"/v1/loans/{sold.loan_id}").json
    assert (resource["days_overdue"], resource["overdue_bucket"]) == (7, "M1")


def _row(house: Installation, sold: Checkout) -> int:
    with house.deps.storage.reading() as uow:
        return uow.loans.installments(str(sold.loan_id))[0].total.minor


def test_a_clock_that_jumps_charges_one_day_and_not_the_days_between(installation: Installation) -> None:
    sold = overdue(installation, days=4)
    one = loan_of(installation, sold).penalty
    installation.advance(days=20)
    installation.work()
    assert loan_of(installation, sold).penalty == one + one


def test_what_exceeds_the_mandates_cap_is_asked_for_on_the_next_day(installation: Installation) -> None:
    put(installation, LATE)
    sold = installation.sell(plan="late")
    with installation.deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(str(sold.loan_id))
        assert loan is not None
        mandate = uow.mandates.get(loan.mandate_id)
        first, *others = [row.due() for row in uow.loans.installments(loan.id)]
        costly = [first._replace(penalty_minor=5_000), *others]
        reshape(
            uow, installation.deps, loan, costly, kind=ChangeKind.PENALTY, source_id="one day", actor="worker",
            reason="late", principal_bearer=CREDIT_LOSS,
        )  # fmt: skip
    assert mandate is not None
    installation.advance(months=1)
    installation.work()
    assert [each.amount for each in deductions_of(installation, sold)] == [mandate.cap]
    assert rows_of(installation, sold)[0] == "due"
    installation.advance(days=1)
    installation.work()
    asked = [each.amount.minor for each in deductions_of(installation, sold)]
    assert sum(asked) == first.total_minor + 5_000
    assert rows_of(installation, sold)[0] == "paid"


def test_a_penalty_is_paid_before_the_rest_and_is_income_only_then(installation: Installation) -> None:
    sold = overdue(installation, days=4)
    loan = loan_of(installation, sold)
    assert balance(installation, "income:penalty:earned") == 0
    with installation.deps.storage.unit_of_work() as uow:
        locked = uow.loans.locked(loan.id)
        assert locked is not None
        receive(
            uow, installation.deps, locked, loan.penalty, kind=RepaymentKind.PAYMENT, source_id="pay_1"
        )  # fmt: skip
    assert loan_of(installation, sold).penalty_paid == loan.penalty
    assert balance(installation, "income:penalty:earned") == -loan.penalty.minor


@pytest.mark.parametrize(
    ("rate", "contract", "allowed"),
    [("0.18", "0.12", True), ("0.1801", "0.12", False), ("0.24", "0.20", True), ("0.2401", "0.23", False)],
)
def test_a_plan_may_charge_half_more_than_its_rate_and_never_more_than_the_cap(
    sqlite_installation: Installation, rate: str, contract: str, allowed: bool
) -> None:
    plan = Plan(id="x", installments=3, annual_rate=contract, penalty_annual_rate=rate)
    if allowed:
        put(sqlite_installation, plan)
        return
    with pytest.raises(RuleRefused) as refused:
        put(sqlite_installation, plan)
    assert (refused.value.code, refused.value.field) == ("penalty_over_cap", "penalty_annual_rate")


def test_buckets_are_thirty_days() -> None:
    assert [bucket(days) for days in (0, 1, 30, 31, 60, 61, 180, 181, 999)] == [
        None, "M1", "M1", "M2", "M2", "M3", "M6", "M7", "M7",
    ]  # fmt: skip


def test_who_proposes_does_not_grant_and_one_wish_is_open_at_a_time(installation: Installation) -> None:
    sold = overdue(installation, days=5)
    loan_id = str(sold.loan_id)
    made = proposals.propose(
        installation.deps, loan_id, ReliefKind.WAIVER, {"minor": 1}, reason="ill", by="An"
    )
    assert proposals.open_proposals(installation.deps) == [made]
    with pytest.raises(TransitionConflict, match="another proposal for this loan waits"):
        proposals.propose(installation.deps, loan_id, ReliefKind.WRITE_OFF, {}, reason="ill", by="Bo")
    for name in ("An", " an "):
        with pytest.raises(RuleRefused) as refused:
            proposals.approve(installation.deps, made.id, by=name)
        assert refused.value.code == "own_proposal"
    proposals.reject(installation.deps, made.id, by="Bo")
    with pytest.raises(TransitionNotAllowed):
        proposals.approve(installation.deps, made.id, by="Cy")


def test_a_proposal_that_lost_a_race_is_not_told_that_another_one_waits(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object) -> None:
        raise RaceLost("another transaction won the race")

    monkeypatch.setattr(proposals, "_propose", lose)
    with pytest.raises(RaceLost):
        proposals.propose(installation.deps, "loan_1", ReliefKind.WAIVER, {"minor": 1}, reason="ill", by="An")


def test_a_waiver_takes_penalties_first(installation: Installation) -> None:
    sold = overdue(installation, days=5)
    before = loan_of(installation, sold)
    grant(installation, sold, "waiver", minor=before.penalty.minor + 10)
    after = loan_of(installation, sold)
    assert (after.penalty.minor, after.relieved_interest.minor) == (0, 10)
    with pytest.raises(RuleRefused) as refused:
        grant(installation, sold, "waiver", minor=before.interest.minor)
    assert refused.value.code == "waiver_exceeds_owed"


def test_an_extension_moves_the_rows_and_ends_the_lateness_without_interest(
    installation: Installation,
) -> None:
    sold = overdue(installation)
    before = loan_of(installation, sold)
    grant(installation, sold, "extension", months=2)
    after = loan_of(installation, sold)
    assert (after.status, after.outstanding) == (LoanStatus.ACTIVE, before.outstanding)
    assert rows_of(installation, sold) == ["scheduled"] * 3
    asked = len(deductions_of(installation, sold))
    installation.advance(months=1)
    installation.work()
    assert len(deductions_of(installation, sold)) == asked
    installation.advance(months=1)
    installation.work()
    assert len(deductions_of(installation, sold)) == asked + 1


def test_an_individual_plan_spreads_what_is_owed_and_stops_the_interest(
    installation: Installation,
) -> None:
    sold = overdue(installation, days=5)
    before = loan_of(installation, sold)
    grant(installation, sold, "hardship", installments=60)
    after = loan_of(installation, sold)
    rows = rows_of(installation, sold)
    assert (rows.count("replaced"), rows.count("scheduled")) == (3, 60)
    assert after.status == LoanStatus.ACTIVE
    assert after.outstanding.minor == before.principal.minor + _interest_due(installation, sold)
    for terms in (0, 61, -1):
        with pytest.raises(RuleRefused) as refused:
            grant(installation, sold, "hardship", installments=terms)
        assert refused.value.code == "terms_invalid"


def _interest_due(house: Installation, sold: Checkout) -> int:
    with house.deps.storage.reading() as uow:
        changes = uow.schedule_changes.of_loan(str(sold.loan_id))
    return changes[-1].before[0].interest_minor


def test_what_is_written_off_is_a_loss_and_what_comes_later_a_recovery(installation: Installation) -> None:
    sold = overdue(installation, days=5)
    before = loan_of(installation, sold)
    gone = grant(installation, sold, "write_off")
    assert (gone.status, gone.outstanding.minor) == (LoanStatus.WRITTEN_OFF, 0)
    assert balance(installation, "loss:credit") == before.principal.minor
    with installation.deps.storage.reading() as uow:
        line = uow.lines.get(before.consumer_id, "CNY")
        assert len(uow.watch.block_list()) == 1
    assert line is not None and line.expires_at <= installation.clock.now()
    for source, minor in (("pay_1", 1_000), ("pay_2", before.outstanding.minor)):
        with installation.deps.storage.unit_of_work() as uow:
            loan = uow.loans.locked(before.id)
            assert loan is not None
            money = Money(minor, "CNY")
            receive(uow, installation.deps, loan, money, kind=RepaymentKind.PAYMENT, source_id=source)
    # No more is income than was lost; the rest is the person's.
    assert balance(installation, "income:recovery") == -before.outstanding.minor
    assert balance(installation, f"consumer:{before.consumer_id}:refundable") == -1_000
    assert loan_of(installation, sold).status == LoanStatus.WRITTEN_OFF


def test_only_an_overdue_loan_is_written_off(installation: Installation) -> None:
    put(installation, LATE)
    sold = installation.sell(plan="late")
    with pytest.raises(RuleRefused) as refused:
        grant(installation, sold, "write_off")
    assert refused.value.code == "not_overdue"
