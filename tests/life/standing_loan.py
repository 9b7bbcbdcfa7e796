"""A loan that stands: one sale made once, whose database is copied for every life that a test lets it live."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.deduction import Deduction, DeductionStatus
from merchant_server.domain.installment import Installment
from merchant_server.domain.loan import Loan
from merchant_server.providers.system import SystemIds
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.operation import merchants
from merchant_server.storage.engine import open_engine
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.unit_of_work import SqlStorage
from tests.fakes.providers import FakeBank
from tests.installation import HandClock, Installation, build

LATE_PLAN = Plan(
    id="late",
    installments=6,
    annual_rate="0.12",
    penalty_annual_rate="0.18",
    early_settlement_fee_rate="0.01",
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


def make_template(folder: Path, migrated: Path, authority: Path) -> tuple[Path, Installation, Checkout]:
    """Sell once, into a file that `living` copies."""
    path = folder / "template.sqlite"
    shutil.copyfile(migrated, path)
    engine = open_engine(f"sqlite:///{path}")
    house = build(engine, authority, folder / "wrapping-keys.json")
    with house.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, house.deps, house.caller, LATE_PLAN)
    sold = house.sell(plan="late")
    house.work()
    with engine.transaction() as connection:
        connection.execute("SELECT 1", {})
    engine.close()
    return path, house, sold


@contextmanager
def living(template: tuple[Path, Installation, Checkout], path: Path) -> Iterator[Life]:
    """Open a copy of the template as a house of its own."""
    source, made, sold = template
    shutil.copyfile(source, path)
    engine = open_engine(f"sqlite:///{path}")
    ring = KeyRing.open(source.parent / "wrapping-keys.json", b"i" * 32)
    bank = MoodyBank(made.bank.gateway_account)
    bank._key = made.bank._key
    bank._owners = dict(made.bank._owners)
    bank._mandates = {name: replace(each) for name, each in made.bank._mandates.items()}
    clock = HandClock(made.clock.now())
    deps = replace(made.deps, storage=SqlStorage(engine, ring, SystemIds().new), clock=clock, bank=bank)
    house = Installation(engine, deps, clock, bank, made.bureau, made.sms, made.sender, made.rotation)
    house.caller = made.caller
    yield Life(house, bank, str(sold.loan_id))
    engine.close()
    for each in path.parent.glob(path.name + "*"):
        each.unlink()
