"""Disputes on the person's own page and on the operators' pages: without a script, in both languages."""

import re

import pytest
from flask.testing import FlaskClient

from merchant_server.domain.checkout import Checkout
from merchant_server.web.portal.review import review_pages
from tests.disputes.disputing import (
    REVIEWER,
    RULING,
    challenged,
    contest,
    give_evidence,
    now,
    open_one,
    with_reviewer,
)
from tests.installation import Installation
from tests.privacy.people import Somebody, Visitor, repay, sell
from tests.refunds.test_refunding import refund

WHO, OTHER = Somebody(1), Somebody(2)
TOKEN = "a-portal-token-of-enough-length"


@pytest.fixture
def house(sqlite_installation: Installation) -> Installation:
    return sqlite_installation


@pytest.fixture
def portal(house: Installation) -> Installation:
    with_reviewer(house)
    house.app.register_blueprint(review_pages(house.deps, TOKEN))
    house.app.config["WTF_CSRF_ENABLED"] = False
    return house


def visitor_of(house: Installation, sold: Checkout) -> tuple[Visitor, str]:
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    return visitor, f"/loans/{sold.loan_id}"


def test_a_person_disputes_a_purchase_and_sees_what_happens_next(house: Installation) -> None:
    visitor, loan = visitor_of(house, sell(house, WHO, description="自行车"))
    assert f'href="/my{loan}/dispute"' in visitor.get(loan).text
    assert "商户有 10 天时间答复" in visitor.get(f"{loan}/dispute").text
    sent = visitor.post(f"{loan}/dispute", reason="not_received", text="一直没有收到货。", amount="1000.00")
    assert (sent.status_code, sent.headers["Location"]) == (303, f"/my{loan}?disputed=1")
    page = visitor.get(f"{loan}?disputed=1").text
    assert "争议已提交" in page and "2026年12月1日" in page and "一直没有收到货。" in page
    assert "没有收到商品 · ¥1,000.00" in page and "暂停中" in page
    assert f'href="/my{loan}/dispute"' not in page
    assert visitor.get(f"{loan}/dispute").status_code == 303
    again = visitor.post(f"{loan}/dispute", reason="other", text="Once more.")
    assert (again.status_code, "这笔购买已在争议中" in again.text) == (422, True)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"reason": "other", "text": ""}, "没有填写内容"),
        ({"reason": "other", "text": "长" * 2_001}, "内容太长"),
        ({"reason": "other", "text": "a\u202eb"}, "不可见字符"),
        ({"reason": "nonsense", "text": "x"}, "没有选择理由"),
        ({"reason": "other", "text": "x", "amount": "4000"}, "不能按这个金额"),
        ({"reason": "other", "text": "x", "amount": "-1"}, "不能按这个金额"),
        ({"reason": "other", "text": "x", "amount": "viel"}, "不能按这个金额"),
    ],
)
def test_a_form_that_is_wrong_comes_back_with_what_was_typed(
    house: Installation, form: dict[str, str], words: str
) -> None:
    visitor, loan = visitor_of(house, sell(house, WHO))
    visitor.get(f"{loan}/dispute")
    answer = visitor.post(f"{loan}/dispute", **form)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert 'role="alert"' in answer.text and form.get("amount", "") in answer.text
    assert house.rows("SELECT id FROM disputes") == []


def test_nobody_disputes_or_reads_anothers_purchase(house: Installation) -> None:
    theirs = sell(house, OTHER)
    visitor, _ = visitor_of(house, sell(house, WHO))
    visitor.get("/complaints")
    for answer in (
        visitor.get(f"/loans/{theirs.loan_id}/dispute"),
        visitor.post(f"/loans/{theirs.loan_id}/dispute", reason="other", text="x"),
    ):
        assert answer.status_code == 404
    assert house.rows("SELECT id FROM disputes") == []


def test_the_loan_page_shows_what_was_refunded_the_changed_schedule_and_money_on_its_way(
    house: Installation,
) -> None:
    sold = sell(house, WHO)
    repay(house, 1)
    refund(house, sold, 300_000)
    visitor, loan = visitor_of(house, sold)
    page = visitor.get(loan).text
    assert "您的待还金额已相应减少" in page or "正在退回" in page
    assert "还款计划的变更" in page and "商品退回" in page
    (shown,) = re.findall(r'<table class="schedule changes">.*?</table>', page, re.DOTALL)
    assert shown.count("<tr>") == 3
    refund(house, sold, 99_900)
    page = visitor.get(loan).text
    assert "正在退回" in page and "您无需操作" in page
    english = visitor.get(loan, **{"Accept-Language": "en"}).text
    assert "are being sent to" in english and "How the schedule changed" in english
    house.work()
    assert "已退回" in visitor.get(loan).text


def test_money_that_the_bank_could_not_deliver_is_said_to_wait(house: Installation) -> None:
    sold = sell(house, WHO)
    repay(house, 1)
    mandate = house.rows("SELECT mandate_id FROM loans")[0]["mandate_id"]
    house.bank._mandates[mandate].behaviour = "closed"
    refund(house, sold, 399_900)
    house.work()
    visitor, loan = visitor_of(house, sold)
    assert "银行未能将" in visitor.get(loan).text


def test_the_shops_evidence_is_shown_as_text(house: Installation) -> None:
    sold = sell(house, WHO)
    give_evidence(house, open_one(house, sold).id, "<script>alert(1)</script>")
    visitor, loan = visitor_of(house, sold)
    page = visitor.get(loan).text
    assert "&lt;script&gt;alert(1)" in page and "<script" not in page
    assert 'rel="noreferrer noopener nofollow"' in page


def signed_in(portal: Installation) -> FlaskClient:
    client = portal.client
    form = {"name": REVIEWER, "token": TOKEN, "way_on": "disputes"}
    assert client.post("/portal/sign-in", data=form).headers["Location"] == "/portal/disputes"
    return client


def test_an_operator_reads_both_sides_and_decides(portal: Installation) -> None:
    dispute = challenged(portal, sell(portal, WHO))
    client = signed_in(portal)
    assert dispute.id in client.get("/portal/disputes").text
    path = f"/portal/disputes/{dispute.id}"
    page = client.get(path).text
    assert "It never came." in page and "Signed for on Monday." in page
    assert WHO.name not in page and WHO.phone[3:] not in page
    for form in ({"outcome": "lost", "reason": "short"}, {"outcome": "maybe", "reason": RULING}):
        refused = client.post(path, data=form)
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
    assert client.post(path, data={"outcome": "lost", "reason": RULING}).status_code == 303
    assert now(portal, dispute).status.value == "lost"
    assert RULING in client.get(path).text.replace("&#39;", "'")
    assert "没有进行中的争议" in client.get("/portal/disputes", headers={"Accept-Language": "zh"}).text
    assert client.post(path, data={"outcome": "won", "reason": RULING}).status_code == 409


def test_an_undecided_answer_is_awaited_and_strangers_see_nothing(portal: Installation) -> None:
    dispute = open_one(portal, sell(portal, WHO))
    path = f"/portal/disputes/{dispute.id}"
    for address in ("/portal/disputes", path):
        answer = portal.client.get(address)
        assert answer.status_code == 401 and dispute.id not in answer.text
    assert portal.client.post(path, data={"outcome": "won", "reason": RULING}).status_code == 401
    client = signed_in(portal)
    page = client.get(path, headers={"Accept-Language": "en"})
    assert "once the merchant has answered" in page.text and '<form class="card"' not in page.text
    assert client.post(path, data={"outcome": "won", "reason": RULING}).status_code == 409
    assert client.get("/portal/disputes/dsp_none").status_code == 404
    give_evidence(portal, dispute.id)
    contest(portal, dispute.id)
    assert "default-src 'self'" in client.get(path).headers["Content-Security-Policy"]


def test_a_person_takes_a_dispute_back_after_reading_what_that_means(house: Installation) -> None:
    visitor, loan = visitor_of(house, sell(house, WHO, description="自行车"))
    assert visitor.get(f"{loan}/dispute/withdrawal").status_code == 303
    visitor.post(f"{loan}/dispute", reason="not_received", text="一直没有收到货。")
    assert f'href="/my{loan}/dispute/withdrawal"' in visitor.get(loan).text
    asked = visitor.get(f"{loan}/dispute/withdrawal").text
    assert "确定撤回争议吗？" in asked and "恢复代扣" in asked
    done = visitor.post(f"{loan}/dispute/withdrawal")
    assert (done.status_code, done.headers["Location"]) == (303, f"/my{loan}?withdrawn=1")
    page = visitor.get(f"{loan}?withdrawn=1").text
    assert "争议已撤回" in page and f'href="/my{loan}/dispute"' in page
    assert visitor.post(f"{loan}/dispute/withdrawal").status_code == 303
