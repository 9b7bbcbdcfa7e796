"""A person's own page over HTTP: the way in, what is shown, what can be done, and what others cannot reach."""

import json
import re

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.deduction import MandateStatus
from merchant_server.domain.my_visit import IDLE_SECONDS, LONGEST_SECONDS
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.services.collection.booking import receive
from merchant_server.services.operation.merchants import put_plan
from tests.installation import Installation
from tests.privacy.people import Somebody, Visitor, apply, repay, sell

WHO, OTHER = Somebody(1), Somebody(2)


@pytest.fixture
def house(sqlite_installation: Installation) -> Installation:
    return sqlite_installation


def test_the_way_in_is_a_code_and_the_end_of_the_id_number(house: Installation) -> None:
    sell(house, WHO, description="自行车")
    page = Visitor(house, WHO).sign_in()
    assert page.status_code == 200
    assert "自行车" in page.text and "¥3,999.00" in page.text
    assert WHO.name not in page.text and WHO.phone[3:] not in page.text and WHO.id_number not in page.text


def test_an_unknown_number_is_answered_like_a_known_one(house: Installation) -> None:
    sell(house, WHO)
    answers = []
    for who in (WHO, Somebody(77)):
        visitor = Visitor(house, who)
        visitor.get()
        sent = visitor.post("/phone", phone=who.phone)
        shown = visitor.get("/code")
        wrong = visitor.post("/code", code="12", id_number_end="1234")
        clean = [re.sub(r'value="[^"]{20,}"', "", page.text) for page in (sent, shown, wrong)]
        answers.append((sent.status_code, shown.status_code, wrong.status_code, clean))
    assert answers[0] == answers[1]
    assert len(house.sms.messages) >= 2


@pytest.mark.parametrize("end", ["", "0000", "99999", "****", "'; --", "X" * 10_000, "\x00"])
def test_a_wrong_end_of_the_id_number_lets_nobody_in_and_uses_the_code_up(
    house: Installation, end: str
) -> None:
    sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.get()
    visitor.post("/phone", phone=WHO.phone)
    visitor.get("/code")
    refused = visitor.post("/code", code=house.last_code(), id_number_end=end)
    assert (refused.status_code, "没有对应的记录" in refused.text) == (422, True)
    again = visitor.post("/code", code=house.last_code(), id_number_end=WHO.id_number[-4:])
    assert again.status_code == 422
    assert visitor.get("/data").status_code == 303


def test_five_wrong_codes_end_the_code(house: Installation) -> None:
    sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.get()
    visitor.post("/phone", phone=WHO.phone)
    visitor.get("/code")
    right = house.last_code()
    for _ in range(5):
        assert (
            visitor.post("/code", code="000000" if right != "000000" else "1", id_number_end="1").status_code
            == 422
        )
    assert visitor.post("/code", code=right, id_number_end=WHO.id_number[-4:]).status_code == 422


def test_who_applied_in_anothers_name_gets_nothing_of_theirs(house: Installation) -> None:
    """The identity check said that number and person do not belong together: such a number opens no page."""
    from merchant_server.domain.decision import Identity

    victim = sell(house, WHO)
    thief = Somebody(50)

    class Mismatch:
        def check(self, **named: str) -> Identity:
            return Identity("mismatch")

    from dataclasses import replace

    honest, house.deps = house.deps, replace(house.deps, identity=Mismatch())

    class Stolen(Somebody):
        @property
        def id_number(self) -> str:
            return WHO.id_number

    tried = apply(house, Stolen(50))
    house.deps = honest
    assert tried.consumer_id == victim.consumer_id
    visitor = Visitor(house, thief)
    visitor.get()
    visitor.post("/phone", phone=thief.phone)
    visitor.get("/code")
    assert visitor.post("/code", code=house.last_code(), id_number_end=WHO.id_number[-4:]).status_code == 422


def test_two_people_on_one_number_see_each_their_own(house: Installation) -> None:
    class Same(Somebody):
        @property
        def phone(self) -> str:
            return WHO.phone

    mine, theirs = sell(house, WHO, description="自行车"), sell(house, Same(2), description="冰箱")
    house.clock.pass_(days=1)
    page = Visitor(house, WHO).sign_in().text
    assert mine.loan_id in page and theirs.loan_id not in page
    page = Visitor(house, Same(2)).sign_in().text
    assert theirs.loan_id in page and mine.loan_id not in page


def test_the_cookie_changes_when_somebody_comes_in_and_the_old_one_is_worth_nothing(
    house: Installation,
) -> None:
    sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.get()
    visitor.post("/phone", phone=WHO.phone)
    before = visitor.client.get_cookie("fenqi_my")
    visitor.get("/code")
    answer = visitor.post("/code", code=house.last_code(), id_number_end=WHO.id_number[-4:])
    after = visitor.client.get_cookie("fenqi_my")
    assert before and after and before.value != after.value
    assert "HttpOnly" in answer.headers["Set-Cookie"] and "SameSite=Lax" in answer.headers["Set-Cookie"]
    stranger = house.client
    stranger.set_cookie("fenqi_my", before.value)
    assert stranger.get("/my/data").status_code == 303
    assert after.value not in str(house.rows("SELECT * FROM my_visits"))


@pytest.mark.parametrize("idle", [True, False])
def test_the_page_closes_when_idle_and_after_hours_in_any_case(house: Installation, idle: bool) -> None:
    sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    if idle:
        house.clock.pass_(seconds=IDLE_SECONDS - 1)
        assert visitor.get("/data").status_code == 200
        house.clock.pass_(seconds=IDLE_SECONDS)
    else:
        for _ in range(LONGEST_SECONDS // 600 - 1):
            house.clock.pass_(seconds=600)
            assert visitor.get("/data").status_code == 200
        house.clock.pass_(seconds=600)
    assert visitor.get("/data").headers["Location"] == "/my?over=1"
    assert "没有任何更改" in visitor.get("?over=1").text


def test_leaving_ends_the_visit_on_the_server(house: Installation) -> None:
    sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    kept = visitor.client.get_cookie("fenqi_my")
    assert kept
    visitor.post("/leave")
    stranger = house.client
    stranger.set_cookie("fenqi_my", kept.value)
    assert stranger.get("/my/data").status_code == 303
    assert house.rows("SELECT * FROM my_visits") == []


def test_a_form_of_another_site_and_one_without_its_token_change_nothing(house: Installation) -> None:
    sold = sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    path = f"/my/loans/{sold.loan_id}/mandate"
    assert visitor.client.post(path).status_code == 400
    foreign = visitor.client.post(path, data=visitor.hidden, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert house.rows("SELECT status FROM mandates")[0]["status"] == "active"


def test_nothing_of_another_person_is_reachable(house: Installation) -> None:
    """Every address that names a thing, with another person's thing and with one that does not exist."""
    mine, theirs = sell(house, WHO), sell(house, OTHER)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    before = house.rows("SELECT * FROM mandates ORDER BY id"), house.rows("SELECT * FROM complaints")
    for loan_id, agreement_id in (
        (theirs.loan_id, theirs.agreement_id),
        ("loan_nosuch", "agr_nosuch"),
        (mine.agreement_id, mine.loan_id),
        (theirs.consumer_id, theirs.decision_id),
    ):
        answers = [
            visitor.get(f"/loans/{loan_id}"),
            visitor.get(f"/agreements/{agreement_id}.pdf"),
            visitor.get(f"/loans/{loan_id}/mandate"),
            visitor.post(f"/loans/{loan_id}/mandate"),
            visitor.post("/complaints", text="Mine", loan=str(loan_id)),
        ]
        assert [answer.status_code for answer in answers] == [404] * 5, (loan_id, agreement_id)
        assert all(OTHER.name not in answer.text for answer in answers)
    assert (
        house.rows("SELECT * FROM mandates ORDER BY id"),
        house.rows("SELECT * FROM complaints"),
    ) == before


def test_without_a_visit_every_address_leads_to_the_way_in(house: Installation) -> None:
    sold = sell(house, WHO)
    stranger = Visitor(house, OTHER)
    stranger.get()
    for path in ("/data", "/complaints", f"/loans/{sold.loan_id}", f"/agreements/{sold.agreement_id}.pdf"):
        assert stranger.get(path).status_code == 303, path
    for path in ("/data.json", "/data.pdf", "/erasure", "/complaints", f"/loans/{sold.loan_id}/mandate"):
        assert stranger.post(path).status_code == 303, path
    assert house.rows("SELECT status FROM mandates")[0]["status"] == "active"


def test_a_visit_that_never_got_its_code_is_no_visit(house: Installation) -> None:
    sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.get()
    visitor.post("/phone", phone=WHO.phone)
    assert visitor.get("/data").status_code == 303


def test_the_agreement_is_served_byte_for_byte_as_signed(house: Installation) -> None:
    sold = sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    served = visitor.get(f"/agreements/{sold.agreement_id}.pdf")
    with house.deps.storage.reading() as uow:
        agreement = uow.agreements.get(sold.agreement_id)
    assert agreement is not None
    assert served.data == agreement.signed_pdf
    assert served.headers["Cache-Control"] == "no-store"


def test_taking_the_permission_back_stops_collection_and_tells_everybody(house: Installation) -> None:
    sold = sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    assert "下一期" in visitor.get(f"/loans/{sold.loan_id}/mandate").text
    answer = visitor.post(f"/loans/{sold.loan_id}/mandate")
    page = visitor.get(answer.headers["Location"].removeprefix("/my"))
    assert "授权已撤回" in page.text and "不再自动扣款" in page.text
    assert visitor.post(f"/loans/{sold.loan_id}/mandate").status_code == 303
    mandate = house.rows("SELECT id, status FROM mandates")[0]
    assert mandate["status"] == MandateStatus.CANCELLED
    assert house.bank.cancel_mandate(reference=mandate["id"]).status == "cancelled"
    house.advance(months=2)
    house.work()
    assert house.rows("SELECT * FROM deductions") == []
    types = [
        row["type"] for row in house.rows("SELECT type FROM events WHERE aggregate_id = :id", id=sold.loan_id)
    ]
    assert types.count("mandate.revoked") == 1
    acts = [
        row["action"] for row in house.rows("SELECT action FROM audit WHERE subject = :id", id=mandate["id"])
    ]
    assert acts == ["mandate.revoked"]
    assert "逾期" in visitor.get(f"/loans/{sold.loan_id}").text


def test_a_bank_that_is_down_does_not_keep_the_permission_alive(house: Installation) -> None:
    sold = sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get(f"/loans/{sold.loan_id}/mandate")
    house.bank.down = True
    visitor.post(f"/loans/{sold.loan_id}/mandate")
    assert "正在通知银行" in visitor.get(f"/loans/{sold.loan_id}").text
    house.advance(months=1)
    house.work()
    assert house.rows("SELECT * FROM deductions") == []
    house.bank.down = False
    house.work()
    assert house.rows("SELECT status FROM mandates")[0]["status"] == "cancelled"


def test_the_copy_has_everything_in_both_forms(house: Installation) -> None:
    sold = sell(house, WHO, description="自行车")
    repay(house, months=1)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get("/complaints")
    visitor.post("/complaints", text="The date is wrong", loan=str(sold.loan_id))
    visitor.get("/data")
    answer = visitor.post("/data.json")
    found = json.loads(answer.data)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert found["person"] == {
        "id": sold.consumer_id,
        "name": WHO.name,
        "id_number": WHO.id_number,
        "phone": WHO.phone,
        "born_on": "1988-08-08",
        "known_since": found["person"]["known_since"],
    }
    assert found["applications"][0]["consents"] == ["identity_check", "credit_report", "terms"]
    assert found["decisions"][0]["looked_at"]["bureau_score"] == 800
    assert [row["status"] for row in found["loans"][0]["installments"]] == ["paid", "scheduled", "scheduled"]
    assert found["agreements"][0]["terms"]["agreement_id"] == sold.agreement_id
    assert "Sandbox Bank" in found["mandates"][0]["account"]
    assert found["complaints"][0]["text"] == "The date is wrong"
    for language in ("zh-CN", "en"):
        visitor.get(f"?lang={language}")
        document = visitor.post("/data.pdf")
        assert document.mimetype == "application/pdf" and document.data.startswith(b"%PDF-")
    copies = house.rows("SELECT actor FROM audit WHERE action = 'person.copied'")
    assert [row["actor"] for row in copies] == [f"consumer {sold.consumer_id}"] * 3


def test_somebody_who_was_declined_sees_and_takes_along_their_data_too(house: Installation) -> None:
    from merchant_server.domain.decision import Bureau

    checkout = apply(house, WHO)
    assert checkout.loan_id is None
    house.bureau.reports[OTHER.id_number] = Bureau("found", score=300, worst_overdue_days=90)
    visitor = Visitor(house, WHO)
    assert "您没有待还的借款" in visitor.sign_in().text
    visitor.get("/data")
    assert json.loads(visitor.post("/data.json").data)["loans"] == []


def test_erasing_needs_the_box_to_be_ticked_and_says_what_is_kept(house: Installation) -> None:
    sold = sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    page = visitor.get("/data").text
    assert "有借款尚未还清" in page and str(sold.loan_id) in page
    assert visitor.post("/erasure").status_code == 422
    assert visitor.post("/erasure", sure="yes").headers["Location"] == "/my/data"
    assert "您的请求已记录" in visitor.get("/data").text
    assert house.rows("SELECT erased_at FROM consumers")[0]["erased_at"] is None


def test_a_complaint_gets_a_number_and_a_day_and_is_shown_as_text(house: Installation) -> None:
    sold = sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get("/complaints")
    visitor.post("/complaints", text="<script>alert(1)</script>\n第二行", loan=str(sold.loan_id))
    page = visitor.get("/complaints").text
    assert "&lt;script&gt;" in page and "<script>alert" not in page and "2026年12月6日" in page
    row = house.rows("SELECT * FROM complaints")[0]
    assert row["id"].startswith("cmp_") and b"alert" not in row["text_sealed"]
    for text in ("", "  \n ", "x" * 2001, "rtl \u202e mark", "nul \x00"):
        assert visitor.post("/complaints", text=text).status_code == 422, text[:10]
    for _ in range(4):
        assert visitor.post("/complaints", text="one more").status_code == 303
    assert visitor.post("/complaints", text="too many").status_code == 422
    assert len(house.rows("SELECT * FROM audit WHERE action = 'complaint.filed'")) == 5


def test_every_page_carries_the_headers_and_speaks_both_languages(house: Installation) -> None:
    sold = sell(house, WHO)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    for path in (
        "",
        "/code",
        "/data",
        "/complaints",
        f"/loans/{sold.loan_id}",
        f"/loans/{sold.loan_id}/mandate",
    ):
        for language in ("zh-CN", "en"):
            visitor.get(f"/data?lang={language}")
            page = visitor.get(path)
            assert page.status_code == 200, path
            assert f'<html lang="{language}">' in page.text
            assert page.headers["Cache-Control"] == "no-store"
            assert "default-src 'self'" in page.headers["Content-Security-Policy"]
            assert "<script" not in page.text and " style=" not in page.text


def test_a_loan_is_settled_by_the_amount_that_was_shown(house: Installation) -> None:
    sold = sell(house, WHO, plan="p12")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get(f"/loans/{sold.loan_id}")
    shown = visitor.post(f"/loans/{sold.loan_id}/settlement").headers["Location"].removeprefix("/my")
    page = visitor.get(shown)
    assert "¥3,999.00" in page.text and "提前结清手续费" in page.text
    house.advance(days=1)
    renewed = visitor.post(shown)
    assert "renewed=quote_lapsed" in renewed.headers["Location"]
    page = visitor.get(renewed.headers["Location"].removeprefix("/my"))
    assert "该金额的有效日已过" in page.text
    fresh = renewed.headers["Location"].removeprefix("/my").partition("?")[0]
    assert visitor.post(fresh).headers["Location"].endswith("?paying=1")
    assert "付款正在处理" in visitor.get(f"/loans/{sold.loan_id}?paying=1").text
    house.work()
    page = visitor.get(f"/loans/{sold.loan_id}?paying=1")
    assert "已全部还清" in page.text
    # What was given back is not shown as if it had been paid.
    with house.deps.storage.reading() as uow:
        loan = uow.loans.get(str(sold.loan_id))
    assert loan is not None and loan.paid < loan.total_payable
    assert f"共 ¥{loan.paid.minor // 100:,}.{loan.paid.minor % 100:02d}" in page.text
    assert "已无款项需要扣款" in page.text and "每个还款日自动扣款" not in page.text
    # What is settled cannot be settled once more.
    again = visitor.post(f"/loans/{sold.loan_id}/settlement")
    assert (again.status_code, "这笔借款没有欠款" in again.text) == (422, True)


def test_money_that_pays_nothing_is_seen_by_whose_it_is(house: Installation) -> None:
    sold = sell(house, WHO, plan="p3")
    with house.deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(str(sold.loan_id))
        assert loan is not None
        money = loan.outstanding + Money(77, "CNY")
        receive(uow, house.deps, loan, money, kind=RepaymentKind.PAYMENT, source_id="pay_1")
    visitor = Visitor(house, WHO)
    assert "¥0.77 是您的钱" in visitor.sign_in().text


def test_anothers_quote_is_not_found(house: Installation) -> None:
    theirs = sell(house, OTHER, plan="p12")
    other = Visitor(house, OTHER)
    other.sign_in()
    other.get(f"/loans/{theirs.loan_id}")
    shown = other.post(f"/loans/{theirs.loan_id}/settlement").headers["Location"].removeprefix("/my")
    mine = sell(house, WHO, plan="p12")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get(f"/loans/{mine.loan_id}")
    for answer in (
        visitor.get(shown),
        visitor.post(shown),
        visitor.post(f"/loans/{theirs.loan_id}/settlement"),
        visitor.get(f"/loans/{theirs.loan_id}/payment"),
        visitor.post(f"/loans/{theirs.loan_id}/payment", amount="1.00", purpose="payment"),
        visitor.post(f"/loans/{theirs.loan_id}/payment", amount="1.00", way="link"),
        visitor.get(f"/loans/{theirs.loan_id}/day?day=5"),
        visitor.post(f"/loans/{theirs.loan_id}/day", day="5"),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "amount", ["", "abc", "0", "-5", "1e3", "99999999", "1.001", "９", "\x00", "1" * 4000]
)
def test_an_amount_that_cannot_be_paid_is_refused_in_words(house: Installation, amount: str) -> None:
    sold = sell(house, WHO, plan="p12")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get(f"/loans/{sold.loan_id}/payment")
    answer = visitor.post(f"/loans/{sold.loan_id}/payment", amount=amount, purpose="payment")
    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
    assert house.rows("SELECT id FROM deductions") == []


def test_the_day_of_deduction_is_moved_after_every_new_date_was_shown(house: Installation) -> None:
    sold = sell(house, WHO, plan="p3")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    assert "selected" in visitor.get(f"/loans/{sold.loan_id}/day").text
    shown = visitor.get(f"/loans/{sold.loan_id}/day?day=5").text
    assert all(day in shown for day in ("2026年12月21日", "2026年12月5日", "2027年2月5日"))
    due = [row["due_on"] for row in house.rows("SELECT due_on FROM installments ORDER BY number")]
    assert due == ["2026-12-21", "2027-01-21", "2027-02-21"]
    answer = visitor.post(f"/loans/{sold.loan_id}/day", day="5")
    assert answer.status_code == 303
    due = [row["due_on"] for row in house.rows("SELECT due_on FROM installments ORDER BY number")]
    assert due == ["2026-12-05", "2027-01-05", "2027-02-05"]
    told = visitor.get(f"/loans/{sold.loan_id}?moved=1").text
    assert "扣款日已更改" in told and "<del>2026年12月21日</del>" in told
    assert "2027-05-20" in visitor.post(f"/loans/{sold.loan_id}/day", day="6").text
    again = visitor.get(f"/loans/{sold.loan_id}/day").text
    assert "2027-05-20" in again and "<select" not in again


def test_what_was_paid_ahead_stands_at_its_day(house: Installation) -> None:
    sold = sell(house, WHO, plan="p12")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get(f"/loans/{sold.loan_id}/payment")
    visitor.post(f"/loans/{sold.loan_id}/payment", amount="1000.00", purpose="smaller")
    house.work()
    page = visitor.get(f"/loans/{sold.loan_id}").text.partition('id="schedule"')[2].partition("</table>")[0]
    rows = re.findall(r'<th scope="row">(\d+)</th>\s*<td>([^<]+)</td>', page)
    days = [tuple(map(int, re.findall(r"\d+", day))) for _, day in rows]
    assert (len(rows), rows[0][0], days) == (13, "13", sorted(days))


def test_a_promised_cash_back_is_told_until_it_is_earned(house: Installation) -> None:
    with house.deps.storage.unit_of_work() as uow:
        plan = Plan(id="cb", installments=3, annual_rate="0.12", cash_back_bps={"merchant": 200})
        put_plan(uow, house.deps, house.caller, plan)
    sold = sell(house, WHO, plan="cb")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    words = "全部还清后，您可获得 ¥79.98 返现。"
    assert words in visitor.get(f"/loans/{sold.loan_id}").text
    repay(house, months=3)
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    assert words not in visitor.get(f"/loans/{sold.loan_id}").text
    assert "¥79.98" in visitor.get().text


@pytest.mark.parametrize("day", ["", "0", "29", "30", "32", "-1", "abc", "５", "1" * 4000, "\x00"])
def test_a_day_that_cannot_be_is_refused_in_words(house: Installation, day: str) -> None:
    sold = sell(house, WHO, plan="p3")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get(f"/loans/{sold.loan_id}/day")
    answer = visitor.post(f"/loans/{sold.loan_id}/day", day=day)
    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
    assert house.rows("SELECT id FROM schedule_changes") == []


def test_a_person_pays_by_a_link_from_their_own_page(house: Installation) -> None:
    sold = sell(house, WHO, plan="p3")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    visitor.get(f"/loans/{sold.loan_id}/payment")
    answer = visitor.post(f"/loans/{sold.loan_id}/payment", amount="100.00", way="link")
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/pay/")
    page = house.client.get(answer.headers["Location"], headers={"Accept-Language": "zh-CN"})
    assert "¥100.00" in page.text and WHO.phone not in page.text
    (order,) = house.rows("SELECT status, amount_minor FROM payment_orders")
    assert (order["status"], order["amount_minor"]) == ("requested", 10_000)
