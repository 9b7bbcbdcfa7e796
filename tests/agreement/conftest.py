"""Terms that every agreement test starts from, and the slow parts made once."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fenqi.finance import Money, Plan
from fenqi.offers import Offer, quote

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.consumer import Consumer, Person
from merchant_server.domain.deduction import Mandate, MandateStatus
from merchant_server.domain.merchant import Merchant
from merchant_server.providers.agreement.authority import Authority
from merchant_server.providers.agreement.renderer import TypstRenderer
from merchant_server.providers.agreement.signer import PadesSigner
from merchant_server.services.sale.disclosing import sheet_of
from merchant_server.services.sale.terms import agreement_terms

SIGNED_AT = datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC)


def yuan(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "CNY"}


CURRENCIES = {"CN": "CNY", "EU": "EUR", "UK": "GBP", "US": "USD"}
CHARGED: dict[str, Any] = {
    "annual_rate": "0.12",
    "down_payment_rate": "0.2",
    "up_front_fee_rate": "0.005",
    "installment_fee_minor": 100,
    "early_settlement_fee_rate": "0.01",
    "penalty_annual_rate": "0.18",
}


def sample_offer(pack: str = "CN", installments: int = 12, **terms: Any) -> Offer:
    """A sale of 4,999.00 in the pack's currency, with every kind of cost unless other terms are given."""
    plan = Plan(id="p12", installments=installments, disclosure=pack, **(terms or CHARGED))
    (offer,) = quote(Money(499_900, CURRENCIES[pack]), [plan], on=date(2026, 11, 21))
    return offer


def sample_terms(language: str = "zh-CN", offer: Offer | None = None) -> dict[str, Any]:
    """The terms of an agreement as the service draws them up."""
    offer = offer or sample_offer()
    sold_at = datetime(2026, 11, 21, 9, tzinfo=UTC)
    place = {"UK": "GB", "EU": "DE"}.get(offer.plan.disclosure, offer.plan.disclosure)
    merchant = Merchant(
        "mer_1", "青禾数码", "杭州青禾数码科技有限公司", "electronics", offer.amount.currency, "Asia/Shanghai", 60,
        sold_at, place,
    )  # fmt: skip
    checkout = Checkout(
        id="chk_01jd8k1m2n3p4q5r6s7t8v9w0x", merchant_id=merchant.id, mode="test", status=CheckoutStatus.OFFERED,
        version=1, token="t" * 26, amount=offer.amount, reference="order-1001",
        description="星河 X5 手机（12GB+256GB，曜石黑）一台", return_url=None, plan_ids=("p12",), store_id=None,
        till_id=None, capture_method="automatic", language=language, created_at=sold_at, expires_at=sold_at,
        captured=Money(0, offer.amount.currency), voided=Money(0, offer.amount.currency),
    )  # fmt: skip
    person = Person("欧阳祎喆", "330106199001010017", "13812345678", date(1990, 1, 1))
    mandate = Mandate(
        id="mnd_01jd8k2v4t9w6x3y5z7a8b9c0f", merchant_id=merchant.id, mode="test", checkout_id=checkout.id,
        consumer_id="con_1", status=MandateStatus.PENDING, version=1, gateway_account="gate", account_token="acc",
        account_label="工商银行 储蓄卡 (尾号 6222)", cap=offer.amount, created_at=sold_at,
    )  # fmt: skip
    return agreement_terms(
        agreement_id="agr_01jd8k2v4t9w6x3y5z7a8b9c0d",
        loan_id="loan_01jd8k2v4t9w6x3y5z7a8b9c0e",
        checkout=checkout,
        merchant=merchant,
        store_name="西湖银泰店",
        consumer=Consumer("con_1", person, sold_at),
        offer=offer,
        sheet=sheet_of(offer, merchant, "示例消费金融有限公司", language),
        mandate=mandate,
        today=date(2026, 11, 21),
        lender_name="示例消费金融有限公司",
        policy_version="standard-2026.11",
    )


@pytest.fixture
def make_terms() -> Callable[..., dict[str, Any]]:
    """Return fresh terms, which a test may spoil."""

    def make(language: str = "zh-CN", **changes: Any) -> dict[str, Any]:
        return sample_terms(language) | changes

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


@pytest.fixture
def real_documents() -> bool:
    """Agreements as they are: what these tests look at."""
    return True
