"""What people and machines get wrong: each refusal has words, keeps what was typed, and moves nothing."""

import ast
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import merchant_server
from merchant_server.domain.decision import Decision, Outcome
from merchant_server.services.operation.upkeep import reopen_stuck_decisions
from merchant_server.web.error_words import WORDS
from tests.installation import ID_NUMBER, NAME, Installation
from tests.web.consumer.phone import Phone

CONSENTS = ["identity_check", "credit_report", "terms"]
MISMATCH, BUREAU_DOWN, OVERDUE, NO_MANDATE = (
    "110101199003079104", "110101199003079251", "110101199003079227", "110101199003079307",
)  # fmt: skip


@pytest.mark.parametrize(
    "number", ["", "123", "010-12345678", "99999999999", "<b>", "1" * 300, "+1 not a number"]
)
def test_a_wrong_number_is_refused_beside_its_field(phone: Phone, number: str) -> None:
    answer = phone.fill("/phone", phone=number)
    assert answer.status_code == 422
    assert "这不是有效的手机号" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert phone.installation.sms.messages == []


def test_the_fourth_code_in_ten_minutes_is_refused_with_the_limit(phone: Phone) -> None:
    for _ in range(3):
        assert phone.fill("/phone", phone="13800138000").status_code == 303
    refused = phone.fill("/phone", phone="13800138000")
    assert refused.status_code == 429
    assert "十分钟" in refused.text
    assert len(phone.installation.sms.messages) == 3


def test_a_text_message_that_cannot_be_sent_is_said_and_may_be_tried_again(phone: Phone) -> None:
    answer = phone.fill("/phone", phone="+8619900000503")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "短信发送失败" in answer.text
    assert phone.fill("/phone", phone="13800138000").status_code == 303


def test_five_wrong_codes_end_a_code(phone: Phone) -> None:
    phone.fill("/phone", phone="13800138000")
    right = phone.installation.last_code()
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        answer = phone.fill("/code", code=wrong)
        assert (answer.status_code, "验证码不正确" in answer.text) == (422, True)
    answer = phone.fill("/code", code=right)
    assert answer.status_code == 422
    assert "输错五次" in answer.text


def test_a_code_that_was_never_sent_is_asked_for(phone: Phone) -> None:
    assert "请先获取验证码" in phone.fill("/code", code="123456").text


def test_a_code_typed_with_spaces_is_right(phone: Phone) -> None:
    phone.fill("/phone", phone="13800138000")
    digits = phone.installation.last_code()
    assert phone.fill("/code", code=f" {digits[:3]} {digits[3:]} ").status_code == 303


def test_the_right_phone_code_sent_twice_goes_on(phone: Phone) -> None:
    phone.fill("/phone", phone="13800138000")
    phone.get("/code")
    code = {"code": phone.installation.last_code()}
    assert [phone.post("/code", code).headers["Location"] for _ in range(2)] == [f"{phone.home}/apply"] * 2


@pytest.mark.parametrize("missing", CONSENTS)
def test_each_consent_is_needed_and_the_form_keeps_what_was_typed(phone: Phone, missing: str) -> None:
    phone.verify()
    answer = phone.fill(
        "/apply", name=NAME, id_number=ID_NUMBER, consent=[c for c in CONSENTS if c != missing]
    )
    assert answer.status_code == 422
    assert f'value="{NAME}"' in answer.text
    assert f'value="{ID_NUMBER}"' in answer.text
    assert answer.text.count(" checked") == 2
    assert re.search(rf'id="consent-{missing}"[^>]*aria-invalid="true"', answer.text)
    assert phone.status == "opened"


@pytest.mark.parametrize(
    ("name", "id_number", "told"),
    [
        ("", ID_NUMBER, "这不是有效的姓名"),
        ("12", ID_NUMBER, "这不是有效的姓名"),
        (NAME, "", "身份证号不正确"),
        (NAME, "110101199003077652", "身份证号不正确"),
        (NAME, "110101199013077651", "身份证号不正确"),
        (NAME, "6222020200112233445", "身份证号不正确"),
    ],
)
def test_a_wrong_name_or_id_number_is_refused(phone: Phone, name: str, id_number: str, told: str) -> None:
    phone.verify()
    answer = phone.fill("/apply", name=name, id_number=id_number, consent=CONSENTS)
    assert answer.status_code == 422
    assert told in answer.text
    assert phone.status == "opened"


@pytest.mark.parametrize(
    ("plan", "account", "told"),
    [
        ("", "", "尚未选择分期方案"),
        ("p99", "x", "尚未选择分期方案"),
        ("p12", "", "尚未选择银行账户"),
        ("p12", "ba_other", "尚未选择银行账户"),
    ],
)
def test_a_choice_that_was_not_offered_is_refused(phone: Phone, plan: str, account: str, told: str) -> None:
    phone.apply()
    answer = phone.fill("/plan", plan_id=plan, account_token=account)
    assert answer.status_code == 422
    assert told in answer.text
    assert phone.status == "offered"


def test_a_price_in_the_form_changes_nothing(phone: Phone) -> None:
    """Amounts, rates and terms come from the server's own offer."""
    phone.apply()
    phone.hidden |= {"amount": "1", "annual_rate": "0", "installments": "1", "total_payable": "1"}
    phone.choose()
    page = phone.get("/agreement").text
    assert "¥3,999.00" in page
    assert "9.00%" in page


def test_a_decline_says_why_and_what_would_change_it(phone: Phone) -> None:
    assert phone.apply(OVERDUE).headers["Location"] == f"{phone.home}/decision"
    page = phone.get("/decision").text
    for told in (
        "本次未能通过",
        "逾期 60 天",
        "提出异议",
        "其他方式",
        "人工复核",
        "https://store.example/orders/1001",
    ):
        assert told in page
    assert "dec_" in page


def test_a_referral_says_what_happens_next(phone: Phone) -> None:
    phone.apply(BUREAU_DOWN)
    page = phone.get("/decision").text
    assert "需要人工审核" in page
    assert "暂时无法取得征信报告" in page


def test_a_fraud_rule_is_never_named(installation: Installation) -> None:
    class Blocks:
        name, version, document = "test", "test@1", "{}"

        def decide(self, features: object) -> Decision:
            return Decision(Outcome.DECLINE, "", 0, Decimal(0), ("fraud_blocked",), self.version)

    installation.deps = replace(installation.deps, policy=Blocks())
    phone = Phone(installation, installation.checkout())
    phone.apply()
    page = phone.get("/decision").text
    assert "本次申请未能通过" in page
    assert not re.search("fraud|拦截|名单|风控", page)


def test_a_bank_that_is_down_gives_a_page_to_try_again_from(phone: Phone) -> None:
    phone.apply()
    phone.installation.bank.down = True
    answer = phone.get("/plan")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert f'href="{phone.home}/plan"' in answer.text
    phone.installation.bank.down = False
    assert phone.get("/plan").status_code == 200


def test_an_account_that_the_bank_refuses_leads_back_to_the_accounts(phone: Phone) -> None:
    phone.apply(NO_MANDATE)
    phone.choose()
    phone.read()
    answer = phone.fill("/sign", code=phone.installation.last_code())
    assert answer.status_code == 422
    assert "银行不允许从该账户代扣" in answer.text
    assert f'href="{phone.home}/plan"' in answer.text
    assert phone.status == "signing"


def test_a_name_that_the_document_cannot_print_is_said_before_anything_is_signed(phone: Phone) -> None:
    phone.apply(name="王\U0002a6a5")
    answer = phone.choose()
    assert answer.status_code == 422
    assert "agreement_unprintable" in answer.text
    assert "生僻字" in answer.text
    assert phone.status == "offered"


def test_a_mistake_of_ours_is_a_page_with_a_number_and_logs_no_personal_data(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def check(self, **asked: str) -> None:
            raise KeyError(f"{asked['name']} {asked['id_number']}")

    installation.deps = replace(installation.deps, identity=Broken())  # type: ignore[arg-type]
    phone = Phone(installation, installation.checkout())
    answer = phone.apply()
    assert answer.status_code == 500
    assert re.search(r"req_[0-9a-z]{26}", answer.text)
    assert "internal" in answer.text
    assert "KeyError" in caplog.text
    assert ID_NUMBER not in caplog.text + answer.text
    assert NAME not in caplog.text + answer.text
    assert phone.checkout.token not in caplog.text


def test_a_decision_that_was_cut_off_waits_and_then_starts_again(installation: Installation) -> None:
    class Broken:
        def check(self, **asked: str) -> None:
            raise KeyError

    working = installation.deps
    installation.deps = replace(working, identity=Broken())  # type: ignore[arg-type]
    phone = Phone(installation, installation.checkout())
    phone.apply()
    waiting = phone.get()
    assert waiting.headers["Location"] == f"{phone.home}/decision"
    page = phone.get("/decision").text
    assert "正在审批" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "data-wait" in page
    installation.clock.pass_(seconds=31)
    assert reopen_stuck_decisions(working) == 1
    assert phone.get("/decision").headers["Location"] == phone.home
    assert phone.get("/apply").status_code == 200


def test_every_refusal_on_the_way_has_words_of_its_own() -> None:
    """A code that services or domain raise on this path, and that the table lacks, would show only general words."""
    root = Path(merchant_server.__file__).parent
    steps = ("claims", "codes", "approval", "choosing", "signing")
    files = [root / "services" / "sale" / f"{name}.py" for name in steps]
    files += [root / "domain" / f"{name}.py" for name in ("agreement", "code", "consumer")]
    raised = {
        word.value.value
        for file in files
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == "code" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
    }
    assert "code_wrong" in raised
    assert raised - set(WORDS) == set()
