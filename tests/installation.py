"""A whole installation for tests: real services and storage, fake providers, a clock in the test's hand.

Every test that uses the fixture ends with the checker: the laws of the house hold, or the test fails.
"""

import copy
import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from merchant_server.app import build_app
from merchant_server.domain.checkout import Checkout
from merchant_server.domain.merchant import Caller
from merchant_server.ports import AgreementRenderer, AgreementSigner
from merchant_server.providers.agreement import AuditHeadKey, Authority, PadesSigner, TypstRenderer
from merchant_server.providers.credit_policy import ZenCreditPolicy, ZenWorkshop
from merchant_server.providers.system import SystemIds
from merchant_server.services.deps import Deps
from merchant_server.services.operation import merchants
from merchant_server.services.operation.delivery import Courier
from merchant_server.services.operation.doctor import check
from merchant_server.services.operation.test_clock import advance_clock
from merchant_server.services.sale import approval, checkouts, choosing, claims, codes, signing
from merchant_server.storage.engine import Engine
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.opening import open_engine
from merchant_server.storage.rotation import Rotation
from merchant_server.storage.unit_of_work import SqlStorage
from merchant_server.web.application import Application
from merchant_server.worker import work_once
from tests.fakes.documents import PlainRenderer, PlainSigner
from tests.fakes.providers import FakeBank, FakeBureau, FakeIdentity, FakeSms, FakeWebhookSender

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PHONE = "+8613800138000"
ID_NUMBER = "110101199003077651"
NAME = "王小明"
PLANS = (
    Plan(id="p3", installments=3, annual_rate="0", max_amount=Money(2_000_000, "CNY"), name="3 期免息"),
    Plan(id="p6", installments=6, annual_rate="0.12", name="6 期"),
    Plan(id="p12", installments=12, annual_rate="0.12", name="12 期"),
)


class HandClock:
    """A clock that moves only when a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the present."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.pass_(seconds=seconds)

    def pass_(self, **by: float) -> None:
        """Move forwards by timedelta's arguments."""
        self._now += timedelta(**by)


@cache
def _documents(folder: str) -> tuple[TypstRenderer, PadesSigner, AuditHeadKey]:
    authority = Authority.open(folder)
    return TypstRenderer(), PadesSigner(authority), AuditHeadKey.open(folder, authority)


@cache
def _policy() -> tuple[ZenCreditPolicy, ZenWorkshop]:
    """Read and check the policy once a process; it keeps nothing of what it decides."""
    return ZenCreditPolicy(Path(str(files("merchant_server") / "policy" / "cn-standard.json"))), ZenWorkshop()


class _LateRule(Rule):
    """A route whose URLs are made by code that is written when a test first asks for one: most of building an app."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        @cache
        def written() -> Callable[..., tuple[str, str]]:
            return super(_LateRule, self)._compile_builder(append_unknown)

        return lambda rule, **values: written()(rule, **values)


Application.url_rule_class = _LateRule


@dataclass
class Installation:
    """What a test holds: Deps, the fakes behind them, and one merchant with a store and a till."""

    engine: Engine
    deps: Deps
    clock: HandClock
    bank: FakeBank
    bureau: FakeBureau
    sms: FakeSms
    sender: FakeWebhookSender
    rotation: Rotation
    caller: Caller = field(init=False)
    api_key: str = field(init=False)
    store_id: str = field(init=False)
    till_id: str = field(init=False)

    @cached_property
    def app(self) -> Flask:
        """The WSGI application over these Deps."""
        return build_app(self.deps, secret_key=b"w" * 32, secure=False)

    @property
    def client(self) -> FlaskClient:
        """A new HTTP client without cookies."""
        return self.app.test_client()

    def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> TestResponse:
        """POST JSON to /v1 with the merchant's key and a fresh idempotency key unless one is given."""
        return self.client.post(
            path, data=body if isinstance(body, bytes) else json.dumps({} if body is None else body),
            headers={"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json",
                     "Idempotency-Key": key or self.deps.ids.token(), **headers},
        )  # fmt: skip

    def get(self, path: str, **headers: str) -> TestResponse:
        """GET from /v1 with the merchant's key."""
        return self.client.get(path, headers={"Authorization": f"Bearer {self.api_key}", **headers})

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        """PATCH /v1 with the merchant's key."""
        named = {"Authorization": f"Bearer {self.api_key}", **headers}
        return self.client.patch(path, json=body, headers=named)

    def delete(self, path: str) -> TestResponse:
        """DELETE from /v1 with the merchant's key."""
        return self.client.delete(path, headers={"Authorization": f"Bearer {self.api_key}"})

    def set_up_merchant(self, name: str = "小满商店") -> None:
        """Make the merchant that `caller` stands for."""
        made = merchants.create_merchant(
            self.deps, name=name, legal_name=f"{name}有限公司", category="electronics", currency="CNY",
            time_zone="Asia/Shanghai", fee_bps=60,
        )  # fmt: skip
        self.store_id = merchants.create_store(self.deps, made.id, "人民路店").id
        self.till_id = merchants.create_till(self.deps, made.id, self.store_id, "1 号台").id
        self.api_key = merchants.create_key(self.deps, made.id).secret
        self.caller = merchants.authenticate(self.deps, self.api_key)
        with self.deps.storage.unit_of_work() as uow:
            for plan in PLANS:
                merchants.put_plan(uow, self.deps, self.caller, plan)

    def another_merchant(self, name: str = "别家商店") -> "Installation":
        """Return the same house as a second merchant sees it."""
        other = copy.copy(self)
        other.set_up_merchant(name)
        return other

    def checkout(self, amount: Money | None = None, **changes: Any) -> Checkout:
        """Make a checkout as the merchant would."""
        with self.deps.storage.unit_of_work() as uow:
            return checkouts.create_checkout(uow, self.deps, self.caller, self.draft(amount) | changes)

    def draft(self, amount: Money | None = None) -> dict[str, Any]:
        """Return what a merchant asks of a new checkout."""
        return {
            "amount": amount or Money(399_900, "CNY"), "reference": "order-1001", "description": "自行车",
            "return_url": None, "plan_ids": None, "store_id": None, "till_id": None, "capture": "automatic",
            "expires_in_seconds": 900, "language": None, "metadata": {},
        }  # fmt: skip

    def now(self, checkout: Checkout) -> Checkout:
        """Read a checkout anew."""
        with self.deps.storage.reading() as uow:
            found = uow.checkouts.get(checkout.id)
        assert found is not None
        return found

    def last_code(self) -> str:
        """Return the digits of the newest text message."""
        found = re.search(r"\d{6}", self.sms.messages[-1][2])
        assert found is not None
        return found.group()

    def apply(self, checkout: Checkout, *, id_number: str = ID_NUMBER, claim: str = "phone-1") -> Checkout:
        """Go from the QR to the decision."""
        claims.open_link(self.deps, checkout.token, claim)
        codes.send_phone_code(self.deps, checkout.token, claim, PHONE)
        codes.check_phone_code(self.deps, checkout.token, claim, self.last_code())
        # Another minute, another message: the limits by number are not what most tests are about.
        self.clock.pass_(minutes=4)
        return approval.apply(
            self.deps, checkout.token, claim, name=NAME, id_number=id_number, consents=approval.CONSENTS
        )

    def choose(
        self, checkout: Checkout, *, plan: str = "p12", account: str = "0001", claim: str = "phone-1"
    ) -> None:
        """Choose a plan and the bank account with these last four digits; the agreement is shown."""
        offered = choosing.choices(self.deps, checkout.token, claim)
        token = next(each.token for each in offered.accounts if account in each.label)
        choosing.prepare_agreement(self.deps, checkout.token, claim, plan_id=plan, account_token=token)
        self.clock.pass_(seconds=10)

    def sign(self, checkout: Checkout, *, claim: str = "phone-1") -> Checkout:
        """Ask for a signing code and sign with it."""
        signing.send_signing_code(self.deps, checkout.token, claim)
        signed = signing.sign(self.deps, checkout.token, claim, self.last_code())
        self.clock.pass_(minutes=4)
        return signed

    def sell(
        self, amount: Money | None = None, *, plan: str = "p12", account: str = "0001", **draft: Any
    ) -> Checkout:
        """Make one whole sale, from the QR to the signature."""
        checkout = self.checkout(amount, **draft)
        self.apply(checkout)
        self.choose(checkout, plan=plan, account=account)
        return self.sign(checkout)

    def work(self) -> None:
        """Let the worker do all that is due now."""
        with ThreadPoolExecutor(2) as pool:
            for _ in range(20):
                if not work_once(self.deps, partial(push_due, self.deps, pool), run=lambda step: step()):
                    return
                self.clock.pass_(seconds=30)

    def advance(self, **by: int) -> None:
        """Turn the merchant's test clock forwards by months, days or seconds."""
        with self.deps.storage.unit_of_work() as uow:
            advance_clock(uow, self.deps, self.caller, **by)

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Read the database itself."""
        with self.engine.reading() as connection:
            return connection.all(sql, parameters)

    def breaches(self) -> list[str]:
        """Return what breaks the laws, as text."""
        return [f"{b.law}: {b.subject} ({b.detail})" for b in check(self.deps).breaches]


def push_due(deps: Deps, pool: ThreadPoolExecutor) -> int:
    """Push what is due to every endpoint, as the worker does, and wait for all; return how many were tried."""
    courier = Courier(deps, pool)
    courier.push_due()
    return courier.finish()


def build(
    engine: Engine, state: Path, keys: Path | None = None, *, real_documents: bool = True
) -> Installation:
    """Wire an installation on a migrated database; `keys` is its own file of wrapping keys, in `state` by default."""
    clock, bank, bureau, sms, sender = HandClock(), FakeBank(), FakeBureau(), FakeSms(), FakeWebhookSender()
    renderer: AgreementRenderer
    signer: AgreementSigner
    renderer, signer, heads = _documents(str(state))
    if not real_documents:
        renderer, signer = PlainRenderer(renderer), PlainSigner()
    policy, workshop = _policy()
    ids = SystemIds()
    ring = KeyRing.open(keys or state / "wrapping-keys.json", b"i" * 32)
    deps = Deps(
        storage=SqlStorage(engine, ring, ids.new),
        clock=clock, ids=ids, identity=FakeIdentity(), bureau=bureau, sms=sms, bank=bank,
        policy=policy, workshop=workshop,
        renderer=renderer, signer=signer, heads=heads, sender=sender, code_key=b"c" * 32,
        public_url="http://127.0.0.1:8010", lender_name="示范资金方", rate_cap=Decimal("0.24"),
    )  # fmt: skip
    made = Installation(engine, deps, clock, bank, bureau, sms, sender, Rotation(engine, ring, ids.new))
    made.set_up_merchant()
    return made


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One certificate authority for the whole run; making keys is slow."""
    return tmp_path_factory.mktemp("authority")


@pytest.fixture
def real_documents() -> bool:
    """Whether agreements are typeset and signed as they would be; folders that look at documents say so."""
    return False


@pytest.fixture
def installation(
    engine: Engine, tmp_path: Path, authority_folder: Path, real_documents: bool
) -> Iterator[Installation]:
    """An installation on each engine; afterwards the laws of the house hold."""
    keys = tmp_path / "keys" / "wrapping-keys.json"
    made = build(engine, authority_folder, keys, real_documents=real_documents)
    yield made
    assert made.breaches() == []


@pytest.fixture
def sqlite_installation(
    migrated_sqlite: Path, tmp_path: Path, authority_folder: Path, real_documents: bool
) -> Iterator[Installation]:
    """An installation on SQLite alone, for what does not depend on the engine; afterwards the laws hold."""
    path = tmp_path / "fenqi.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}")
    keys = tmp_path / "keys" / "wrapping-keys.json"
    made = build(engine, authority_folder, keys, real_documents=real_documents)
    yield made
    assert made.breaches() == []
    engine.close()
