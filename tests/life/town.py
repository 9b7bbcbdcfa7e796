"""A town of borrowers: many loans live through many days with a faulty bank, and all of it is explained at the end."""

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from benchmarks.world.seeding import OneDocument, id_number
from merchant_server.domain.deduction import DeductionPurpose
from merchant_server.domain.errors import RuleRefused, TransitionNotAllowed, Unauthenticated
from merchant_server.domain.refund import Strategy
from merchant_server.domain.relief_proposal import ReliefKind
from merchant_server.services.collection import proposals
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.early_settlement import quote_own
from merchant_server.services.collection.paying import pay_now, settle_now
from merchant_server.services.operation import merchants
from merchant_server.services.person.mandates import end_revoked_mandates, revoke_mandate
from merchant_server.services.refunds.committing import refund_at_once
from merchant_server.services.refunds.returning import return_money
from merchant_server.services.sale import approval, choosing, claims, codes, signing
from merchant_server.services.settlement import terms
from merchant_server.services.settlement.closing import close_days
from merchant_server.services.settlement.money_returns import return_own_money
from merchant_server.services.settlement.payouts import ask_about_payouts, pay_out_due
from merchant_server.services.settlement.reconciling import reconcile
from merchant_server.services.settlement.transfers import ask_about_transfers
from merchant_server.worker import collect
from tests.installation import NAME, Installation
from tests.life.faulty_bank import FaultyBank

PLANS = tuple(
    Plan(id=name, installments=count, period=period, annual_rate=rate, penalty_annual_rate="0.18", **more)
    for name, count, period, rate, more in (
        ("weekly", 6, "week", "0.12", {}),
        ("quarter", 3, "month", "0", {"cash_back_bps": {"merchant": 100, "lender": 51}}),
        ("half", 6, "month", "0.12", {"early_settlement_fee_rate": "0.01", "cash_back_bps": {"lender": 50}}),
        ("year", 12, "month", "0.12", {}),
    )
)
FUNDERS = {"quarter": "merchant", "half": "lender", "weekly": "lender"}
# What a person of the house or a consumer may be told; anything else is a fault.
REFUSALS = (RuleRefused, TransitionNotAllowed)
ROUNDS_MAX = 12
WRITE_OFF_DAYS = 90
CODE = re.compile(r"\d{6}")


@dataclass
class Person:
    """One borrower with one loan."""

    consumer_id: str
    loan_id: str
    mandate_id: str


@dataclass
class Town:
    """An installation, its bank, and who borrowed; `acts` counts what people and the bank did.

    With a `liveliness` of one a person does something about every fifty days.
    """

    house: Installation
    bank: FaultyBank
    chance: random.Random
    liveliness: int = 1
    people: list[Person] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    days_with_differences: dict[date, list[str]] = field(default_factory=dict)
    first_day: date = date.min

    def settle_down(self, count: int, told: Callable[[int, int], None] = lambda done, of: None) -> None:
        """Agree on money with a lender and the merchant, and sell to `count` people, each under the next plan."""
        deps, merchant_id = self.house.deps, self.house.caller.merchant_id
        self.first_day = self.house.clock.now().date()
        lender = terms.add_lender(
            deps, name="海星银行", currency="CNY", interest_bps=8_000, account="sandbox_9001"
        )
        terms.set_terms(deps, merchant_id, payout_account="sandbox_9001", reserve_bps=500, reserve_days=10)
        with deps.storage.unit_of_work() as uow:
            for plan in PLANS:
                merchants.put_plan(uow, deps, self.house.caller, plan)
        for plan_id, funder in FUNDERS.items():
            named = f"lender:{lender.id}" if funder == "lender" else funder
            terms.set_plan_funder(deps, merchant_id, plan_id, named)
        for number in range(count):
            self._sell(number, PLANS[number % len(PLANS)].id)
            told(number + 1, count)

    def _sell(self, number: int, plan_id: str) -> None:
        house, claim = self.house, f"phone-{number:026}"
        amount = Money(self.chance.randrange(60_000, 200_000, 100), "CNY")
        sold = house.checkout(amount, reference=f"order-{number}")
        claims.open_link(house.deps, sold.token, claim)
        codes.send_phone_code(house.deps, sold.token, claim, f"+86138{number:08}")
        codes.check_phone_code(house.deps, sold.token, claim, self._code())
        approval.apply(
            house.deps, sold.token, claim, name=NAME, id_number=id_number(number), consents=approval.CONSENTS
        )
        account = choosing.choices(house.deps, sold.token, claim).accounts[0]
        choosing.prepare_agreement(
            house.deps, sold.token, claim, plan_id=plan_id, account_token=account.token
        )
        house.clock.pass_(seconds=10)
        signing.send_signing_code(house.deps, sold.token, claim)
        signed = signing.sign(house.deps, sold.token, claim, self._code())
        (loan,) = house.rows("SELECT mandate_id FROM loans WHERE id = :id", id=signed.loan_id)
        self.people.append(Person(str(signed.consumer_id), str(signed.loan_id), loan["mandate_id"]))

    def _code(self) -> str:
        found = CODE.search(self.house.sms.messages[-1][2])
        assert found is not None
        self.house.sms.messages.clear()
        return found.group()

    def live(self, days: int, told: Callable[[int, int], None] = lambda done, of: None) -> None:
        """Let days pass: people act, the worker works, the bank calls back, and the bank's file is reconciled."""
        for day in range(days):
            self._next_morning()
            for person in self.people:
                self._act(person)
            self.work()
            self._reconcile_yesterday()
            told(day + 1, days)

    def come_to_rest(self) -> None:
        """End all faults and wait until nothing is on its way, then read every file once more."""
        self.bank.calm = True
        for _ in range(8):
            self._next_morning()
            self.work()
            self._reconcile_yesterday()

    def _next_morning(self) -> None:
        """Go to half past nine in Shanghai on the next day."""
        now = self.house.clock.now()
        tomorrow = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
        self.house.clock.pass_(seconds=(tomorrow + timedelta(hours=1, minutes=30) - now).total_seconds())

    def work(self) -> None:
        """Do what the worker does about money, and hear the bank, until nothing more happens."""
        deps = self.house.deps
        steps = (
            lambda: collect(deps, lambda step: step()), lambda: close_days(deps), lambda: pay_out_due(deps),
            lambda: ask_about_payouts(deps), lambda: ask_about_transfers(deps), lambda: return_money(deps),
            lambda: end_revoked_mandates(deps), self._hear,
        )  # fmt: skip
        for _ in range(ROUNDS_MAX):
            if not sum(step() for step in steps):
                return
            self.house.clock.pass_(seconds=5)

    def _hear(self) -> int:
        heard = 0
        for body, headers in self.bank.tell():
            heard += 1
            try:
                self.acts[f"callback {receive(self.house.deps, body, headers).outcome}"] += 1
            except Unauthenticated:
                self.acts["callback forged"] += 1
        return heard

    def _act(self, person: Person) -> None:
        """Let a person do something now and then."""
        drawn = self.chance.random()
        acts: tuple[tuple[float, Callable[[Person], bool]], ...] = (
            (0.004, self._pays), (0.006, self._settles), (0.009, self._returns_goods),
            (0.012, self._wants_money_back), (0.0125, self._revokes), (0.02, self._is_given_up),
        )  # fmt: skip
        act = next((each for edge, each in acts if drawn < edge * self.liveliness), None)
        if act is None:
            return
        try:
            self.acts[act.__name__.strip("_") if act(person) else "nothing to do"] += 1
        except REFUSALS:
            self.acts["refused"] += 1

    def _pays(self, person: Person) -> bool:
        (loan,) = self.house.rows(
            "SELECT CAST(SUM(principal_minor + interest_minor + penalty_minor - paid_minor) AS BIGINT)"
            " AS outstanding_minor FROM installments WHERE loan_id = :id",
            id=person.loan_id,
        )
        amount = Money(max(1, loan["outstanding_minor"] * self.chance.randint(5, 60) // 100), "CNY")
        purpose = self.chance.choice(
            (DeductionPurpose.PAYMENT, DeductionPurpose.SHORTER, DeductionPurpose.SMALLER)
        )
        return bool(pay_now(self.house.deps, person.consumer_id, person.loan_id, amount, purpose))

    def _settles(self, person: Person) -> bool:
        quote = quote_own(self.house.deps, person.consumer_id, person.loan_id)
        settle_now(self.house.deps, person.consumer_id, quote.id)
        return True

    def _returns_goods(self, person: Person) -> bool:
        with self.house.deps.storage.unit_of_work() as uow:
            strategy = self.chance.choice(list(Strategy))
            made = refund_at_once(
                uow, self.house.deps, self.house.caller, person.loan_id,
                Money(self.chance.randint(1_000, 90_000), "CNY"), strategy, "goods",
            )  # fmt: skip
        return bool(made)

    def _wants_money_back(self, person: Person) -> bool:
        return bool(return_own_money(self.house.deps, person.consumer_id))

    def _revokes(self, person: Person) -> bool:
        revoke_mandate(self.house.deps, person.consumer_id, person.mandate_id)
        return True

    def _is_given_up(self, person: Person) -> bool:
        late = self.house.rows(
            "SELECT MIN(due_on) AS due_on FROM installments WHERE loan_id = :id AND status = 'overdue'",
            id=person.loan_id,
        )[0]["due_on"]
        edge = self.house.clock.now().date() - timedelta(days=WRITE_OFF_DAYS)
        if late is None or late > edge.isoformat():
            return False
        made = proposals.propose(
            self.house.deps, person.loan_id, ReliefKind.WRITE_OFF, {}, reason="gone", by="An"
        )
        return bool(proposals.approve(self.house.deps, made.id, by="Bo"))

    def _reconcile_yesterday(self) -> None:
        day = self.house.clock.now().date() - timedelta(days=1)
        made = reconcile(self.house.deps, self.bank.file(day), apply=True)
        self.acts["lines that agree"] += made.matched
        self.acts["settled by the file"] += made.applied
        if made.unexplained:
            self.days_with_differences[day] = [f"{each.code} {each.reference}" for each in made.unexplained]

    def unexplained(self) -> list[str]:
        """Read the file of every day once more; return what nothing accounts for."""
        found, day = [], self.first_day
        while day <= self.house.clock.now().date():
            made = reconcile(self.house.deps, self.bank.file(day))
            found += [f"{day} {each.code} {each.reference} {each.detail}" for each in made.unexplained]
            day += timedelta(days=1)
        return found

    def loans_without_reason(self) -> list[dict[str, Any]]:
        """Return loans that are in a state which nothing that happened explains.

        An open loan is explained by rows to come; a late one by a deduction that failed or was taken back, a
        permission taken back, or a row that is being collected today.
        """
        return self.house.rows(
            "SELECT l.id, l.status, i.number, i.status AS row_status, i.due_on FROM loans l"
            " LEFT JOIN installments i ON i.loan_id = l.id"
            " AND i.status NOT IN ('paid', 'waived', 'refunded', 'replaced')"
            " LEFT JOIN mandates m ON m.id = l.mandate_id WHERE"
            " (l.status IN ('repaid', 'refunded', 'cancelled') AND i.number IS NOT NULL)"
            " OR (l.status = 'written_off' AND i.number IS NOT NULL)"
            " OR (l.status IN ('active', 'overdue') AND (i.number IS NULL OR (i.due_on < :today"
            " AND m.status = 'active' AND NOT EXISTS (SELECT 1 FROM deductions d WHERE d.loan_id = l.id"
            " AND d.status IN ('failed', 'reversed')))))"
            " OR (l.status = 'active' AND i.status = 'overdue')",
            today=self.house.clock.now().date().isoformat(),
        )


def found_town(house: Installation, seed: int, liveliness: int = 1) -> Town:
    """Return an empty town over an installation: a faulty bank, and documents that are made once."""
    bank = FaultyBank(house.clock.now, seed)
    house.bank = bank
    shown = house.deps.renderer
    signer = house.deps.signer

    class Once(OneDocument):
        """Renders and signs the first agreement for real, and lets it serve for all."""

        def __init__(self) -> None:
            super().__init__(b"", b"")

        def render(self, made_of: Any, *, language: str) -> bytes:
            self._shown = self._shown or shown.render(made_of, language=language)
            return self._shown

        def sign(self, pdf: bytes, **named: Any) -> bytes:
            self._signed = self._signed or signer.sign(pdf, **named)
            return self._signed

    once: Any = Once()
    house.deps = replace(house.deps, bank=bank, renderer=once, signer=once)
    return Town(house, bank, random.Random(seed), liveliness)
