"""The pages at /credit: from a number to an amount, without scripts or a shop; a stranger is told nothing."""

import re
from dataclasses import replace
from html import unescape

import pytest
from werkzeug.test import TestResponse

from merchant_server.domain.decision import Bureau, Identity
from merchant_server.services.decisioning import reviewing
from merchant_server.services.sale.persons import CONSENTS
from tests.installation import ID_NUMBER, NAME, Installation

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
OVERDUE = "110101199003079227"
PAGES = ("", "/code", "/apply", "/answer")


@pytest.fixture
def house(sqlite_installation: Installation) -> Installation:
    return sqlite_installation


class Asker:
    """One browser that asks how much could be spent."""

    def __init__(self, house: Installation) -> None:
        self.house, self.client = house, house.client
        self.hidden: dict[str, str] = {}

    def get(self, page: str = "") -> TestResponse:
        answer = self.client.get(f"/credit{page}")
        self.hidden |= {name: unescape(value) for name, value in _HIDDEN.findall(answer.text)}
        return answer

    def fill(self, page: str, **fields: object) -> TestResponse:
        self.get(page)
        return self.client.post(f"/credit{page}", data=self.hidden | fields)

    def verify(self, number: str = "138 0013 8000") -> TestResponse:
        assert self.fill("", phone=number).headers["Location"] == "/credit/code"
        return self.fill("/code", code=self.house.last_code())

    def ask(self, id_number: str = ID_NUMBER, **more: object) -> TestResponse:
        """Go from the number to the answer."""
        assert self.verify().headers["Location"] == "/credit/apply"
        said = {"name": NAME, "id_number": id_number, "consent": list(CONSENTS)}
        asked = self.fill("/apply", **said | more)
        assert asked.headers.get("Location") == "/credit/answer", asked.text
        return self.get("/answer")


def test_the_answer_is_an_amount_and_its_last_day(house: Installation) -> None:
    page = Asker(house).ask()

    (line,) = house.rows("SELECT limit_minor, expires_at FROM credit_lines")
    assert page.status_code == 200
    assert f"¥{line['limit_minor'] / 100:,.2f}" in page.text
    assert "2027年1月10日" in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_no_merchant_is_told_anything(house: Installation) -> None:
    def theirs() -> list[int]:
        mine = {"id": house.caller.merchant_id}
        tables = ("events", "decisions", "audit", "transitions")
        return [len(house.rows(f"SELECT 1 FROM {each} WHERE merchant_id = :id", **mine)) for each in tables]

    before = theirs()

    Asker(house).ask()

    assert theirs() == before


@pytest.mark.parametrize("page", PAGES[1:])
def test_a_stranger_is_led_to_the_start(house: Installation, page: str) -> None:
    answer = house.client.get(f"/credit{page}")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/credit")


def test_each_step_leads_to_where_one_stands(house: Installation) -> None:
    asker = Asker(house)
    asker.fill("", phone="13800138000")
    assert [asker.get(page).headers.get("Location") for page in PAGES] == [
        None, None, "/credit/code", "/credit/code",
    ]  # fmt: skip
    asker.fill("/code", code=house.last_code())
    assert [asker.get(page).headers.get("Location") for page in PAGES] == [
        "/credit/apply", "/credit/apply", None, "/credit/apply",
    ]  # fmt: skip
    asker.fill("/apply", name=NAME, id_number=ID_NUMBER, consent=list(CONSENTS))
    assert [asker.get(page).headers.get("Location") for page in PAGES] == [
        "/credit/answer", "/credit/answer", "/credit/answer", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "这不是有效的姓名"),
        ({"id_number": "123"}, "身份证号不正确"),
        ({"consent": ["terms"]}, "三项"),
        ({"income": "plenty"}, "收入与负债须为金额"),
        ({"debts": "-1"}, "收入与负债须为金额"),
        ({"income": "1e9"}, "收入与负债须为金额"),
        ({"income": "9" * 40}, "收入与负债须为金额"),
        ({"income": "12.345"}, "收入与负债须为金额"),
    ],
)
def test_a_form_that_cannot_be_decided_says_what_is_wrong(
    house: Installation, fields: dict[str, object], words: str
) -> None:
    asker = Asker(house)
    asker.verify()

    answer = asker.fill(
        "/apply", **{"name": NAME, "id_number": ID_NUMBER, "consent": list(CONSENTS)} | fields
    )

    assert answer.status_code == 422 and words in answer.text, answer.text
    assert house.rows("SELECT * FROM decisions") == []


def test_what_is_stated_is_what_the_policy_sees(house: Installation) -> None:
    Asker(house).ask(income="１２,０００ 元", debts="¥3 000.50")

    with house.deps.storage.reading() as uow:
        ((_, stored),) = uow.decisions.newest(1)
    features = stored["features"]
    assert (features["income_stated_minor"], features["debts_stated_minor"]) == (1_200_000, 300_050)
    assert (features["mode"], features["merchant_category"], features["amount_minor"]) == ("live", "", 0)


def test_a_refusal_says_why_and_goes_to_a_person_with_one_tap(house: Installation) -> None:
    asker = Asker(house)
    page = asker.ask(OVERDUE)
    assert "近两年内有逾期 60 天" in page.text and "申请人工复核</button>" in page.text

    assert asker.fill("/answer").headers["Location"] == "/credit/answer"

    page = asker.get("/answer")
    assert "前完成人工复核" in page.text and "申请人工复核</button>" not in page.text
    assert len(reviewing.queue(house.deps)) == 1


class Mismatch:
    """An identity check that says: not one person."""

    def check(self, **_: object) -> Identity:
        return Identity("mismatch")


def test_whoever_types_anothers_id_number_learns_nothing_of_them(house: Installation) -> None:
    """A colleague's name and id number are easily known; their late payments are nobody's business."""
    house.deps = replace(house.deps, identity=Mismatch())
    house.bureau.reports[ID_NUMBER] = Bureau("found", 400, 9_000_000, 90, 12)

    page = Asker(house).ask()

    assert "不属于同一个人" in page.text
    assert not re.search("逾期|征信|评分|负债", page.text)


def test_leaving_closes_the_page_and_keeps_the_line(house: Installation) -> None:
    asker = Asker(house)
    asker.ask()
    cookie = asker.client.get_cookie("fenqi_credit")
    assert cookie is not None

    asker.client.post("/credit/leave", data=asker.hidden)
    asker.client.set_cookie("fenqi_credit", cookie.value)

    assert asker.get("/answer").headers["Location"].startswith("/credit?over")
    assert "15 分钟后自动关闭" in asker.get("?over=1").text
    assert len(house.rows("SELECT * FROM credit_lines")) == 1


def test_a_form_of_another_site_does_nothing(house: Installation) -> None:
    asker = Asker(house)
    asker.get()
    answer = asker.client.post(
        "/credit", data=asker.hidden | {"phone": "13800138000"}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403 and house.sms.messages == []


def test_ones_own_page_says_what_is_left_and_leads_here(house: Installation) -> None:
    Asker(house).ask()
    browser = Asker(house)
    browser.client.post("/my/phone", data=browser_fields(browser, "/my") | {"phone": "13800138000"})
    fields = browser_fields(browser, "/my/code") | {
        "code": house.last_code(),
        "id_number_end": ID_NUMBER[-4:],
    }
    browser.client.post("/my/code", data=fields)

    page = browser.client.get("/my").text

    assert "您还可以使用 ¥" in page and 'href="/credit"' in page


def browser_fields(browser: Asker, path: str) -> dict[str, str]:
    return dict(_HIDDEN.findall(browser.client.get(path).text))
