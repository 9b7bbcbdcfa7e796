"""The whole way on the phone without scripts, and what must be told before what."""

import re
from collections.abc import Callable
from html import escape

import pytest

from merchant_server.domain.checkout import Checkout
from merchant_server.services.sale.approval import CONSENTS
from merchant_server.web.consumer.way_back import WayBack, way_back
from tests.installation import ID_NUMBER, NAME, Installation
from tests.web.consumer.phone import Phone


def test_a_consumer_buys_in_installments_with_scripts_switched_off(phone: Phone) -> None:
    assert phone.sign().headers["Location"] == f"{phone.home}/done"
    receipt = phone.get("/done").text
    assert phone.status == "captured"
    for told in (
        "签署成功",
        "¥3,999.00",
        "自行车",
        "2026年12月21日",
        "¥349.72",
        "https://store.example/orders/1001",
    ):
        assert told in receipt
    assert receipt.count("<tr>") == 13


def test_everything_that_it_costs_is_told_before_anything_personal_is_asked(phone: Phone) -> None:
    page = phone.get().text
    for told in ("小满商店", "人民路店", "小满商店有限公司", "自行车", "¥3,999.00", "示范资金方", "16:15"):
        assert told in page
    for told in ("12 × ¥355.31", "末期 ¥355.27", "12.00%", "¥264.68", "¥4,263.68", "年化综合融资成本"):
        assert told in page
    dates = re.findall(r"<td>(\d{4}年\d+月\d+日)</td>", page)
    assert len(dates) == 3 + 6 + 12
    assert dates[0] == "2026年12月21日"
    assert "<input" not in page
    assert "<form" not in page


def test_plans_are_shown_cheapest_first(phone: Phone) -> None:
    headlines = re.findall(r'plan-headline">([^<]+)<', phone.get().text)
    assert headlines == ["3 × ¥1,333.00", "6 × ¥690.02", "12 × ¥355.31"]


def test_no_consent_is_ticked_and_no_plan_or_account_is_chosen_beforehand(phone: Phone) -> None:
    phone.verify()
    assert " checked" not in phone.get("/apply").text
    phone.apply()
    assert " checked" not in phone.get("/plan").text


def test_a_grade_is_never_shown(phone: Phone) -> None:
    phone.apply()
    page = phone.get("/plan").text
    with phone.installation.deps.storage.reading() as uow:
        answered = uow.decisions.get(phone.installation.now(phone.checkout).decision_id or "")
    assert answered is not None
    assert answered[1].grade
    assert not re.search(r"grade|等级|评级", page, re.IGNORECASE)
    assert not re.search(rf">\s*{answered[1].grade}\s*<", page)


def test_the_document_is_byte_for_byte_what_is_stored_before_and_after_signing(phone: Phone) -> None:
    phone.to_sign()
    shown = phone.get("/agreement.pdf")
    phone.post("/sign", {"code": phone.installation.last_code()})
    signed = phone.get("/agreement.pdf")
    with phone.installation.deps.storage.reading() as uow:
        agreement = uow.agreements.get(phone.installation.now(phone.checkout).agreement_id or "")
    assert agreement is not None
    assert (shown.data, signed.data) == (agreement.shown_pdf, agreement.signed_pdf)
    assert shown.mimetype == signed.mimetype == "application/pdf"
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert shown.headers["Cache-Control"] == "no-store"


def test_the_disclosure_shows_the_figures_of_the_terms(phone: Phone) -> None:
    phone.apply()
    phone.choose()
    page = phone.get("/agreement").text
    with phone.installation.deps.storage.reading() as uow:
        agreement = uow.agreements.get(phone.installation.now(phone.checkout).agreement_id or "")
    assert agreement is not None
    for told in (
        "综合融资成本明示表",
        "¥197.60",
        "¥4,196.60",
        "9.00%",
    ):
        assert told in page
    sheet = agreement.terms["disclosure"]
    for text in (*sheet["statements"], *(row["value"] for part in sheet["sections"] for row in part["rows"])):
        assert page.count(escape(text)) >= 1
    assert page.count("不再收取其他与贷款相关的息费") == 1
    assert agreement.shown_sha256 in page
    assert page.count('<th scope="row">1</th>') == 1


def test_personal_data_is_in_no_address_and_in_no_cookie(phone: Phone) -> None:
    answers = [phone.verify(), phone.fill("/apply", name=NAME, id_number=ID_NUMBER, consent=["terms"])]
    answers.append(phone.fill("/apply", name=NAME, id_number=ID_NUMBER, consent=list(CONSENTS)))
    answers += [phone.choose(), phone.read()]
    for answer in answers:
        seen = f"{answer.headers.get('Location')} {answer.headers.getlist('Set-Cookie')} {answer.request.url}"
        for secret in (ID_NUMBER, NAME, "%E7%8E%8B", "13800138000"):
            assert secret not in seen


def test_a_zero_cost_plan_says_so_in_figures(
    installation: Installation, new_phone: Callable[[], Phone]
) -> None:
    phone = new_phone()
    phone.apply()
    phone.choose("p3")
    page = phone.get("/agreement").text
    assert "0.00%" in page
    assert "¥0.00" in page


def test_a_till_sale_asks_to_show_the_receipt_at_the_counter(installation: Installation) -> None:
    sale = installation.checkout(store_id=installation.store_id, till_id=installation.till_id)
    phone = Phone(installation, sale)
    phone.sign()
    page = phone.get("/done").text
    assert "请向收银员出示此页" in page
    assert 'rel="noreferrer"' not in page


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://", "http://a:x", "http://[", None],
)
def test_only_a_web_address_becomes_a_way_back(url: str | None) -> None:
    assert way_back(url) is None


def test_the_way_back_names_the_host_that_the_browser_will_really_open() -> None:
    assert way_back("https://store.example@evil.example:8443/x") == WayBack(
        "https://store.example@evil.example:8443/x", "evil.example:8443"
    )


def test_markup_in_names_is_shown_as_text(installation: Installation) -> None:
    sale: Checkout = installation.checkout(description='"><script>alert(1)</script>{{7*7}}')
    page = Phone(installation, sale).get().text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page
