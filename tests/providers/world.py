"""The provider ports twice: the HTTP clients against the running sandbox, and the fakes in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import requests
from fenqi.finance.money import Money

from merchant_server import ports
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.bureau import HttpBureauProvider
from merchant_server.providers.http import JsonService
from merchant_server.providers.identity import HttpIdentityProvider
from merchant_server.providers.sandbox.app import SandboxServer
from merchant_server.providers.sandbox.magic import ACCOUNTS, PEOPLE
from merchant_server.providers.sandbox.settings import GATEWAY_ACCOUNT, SandboxSettings, key_ring
from merchant_server.providers.sms import HttpSmsSender
from tests.fakes.providers import FakeBank, FakeBureau, FakeIdentity, FakeSms
from tests.fakes.receiver import Receiver

NAME, PHONE = "张伟", "+8613800138000"
ORDINARY = "110101199003077774"
OTHER = "110101198501011239"
CAP = Money(50_000, "CNY")
AMOUNT = Money(35_531, "CNY")
MAGIC = {(field, getattr(p, field)): p.id_number for p in PEOPLE for field in ("identity", "bureau", "bank")}
_serial = count(1)


@dataclass
class World:
    """One implementation of every provider port, and a way to see the callbacks it sends."""

    bank: ports.Bank
    identity: ports.IdentityProvider
    bureau: ports.BureauProvider
    sms: ports.SmsSender
    callbacks: Callable[[str, int], list[ports.BankCallback]]
    inbox: Callable[[], list[tuple[str, str, str]]]
    pay: Callable[[str], None]


def fake_world() -> World:
    """Return a world of fakes."""
    bank, sms = FakeBank(), FakeSms()

    def callbacks(reference: str, wanted: int) -> list[ports.BankCallback]:
        now = datetime(2026, 11, 21, tzinfo=UTC)
        told = [bank.pay(reference, now)] if reference in bank.paid else bank.callbacks(reference, now)
        made = [bank.authenticate(body, headers, now) for body, headers in told]
        assert len(made) == wanted
        return made

    def pay(pay_url: str) -> None:
        bank.pay(pay_url.rpartition("/")[2])

    return World(bank, FakeIdentity(), FakeBureau(), sms, callbacks, lambda: sms.messages, pay)


def sandbox_world(folder: Path) -> Iterator[World]:
    """Run a fast sandbox with a callback receiver, for as long as the world is in use."""
    key, pem = "sandbox-key-of-this-test", str(folder / "bank.pem")
    with Receiver() as receiver:
        settings = SandboxSettings(
            database_path=str(folder / "sandbox.sqlite"),
            api_key=key,
            callback_url=receiver.url,
            signing_key_pem_path=pem,
            callback_delay_seconds=0.02,
            late_seconds=0.1,
            reversal_delay_seconds=0.05,
            slow_answer_seconds=1.0,
        )
        with SandboxServer(settings) as server:
            at = {"base_url": server.base_url, "api_key": key}
            bank = HttpBank(**at, gateway_account=GATEWAY_ACCOUNT, keys=key_ring(pem))
            seen: list[ports.BankCallback] = []

            def callbacks(reference: str, wanted: int) -> list[ports.BankCallback]:
                while sum(one.reference == reference for one in seen) < wanted:
                    got = receiver.next()
                    seen.append(bank.authenticate(got.body, got.headers, datetime.now(UTC)))
                return [one for one in seen if one.reference == reference]

            yield World(
                bank,
                HttpIdentityProvider(**at, read_timeout_seconds=0.3),
                HttpBureauProvider(**at, read_timeout_seconds=0.3),
                HttpSmsSender(**at, read_timeout_seconds=0.3),
                callbacks,
                lambda: _read_inbox(server.base_url, key),
                lambda pay_url: requests.post(pay_url, timeout=5).raise_for_status(),
            )


def _read_inbox(base_url: str, key: str) -> list[tuple[str, str, str]]:
    desk = JsonService(provider="desk", base_url=base_url, api_key=key)
    rows = desk.get("sms", "v1", "messages").data["messages"]
    return [(row["reference"], row["phone"], row["text"]) for row in rows]


def ref(prefix: str) -> str:
    return f"{prefix}_{next(_serial):06d}"


def mandate_on(world: World, behaviour: str, *, cap: Money = CAP) -> str:
    """Sign a mandate on the account with this behaviour; return its reference."""
    account = next(each for each in ACCOUNTS if each.behaviour == behaviour)
    holder = next((p.id_number for p in PEOPLE if p.accounts == account.group != "everyday"), ORDINARY)
    shown = world.bank.accounts(name=NAME, id_number=holder, phone=PHONE)
    token = next(each.token for each in shown if account.last_four in each.label)
    reference = ref("mnd")
    signed = world.bank.sign_mandate(
        reference=reference, account_token=token, name=NAME, id_number=holder, cap=cap
    )
    assert signed == ports.BankMandate(reference=reference, status="active", code="")
    return reference
