"""One signed sale and its evidence, made once; every test takes its own copy apart."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from fenqi.evidence.bundle import canonical, pack, unpack
from fenqi.evidence.pdf import verify
from fenqi.evidence.verify import Document, Report, judge, read_document, verify_bundle

from merchant_server.domain.consent import Witness
from merchant_server.domain.stroke import Stroke
from merchant_server.providers.agreement import Authority
from merchant_server.services.sale import choosing, signing
from merchant_server.services.sale.evidence import evidence_bundle
from merchant_server.storage.opening import open_engine
from tests.installation import Installation, build

WITNESS = Witness(
    address="203.0.113.7", user_agent="Mozilla/5.0 (测试)", scrolled_to_end=True, confirmed=True
)
DRAWN = "[[10,150,100,20,200,280,400,40],[500,150]]"


@dataclass(frozen=True)
class Sale:
    """A signed agreement, its bundle, and the root and authority behind it."""

    house: Installation
    authority: Authority
    agreement_id: str
    bundle: bytes

    @property
    def root_pem(self) -> bytes:
        return self.authority.root_pem

    @cached_property
    def parts(self) -> dict[str, bytes]:
        """The files of the bundle, to be spoiled."""
        return unpack(self.bundle)

    def judge(self, bundle: bytes) -> Report:
        return verify_bundle(bundle, self.root_pem)

    def failures(self, **changed: bytes) -> set[str]:
        """Return the names of the checks that fail for changed files, named without their endings."""
        names = {name.partition(".")[0].replace("-", "_"): name for name in self.parts}
        parts = self.parts | {names[short]: content for short, content in changed.items()}
        same = "agreement" not in changed
        report = judge(parts, self.document, self.root_pem) if same else self.judge(pack(parts))
        return {check.name for check in report.checks if not check.passed}

    @cached_property
    def document(self) -> Document:
        """The untouched document as judged, for tests that flip bytes elsewhere thousands of times."""
        pdf = self.parts["agreement.pdf"]
        return read_document(pdf, verify(pdf, self.root_pem))

    def accepts(self, **changed: bytes) -> bool:
        """Say whether changed files, named as in the zip, pass beside the untouched document."""
        return judge(self.parts | changed, self.document, self.root_pem).verified

    def edited(self, name: str, edit: Callable[[dict[str, Any]], None]) -> bytes:
        """Return a JSON file of the bundle after an edit, in its one byte form."""
        value = json.loads(self.parts[name])
        edit(value)
        return canonical(value)


def agreement_id_of(house: Installation, checkout_id: str) -> str:
    with house.deps.storage.reading() as uow:
        checkout = uow.checkouts.get(checkout_id)
    assert checkout is not None and checkout.agreement_id is not None
    return checkout.agreement_id


def sell_watched(house: Installation, **draft: Any) -> str:
    """Sell as the pages do when they pass on what they saw; return the agreement's id."""
    checkout = house.checkout(**draft)
    house.apply(checkout)
    account = choosing.choices(house.deps, checkout.token, "phone-1").accounts[0].token
    choosing.prepare_agreement(
        house.deps, checkout.token, "phone-1", plan_id="p12", account_token=account, witness=WITNESS
    )
    house.clock.pass_(seconds=10)
    signing.send_signing_code(house.deps, checkout.token, "phone-1", witness=WITNESS)
    drawn = replace(WITNESS, stroke=Stroke.parse(DRAWN))
    signing.sign(house.deps, checkout.token, "phone-1", house.last_code(), witness=drawn)
    house.clock.pass_(minutes=4)
    return agreement_id_of(house, checkout.id)


@pytest.fixture(scope="session")
def sale(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, authority_folder: Path
) -> Iterator[Sale]:
    """A sale with everything that a page can pass on, behind three other acts in the log."""
    path = tmp_path_factory.mktemp("evidence") / "fenqi.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}")
    house = build(engine, authority_folder)
    agreement_id = sell_watched(house)
    yield Sale(
        house, Authority.open(authority_folder), agreement_id, evidence_bundle(house.deps, agreement_id)
    )
    engine.close()


@pytest.fixture
def real_documents() -> bool:
    """Agreements as they are: what these tests look at."""
    return True
