"""A running sandbox with its callback receiver, and the calls that a test makes on it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from fenqi.finance.money import Money

from merchant_server.ports import BankCallback
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.sandbox.magic import ACCOUNTS
from merchant_server.providers.sandbox.settings import GATEWAY_ACCOUNT, SandboxSettings, key_ring
from tests.fakes.receiver import WAIT_SECONDS, Receiver

KEY = "sandbox-key-of-this-test"
HOLDER = {"name": "张伟", "id_number": "110101199003077774", "phone": "+8613800138000"}
AMOUNT = Money(35_531, "CNY")


class Desk:
    """A running sandbox with its callback receiver, and the calls that a test makes on it."""

    def __init__(self, settings: SandboxSettings, base_url: str, receiver: Receiver) -> None:
        self.base_url, self.receiver, self.settings = base_url, receiver, settings
        self.keys = key_ring(settings.signing_key_pem_path)
        self.bank = HttpBank(base_url=base_url, api_key=KEY, gateway_account=GATEWAY_ACCOUNT, keys=self.keys)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"authorization": f"Bearer {KEY}", **more.pop("headers", {})}
        return requests.request(method, self.base_url + path, headers=headers, timeout=10, **more)

    def mandate(self, behaviour: str = "pays", reference: str = "mnd_0001") -> str:
        position = [account.behaviour for account in ACCOUNTS].index(behaviour)
        token = self.bank.accounts(**HOLDER)[position].token
        terms = {"name": HOLDER["name"], "id_number": HOLDER["id_number"]}
        self.bank.sign_mandate(reference=reference, account_token=token, cap=Money(50_000, "CNY"), **terms)
        return reference

    def deduct(self, reference: str, mandate: str = "mnd_0001") -> None:
        self.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)

    def next_callback(self) -> BankCallback:
        got = self.receiver.next()
        return self.bank.authenticate(got.body, got.headers, datetime.now(UTC))

    def callback_state(self, state: str) -> dict[str, Any]:
        """Wait until some callback is in this state, and return it."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            rows = self.call("GET", "/bank/v1/ledger").json()["callbacks"]
            found[:] = [row for row in rows if row["state"] == state]
            return bool(found)

        until(look)
        return found[0]


def until(condition: Callable[[], bool]) -> None:
    """Poll a condition; fails the test when it does not come true."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.01)


def settings_in(folder: Path, callback_url: str) -> SandboxSettings:
    return SandboxSettings(
        database_path=str(folder / "sandbox.sqlite"),
        api_key=KEY,
        callback_url=callback_url,
        signing_key_pem_path=str(folder / "bank.pem"),
        callback_delay_seconds=0.01,
        late_seconds=0.1,
        reversal_delay_seconds=0.02,
        retry_first_seconds=0.01,
    )
