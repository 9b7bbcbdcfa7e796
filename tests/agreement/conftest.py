"""Terms that every agreement test starts from, and the slow parts made once."""

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from merchant_server.providers.agreement.authority import Authority
from merchant_server.providers.agreement.renderer import TypstRenderer
from merchant_server.providers.agreement.signer import PadesSigner

SIGNED_AT = datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC)


def yuan(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "CNY"}


def sample_terms(language: str = "zh-CN") -> dict[str, Any]:
    """A 12-installment sale of 4,999.00 with 1,000.00 down, one fee, and figures that agree."""
    chinese = language == "zh-CN"
    principal, interest, fee = 399_900, 26_472, 2_000
    rows, left, left_interest = [], principal, interest
    for number in range(1, 13):
        this_interest = left_interest if number == 12 else 4_000 - 326 * (number - 1)
        this_principal = left if number == 12 else 31_325 + 300 * number
        left, left_interest = left - this_principal, left_interest - this_interest
        month = (10 + number) % 12 + 1
        rows.append(
            {
                "number": number,
                "due_on": date(2026 if number == 1 else 2027, month, 21).isoformat(),
                "principal": yuan(this_principal),
                "interest": yuan(this_interest),
                "fee": yuan(0),
                "total": yuan(this_principal + this_interest),
            }
        )
    return {
        "agreement_id": "agr_01jd8k2v4t9w6x3y5z7a8b9c0d",
        "checkout_id": "chk_01jd8k1m2n3p4q5r6s7t8v9w0x",
        "loan_id": "loan_01jd8k2v4t9w6x3y5z7a8b9c0e",
        "language": language,
        "signed_on": "2026-11-21",
        "merchant": {
            "name": "青禾数码", "legal_name": "杭州青禾数码科技有限公司", "store": "西湖银泰店"
        },
        "lender": {"name": "示例消费金融有限公司"},
        "consumer": {
            "name": "欧阳祎喆", "id_number_masked": "330106********0017", "phone_masked": "138****5678"
        },
        "goods": "星河 X5 手机（12GB+256GB，曜石黑）一台",
        "amount": yuan(499_900),
        "down_payment": yuan(100_000),
        "principal": yuan(principal),
        "method": "equal_installments",
        "method_name": "等额本息" if chinese else "Equal installments",
        "annual_rate": "0.12",
        "annual_cost": "0.1318",
        "fees": [{
            "name": "服务费（签约时一次收取）" if chinese else "Service fee (once, on signing)",
            "amount": yuan(fee), "taken_by": "platform",
        }],
        "total_interest": yuan(interest),
        "total_fee": yuan(fee),
        "total_payable": yuan(100_000 + principal + interest + fee),
        "total_cost": yuan(interest + fee),
        "installments": rows,
        "mandate": {
            "bank_label": "工商银行 储蓄卡 (尾号 6222)", "reference": "mnd_01jd8k2v4t9w6x3y5z7a8b9c0f"
        },
        "penalty": {
            "text": "逾期未还的本金，自逾期次日起按日利率 0.05% 计收罚息，直至还清之日；罚息不计复利。"
            if chinese
            else "On overdue principal a penalty of 0.05% a day runs from the day after the due date "
            "until it is paid; no penalty is charged on penalties."
        },
        "disclosure": {
            "pack": "CN", "version": "2026-08",
            "statements": [
                "借款有风险，请按时还款；逾期可能影响您的个人信用记录。",
                "请根据自己的收入选择分期，避免过度负债。",
                "以上年化成本按内部收益率法以单利计算。",
            ] if chinese else [
                "Missed payments may appear on your credit record.",
                "Choose a plan that your income can bear.",
                "The yearly cost is a nominal internal rate of return.",
            ],
        },
        "policy_version": "standard-2026.11",
        "template_version": "1",
    }  # fmt: skip


@pytest.fixture
def make_terms() -> Callable[..., dict[str, Any]]:
    """Return fresh terms, which a test may spoil."""

    def make(language: str = "zh-CN", **changes: Any) -> dict[str, Any]:
        return copy.deepcopy(sample_terms(language)) | changes

    return make


@pytest.fixture(scope="session")
def renderer() -> TypstRenderer:
    return TypstRenderer()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def unsigned_pdf(renderer: TypstRenderer) -> bytes:
    return renderer.render(sample_terms("en"), language="en")


@pytest.fixture(scope="session")
def signed_pdf(authority: Authority, unsigned_pdf: bytes) -> bytes:
    return PadesSigner(authority).sign(
        unsigned_pdf, agreement_id="agr_1", signer="欧阳祎喆", signed_at=SIGNED_AT
    )
