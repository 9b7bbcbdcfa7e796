"""A loan that stands: one sale made once, whose database is copied for every life that a test lets it live."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.deduction import Deduction, DeductionStatus
from merchant_server.domain.installment import Installment
from merchant_server.domain.loan import Loan
from merchant_server.providers.system import SystemIds
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.decisioning.reviewing import add_reviewer
from merchant_server.services.operation import merchants
from merchant_server.services.settlement import terms
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.opening import open_engine
from merchant_server.storage.unit_of_work import SqlStorage
from tests.databases import postgres_database
from tests.decision.people import id_number
from tests.disputes.disputing import REVIEWER
from tests.fakes.providers import FakeBank
from tests.installation import HandClock, Installation, build

LATE_PLAN = Plan(
    id="late",
    installments=6,
    annual_rate="0.12",
    penalty_annual_rate="0.18",
    early_settlement_fee_rate="0.01",
    cash_back_bps={"merchant": 100, "brand": 33, "lender": 34},
)


class MoodyBank(FakeBank):
    """Decides nothing by itself: a deduction stays pending until a test says what became of it."""

    silent = True

    def deduct(self, *, reference: str, mandate_reference: str, amount: Money):  # type: ignore[no-untyped-def]
        answer = super().deduct(reference=reference, mandate_reference=mandate_reference, amount=amount)
        if self.silent:
            self._deductions[reference].status = "pending"
        return answer

    def decide(self, reference: str, status: str, code: str = "") -> None:
        """Say what became of a deduction."""
        known = self._deductions[reference]
        known.status, known.code = status, code


@dataclass
class Life:
    """One loan in a house of its own."""

    house: Installation
    bank: MoodyBank
    loan_id: str

    def loan(self) -> Loan:
        """Read the loan anew."""
        with self.house.deps.storage.reading() as uow:
            loan = uow.loans.get(self.loan_id)
        assert loan is not None
        return loan

    def rows(self) -> list[Installment]:
        """Read its installments anew."""
        with self.house.deps.storage.reading() as uow:
            return uow.loans.installments(self.loan_id)

    def deductions(self) -> list[Deduction]:
        """Read its deductions anew, oldest first."""
        with self.house.deps.storage.reading() as uow:
            return uow.deductions.of_loan(self.loan_id)

    def pending(self) -> list[Deduction]:
        """Return what the bank was asked and did not answer."""
        return [each for each in self.deductions() if each.status == DeductionStatus.PENDING]

    def on_its_way(self) -> list[str]:
        """Return references of money that the bank was asked to send or draw and has not told of."""
        rows = self.house.rows(
            "SELECT id FROM payouts WHERE status = 'pending' UNION SELECT id FROM transfers WHERE status = 'pending'"
            " UNION SELECT id FROM refunds WHERE status = 'pending' ORDER BY 1"
        )
        known = {*self.bank.returns, *self.bank._payouts}
        return [row["id"] for row in rows if row["id"] in known]

    def tell(self, deduction: Deduction, status: str, code: str = "") -> str:
        """Deliver a callback that says `status`; return the verdict."""
        now = self.house.clock.now()
        told = {
            "gateway_account": self.bank.gateway_account,
            "mode": "test",
            "kind": f"deduction.{status}",
            "reference": deduction.id,
            "mandate_reference": deduction.mandate_id,
            "status": status,
            "code": code,
            "amount": deduction.amount.to_dict(),
            "occurred_at": now.isoformat(),
        }
        return receive(
            self.house.deps, *self.bank.signed(told, f"bev_{deduction.id[-16:]}_{status}", now)
        ).outcome


@dataclass(frozen=True)
class Template:
    """A house with one sale, at rest. `server_url` is of the PostgreSQL that has it, or empty for a SQLite file."""

    url: str
    server_url: str
    folder: Path
    house: Installation
    sold: Checkout


def make_template(folder: Path, url: str, server_url: str, authority: Path) -> Template:
    """Sell once, with a lender's money, into a migrated database that `living` copies."""
    engine = open_engine(url)
    house = build(engine, authority, folder / "wrapping-keys.json", real_documents=False)
    deps, merchant_id = house.deps, house.caller.merchant_id
    with deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, deps, house.caller, LATE_PLAN)
    lender = terms.add_lender(
        deps, name="海星银行", currency="CNY", interest_bps=8_000, account="sandbox_9001"
    )
    terms.set_terms(deps, merchant_id, payout_account="sandbox_9001", funder=f"lender:{lender.id}")
    add_reviewer(deps, REVIEWER, id_number(1, "19800101"))
    sold = house.sell(plan="late")
    house.work()
    with engine.transaction() as connection:
        connection.execute("SELECT 1", {})
    engine.close()
    return Template(url, server_url, folder, house, sold)


@contextmanager
def _copied(template: Template) -> Iterator[str]:
    """Yield the URL of a copy of a template's database."""
    if template.server_url:
        with postgres_database(template.server_url, urlsplit(template.url).path.removeprefix("/")) as url:
            yield url
        return
    path = template.folder / f"life-{secrets.token_hex(6)}.sqlite"
    shutil.copyfile(template.url.removeprefix("sqlite:///"), path)
    yield f"sqlite:///{path}"
    for each in path.parent.glob(path.name + "*"):
        each.unlink()


@contextmanager
def living(template: Template) -> Iterator[Life]:
    """Open a copy of the template as a house of its own."""
    made = template.house
    with _copied(template) as url:
        engine = open_engine(url)
        ring = KeyRing.open(template.folder / "wrapping-keys.json", b"i" * 32)
        bank = MoodyBank(made.bank.gateway_account)
        bank._key = made.bank._key
        bank._owners = dict(made.bank._owners)
        bank._mandates = {name: replace(each) for name, each in made.bank._mandates.items()}
        clock = HandClock(made.clock.now())
        deps = replace(made.deps, storage=SqlStorage(engine, ring, SystemIds().new), clock=clock, bank=bank)
        house = Installation(engine, deps, clock, bank, made.bureau, made.sms, made.sender, made.rotation)
        house.caller = made.caller
        yield Life(house, bank, str(template.sold.loan_id))
        engine.close()
