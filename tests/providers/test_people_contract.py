"""One contract for identity check, bureau and SMS gateway: the HTTP clients and the fakes alike."""

import json
import traceback

import pytest

from merchant_server import ports
from merchant_server.domain.decision import Bureau, Identity
from merchant_server.providers.bureau import HttpBureauProvider
from tests.fakes.receiver import Receiver
from tests.providers.world import MAGIC, NAME, ORDINARY, PHONE, World, ref


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
        assert self.report(world, MAGIC["bureau", "great"]).income_minor == 5_000_000
        assert thin.income_minor == 0, "not said"

    def test_ordinary_people_have_a_decent_and_stable_score(self, world: World) -> None:
        reports = [self.report(world, f"11010119900307{n:04d}") for n in range(40)]
        assert all(one.score is not None and 690 <= one.score <= 820 for one in reports)
        assert all(one.worst_overdue_days == 0 for one in reports)
        assert len({one.score for one in reports}) > 10
        assert all(2_000_000 <= one.income_minor <= 4_000_000 for one in reports)
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


GOOD_REPORT: dict[str, object] = {
    "reference": "bur_1", "status": "found", "score": 700, "debts": {"minor": 0, "currency": "CNY"},
    "worst_overdue_days": 0, "inquiries_30d": 0, "income": {"minor": 900_000, "currency": "CNY"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("income", "seen"),
    [
        ({"minor": 900_000, "currency": "CNY"}, 900_000),
        (None, 0),
        ({"minor": -1, "currency": "CNY"}, None),
        ({"minor": 900_000, "currency": "USD"}, None),
        ({"minor": 10**12 + 1, "currency": "CNY"}, None),
        ({"minor": "900000", "currency": "CNY"}, None),
        ({"minor": 900_000}, None),
        (900_000, None),
        ("missing", None),
    ],
)
def test_an_income_that_cannot_be_judged_makes_the_report_garbage(income: object, seen: int | None) -> None:
    report = {**GOOD_REPORT, "income": income}
    if income == "missing":
        del report["income"]
    with Receiver((200, json.dumps(report).encode(), {"Content-Type": "application/json"})) as receiver:
        bureau = HttpBureauProvider(base_url=f"http://127.0.0.1:{receiver.port}", api_key="key")
        if seen is not None:
            assert bureau.report(reference="dec_1", id_number="1").income_minor == seen
            return
        with pytest.raises(ports.ProviderGarbled):
            bureau.report(reference="dec_1", id_number="1")
