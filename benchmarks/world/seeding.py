"""Fills a SQLite database through the services, as real use would, with a bank in memory and documents made once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.collection_hours import CollectionHours
from merchant_server.domain.merchant import Caller
from merchant_server.ports import BankCallback
from merchant_server.providers.bank_callbacks import authenticate_callback
from merchant_server.providers.sandbox.callbacks import signed_headers
from merchant_server.providers.sandbox.magic import account_of
from merchant_server.providers.sandbox.settings import GATEWAY_ACCOUNT, ensure_signing_key, key_ring
from merchant_server.providers.sandbox.tellings import Delays, callback_rows
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.deps import Deps
from merchant_server.services.operation import merchants
from merchant_server.services.operation.test_clock import advance_clock
from merchant_server.services.sale import approval, checkouts, choosing, claims, codes, signing
from merchant_server.storage.engine import Engine
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.opening import open_engine
from merchant_server.storage.unit_of_work import SqlStorage
from tests.fakes.providers import FakeBank
from tests.installation import Installation, build

# What the installation's keys are in tests.installation.build; a server over the same rows needs the same.
KEYS = {"sealing": b"s" * 32, "index": b"i" * 32, "codes": b"c" * 32, "web": b"w" * 32}
AMOUNT = Money(399_900, "CNY")
MORE_PLANS = (
    Plan(id="p9", installments=9, annual_rate="0.12", name="9 期"),
    Plan(id="p24", installments=24, annual_rate="0.15", name="24 期"),
)
CHECKOUTS_A_COMMIT = 500
ADULT_DAYS = 10_000  # until 1997
CODE = re.compile(r"\d{6}")


class SandboxKeyBank(FakeBank):
    """The bank in memory, whose callbacks are signed with the sandbox's key, so that a server takes them too."""

    def __init__(self, pem: Path) -> None:
        super().__init__(GATEWAY_ACCOUNT)
        self._ring = key_ring(str(pem))

    def authenticate(self, body: bytes, headers: Mapping[str, str], now: datetime) -> BankCallback:
        """Check as the bank's HTTP client does."""
        return authenticate_callback(body, headers, now, self._ring)


class OneDocument:
    """Renders and signs every agreement as one that was made before: real bytes, without the time they take."""

    def __init__(self, shown: bytes, signed: bytes) -> None:
        self._shown, self._signed = shown, signed

    def render(self, terms: Mapping[str, Any], *, language: str) -> bytes:
        """Return the rendered document."""
        return self._shown

    def sign(
        self,
        pdf: bytes,
        *,
        agreement_id: str,
        signer: str,
        signed_at: datetime,
        stroke: Any = None,
        stamped: bool = True,
    ) -> bytes:
        """Return the signed document."""
        return self._signed


@dataclass(frozen=True, slots=True)
class Applicant:
    """One person on one checkout, holding it with `claim`."""

    checkout: Checkout
    claim: str
    phone: str
    id_number: str


@dataclass
class World:
    """A filled installation, and what is left open in it for the measured paths to finish."""

    folder: Path
    house: Installation
    bank: SandboxKeyBank
    caller: Caller
    to_sign: list[tuple[Applicant, str]] = field(default_factory=list)
    to_decide: list[Applicant] = field(default_factory=list)
    opened: list[Applicant] = field(default_factory=list)
    deductions: list[str] = field(default_factory=list)

    @property
    def database(self) -> Path:
        """The file; copy it after `close`."""
        return self.folder / "base.sqlite"

    @property
    def deps(self) -> Deps:
        """The services' outside."""
        return self.house.deps

    def storage(self, engine: Engine) -> SqlStorage:
        """Return storage with this installation's keys on another engine."""
        return SqlStorage(engine, KeyRing.open(wrapping_keys(self.folder), KEYS["index"]), self.deps.ids.new)

    def close(self) -> None:
        """Write everything into the one file."""
        self.house.engine.close()

    def callback(self, deduction: Mapping[str, Any]) -> tuple[str, bytes]:
        """Return event id and body of a deduction's success; `sign_callback` adds what is sent with them."""
        asked = {
            "reference": deduction["id"], "mandate_reference": deduction["mandate_id"],
            "amount_minor": deduction["amount_minor"], "currency": deduction["currency"],
            "outcome": "succeeded", "code": "",
        }  # fmt: skip
        (row,) = callback_rows(
            GATEWAY_ACCOUNT, lambda _: deduction["id"][-24:], asked, account_of("pays", 0),
            self.house.clock.now(), Delays(0, 0, 0),
        )  # fmt: skip
        return row["event_id"], row["body"].encode()

    def sign_callback(self, event_id: str, body: bytes, at: datetime) -> dict[str, str]:
        """Return the headers of a callback that is sent at a time."""
        return signed_headers(ensure_signing_key(str(bank_key(self.folder))), event_id, body, at)


def bank_key(folder: Path) -> Path:
    """Return where the sandbox bank's key of an installation lies."""
    return folder / "state" / "sandbox-bank.pem"


def wrapping_keys(folder: Path) -> Path:
    """Return where the wrapping keys of an installation lie."""
    return folder / "state" / "wrapping-keys.json"


def new_world(folder: Path, now: datetime) -> World:
    """Return an empty installation in a folder, with one merchant and five plans, at a given time."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    for name, key in KEYS.items():
        (state / f"{name}.key").write_bytes(key)
    engine = open_engine(f"sqlite:///{folder / 'base.sqlite'}")
    engine.migrate()
    house = build(engine, state / "authority", wrapping_keys(folder))
    house.clock.pass_(seconds=(now - house.clock.now()).total_seconds())
    with house.deps.storage.unit_of_work() as uow:
        for plan in MORE_PLANS:
            merchants.put_plan(uow, house.deps, house.caller, plan)
    bank = SandboxKeyBank(bank_key(folder))
    # A benchmark collects at whatever hour it is run, and sells as much as it likes within one.
    house.deps = replace(
        house.deps,
        bank=bank,
        collection_hours=CollectionHours.parse("00:00-24:00"),
        codes_per_hour=10**9,
    )
    return World(folder, house, bank, house.caller)


def fill(world: World, *, checkouts_made: int, to_sign: int, to_decide: int, opened: int, loans: int) -> None:
    """Make checkouts nobody opened, and people at each step; every loan has one deduction at the bank."""
    add_checkouts(world, checkouts_made)
    _one_document(world)
    sell_all(world, loans)
    _collect(world)
    people = _applicants(world, to_sign + to_decide + opened, first=loans)
    world.opened = people[:opened]
    world.to_decide = people[opened : opened + to_decide]
    for applicant in world.to_decide:
        _verify(world, applicant)
    world.to_sign = _up_to_the_code(world, people[opened + to_decide :])


def sell_all(world: World, count: int, first: int = 0) -> None:
    """Make whole sales, from the QR to the signature."""
    for applicant, digits in _up_to_the_code(world, _applicants(world, count, first)):
        signing.sign(world.deps, applicant.checkout.token, applicant.claim, digits)


def add_checkouts(world: World, count: int) -> None:
    """Make checkouts, many a commit."""
    made = 0
    while made < count:
        with world.deps.storage.unit_of_work() as uow:
            for _ in range(min(CHECKOUTS_A_COMMIT, count - made)):
                checkouts.create_checkout(uow, world.deps, world.caller, draft(f"order-{made}"))
                made += 1


def draft(reference: str) -> dict[str, Any]:
    """Return a checkout as a merchant asks for it."""
    return {
        "amount": AMOUNT, "reference": reference, "description": "自行车", "return_url": "https://shop.example/back",
        "plan_ids": None, "store_id": None, "till_id": None, "capture": "automatic", "expires_in_seconds": 48 * 3600,
        "language": None, "metadata": {"cart": "c-1001"},
    }  # fmt: skip


def _applicants(world: World, count: int, first: int = 0) -> list[Applicant]:
    people = []
    for number in range(first, first + count):
        with world.deps.storage.unit_of_work() as uow:
            made = checkouts.create_checkout(uow, world.deps, world.caller, draft(f"sale-{number}"))
        claim = f"phone-{number:026}"
        claims.open_link(world.deps, made.token, claim)
        people.append(Applicant(made, claim, f"+86138{number:08}", id_number(number)))
    return people


def id_number(number: int) -> str:
    """Return a valid id number (GB 11643) of an adult, another for each number below five million."""
    serial, days = divmod(number, ADULT_DAYS)
    digits = f"110101{date(1970, 1, 1) + timedelta(days=days):%Y%m%d}{serial + 1:03}"
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(digits))
    return digits + "10X98765432"[total % 11]


def _last_code(world: World) -> str:
    found = CODE.search(world.house.sms.messages[-1][2])
    assert found is not None
    return found.group()


def _verify(world: World, applicant: Applicant) -> None:
    deps, token = world.deps, applicant.checkout.token
    codes.send_phone_code(deps, token, applicant.claim, applicant.phone)
    codes.check_phone_code(deps, token, applicant.claim, _last_code(world))
    world.house.sms.messages.clear()


def _up_to_the_code(world: World, people: list[Applicant]) -> list[tuple[Applicant, str]]:
    """Take each to the page that asks for the signing code; return them with their codes."""
    deps = world.deps
    for each in people:
        token = each.checkout.token
        _verify(world, each)
        approval.apply(
            deps, token, each.claim, name="王小明", id_number=each.id_number, consents=approval.CONSENTS
        )
        accounts = choosing.choices(deps, token, each.claim).accounts
        choosing.prepare_agreement(deps, token, each.claim, plan_id="p12", account_token=accounts[0].token)
    world.house.clock.pass_(seconds=10)
    ready = []
    for each in people:
        signing.send_signing_code(deps, each.checkout.token, each.claim)
        ready.append((each, _last_code(world)))
        world.house.sms.messages.clear()
    return ready


def _one_document(world: World) -> None:
    """Render and sign one agreement for real, and let that serve for all."""
    caught: list[tuple[bytes, bytes]] = []
    deps = world.deps

    class Catching(OneDocument):
        def __init__(self) -> None:
            super().__init__(b"", b"")

        def render(self, terms: Mapping[str, Any], *, language: str) -> bytes:
            shown = deps.renderer.render(terms, language=language)
            at = datetime.now(UTC)
            caught.append(
                (shown, deps.signer.sign(shown, agreement_id="agr_one", signer="王小明", signed_at=at))
            )
            return shown

    world.house.deps = replace(deps, renderer=Catching())
    _up_to_the_code(world, _applicants(world, 1, first=9_999))
    document = OneDocument(*caught[0])
    world.house.deps = replace(deps, renderer=document, signer=document)


def _collect(world: World) -> None:
    """Let a month pass, request every installment that is due, and hand the deductions to the bank."""
    with world.deps.storage.unit_of_work() as uow:
        advance_clock(uow, world.deps, world.caller, months=1)
    while request_due(world.deps, world.caller.merchant_id):
        pass
    while ask_bank(world.deps):
        pass
    world.deductions = [
        row["id"] for row in world.house.rows("SELECT id FROM deductions WHERE status = 'pending'")
    ]
