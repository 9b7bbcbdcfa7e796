"""Every published magic value is walked against the running sandbox: it does what its line in the table says."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from fenqi.finance.money import Money
from stdnum.cn import ric

from merchant_server import ports
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.bureau import HttpBureauProvider
from merchant_server.providers.http import JsonService
from merchant_server.providers.identity import HttpIdentityProvider
from merchant_server.providers.sandbox.app import SandboxServer
from merchant_server.providers.sandbox.magic import ACCOUNTS, AMOUNTS, PAYOUT_ACCOUNTS, PEOPLE, PHONES
from merchant_server.providers.sandbox.settings import GATEWAY_ACCOUNT, SandboxSettings, key_ring
from merchant_server.providers.sms import HttpSmsSender
from tests.fakes.receiver import Receiver
from tests.providers.world import NAME, ORDINARY, PHONE, _read_inbox, ref

CAP = Money(50_000, "CNY")
PAID, NO, BUSY, LIMIT = "succeeded", "insufficient_funds", "bank_busy", "daily_limit"
CLOSED = "account_closed"
# Account: the outcomes of its deductions in order, and how the callbacks of the first one are judged.
WALKS: dict[str, tuple[list[str], list[str]]] = {
    "0001": ([PAID], ["succeeded"]),
    "0002": ([NO, NO, PAID], ["failed"]),
    "0003": ([PAID], ["succeeded"]),
    "0004": ([PAID], ["succeeded"] * 3),
    "0005": ([CLOSED] * 2, ["failed"]),
    "0006": ([PAID], ["succeeded", "reversed"]),
    "0007": ([NO, PAID], ["failed"]),
    "0008": ([NO] * 5 + [PAID], ["failed"]),
    "0009": ([NO] * 7, ["failed"]),
    "0010": ([BUSY, PAID], ["failed"]),
    "0011": ([LIMIT, PAID], ["failed"]),
    "0012": ([BUSY] * 4, ["failed"]),
    "0013": (["account_frozen"], ["failed"]),
    "0014": (["amount_over_limit"], ["failed"]),
    "0015": ([PAID, CLOSED, CLOSED], ["succeeded"]),
    "0016": ([PAID], []),
    "0017": ([BUSY, NO, LIMIT, PAID], ["failed"]),
    "0018": ([PAID], ["succeeded"] * 2),
    "0019": ([PAID], ["succeeded"] * 10),
    "0020": ([PAID], ["succeeded"] * 2),
    "0021": (["reversed"], ["reversed", "succeeded"]),
    "0022": ([PAID], ["failed", "succeeded"]),
    "0023": ([PAID], ["succeeded", "failed"]),
    "0024": ([PAID], ["reversed"]),
    "0025": ([PAID], ["forged", "succeeded"]),
    "0026": ([PAID], ["forged", "succeeded"]),
    "0027": ([PAID], ["forged", "succeeded"]),
    "0028": ([PAID], ["forged", "succeeded"]),
    "0031": ([PAID], ["wrong amount", "succeeded"]),
    "0032": ([PAID], ["wrong currency", "succeeded"]),
    "0033": ([PAID], ["wrong mandate_reference", "succeeded"]),
    "0034": ([PAID], ["wrong reference", "succeeded"]),
    "0035": ([PAID], ["wrong gateway_account", "succeeded"]),
    "0036": ([PAID], ["wrong mode", "succeeded"]),
    "0037": ([PAID], ["malformed", "succeeded"]),
    "0038": ([PAID], ["malformed", "succeeded"]),
    "0041": ([PAID], ["succeeded"]),
    "0042": ([PAID], ["succeeded"]),
    "0043": ([PAID], ["succeeded"]),
    "0044": ([PAID], ["succeeded"]),
    "0045": ([BUSY, PAID], []),
    "0051": ([PAID], ["succeeded"]),
    "0052": ([PAID], ["succeeded"]),
    "0053": ([PAID], ["succeeded"]),
}
# How the first request is answered, where it is not taken on as it should be.
FIRST_ANSWER = dict.fromkeys(("0041", "0042", "0043", "0044"), "unavailable") | {"0045": "refused"}


@dataclass
class Walked:
    """What one account did: outcomes as asked for, callbacks as judged, and how the first request was answered."""

    reference: str = ""
    mandate: str = ""
    amount: Money = CAP
    first_answer: str = "taken on"
    outcomes: list[str] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    event_ids: set[str] = field(default_factory=set)


class Clients:
    """One of each client, with one patience."""

    def __init__(self, base_url: str, key: str, pem: str, patience_seconds: float) -> None:
        at: dict[str, Any] = {"base_url": base_url, "api_key": key, "read_timeout_seconds": patience_seconds}
        self.bank = HttpBank(**at, gateway_account=GATEWAY_ACCOUNT, keys=key_ring(pem))
        self.identity, self.bureau = HttpIdentityProvider(**at), HttpBureauProvider(**at)
        self.sms = HttpSmsSender(**at)


@dataclass
class Sandbox:
    """The program, and clients of it. A busy machine may be slow too: only who waits for slowness is hasty."""

    base_url: str
    key: str
    patient: Clients
    hasty: Clients
    receiver: Receiver

    def asked(self, *, slow: bool) -> Clients:
        """Return the clients for a value that may or may not be published as slow."""
        return self.hasty if slow else self.patient


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder, key = tmp_path_factory.mktemp("magic"), "key-of-the-magic-values"
    pem = str(folder / "bank.pem")
    with Receiver() as receiver:
        settings = SandboxSettings(
            str(folder / "sandbox.sqlite"), key, receiver.url, pem, callback_delay_seconds=0.01, late_seconds=0.3,
            reversal_delay_seconds=2.0, slow_answer_seconds=1.0,
        )  # fmt: skip
        with SandboxServer(settings) as server:
            patient, hasty = (Clients(server.base_url, key, pem, seconds) for seconds in (10.0, 0.4))
            yield Sandbox(server.base_url, key, patient, hasty, receiver)


def signed_mandate(sandbox: Sandbox, id_number: str, last_four: str) -> str:
    accounts = sandbox.patient.bank.accounts(name=NAME, id_number=id_number, phone=PHONE)
    (token,) = [each.token for each in accounts if f"·· {last_four}" in each.label]
    reference = ref("mnd")
    answer = sandbox.patient.bank.sign_mandate(
        reference=reference, account_token=token, name=NAME, id_number=id_number, cap=CAP
    )
    assert answer.status == "active"
    return reference


def collect(sandbox: Sandbox, mandate: str, amount: Money, *, slow: bool = False) -> tuple[str, str, str]:
    """Ask for one deduction until it is taken on or refused; return reference, first answer and outcome."""
    reference, first = ref("ded"), "taken on"
    for _ in range(3):
        try:
            sandbox.asked(slow=slow).bank.deduct(
                reference=reference, mandate_reference=mandate, amount=amount
            )
            break
        except ports.ProviderRefused as refused:
            return reference, "refused", refused.code
        except ports.ProviderUnavailable:
            first = "unavailable"
    # A reversal that is told first is true a moment after the deduction.
    time.sleep(0.02)
    found = sandbox.patient.bank.find_deduction(reference=reference)
    return reference, first, found.code or found.status


@pytest.fixture(scope="module")
def walked(sandbox: Sandbox) -> dict[str, Walked]:
    """Every account walked once; amounts are ten apart, so that even a wrong callback can be told whose it is."""
    people = {each.accounts: each.id_number for each in PEOPLE} | {"everyday": ORDINARY}
    found: dict[str, Walked] = {}
    for position, account in enumerate(ACCOUNTS):
        one = Walked(amount=Money(20_000 + 10 * position, "CNY"))
        one.mandate = signed_mandate(sandbox, people[account.group], account.last_four)
        slow = account.answer == "slow_once"
        for turn in range(len(WALKS[account.last_four][0])):
            reference, first, outcome = collect(sandbox, one.mandate, one.amount, slow=slow)
            one.outcomes.append(outcome)
            if turn == 0:
                one.reference, one.first_answer = reference, first
        found[account.last_four] = one
    wanted = sum(len(judged) for _, judged in WALKS.values())
    deadline = time.monotonic() + 20
    while sum(len(each.judged) for each in found.values()) < wanted and time.monotonic() < deadline:
        got = sandbox.receiver.next()
        judge(sandbox, got.body, got.headers, found)
    return found


def judge(sandbox: Sandbox, body: bytes, headers: dict[str, str], found: dict[str, Walked]) -> None:
    """Note a callback under the account whose first deduction it is about."""
    text = body.decode()
    owners = [
        last_four
        for last_four, each in found.items()
        if each.reference in text or (f'"minor":{each.amount.minor}}}' in text and "nobody_asked" in text)
    ]
    owner = found[owners[0]] if owners else found["0038"] if "NaN" in text else None
    if owner is None:
        return
    try:
        told = sandbox.patient.bank.authenticate(body, headers, datetime.now(UTC))
    except ports.CallbackMalformed:
        owner.judged.append("malformed")
        return
    except ports.CallbackForged:
        owner.judged.append("forged")
        return
    ours = {
        "reference": (told.reference, owner.reference),
        "mandate_reference": (told.mandate_reference, owner.mandate),
        "gateway_account": (told.gateway_account, GATEWAY_ACCOUNT),
        "mode": (told.mode, "test"),
        "currency": (told.amount.currency, owner.amount.currency),
        "amount": (told.amount.minor, owner.amount.minor),
    }
    wrong = [name for name, (theirs, right) in ours.items() if theirs != right]
    owner.judged.append(f"wrong {', '.join(wrong)}" if wrong else told.status)
    owner.event_ids.add(told.event_id)


class TestAccounts:
    """What a deduction does, and what the bank tells of it."""

    def test_every_account_has_its_walk(self) -> None:
        assert sorted(WALKS) == sorted(each.last_four for each in ACCOUNTS)

    @pytest.mark.parametrize("last_four", sorted(WALKS))
    def test_an_account_does_what_is_published(self, walked: dict[str, Walked], last_four: str) -> None:
        outcomes, judged = WALKS[last_four]
        one = walked[last_four]
        assert one.outcomes == outcomes
        assert one.judged == judged
        assert one.first_answer == FIRST_ANSWER.get(last_four, "taken on")

    def test_two_event_ids_tell_one_outcome_and_copies_share_theirs(self, walked: dict[str, Walked]) -> None:
        assert len(walked["0020"].event_ids) == 2
        assert len(walked["0019"].event_ids) == 1

    @pytest.mark.parametrize(("minor", "last_four"), sorted(AMOUNTS.items()))
    def test_a_magic_amount_behaves_like_its_account(
        self, sandbox: Sandbox, minor: int, last_four: str
    ) -> None:
        mandate = signed_mandate(sandbox, ORDINARY, "0001")
        _, _, outcome = collect(sandbox, mandate, Money(minor, "CNY"))
        assert outcome == WALKS[last_four][0][0]


class TestPeople:
    """What identity check, bureau and bank say of a person."""

    @pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.id_number)
    def test_a_person_does_what_is_published(self, sandbox: Sandbox, person: Any) -> None:
        assert ric.is_valid(person.id_number)
        self._identity(sandbox, person)
        self._bureau(sandbox, person)
        self._bank(sandbox, person)

    def _identity(self, sandbox: Sandbox, person: Any) -> None:
        asked = {"reference": ref("chk"), "name": NAME, "id_number": person.id_number, "phone": PHONE}
        if person.identity in ("slow", "down", "garbage"):
            with pytest.raises(ports.ProviderUnavailable):
                sandbox.asked(slow=person.identity == "slow").identity.check(**asked)
        else:
            assert sandbox.patient.identity.check(**asked).result == person.identity

    def _bureau(self, sandbox: Sandbox, person: Any) -> None:
        word, _, number = person.bureau.partition("_")
        if word in ("slow", "down", "garbage"):
            with pytest.raises(ports.ProviderUnavailable):
                bureau = sandbox.asked(slow=word == "slow").bureau
                bureau.report(reference=ref("bur"), id_number=person.id_number)
            return
        told = sandbox.patient.bureau.report(reference=ref("bur"), id_number=person.id_number)
        assert told.status == ("thin" if word == "thin" else "found")
        if word == "overdue":
            assert told.worst_overdue_days == int(number)
        elif word == "score":
            assert told.score == int(number)
        elif person.bureau == "shopping":
            assert told.inquiries_30d >= 20
        elif person.bureau == "over_indebted":
            assert told.debts_minor > 50_000_000
        elif word == "ordinary":
            assert told.score is not None
            assert 690 <= told.score <= 820

    def _bank(self, sandbox: Sandbox, person: Any) -> None:
        asked = {"name": NAME, "id_number": person.id_number, "phone": PHONE}
        if person.bank == "down":
            with pytest.raises(ports.ProviderUnavailable):
                sandbox.patient.bank.accounts(**asked)
            return
        accounts = sandbox.patient.bank.accounts(**asked)
        wanted = [each.label for each in ACCOUNTS if each.group == person.accounts]
        assert [each.label for each in accounts] == ([] if person.bank == "no_accounts" else wanted)
        if person.bank in ("refuses", "frozen"):
            code = {"refuses": "holder_refused", "frozen": "account_frozen"}[person.bank]
            answer = sandbox.patient.bank.sign_mandate(
                reference=ref("mnd"),
                account_token=accounts[0].token,
                name=NAME,
                id_number=person.id_number,
                cap=CAP,
            )
            assert (answer.status, answer.code) == ("refused", code)


class TestPhones:
    """What the SMS gateway does with a message."""

    @pytest.mark.parametrize(("phone", "does"), sorted(PHONES.items()))
    def test_a_phone_does_what_is_published(self, sandbox: Sandbox, phone: str, does: str) -> None:
        reference = ref("otp")
        sms = sandbox.asked(slow=does == "slow").sms

        def send() -> None:
            sms.send(reference=reference, phone=phone, text="123456")

        if does == "refused":
            with pytest.raises(ports.ProviderRefused):
                send()
        elif does in ("down", "slow", "accepted_then_down"):
            with pytest.raises(ports.ProviderUnavailable):
                send()
        else:
            send()
        inbox = [each for each in _read_inbox(sandbox.base_url, sandbox.key) if each[1] == phone]
        arrived = {"slow": 1, "accepted_then_down": 1, "delivered_twice": 2}
        assert len(inbox) == arrived.get(does, 0)


class TestPayoutAccounts:
    """What becomes of money sent to a merchant."""

    @pytest.mark.parametrize("account", PAYOUT_ACCOUNTS, ids=lambda account: account.account)
    def test_a_payout_account_does_what_is_published(self, sandbox: Sandbox, account: Any) -> None:
        asked = {"reference": ref("pyt"), "account": account.account, "amount": Money(1_000, "CNY")}
        answers, bank = [], sandbox.patient.bank
        for _ in range(2):
            try:
                answers.append(bank.pay_out(**asked).status)
            except ports.ProviderUnavailable:
                answers.append("unavailable")
        first = "pending" if account.answer == "ok" else "unavailable"
        assert answers == [first, "pending"]
        told = [bank.find_payout(reference=asked["reference"]) for _ in range(account.polls + 1)]
        assert [each.status for each in told] == ["pending"] * account.polls + [account.outcome[0]]
        assert told[-1].code == account.outcome[1]

    def test_an_account_that_is_not_listed_is_refused(self, sandbox: Sandbox) -> None:
        with pytest.raises(ports.ProviderRefused):
            sandbox.patient.bank.pay_out(
                reference=ref("pyt"), account="sandbox_0000", amount=Money(1_000, "CNY")
            )
        assert sandbox.patient.bank.find_payout(reference="pyt_nobody").status == "unknown"


def test_there_are_sixty_and_the_program_lists_them_all(sandbox: Sandbox) -> None:
    desk = JsonService(provider="desk", base_url=sandbox.base_url, api_key=sandbox.key)
    told = desk.get("magic", "v1", "values").data
    counted = {
        name: len(told[name]) for name in ("people", "accounts", "phones", "amounts", "payout_accounts")
    }
    assert counted == {
        "people": len(PEOPLE), "accounts": len(ACCOUNTS), "phones": len(PHONES), "amounts": len(AMOUNTS),
        "payout_accounts": len(PAYOUT_ACCOUNTS),
    }  # fmt: skip
    assert sum(counted.values()) >= 60
