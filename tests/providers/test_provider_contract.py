"""One contract for every provider: the HTTP clients against the running sandbox, and the fakes in memory."""

import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from fenqi.finance.money import Money

from merchant_server import ports
from merchant_server.domain.decision import Bureau, Identity
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.bureau import HttpBureauProvider
from merchant_server.providers.http import JsonService
from merchant_server.providers.identity import HttpIdentityProvider
from merchant_server.providers.sandbox import SandboxServer, SandboxSettings, key_ring
from merchant_server.providers.sandbox.magic import ACCOUNTS, PEOPLE
from merchant_server.providers.sandbox.settings import GATEWAY_ACCOUNT
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


@pytest.fixture(scope="module", params=["sandbox", "fakes"], name="world")
def _world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if request.param == "fakes":
        yield _fakes()
    else:
        yield from _sandbox(tmp_path_factory.mktemp("sandbox"))


def _fakes() -> World:
    bank, sms = FakeBank(), FakeSms()

    def callbacks(reference: str, wanted: int) -> list[ports.BankCallback]:
        now = datetime(2026, 11, 21, tzinfo=UTC)
        made = [bank.authenticate(body, headers, now) for body, headers in bank.callbacks(reference, now)]
        assert len(made) == wanted
        return made

    return World(bank, FakeIdentity(), FakeBureau(), sms, callbacks, lambda: sms.messages)


def _sandbox(folder: Path) -> Iterator[World]:
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
            )


def _read_inbox(base_url: str, key: str) -> list[tuple[str, str, str]]:
    desk = JsonService(provider="desk", base_url=base_url, api_key=key)
    rows = desk.get("sms", "v1", "messages").data["messages"]
    return [(row["reference"], row["phone"], row["text"]) for row in rows]


def ref(prefix: str) -> str:
    return f"{prefix}_{next(_serial):06d}"


def mandate_on(world: World, behaviour: str, *, cap: Money = CAP) -> str:
    """Sign a mandate on the account with this behaviour; return its reference."""
    position = [account.behaviour for account in ACCOUNTS].index(behaviour)
    token = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)[position].token
    reference = ref("mnd")
    signed = world.bank.sign_mandate(
        reference=reference, account_token=token, name=NAME, id_number=ORDINARY, cap=cap
    )
    assert signed == ports.BankMandate(reference=reference, status="active", code="")
    return reference


class TestAccountsAndMandates:
    """Accounts belong to a holder; a mandate is signed once for each reference."""

    def test_a_holder_sees_the_same_masked_accounts_each_time(self, world: World) -> None:
        first = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)
        assert first == world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)
        assert [a.label[-40:] for a in first] == [a.label[-40:] for a in ACCOUNTS]
        assert not any(re.search(r"\d{5}", account.label) for account in first)

    def test_two_holders_share_no_token(self, world: World) -> None:
        mine = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)
        theirs = world.bank.accounts(name="李娜", id_number=OTHER, phone=PHONE)
        assert not {a.token for a in mine} & {a.token for a in theirs}

    def test_signing_again_with_the_same_reference_changes_nothing(self, world: World) -> None:
        token = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)[0].token
        terms = {"account_token": token, "name": NAME, "id_number": ORDINARY}
        reference = ref("mnd")
        first = world.bank.sign_mandate(reference=reference, cap=CAP, **terms)
        assert first == world.bank.sign_mandate(reference=reference, cap=CAP, **terms)

    def test_signing_again_with_other_terms_is_refused(self, world: World) -> None:
        token = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)[0].token
        terms = {"reference": ref("mnd"), "account_token": token, "name": NAME, "id_number": ORDINARY}
        world.bank.sign_mandate(cap=CAP, **terms)
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.sign_mandate(cap=CAP + CAP, **terms)
        assert refusal.value.code == "reference_conflict"

    def test_nobody_signs_for_another_persons_account(self, world: World) -> None:
        token = world.bank.accounts(name="李娜", id_number=OTHER, phone=PHONE)[0].token
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.sign_mandate(
                reference=ref("mnd"), account_token=token, name=NAME, id_number=ORDINARY, cap=CAP
            )
        assert refusal.value.code == "account_unknown"

    def test_the_bank_may_refuse_a_mandate_with_a_code(self, world: World) -> None:
        id_number, reference = MAGIC["bank", "refuses"], ref("mnd")
        token = world.bank.accounts(name=NAME, id_number=id_number, phone=PHONE)[0].token
        signed = world.bank.sign_mandate(
            reference=reference, account_token=token, name=NAME, id_number=id_number, cap=CAP
        )
        assert signed == ports.BankMandate(reference=reference, status="refused", code="holder_refused")

    def test_cancelling_twice_is_harmless_and_an_unknown_mandate_is_unknown(self, world: World) -> None:
        reference = mandate_on(world, "pays")
        assert world.bank.cancel_mandate(reference=reference).status == "cancelled"
        assert world.bank.cancel_mandate(reference=reference).status == "cancelled"
        assert world.bank.cancel_mandate(reference="mnd_nobody").status == "unknown"


class TestDeductions:
    """A deduction is taken on once, within its mandate, and the bank tells the truth when asked."""

    def test_a_repeated_deduction_gets_the_same_answer_and_one_effect(self, world: World) -> None:
        mandate, reference = mandate_on(world, "insufficient_twice"), ref("ded")
        terms = {"reference": reference, "mandate_reference": mandate, "amount": AMOUNT}
        first = world.bank.deduct(**terms)
        assert first == ports.BankDeduction(reference=reference, status="pending", code="", amount=AMOUNT)
        assert [world.bank.deduct(**terms) for _ in range(5)] == [first] * 5
        second = ref("ded")
        world.bank.deduct(reference=second, mandate_reference=mandate, amount=AMOUNT)
        # Had the repeats counted, the account would have paid by now.
        assert world.bank.find_deduction(reference=second).code == "insufficient_funds"

    def test_a_repeated_reference_with_another_amount_is_refused(self, world: World) -> None:
        mandate, reference = mandate_on(world, "pays"), ref("ded")
        world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT + AMOUNT)
        assert refusal.value.code == "reference_conflict"
        assert world.bank.find_deduction(reference=reference).amount == AMOUNT

    @pytest.mark.parametrize(
        ("case", "code"),
        [
            ("unknown", "mandate_unknown"),
            ("cancelled", "mandate_not_active"),
            ("cap", "over_cap"),
            ("currency", "currency_mismatch"),
            ("zero", "amount_invalid"),
            ("negative", "amount_invalid"),
        ],
    )
    def test_what_the_mandate_does_not_allow_is_refused_and_never_taken_on(
        self, world: World, case: str, code: str
    ) -> None:
        mandate, reference = mandate_on(world, "pays"), ref("ded")
        amounts = {
            "cap": CAP + Money(1, "CNY"),
            "currency": Money(100, "USD"),
            "zero": Money(0, "CNY"),
            "negative": Money(-1, "CNY"),
        }
        if case == "cancelled":
            world.bank.cancel_mandate(reference=mandate)
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.deduct(
                reference=reference,
                mandate_reference="mnd_nobody" if case == "unknown" else mandate,
                amount=amounts.get(case, AMOUNT),
            )
        assert refusal.value.code == code
        assert world.bank.find_deduction(reference=reference).status == "unknown"

    @pytest.mark.parametrize(
        ("behaviour", "told"),
        [
            ("pays", [("succeeded", "")]),
            ("insufficient_twice", [("failed", "insufficient_funds")] * 2 + [("succeeded", "")]),
            ("callback_late", [("succeeded", "")]),
            ("callback_thrice", [("succeeded", "")]),
            ("closed", [("failed", "account_closed")] * 3),
        ],
    )
    def test_asking_tells_what_the_account_is_published_to_do(
        self, world: World, behaviour: str, told: list[tuple[str, str]]
    ) -> None:
        mandate = mandate_on(world, behaviour)
        for status, code in told:
            reference = ref("ded")
            world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)
            assert world.bank.find_deduction(reference=reference) == ports.BankDeduction(
                reference=reference, status=status, code=code, amount=AMOUNT
            )


class TestCallbacks:
    """What the bank decided arrives signed, and says which row of ours it is about."""

    @pytest.mark.parametrize(
        ("behaviour", "kinds"),
        [
            ("pays", ["deduction.succeeded"]),
            ("callback_late", ["deduction.succeeded"]),
            ("callback_thrice", ["deduction.succeeded"] * 3),
            ("closed", ["deduction.failed"]),
            ("insufficient_twice", ["deduction.failed"]),
            ("reversed", ["deduction.succeeded", "deduction.reversed"]),
        ],
    )
    def test_each_account_calls_back_as_published(self, world: World, behaviour: str, kinds: list[str]) -> None:
        mandate, reference = mandate_on(world, behaviour), ref("ded")
        world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)
        came = world.callbacks(reference, len(kinds))
        assert [one.kind for one in came] == kinds
        assert len({one.event_id for one in came}) == len(set(kinds))
        for one in came:
            assert one.kind == f"deduction.{one.status}"
            assert (one.gateway_account, one.mode) == (world.bank.gateway_account, "test")
            assert (one.mandate_reference, one.amount) == (mandate, AMOUNT)

    def test_a_deduction_taken_back_is_found_as_reversed(self, world: World) -> None:
        mandate, reference = mandate_on(world, "reversed"), ref("ded")
        world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)
        world.callbacks(reference, 2)
        found = world.bank.find_deduction(reference=reference)
        assert (found.status, found.code) == ("succeeded", "reversed")


class TestIdentity:
    """The identity check says match or mismatch, or nothing that can be used."""

    def check(self, world: World, id_number: str) -> Identity:
        return world.identity.check(reference=ref("chk"), name=NAME, id_number=id_number, phone=PHONE)

    def test_an_ordinary_person_matches_and_the_magic_one_does_not(self, world: World) -> None:
        assert self.check(world, ORDINARY).result == "match"
        assert self.check(world, MAGIC["identity", "mismatch"]).result == "mismatch"
        assert self.check(world, ORDINARY).reference

    @pytest.mark.parametrize("kind", ["slow", "down", "garbage"])
    def test_no_usable_answer_is_unavailable_and_names_nobody(self, world: World, kind: str) -> None:
        with pytest.raises(ports.ProviderUnavailable) as failure:
            self.check(world, MAGIC["identity", kind])
        told = "".join(traceback.format_exception(failure.value))
        assert not any(secret in told for secret in (NAME, PHONE, MAGIC["identity", kind]))


class TestBureau:
    """The bureau's report is the same for the same person, and usually good enough to buy with."""

    def report(self, world: World, id_number: str) -> Bureau:
        return world.bureau.report(reference=ref("bur"), id_number=id_number)

    def test_the_magic_people_have_their_published_histories(self, world: World) -> None:
        assert (self.report(world, MAGIC["bureau", "great"]).score or 0) >= 850
        thin = self.report(world, MAGIC["bureau", "thin"])
        assert (thin.status, thin.score) == ("thin", None)
        assert self.report(world, MAGIC["bureau", "overdue_60"]).worst_overdue_days == 60
        assert self.report(world, MAGIC["bureau", "over_indebted"]).debts_minor > 50_000_000

    def test_ordinary_people_have_a_decent_and_stable_score(self, world: World) -> None:
        reports = [self.report(world, f"11010119900307{n:04d}") for n in range(40)]
        assert all(one.score is not None and 690 <= one.score <= 820 for one in reports)
        assert all(one.worst_overdue_days == 0 for one in reports)
        assert len({one.score for one in reports}) > 10
        again = self.report(world, "110101199003070000")
        assert (again.score, again.debts_minor) == (reports[0].score, reports[0].debts_minor)

    @pytest.mark.parametrize("kind", ["slow", "down", "garbage"])
    def test_no_usable_answer_is_unavailable_and_names_nobody(self, world: World, kind: str) -> None:
        with pytest.raises(ports.ProviderUnavailable) as failure:
            self.report(world, MAGIC["bureau", kind])
        assert MAGIC["bureau", kind] not in str(failure.value)


class TestSms:
    """A text is sent once for each reference."""

    def test_a_repeated_reference_sends_one_text(self, world: World) -> None:
        message = {"reference": ref("sms"), "phone": PHONE, "text": "【分期】验证码 471093，5 分钟内有效。"}
        for _ in range(3):
            world.sms.send(**message)
        assert world.inbox().count(tuple(message.values())) == 1

    def test_a_repeated_reference_with_another_text_is_refused(self, world: World) -> None:
        reference = ref("sms")
        world.sms.send(reference=reference, phone=PHONE, text="one")
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.sms.send(reference=reference, phone=PHONE, text="two")
        assert refusal.value.code == "reference_conflict"

    def test_a_number_that_takes_no_messages_is_refused(self, world: World) -> None:
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.sms.send(reference=ref("sms"), phone="+8619900000422", text="secret 123456")
        assert refusal.value.code == "phone_unreachable"
        assert "123456" not in str(refusal.value)

    @pytest.mark.parametrize("phone", ["+8619900000503", "+8619900000408"])
    def test_a_gateway_that_is_down_or_slow_is_unavailable(self, world: World, phone: str) -> None:
        with pytest.raises(ports.ProviderUnavailable) as failure:
            world.sms.send(reference=ref("sms"), phone=phone, text="secret 123456")
        assert "123456" not in str(failure.value) and phone not in str(failure.value)
