"""A loan lives through anything that happens to loans, in any order, and the laws of the house hold after each step."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fenqi.finance.money import Money
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from merchant_server.domain.deduction import DeductionPurpose
from merchant_server.domain.dispute import DisputeReason, DisputeStatus
from merchant_server.domain.errors import DomainError, RuleRefused, TransitionNotAllowed
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.loan import SuspensionReason
from merchant_server.domain.refund import Strategy
from merchant_server.domain.relief_proposal import ReliefKind
from merchant_server.services.collection import proposals
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import age, ask_bank, request_due
from merchant_server.services.collection.early_settlement import quote_own
from merchant_server.services.collection.moving_day import move_day
from merchant_server.services.collection.ordering import bank_page, open_own_order
from merchant_server.services.collection.paying import pay_now, settle_now
from merchant_server.services.collection.penalties import charge_penalties
from merchant_server.services.collection.suspending import resume_collection, suspend_collection
from merchant_server.services.deps import merchant_of
from merchant_server.services.disputes.closing import decide
from merchant_server.services.disputes.opening import open_by_consumer
from merchant_server.services.person.mandates import revoke_mandate
from merchant_server.services.refunds.committing import refund_at_once
from merchant_server.services.refunds.returning import return_money
from merchant_server.services.settlement.closing import close_days
from merchant_server.services.settlement.money_returns import return_own_money
from merchant_server.services.settlement.payouts import ask_about_payouts, pay_out_due
from merchant_server.services.settlement.terms import set_lender_account, set_terms
from merchant_server.services.settlement.transfers import ask_about_transfers
from tests.databases import postgres_database
from tests.disputes.disputing import REVIEWER, contest, give_evidence, give_in
from tests.life.standing_loan import Life, Template, living, make_template

# `make soak` lets many more be lived, on both engines.
SOAKS = "FENQI_LIVES" in os.environ
EXAMPLES, STEPS, STEPS_LEAST = int(os.environ.get("FENQI_LIVES", "72")), 40, 2_000
ANSWERS = st.sampled_from(
    [
        ("succeeded", ""),
        ("failed", "insufficient_funds"),
        ("failed", "account_closed"),
        ("reversed", "reversed"),
    ]
)
# Refusals that a person of the house may meet; anything else is a fault.
REFUSALS = (RuleRefused, TransitionNotAllowed)


class LifeOfALoan(RuleBasedStateMachine):
    """Every rule is something that happens to a loan; refusals change nothing."""

    template: Any
    steps_taken = 0

    def __init__(self) -> None:
        super().__init__()
        self.open = living(self.template)
        self.life: Life = self.open.__enter__()
        self.deps = self.life.house.deps
        self.quotes: list[str] = []
        self.links: list[str] = []
        self.disputes: list[str] = []
        self.consumer_id = self.life.loan().consumer_id

    def teardown(self) -> None:
        self.open.__exit__(None, None, None)

    def may_refuse(self, act: Any) -> Any:
        before = self.life.loan()
        try:
            return act()
        except REFUSALS:
            assert self.life.loan() == before
            return None

    @initialize(months=st.integers(0, 3), answer=ANSWERS, days=st.sampled_from([0, 5, 40]))
    def it_has_lived_already(self, months: int, answer: tuple[str, str], days: int) -> None:
        for _ in range(months):
            self.a_row_falls_due(answer)
        self.time_passes(days)
        self.late_rows_age_and_cost()

    @rule(days=st.sampled_from([0, 1, 4, 15, 31]))
    def time_passes(self, days: int) -> None:
        if days:
            self.life.house.advance(days=days)

    @rule(answer=ANSWERS)
    def a_row_falls_due(self, answer: tuple[str, str]) -> None:
        open_rows = [row.due_on for row in self.life.rows() if row.is_open]
        with self.deps.storage.reading() as uow:
            today = self.deps.today(uow, merchant_of(uow, self.life.house.caller.merchant_id))
        wait = (min(open_rows) - today).days if open_rows else 0
        self.time_passes(max(0, wait))
        self.what_is_due_is_requested()
        for each in self.life.pending():
            self.life.tell(each, *answer)

    @rule()
    def what_is_due_is_requested(self) -> None:
        request_due(self.deps, self.life.house.caller.merchant_id)
        ask_bank(self.deps)

    @rule()
    def late_rows_age_and_cost(self) -> None:
        with self.deps.storage.reading() as uow:
            merchant = merchant_of(uow, self.life.house.caller.merchant_id)
        age(self.deps, merchant)
        charge_penalties(self.deps, merchant)
        cost = self.life.loan().penalty
        assert charge_penalties(self.deps, merchant) == 0
        assert self.life.loan().penalty == cost

    @rule(answer=ANSWERS, which=st.integers(0, 3))
    def the_bank_calls_back(self, answer: tuple[str, str], which: int) -> None:
        made = self.life.deductions()[-4:]
        if made:
            self.life.tell(made[which % len(made)], *answer)

    @precondition(lambda self: self.life.pending())
    @rule(answer=ANSWERS.filter(lambda answer: answer[0] != "reversed"), late=st.booleans())
    def the_bank_is_asked(self, answer: tuple[str, str], late: bool) -> None:
        for each in self.life.pending():
            self.life.bank.decide(each.id, *answer)
        self.life.house.clock.pass_(days=30 if late else 0, seconds=30)
        ask_bank(self.deps)

    @rule(share=st.integers(1, 120), purpose=st.sampled_from(["payment", "shorter", "smaller"]))
    def the_consumer_pays(self, share: int, purpose: str) -> None:
        amount = Money(self.life.loan().outstanding.minor * share // 100, "CNY")
        loan_id = self.life.loan_id
        self.may_refuse(
            lambda: pay_now(self.deps, self.consumer_id, loan_id, amount, DeductionPurpose(purpose))
        )

    @rule(pay=st.booleans(), answer=ANSWERS)
    def a_settlement_is_quoted(self, pay: bool, answer: tuple[str, str]) -> None:
        quote = self.may_refuse(lambda: quote_own(self.deps, self.consumer_id, self.life.loan_id))
        if quote is None:
            return
        owed = self.life.loan().outstanding
        assert quote.total == owed - quote.given_back + quote.early_settlement_fee
        assert quote.given_back.minor >= quote.early_settlement_fee.minor
        self.quotes.append(quote.id)
        if pay:
            made = settle_now(self.deps, self.consumer_id, quote.id)
            if made is None:
                assert quote.total.minor == 0 and not self.life.loan().outstanding.minor
                return
            again = settle_now(self.deps, self.consumer_id, quote.id)
            assert again is not None and again.id == made.id
            self.life.tell(made, *answer)

    @precondition(lambda self: self.quotes)
    @rule(which=st.integers(0, 5))
    def a_quote_is_paid(self, which: int) -> None:
        quote_id = self.quotes[which % len(self.quotes)]
        self.may_refuse(lambda: settle_now(self.deps, self.consumer_id, quote_id))

    @rule(share=st.integers(1, 120), pay=st.booleans())
    def somebody_pays_by_a_link(self, share: int, pay: bool) -> None:
        amount = Money(self.life.loan().outstanding.minor * share // 100, "CNY")
        loan_id = self.life.loan_id
        order = self.may_refuse(lambda: open_own_order(self.deps, self.consumer_id, loan_id, amount))
        if order is not None:
            bank_page(self.deps, order.token, "https://fenqi.example/back")
            self.links.append(order.id)
        if pay and self.links:
            # A link that lay about is paid too, whatever became of the loan.
            now = self.life.house.clock.now()
            told = receive(self.deps, *self.life.bank.pay(self.links.pop(0), now))
            assert told.outcome == "applied"

    @rule(day=st.sampled_from([1, 5, 15, 28, 31]))
    def the_day_of_deduction_is_moved(self, day: int) -> None:
        owed = self.life.loan().outstanding
        self.may_refuse(lambda: move_day(self.deps, self.life.loan_id, day, reason="asked by phone", by="An"))
        assert self.life.loan().outstanding == owed

    @rule(reason=st.sampled_from(list(SuspensionReason)))
    def collection_rests_or_goes_on(self, reason: SuspensionReason) -> None:
        loan_id = self.life.loan_id
        if self.life.loan().collection_suspended_reason is None:
            self.may_refuse(
                lambda: suspend_collection(self.deps, loan_id, reason, note="in hospital", by="An")
            )
        else:
            resume_collection(self.deps, loan_id, note="back at work", by="Bo")

    @rule(share=st.integers(1, 100), strategy=st.sampled_from(list(Strategy)))
    def goods_come_back(self, share: int, strategy: Strategy) -> None:
        amount = Money(399_900 * share // 100, "CNY")

        def refund() -> None:
            with self.deps.storage.unit_of_work() as uow:
                caller = self.life.house.caller
                refund_at_once(uow, self.deps, caller, self.life.loan_id, amount, strategy, "goods")

        self.may_refuse(refund)

    @rule(behaviour=st.sampled_from(["pays", "closed", "returns_late", "returns_busy"]))
    def money_goes_home(self, behaviour: str) -> None:
        self.life.bank._mandates[self.life.loan().mandate_id].behaviour = behaviour
        self.life.house.clock.pass_(seconds=30)
        return_money(self.deps)
        ask_about_transfers(self.deps)

    @rule()
    def the_consumer_wants_kept_money_back(self) -> None:
        kept = self.kept()
        made = self.may_refuse(lambda: return_own_money(self.deps, self.consumer_id))
        # What came another way than the newest follows when that has arrived.
        assert made is None or 0 < sum(each.amount.minor for each in made) <= kept.minor

    @rule(
        account=st.sampled_from(
            ["sandbox_9001", "sandbox_9002", "sandbox_9003", "sandbox_9005", "sandbox_9006"]
        )
    )
    def a_payday_comes(self, account: str) -> None:
        merchant_id = self.life.house.caller.merchant_id
        set_terms(self.deps, merchant_id, payout_account=account)
        (lender,) = self.life.house.rows("SELECT id FROM lenders")
        set_lender_account(self.deps, lender["id"], account)
        self.time_passes(1)
        close_days(self.deps)
        pay_out_due(self.deps)
        for _ in range(2):
            ask_about_payouts(self.deps)
            ask_about_transfers(self.deps)
            self.life.house.clock.pass_(seconds=30)

    @precondition(lambda self: self.life.on_its_way())
    @rule(which=st.integers(0, 3), twice=st.booleans())
    def the_bank_tells_of_money_sent_or_drawn(self, which: int, twice: bool) -> None:
        waiting = self.life.on_its_way()
        told = self.life.bank.callbacks(waiting[which % len(waiting)], self.life.house.clock.now())
        verdicts = [receive(self.deps, *each).outcome for each in told * (1 + twice)]
        assert verdicts == ["applied", "duplicate"][: len(verdicts)]

    @rule(share=st.integers(1, 100))
    def the_consumer_disputes(self, share: int) -> None:
        amount = Money(399_900 * share // 100, "CNY")
        made = self.may_refuse(
            lambda: open_by_consumer(
                self.deps,
                self.consumer_id,
                self.life.loan_id,
                DisputeReason.NOT_RECEIVED,
                "It broke at once.",
                amount,
            )
        )
        if made is not None:
            self.disputes.append(made.id)
            assert self.life.loan().collection_paused_reason is not None

    @precondition(lambda self: self.disputes)
    @rule(answer=st.sampled_from(["accept", "evidence", "challenge", "won", "lost"]))
    def a_dispute_goes_on(self, answer: str) -> None:
        house, dispute_id = self.life.house, self.disputes[-1]
        acts = {
            "accept": lambda: give_in(house, dispute_id),
            "evidence": lambda: give_evidence(house, dispute_id),
            "challenge": lambda: contest(house, dispute_id),
            "won": lambda: decide(
                self.deps, dispute_id, DisputeStatus.WON, reviewer=REVIEWER, reason="It was used."
            ),
            "lost": lambda: decide(
                self.deps, dispute_id, DisputeStatus.LOST, reviewer=REVIEWER, reason="It was broken."
            ),
        }
        self.may_refuse(acts[answer])

    def kept(self) -> Money:
        with self.deps.storage.reading() as uow:
            return uow.transfers.returnable(self.life.loan_id)

    @rule(
        kind=st.sampled_from([*ReliefKind, ReliefKind.WRITE_OFF, ReliefKind.WAIVER]), size=st.integers(1, 60)
    )
    def two_operators_grant_relief(self, kind: ReliefKind, size: int) -> None:
        terms = {"minor": size * size, "months": 1 + size % 12, "installments": size}

        def grant() -> None:
            made = proposals.propose(self.deps, self.life.loan_id, kind, terms, reason="hardship", by="An")
            try:
                proposals.approve(self.deps, made.id, by="Bo")
            except REFUSALS:
                proposals.reject(self.deps, made.id, by="Bo")
                raise

        self.may_refuse(grant)

    @rule()
    def the_permission_is_taken_back(self) -> None:
        try:
            revoke_mandate(self.deps, self.consumer_id, self.life.loan().mandate_id)
        except DomainError:
            return

    @invariant()
    def the_laws_hold(self) -> None:
        LifeOfALoan.steps_taken += 1
        assert self.life.house.breaches() == []
        loan, rows = self.life.loan(), self.life.rows()
        assert (
            sum(row.outstanding.minor for row in rows) == loan.outstanding.minor
            or loan.status == "written_off"
        )
        assert sum(row.status == InstallmentStatus.DEDUCTING for row in rows) <= 1


@pytest.fixture(params=["sqlite", "postgresql"] if SOAKS else ["sqlite"])
def template(request: pytest.FixtureRequest, tmp_path: Path, authority_folder: Path) -> Iterator[Template]:
    """A standing loan; on both engines when many lives are asked for."""
    if request.param == "sqlite":
        path = tmp_path / "template.sqlite"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        yield make_template(tmp_path, f"sqlite:///{path}", "", authority_folder)
        return
    server_url = request.getfixturevalue("postgres_url")
    with postgres_database(server_url, request.getfixturevalue("migrated_postgres")) as url:
        yield make_template(tmp_path, url, server_url, authority_folder)


def test_any_life_of_a_loan_keeps_the_laws(template: Template) -> None:
    machine = type("Living", (LifeOfALoan,), {"template": template})
    LifeOfALoan.steps_taken = 0
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=checks,
            database=None, print_blob=True,
        ),
    )  # fmt: skip
    print(f"{LifeOfALoan.steps_taken} steps")
    # So that nobody makes the test quick by making it small.
    assert LifeOfALoan.steps_taken >= STEPS_LEAST or SOAKS
